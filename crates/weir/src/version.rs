//! What `-v`, `-V` and `-h` print.

use std::fmt::Write as _;

use weir_conf::{Compat, modules};

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
        if modules::has("ssl_certificate") {
            text.push_str("TLS SNI support enabled\n");
        }
        let _ = writeln!(text, "configure arguments: {}", configure_arguments());
    }
    text
}

/// What an nginx with weir's abilities would have been configured with: tools ask for it. The
/// table of directives decides, so that it never claims too much.
fn configure_arguments() -> String {
    let mut arguments = format!("--prefix={}", PREFIX.trim_end_matches('/'));
    for (directive, module) in modules::OPTIONAL {
        if modules::has(directive) {
            let _ = write!(arguments, " --with-{module}");
        }
    }
    for (directive, module) in modules::STANDARD {
        if !modules::has(directive) {
            let _ = write!(arguments, " --without-{module}");
        }
    }
    arguments
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
            ")\nTLS SNI support enabled\nconfigure arguments: --prefix=/usr/local/nginx"
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
