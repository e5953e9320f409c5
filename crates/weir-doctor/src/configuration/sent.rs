//! A request as a location sends it to its upstream: its own headers, its version, its names.

use std::fmt::Write as _;

use super::{Configuration, Passing};
use crate::case::split;
use crate::probe::http::Speech;

/// What is known of the request that a client would send, and of the proxy that passes it on.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// Whether the proxy speaks HTTP/1.1 to upstreams where nothing is set, and asks for no end of the connection.
    pub newest: bool,
    /// The host it asks for, as in its `Host` line.
    pub host: &'a str,
    /// The path that goes to the upstream, query and all.
    pub path: &'a str,
}

/// What would be sent, and what is missing from it.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The bytes, and whether TLS is spoken.
    pub speech: Speech,
    /// Headers that hang on what only a client's request says: their names.
    pub left_out: Vec<String>,
}

/// A value may come out of a map out of a map; so deep they are followed.
const DEEPEST: u8 = 4;

/// The request that a location sends for this client's.
pub fn sent(configuration: &Configuration, passing: &Passing, client: Client<'_>) -> Sent {
    let values = Values {
        configuration,
        passing,
        client,
    };
    let usual = if client.newest { "1.1" } else { "1.0" };
    let version = match &*passing.setting("proxy_http_version", usual).value {
        "1.1" | "2" => "1.1",
        _ => "1.0",
    };
    let mut request = format!("GET {} HTTP/{version}\r\n", client.path);
    let mut left_out = Vec::new();
    let is_set = |name: &str| {
        let own = |(own, _): &(String, String)| own.eq_ignore_ascii_case(name);
        passing.headers.iter().any(own)
    };
    // Writing to a String cannot fail.
    if !is_set("host") {
        let _ = write!(request, "Host: {}\r\n", passing.proxy_host());
    }
    if !is_set("connection") && !client.newest {
        request.push_str("Connection: close\r\n");
    }
    for (name, value) in &passing.headers {
        match values.of(value, 0) {
            // An empty one is not sent.
            Some(value) if value.is_empty() => {}
            Some(value) if !value.contains(['\r', '\n']) => {
                let _ = write!(request, "{name}: {value}\r\n");
            }
            Some(_) | None => left_out.push(name.clone()),
        }
    }
    request.push_str("User-Agent: weir-doctor\r\n\r\n");
    Sent {
        speech: Speech {
            request: request.into_bytes(),
            tls: passing.is_https().then(|| tls_name(&values)),
        },
        left_out,
    }
}

/// The name that is told in a handshake, if one is.
fn tls_name(values: &Values<'_>) -> Option<String> {
    let passing = values.passing;
    let tells = passing.setting("proxy_ssl_server_name", "off").value == "on";
    let name = passing.setting("proxy_ssl_name", "$proxy_host").value;
    let name = values.of(&name, 0).filter(|_| tells)?;
    Some(split(&name).0.to_owned())
}

/// What variables stand for in a request of the doctor's.
struct Values<'a> {
    configuration: &'a Configuration,
    passing: &'a Passing,
    client: Client<'a>,
}

impl Values<'_> {
    /// A text with its variables replaced; `None`: one of them hangs on what is not known.
    fn of(&self, text: &str, depth: u8) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, from)) = rest.split_once('$') {
            out.push_str(before);
            let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let (name, behind) = match from.strip_prefix('{') {
                Some(braced) => braced.split_once('}')?,
                None => from.split_at(from.bytes().take_while(|byte| is_letter(byte)).count()),
            };
            out.push_str(&self.variable(name, depth)?);
            rest = behind;
        }
        out.push_str(rest);
        Some(out)
    }

    fn variable(&self, name: &str, depth: u8) -> Option<String> {
        let host = split(self.client.host).0;
        let text = match name {
            "host" => &host.to_ascii_lowercase(),
            "http_host" => self.client.host,
            "server_name" => &self.passing.server,
            "proxy_host" => self.passing.proxy_host(),
            "request_uri" | "uri" => self.client.path,
            "remote_addr" | "realip_remote_addr" | "proxy_add_x_forwarded_for" => "127.0.0.1",
            "scheme" => "http",
            "server_port" => "80",
            "request_method" => "GET",
            "server_protocol" => "HTTP/1.1",
            // The doctor's own request has no other headers.
            "https"
            | "args"
            | "is_args"
            | "http_upgrade"
            | "http_connection"
            | "http_cookie"
            | "http_authorization"
            | "http_x_forwarded_for"
            | "http_x_forwarded_proto" => "",
            _ => return self.mapped(name, depth),
        };
        Some(text.to_owned())
    }

    /// The value of a `map`'s variable, as long as its keys are plain.
    fn mapped(&self, name: &str, depth: u8) -> Option<String> {
        let maps = self.configuration.everywhere("map");
        let is_it = |arg: &String| arg.strip_prefix('$') == Some(name);
        let map = maps
            .into_iter()
            .find(|map| map.args.get(1).is_some_and(is_it))
            .filter(|_| depth < DEEPEST)?;
        let source = self.of(map.args.first()?, depth + 1)?;
        let entries = map.block();
        if entries.iter().any(|entry| entry.name.starts_with('~')) {
            return None;
        }
        let own = entries.iter().find(|entry| entry.name == source);
        let default = || entries.iter().find(|entry| entry.name == "default");
        match own.or_else(default) {
            Some(entry) => self.of(entry.args.first()?, depth + 1),
            None => Some(String::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_s_own_headers_are_sent() {
        let folder = tempfile::tempdir().unwrap_or_else(|fault| panic!("{fault}"));
        let path = folder.path().join("nginx.conf");
        let text = "events {}\nhttp {\n map $http_upgrade $connection_upgrade { default upgrade; '' close; }\n \
             map $args $by_expression { default 1; ~x 2; }\n proxy_set_header Lost x;\n server {\n  server_name Shop.test;\n  location /a {\n   \
             proxy_pass https://app:8443;\n   proxy_http_version 1.1;\n   proxy_ssl_server_name on;\n   \
             proxy_set_header Host $host;\n   proxy_set_header Connection $connection_upgrade;\n   \
             proxy_set_header X-For \"${remote_addr}, b\";\n   proxy_set_header X-Id $by_expression;\n   \
             proxy_set_header Upgrade $http_upgrade;\n  }\n  location /b { proxy_pass http://unix:/run/app.sock:/x; }\n }\n}\n";
        std::fs::write(&path, text).unwrap_or_else(|fault| panic!("{fault}"));
        let configuration = Configuration::read(&path, folder.path());
        let passing = configuration.passing();
        let client = Client {
            newest: false,
            host: "Shop.test:81",
            path: "/a/b",
        };
        let own = sent(&configuration, &passing[0], client);
        assert_eq!(
            String::from_utf8_lossy(&own.speech.request),
            "GET /a/b HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\nX-For: 127.0.0.1, b\r\n\
             User-Agent: weir-doctor\r\n\r\n"
        );
        assert_eq!(own.left_out, ["X-Id"]);
        assert_eq!(own.speech.tls, Some(Some("app".to_owned())));
        let other = sent(&configuration, &passing[1], client);
        assert_eq!(
            String::from_utf8_lossy(&other.speech.request),
            "GET /a/b HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\nLost: x\r\nUser-Agent: weir-doctor\r\n\r\n"
        );
        assert_eq!(other.speech.tls, None);
    }
}
