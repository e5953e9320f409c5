//! Which location takes a URL, as nginx looks for it (`ngx_http_core_find_location`); rewrites are not followed.

use weir_conf::Pattern;

use super::{Configuration, Directive, Passing, Place};

/// The blocks that take a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The first name of the server; empty, if it has none.
    pub server: String,
    /// Where the server begins.
    pub server_place: Place,
    /// The location with its modifier, and where it begins; `None`: none matches.
    pub location: Option<(String, Place)>,
}

impl Route {
    /// Whether this is where the location passes on. Several blocks may begin in one line.
    pub fn leads_to(&self, passing: &Passing) -> bool {
        self.location.as_ref().is_some_and(|(name, place)| {
            passing.block.as_ref() == Some(place) && passing.location == *name
        })
    }
}

impl Configuration {
    /// What takes a request for this host, at this port, of this path.
    pub fn route(&self, host: &str, port: u16, path: &str) -> Option<Route> {
        let servers = self.http().iter().filter(|block| block.name == "server");
        let servers: Vec<&Directive> = servers.collect();
        let here: Vec<&Directive> = servers
            .iter()
            .copied()
            .filter(|server| listens(server, port))
            .collect();
        // A proxy in front of this one, or a mapped port: any server may be meant then.
        let candidates = if here.is_empty() { servers } else { here };
        let server = named(&candidates, host)
            .or_else(|| default_of(&candidates))
            .or_else(|| candidates.first().copied())?;
        let name = inside(server, "server_name")
            .find_map(|names| names.args.first())
            .cloned();
        Some(Route {
            server: name.unwrap_or_default(),
            server_place: server.place.clone(),
            location: location(server.block(), path)
                .map(|found| (found.args.join(" "), found.place.clone())),
        })
    }
}

fn inside<'a>(block: &'a Directive, name: &'a str) -> impl Iterator<Item = &'a Directive> {
    block
        .block()
        .iter()
        .filter(move |directive| directive.name == name)
}

fn listens(server: &Directive, port: u16) -> bool {
    let mut all = inside(server, "listen").peekable();
    if all.peek().is_none() {
        return port == 80;
    }
    all.any(|listen| {
        let address = listen.args.first().map_or("", |address| address.as_str());
        let own = address.rsplit(':').next().unwrap_or_default();
        own.parse().unwrap_or(80) == port
    })
}

fn default_of<'a>(servers: &[&'a Directive]) -> Option<&'a Directive> {
    let is = |arg: &String| arg == "default_server" || arg == "default";
    let by_default =
        |server: &&&Directive| inside(server, "listen").any(|listen| listen.args.iter().any(is));
    servers.iter().find(by_default).copied()
}

/// The server with this name: exact ones first, then the longest wildcards in front, behind, and expressions in order.
fn named<'a>(servers: &[&'a Directive], host: &str) -> Option<&'a Directive> {
    let host = host.to_ascii_lowercase();
    let mut best: Option<(usize, &Directive)> = None;
    for server in servers {
        for name in inside(server, "server_name").flat_map(|names| &names.args) {
            let rank = rank(&name.to_ascii_lowercase(), name, &host);
            if rank > best.map_or(0, |(rank, _)| rank) {
                best = Some((rank, server));
            }
        }
    }
    best.map(|(_, server)| server)
}

/// How well a name fits; 0: not at all.
fn rank(lower: &str, name: &str, host: &str) -> usize {
    const EXACT: usize = 1 << 20;
    const IN_FRONT: usize = 1 << 16;
    const BEHIND: usize = 1 << 8;
    if lower == host {
        return EXACT;
    }
    if let Some(rest) = lower.strip_prefix("*.")
        && host
            .strip_suffix(rest)
            .is_some_and(|front| front.ends_with('.'))
    {
        return IN_FRONT + rest.len();
    }
    if let Some(rest) = lower.strip_prefix('.')
        && (host == rest || host.ends_with(lower))
    {
        return if host == rest {
            EXACT
        } else {
            IN_FRONT + rest.len()
        };
    }
    if let Some(rest) = lower.strip_suffix(".*")
        && host
            .strip_prefix(rest)
            .is_some_and(|behind| behind.starts_with('.'))
    {
        return BEHIND + rest.len().min(BEHIND - 2);
    }
    match name.strip_prefix('~') {
        Some(expression) => usize::from(matches(expression, true, host)),
        None => 0,
    }
}

fn matches(expression: &str, caseless: bool, text: &str) -> bool {
    Pattern::read(expression.as_bytes(), caseless)
        .is_ok_and(|pattern| pattern.matches(text.as_bytes()).unwrap_or(false))
}

/// The location of these blocks that takes a path, or one inside of it.
fn location<'a>(blocks: &'a [Directive], path: &str) -> Option<&'a Directive> {
    let all: Vec<(&str, &str, &Directive)> = blocks
        .iter()
        .filter(|block| block.name == "location")
        .filter_map(|block| match &*block.args {
            [name] => Some(("", name.as_str(), block)),
            [modifier, name] => Some((modifier.as_str(), name.as_str(), block)),
            _ => None,
        })
        .collect();
    let exact = all
        .iter()
        .find(|(modifier, name, _)| *modifier == "=" && *name == path);
    if let Some((_, _, block)) = exact {
        return Some(block);
    }
    let prefix = all
        .iter()
        .filter(|(modifier, name, _)| {
            matches!(*modifier, "" | "^~") && !name.starts_with('@') && path.starts_with(name)
        })
        .max_by_key(|(_, name, _)| name.len());
    let deeper = prefix.and_then(|(_, _, block)| location(block.block(), path));
    let expression = all.iter().find(|(modifier, name, _)| match *modifier {
        "~" => matches(name, false, path),
        "~*" => matches(name, true, path),
        _ => false,
    });
    match (prefix, expression) {
        (Some(("^~", _, block)), _) => deeper.or(Some(block)),
        (_, Some((_, _, block))) if deeper.is_none_or(is_prefix) => {
            location(block.block(), path).or(Some(block))
        }
        (Some((_, _, block)), _) => deeper.or(Some(block)),
        (None, Some((_, _, block))) => Some(block),
        (None, None) => None,
    }
}

fn is_prefix(block: &Directive) -> bool {
    block.args.len() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_find_their_locations() {
        let folder = tempfile::tempdir().unwrap_or_else(|fault| panic!("{fault}"));
        let path = folder.path().join("nginx.conf");
        let text = "events {}\nhttp {\n server { listen 80; server_name a.test *.wild.test; location / { } location = /x { } location ^~ /static/ { } \
             location ~ \\.php$ { } location /deep/ { location /deep/er { } } }\n server { listen 80 default_server; location /d { } }\n \
             server { listen 8080; server_name ~^v\\d+\\.test$; location / { } }\n}\n";
        std::fs::write(&path, text).unwrap_or_else(|fault| panic!("{fault}"));
        let configuration = Configuration::read(&path, folder.path());
        for (host, port, path, server, location) in [
            ("a.test", 80, "/", 3, Some("/")),
            ("A.test", 80, "/x", 3, Some("= /x")),
            ("b.wild.test", 80, "/xy", 3, Some("/")),
            ("a.test", 80, "/static/a.php", 3, Some("^~ /static/")),
            ("a.test", 80, "/a.php", 3, Some("~ \\.php$")),
            ("a.test", 80, "/deep/erer", 3, Some("/deep/er")),
            ("other.test", 80, "/d/e", 4, Some("/d")),
            ("other.test", 80, "/e", 4, None),
            ("v12.test", 8080, "/e", 5, Some("/")),
            ("a.test", 443, "/x", 3, Some("= /x")),
        ] {
            let route = configuration.route(host, port, path);
            let found = route.map(|route| (route.server_place.line, route.location));
            let expected = location.map(str::to_owned);
            let Some((line, own)) = found else {
                panic!("{host}{path}: none");
            };
            assert_eq!(line, server, "{host}{path}");
            assert_eq!(own.map(|(name, _)| name), expected, "{host}{path}");
        }
    }
}
