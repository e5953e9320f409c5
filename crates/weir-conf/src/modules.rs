//! nginx's modules: what weir has of them, and what a `load_module` asks for.

use crate::table::{Support, entries};

/// Optional parts of nginx that weir may have, each by a directive that only it brings.
pub const OPTIONAL: &[(&str, &str)] = &[
    ("ssl_certificate", "http_ssl_module"),
    ("http2", "http_v2_module"),
    ("set_real_ip_from", "http_realip_module"),
    ("random_index", "http_random_index_module"),
    ("stub_status", "http_stub_status_module"),
    ("auth_request", "http_auth_request_module"),
    ("sub_filter", "http_sub_module"),
    ("add_before_body", "http_addition_module"),
    ("gunzip", "http_gunzip_module"),
    ("gzip_static", "http_gzip_static_module"),
    ("secure_link", "http_secure_link_module"),
    ("slice", "http_slice_module"),
    ("dav_methods", "http_dav_module"),
    ("flv", "http_flv_module"),
    ("mp4", "http_mp4_module"),
    ("image_filter", "http_image_filter_module"),
    ("xslt_stylesheet", "http_xslt_module"),
    ("geoip_country", "http_geoip_module"),
];

/// Parts that nginx has unless told otherwise, in the same form.
pub const STANDARD: &[(&str, &str)] = &[
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

/// Whether weir obeys a directive, and so has the module that brings it.
pub fn has(directive: &str) -> bool {
    entries()
        .iter()
        .any(|entry| entry.name == directive && entry.support == Support::Obeyed)
}

/// The module that a `load_module` names by its file: `modules/ngx_http_geoip_module.so`.
pub(crate) fn of_file(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(".so").unwrap_or(name)
}

/// Whether weir can do what the module called `ngx_…` does.
pub(crate) fn is_built_in(module: &str) -> bool {
    // What the option to build it with calls by another name.
    let name = match module.strip_prefix("ngx_") {
        Some("http_xslt_filter_module") => "http_xslt_module",
        Some(name) => name,
        None => return false,
    };
    OPTIONAL
        .iter()
        .chain(STANDARD)
        .any(|(directive, known)| *known == name && has(directive))
}

/// What to do without a module.
pub(crate) fn instead(module: &str) -> &'static str {
    let topic = |words: &[&str]| words.iter().any(|word| module.contains(word));
    if topic(&["stream", "mail"]) {
        "weir proxies HTTP: let an nginx or haproxy have the other ports; without this line the rest is read"
    } else if topic(&["headers_more"]) {
        "`add_header`, `proxy_hide_header` and `proxy_set_header` do most of what it is used for"
    } else if topic(&["brotli", "zstd"]) {
        "every client that takes its compression takes gzip, too; leave its directives out"
    } else if topic(&["lua", "js_module", "perl", "ndk"]) {
        "there are no scripts here but `map`, `rewrite`, `set` and `if`; put more behind a backend"
    } else {
        "weir loads no compiled code; without this line, what the configuration uses of it is named"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_known_by_their_files() {
        let check =
            |file: &str, expected| assert_eq!(is_built_in(of_file(file)), expected, "{file}");
        check("modules/ngx_http_autoindex_module.so", true);
        check("/usr/lib/nginx/modules/ngx_http_rewrite_module.so", true);
        check("ngx_http_autoindex_module.so.1", false);
        check("ngx_http_lua_module.so", false);
        check("ngx_stream_module.so", false);
        check("http_autoindex_module.so", false);
    }
}
