//! URLs as their users write them.

use crate::case::split;

/// A URL of a site that the proxy serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Name or address, and the port if one is written.
    pub host: String,
    /// The port that is asked.
    pub port: u16,
    /// Path and query.
    pub path: String,
}

impl Url {
    /// Reads `http://host[:port][/path]`, `https://…`, or either without its scheme; `None`: it is none.
    pub fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let usual = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let rest = rest.split('#').next()?;
        let (host, path) = match rest.find(['/', '?']) {
            Some(at) if rest.as_bytes()[at] == b'/' => (&rest[..at], rest[at..].to_owned()),
            Some(at) => (&rest[..at], format!("/{}", &rest[at..])),
            None => (rest, "/".to_owned()),
        };
        let port = split(host)
            .1
            .map_or(Some(usual), |port| port.parse().ok())?;
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        (!host.is_empty() && !host.contains('@') && is_plain(host) && is_plain(&path)).then(|| {
            Self {
                host: host.to_owned(),
                port,
                path,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_people_write_them() {
        for (text, is) in [
            ("http://shop.test/a?b", Some(("shop.test", 80, "/a?b"))),
            ("https://shop.test", Some(("shop.test", 443, "/"))),
            ("shop.test:8080/x", Some(("shop.test:8080", 8080, "/x"))),
            ("http://shop.test?x#y", Some(("shop.test", 80, "/?x"))),
            ("http://[::1]:81/", Some(("[::1]:81", 81, "/"))),
            ("ftp://shop.test/", None),
            ("http:///x", None),
            ("http://a:b@shop.test/", None),
            ("http://shop.test/a b", None),
        ] {
            let url = Url::read(text);
            let seen = url.as_ref().map(|url| (&*url.host, url.port, &*url.path));
            assert_eq!(seen, is, "{text}");
        }
    }
}
