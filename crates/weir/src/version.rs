//! What `-v`, `-V` and `-h` print.

use std::fmt::Write as _;

use weir_conf::{Compat, Support};

use crate::flags::{Flags, PREFIX};
use crate::help;

/// The text for `-v`, `-V`, `-h`; nginx prints it to stderr (`ngx_show_version_info`).
pub(crate) fn text(flags: &Flags) -> String {
    let mut text = format!("nginx version: nginx/{}", Compat::default().version());
    // Writing to a String cannot fail.
    if flags.configure {
        let _ = write!(text, " (weir/{})", env!("CARGO_PKG_VERSION"));
    }
    text.push('\n');
    if flags.help {
        text.push_str(&help::options());
    }
    if flags.configure {
        if obeyed("ssl_certificate") {
            text.push_str("TLS SNI support enabled\n");
        }
        let _ = writeln!(text, "configure arguments: {}", configure_arguments());
    }
    text
}

/// Optional parts of nginx that weir may have, each by a directive that only it brings.
const WITH: [(&str, &str); 6] = [
    ("ssl_certificate", "http_ssl_module"),
    ("http2", "http_v2_module"),
    ("set_real_ip_from", "http_realip_module"),
    ("random_index", "http_random_index_module"),
    ("stub_status", "http_stub_status_module"),
    ("auth_request", "http_auth_request_module"),
];

/// Parts that nginx has unless told otherwise, in the same form.
const WITHOUT: [(&str, &str); 23] = [
    ("proxy_cache", "http-cache"),
    ("charset", "http_charset_module"),
    ("gzip", "http_gzip_module"),
    ("ssi", "http_ssi_module"),
    ("userid", "http_userid_module"),
    ("auth_basic", "http_auth_basic_module"),
    ("mirror", "http_mirror_module"),
    ("autoindex", "http_autoindex_module"),
    ("geo", "http_geo_module"),
    ("map", "http_map_module"),
    ("split_clients", "http_split_clients_module"),
    ("valid_referers", "http_referer_module"),
    ("rewrite", "http_rewrite_module"),
    ("fastcgi_pass", "http_fastcgi_module"),
    ("uwsgi_pass", "http_uwsgi_module"),
    ("scgi_pass", "http_scgi_module"),
    ("grpc_pass", "http_grpc_module"),
    ("memcached_pass", "http_memcached_module"),
    ("limit_conn", "http_limit_conn_module"),
    ("limit_req", "http_limit_req_module"),
    ("empty_gif", "http_empty_gif_module"),
    ("modern_browser", "http_browser_module"),
    ("sticky", "http_upstream_sticky_module"),
];

/// What an nginx with weir's abilities would have been configured with: tools ask for it. The
/// table of directives decides, so that it never claims too much.
fn configure_arguments() -> String {
    let mut arguments = format!("--prefix={}", PREFIX.trim_end_matches('/'));
    for (_, module) in WITH.iter().filter(|(directive, _)| obeyed(directive)) {
        let _ = write!(arguments, " --with-{module}");
    }
    for (_, module) in WITHOUT.iter().filter(|(directive, _)| !obeyed(directive)) {
        let _ = write!(arguments, " --without-{module}");
    }
    arguments
}

fn obeyed(directive: &str) -> bool {
    weir_conf::entries()
        .iter()
        .any(|entry| entry.name == directive && entry.support == Support::Obeyed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_line_reads_as_nginx_does() {
        let check = |flags: Flags, start: &str, end: &str| {
            let text = text(&flags);
            assert!(text.starts_with(start) && text.ends_with(end), "{text}");
        };
        let version = Flags {
            version: true,
            ..Flags::default()
        };
        check(version.clone(), "nginx version: nginx/1.31.5\n", "5\n");
        check(
            Flags {
                help: true,
                ..version.clone()
            },
            "nginx version: nginx/1.31.5\nUsage: ",
            "file\n\n",
        );
        let start = concat!(
            "nginx version: nginx/1.31.5 (weir/",
            env!("CARGO_PKG_VERSION"),
            ")\nconfigure arguments: --prefix=/usr/local/nginx"
        );
        check(
            Flags {
                configure: true,
                ..version
            },
            start,
            "\n",
        );
    }
}
