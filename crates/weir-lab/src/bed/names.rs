//! Backend names and the addresses that they stand for.

use std::net::SocketAddr;

use crate::socket::Address;

/// How the name server's address is written.
pub const DNS: &str = "dns:53";

/// How the proxy's own address is written.
pub const PROXY: &str = "proxy";

/// Names by which a configuration calls backends and the proxy, and their real addresses.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Longest name first, because one may contain another.
    backends: Vec<(String, String)>,
    proxy: Option<SocketAddr>,
}

impl Names {
    /// The names of these backends, and of a proxy at `proxy`.
    pub fn new(backends: impl IntoIterator<Item = (String, Address)>, proxy: SocketAddr) -> Self {
        Self {
            proxy: Some(proxy),
            ..Self::of_backends(backends)
        }
    }

    /// The names of these backends only.
    pub fn of_backends(backends: impl IntoIterator<Item = (String, Address)>) -> Self {
        let written = |(name, address): (String, Address)| {
            let address = match address {
                Address::Inet(address) => address.to_string(),
                Address::Unix(path) => format!("unix:{}", path.display()),
            };
            (name, address)
        };
        let mut backends: Vec<_> = backends.into_iter().map(written).collect();
        backends.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Self {
            backends,
            proxy: None,
        }
    }

    /// A configuration with addresses in place of the names.
    pub fn resolve(&self, conf: &str) -> String {
        let mut text = conf.to_owned();
        for (name, address) in &self.backends {
            if let Some(port) = port_of(address) {
                text = text.replace(&port_name(name), port);
            }
            text = replace_words(&text, name, address);
        }
        match self.proxy {
            Some(proxy) => replace_words(&text, "listen proxy", &format!("listen {proxy}")),
            None => text,
        }
    }

    /// What a proxy wrote or sent, with names in place of the addresses.
    pub fn restore(&self, seen: &str) -> String {
        let mut text = seen.to_owned();
        for (name, address) in &self.backends {
            text = text.replace(address, name);
            if let Some(port) = port_of(address) {
                let written = format!(":{}", port_name(name));
                text = replace_words(&text, &format!(":{port}"), &written);
            }
        }
        let Some(proxy) = self.proxy else {
            return text;
        };
        text = text.replace(&proxy.to_string(), PROXY);
        // Redirects name the Host and the port.
        let port = format!(":{}", proxy.port());
        replace_words(&text, &port, ":@PORT@").replace(&proxy.ip().to_string(), PROXY)
    }
}

/// How the port alone of the backend `name` is written.
fn port_name(name: &str) -> String {
    format!("@{name}@")
}

fn port_of(address: &str) -> Option<&str> {
    let inet = !address.starts_with("unix:");
    address
        .rsplit_once(':')
        .filter(|_| inet)
        .map(|(_, port)| port)
}

/// Replaces `word` where neither neighbour could belong to it.
fn replace_words(text: &str, word: &str, by: &str) -> String {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        // A word that starts with a colon goes with what stands before it.
        let starts = word.starts_with(':') || !before.ends_with(part);
        out.push_str(before);
        out.push_str(if starts && !after.starts_with(part) {
            by
        } else {
            word
        });
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let inet = |port| Address::Inet(SocketAddr::from(([127, 0, 0, 1], port)));
        let backends = [
            ("app:1".to_owned(), inet(40001)),
            ("app:10".to_owned(), inet(40010)),
            ("unix:a.sock".to_owned(), Address::Unix("/p/a.sock".into())),
        ];
        Names::new(backends, SocketAddr::from(([127, 100, 101, 102], 50000)))
    }

    fn check(conf: &str, resolved: &str) {
        assert_eq!(names().resolve(conf), resolved);
        assert_eq!(names().restore(resolved), conf);
    }

    #[test]
    fn names_stand_for_addresses() {
        check(
            "http://app:1/app:10;",
            "http://127.0.0.1:40001/127.0.0.1:40010;",
        );
        check("my-app:1 app:1.x", "my-app:1 app:1.x");
        check("http://unix:a.sock:/x", "http://unix:/p/a.sock:/x");
        check(
            "http://name:@app:1@/ http://127.0.0.2:@app:10@",
            "http://name:40001/ http://127.0.0.2:40010",
        );
        check("listen proxy;", "listen 127.100.101.102:50000;");
        check("proxy_pass http://proxy;", "proxy_pass http://proxy;");
    }

    #[test]
    fn the_proxy_s_address_shows_in_pieces() {
        let restored = names().restore("http://h:50000/ 127.100.101.102 :500001");
        assert_eq!(restored, "http://h:@PORT@/ proxy :500001");
    }
}
