//! What of a configuration a newer nginx does otherwise.
//!
//! The facts are those of nginx's CHANGES and of `weir-conf`'s `compat`; each names the version that brought it.

use serde::Serialize;

use crate::configuration::{Configuration, Directive, Passing, Place};

/// A release: 1.27.3 is `(1, 27, 3)`.
pub type Release = (u16, u16, u16);

/// Something that a newer nginx does otherwise with this configuration.
#[derive(Clone, Debug, Serialize)]
pub struct Advice {
    /// Since when.
    pub since: String,
    /// What it comes to.
    pub weight: Weight,
    /// What is otherwise.
    pub what: &'static str,
    /// How it becomes as it was, or what to do.
    pub cure: &'static str,
    /// Where the configuration is concerned; none: it is as a whole.
    pub places: Vec<Concern>,
}

/// A place that is concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Concern {
    /// The directive.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

/// What a change comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// It does not start.
    Fails,
    /// Requests are treated otherwise.
    Changes,
    /// It starts with a warning.
    Warns,
    /// Good to know.
    Note,
}

impl Weight {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fails => "fails",
            Self::Changes => "changes",
            Self::Warns => "warns",
            Self::Note => "note",
        }
    }
}

struct Change {
    since: Release,
    weight: Weight,
    what: &'static str,
    cure: &'static str,
    /// Where it matters; `None`: nowhere.
    concerns: fn(&Configuration) -> Option<Vec<Concern>>,
}

/// All that is otherwise behind `from`, up to `to`, what weighs most first.
pub fn advise(configuration: &Configuration, from: Release, to: Release) -> Vec<Advice> {
    let between = CHANGES
        .iter()
        .filter(|change| from < change.since && change.since <= to);
    let mut advice: Vec<Advice> = between
        .filter_map(|change| {
            let (major, minor, patch) = change.since;
            Some(Advice {
                since: format!("{major}.{minor}.{patch}"),
                weight: change.weight,
                what: change.what,
                cure: change.cure,
                places: (change.concerns)(configuration)?,
            })
        })
        .collect();
    advice.sort_by_key(|one| one.weight);
    advice
}

/// Reads `1.28.3`; of a branch, `1.28`, its last release.
pub fn release(text: &str) -> Option<Release> {
    let mut parts = text.split('.').map(str::parse::<u16>);
    let (major, minor) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let patch = match parts.next() {
        Some(patch) => patch.ok()?,
        None => u16::MAX,
    };
    parts.next().is_none().then_some((major, minor, patch))
}

/// The oldest and the newest release whose changes are known.
pub const KNOWN: (Release, Release) = ((1, 18, 0), (1, 31, 5));

const CHANGES: &[Change] = &[
    Change {
        since: (1, 19, 7),
        weight: Weight::Warns,
        what: "these directives of HTTP/2 are gone: keepalive_timeout, keepalive_requests and large_client_header_buffers hold for it as well",
        cure: "Remove them.",
        concerns: |configuration| {
            any_of(
                configuration,
                &[
                    "http2_recv_timeout",
                    "http2_idle_timeout",
                    "http2_max_requests",
                    "http2_max_field_size",
                    "http2_max_header_size",
                ],
            )
        },
    },
    Change {
        since: (1, 19, 10),
        weight: Weight::Note,
        what: "a connection serves 1000 requests before it is closed, not 100",
        cure: "keepalive_requests 100; keeps it as it was.",
        concerns: |configuration| lacks(configuration, "keepalive_requests"),
    },
    Change {
        since: (1, 21, 1),
        weight: Weight::Changes,
        what: "requests with Content-Length beside Transfer-Encoding, or with spaces or control characters in the request line, a header's name or Host, get 400, and \
               CONNECT gets 405",
        cure: "Nothing in the configuration changes it: such clients have to be mended.",
        concerns: |configuration| passes(configuration),
    },
    Change {
        since: (1, 21, 4),
        weight: Weight::Note,
        what: "sendfile() hands over 2 MB at most at a time, so that one fast client does not hold a worker",
        cure: "sendfile_max_chunk 0; keeps it as it was.",
        concerns: |configuration| {
            let on = |directive: &&Directive| directive.args.first().is_some_and(|arg| arg == "on");
            let sends: Vec<&Directive> = configuration
                .everywhere("sendfile")
                .into_iter()
                .filter(on)
                .collect();
            let is_set = !configuration.everywhere("sendfile_max_chunk").is_empty();
            some(sends.into_iter().filter(|_| !is_set).map(concern).collect())
        },
    },
    Change {
        since: (1, 23, 0),
        weight: Weight::Changes,
        what: "an upstream's answer with two Content-Length, a malformed one, or one beside Transfer-Encoding is refused with 502; before, it was passed on",
        cure: "Mend the application: \"upstream sent duplicate header line\" in the error log names it.",
        concerns: |configuration| passes(configuration),
    },
    Change {
        since: (1, 23, 0),
        weight: Weight::Changes,
        what: "a variable of a header that comes several times has all of its values, joined by commas; before, the first one (Set-Cookie, for one)",
        cure: "Look at what compares or logs these.",
        concerns: |configuration| repeated(configuration),
    },
    Change {
        since: (1, 23, 4),
        weight: Weight::Changes,
        what: "TLS 1.3 is on by default",
        cure: "ssl_protocols TLSv1.2; keeps it off; ssl_ciphers does not hold for TLS 1.3.",
        concerns: |configuration| without_protocols(configuration),
    },
    Change {
        since: (1, 25, 1),
        weight: Weight::Fails,
        what: "the directive \"ssl\" is unknown",
        cure: "listen 443 ssl; in its place.",
        concerns: |configuration| any_of(configuration, &["ssl"]),
    },
    Change {
        since: (1, 25, 1),
        weight: Weight::Warns,
        what: "\"listen … http2\" is deprecated",
        cure: "http2 on; in the server, without http2 in listen.",
        concerns: |configuration| {
            let all = configuration.everywhere("listen").into_iter();
            some(
                all.filter(|listen| listen.args.iter().any(|arg| arg == "http2"))
                    .map(concern)
                    .collect(),
            )
        },
    },
    Change {
        since: (1, 25, 1),
        weight: Weight::Warns,
        what: "server push of HTTP/2 is gone; its directives are obsolete",
        cure: "Remove them; Link headers with rel=preload still tell browsers.",
        concerns: |configuration| {
            any_of(
                configuration,
                &[
                    "http2_push",
                    "http2_push_preload",
                    "http2_max_concurrent_pushes",
                ],
            )
        },
    },
    Change {
        since: (1, 27, 3),
        weight: Weight::Changes,
        what: "TLS 1.0 and 1.1 are off by default",
        cure: "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; has them on, where old clients need them.",
        concerns: |configuration| without_protocols(configuration),
    },
    Change {
        since: (1, 29, 0),
        weight: Weight::Note,
        what: "an upstream's 103 (Early Hints) is no answer any more: it is skipped, or passed on with early_hints",
        cure: "early_hints $http2; passes it on to clients of HTTP/2.",
        concerns: |configuration| passes(configuration),
    },
    Change {
        since: (1, 29, 4),
        weight: Weight::Changes,
        what: "host and port in the request line and in Host obey RFC 3986, and a bare line feed in a chunked body is a mistake: 400 for clients, 502 for upstreams",
        cure: "Nothing in the configuration changes it.",
        concerns: |configuration| passes(configuration),
    },
    Change {
        since: (1, 29, 6),
        weight: Weight::Note,
        what: "in $cookie_NAME only a semicolon divides cookies; a comma is part of a value",
        cure: "Look at what uses these.",
        concerns: |configuration| {
            uses(configuration, |arg| {
                arg.contains("$cookie_") || arg.contains("${cookie_")
            })
        },
    },
    Change {
        since: (1, 29, 7),
        weight: Weight::Changes,
        what: "proxy_http_version is 1.1 by default, and no \"Connection: close\" is sent: the upstream may keep the connection open",
        cure: "proxy_http_version 1.0; and proxy_set_header Connection close; keep it as it was.",
        concerns: |configuration| {
            let own = configuration.passing().into_iter();
            some(
                own.filter(|passing| {
                    passing.directive == "proxy_pass" && !passing.has("proxy_http_version")
                })
                .map(passed)
                .collect(),
            )
        },
    },
    Change {
        since: (1, 29, 7),
        weight: Weight::Changes,
        what: "an upstream block keeps 32 idle connections without being told: an application that closes idle ones sooner than the proxy (60 s) costs POST requests a 502",
        cure: "keepalive 0; keeps none (the older nginx refuses it: write it with the update); or let the application keep idle connections for more than 60 s.",
        concerns: |configuration| {
            let all = configuration.everywhere("upstream").into_iter();
            let keeps =
                |block: &&Directive| block.block().iter().any(|inner| inner.name == "keepalive");
            some(
                all.filter(|block| block.block.is_some() && !keeps(block))
                    .map(concern)
                    .collect(),
            )
        },
    },
    Change {
        since: (1, 31, 0),
        weight: Weight::Changes,
        what: "requests over HTTP/2 with headers of HTTP/1's connections (Connection, Keep-Alive, Transfer-Encoding, Upgrade) get 400",
        cure: "Nothing in the configuration changes it.",
        concerns: |configuration| {
            let on = |directive: &&Directive| {
                directive
                    .args
                    .iter()
                    .any(|arg| arg == "on" || arg == "http2")
            };
            let mut all = configuration.everywhere("http2");
            all.extend(
                configuration
                    .everywhere("listen")
                    .into_iter()
                    .filter(|listen| listen.args.iter().any(|arg| arg == "http2")),
            );
            some(all.into_iter().filter(on).map(concern).collect())
        },
    },
    Change {
        since: (1, 31, 4),
        weight: Weight::Note,
        what: "HTTP/1.1 requests to upstreams always have a Host, also where proxy_set_header Host comes out empty",
        cure: "Look at what sets Host by variables.",
        concerns: |configuration| {
            let all = configuration.everywhere("proxy_set_header").into_iter();
            let host = |one: &&Directive| {
                one.args
                    .first()
                    .is_some_and(|name| name.eq_ignore_ascii_case("host"))
                    && one.args.get(1).is_none_or(|value| value.is_empty())
            };
            some(all.filter(host).map(concern).collect())
        },
    },
];

fn concern(directive: &Directive) -> Concern {
    let block = if directive.block.is_some() {
        " { … }"
    } else {
        ";"
    };
    Concern {
        text: format!("{} {}{block}", directive.name, directive.args.join(" ")),
        place: directive.place.clone(),
    }
}

fn passed(passing: Passing) -> Concern {
    Concern {
        text: format!("{} {};", passing.directive, passing.target),
        place: passing.place,
    }
}

/// Nothing, if there are none.
fn some(concerns: Vec<Concern>) -> Option<Vec<Concern>> {
    (!concerns.is_empty()).then_some(concerns)
}

fn any_of(configuration: &Configuration, names: &[&str]) -> Option<Vec<Concern>> {
    let all = names.iter().flat_map(|name| configuration.everywhere(name));
    some(all.map(concern).collect())
}

/// The whole is concerned, if something is passed on.
fn passes(configuration: &Configuration) -> Option<Vec<Concern>> {
    (!configuration.passing().is_empty()).then(Vec::new)
}

/// The whole is concerned, if the directive is nowhere.
fn lacks(configuration: &Configuration, name: &str) -> Option<Vec<Concern>> {
    configuration.everywhere(name).is_empty().then(Vec::new)
}

/// Directives with an argument like this.
fn uses(configuration: &Configuration, is: impl Fn(&str) -> bool) -> Option<Vec<Concern>> {
    let mut found = Vec::new();
    configuration.each(&mut |directive| {
        if directive.block.is_none() && directive.args.iter().any(|arg| is(arg)) {
            found.push(concern(directive));
        }
    });
    some(found)
}

/// Variables of headers that usually come several times.
fn repeated(configuration: &Configuration) -> Option<Vec<Concern>> {
    const OFTEN: [&str; 6] = [
        "set_cookie",
        "www_authenticate",
        "vary",
        "via",
        "forwarded",
        "accept",
    ];
    uses(configuration, |arg| {
        let variables = arg
            .split('$')
            .skip(1)
            .map(|rest| rest.trim_start_matches('{'));
        variables.into_iter().any(|variable| {
            let name = ["upstream_http_", "sent_http_", "http_"]
                .iter()
                .find_map(|prefix| variable.strip_prefix(prefix));
            name.is_some_and(|name| OFTEN.iter().any(|often| name.starts_with(often)))
        })
    })
}

/// Listening sockets with TLS whose server, and `http`, have no `ssl_protocols`.
fn without_protocols(configuration: &Configuration) -> Option<Vec<Concern>> {
    if configuration
        .everywhere("ssl_protocols")
        .iter()
        .any(|one| configuration.is_in_http(one))
    {
        return None;
    }
    let servers = configuration
        .everywhere("server")
        .into_iter()
        .filter(|server| server.block.is_some());
    let own = servers.filter(|server| {
        server
            .block()
            .iter()
            .all(|inner| inner.name != "ssl_protocols")
    });
    let listens = own.flat_map(|server| {
        server
            .block()
            .iter()
            .filter(|inner| inner.name == "listen" && inner.args.iter().any(|arg| arg == "ssl"))
    });
    some(listens.map(concern).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(text: &str, from: &str, to: &str) -> Vec<(String, &'static str, usize)> {
        let folder = tempfile::tempdir().unwrap_or_else(|fault| panic!("{fault}"));
        let path = folder.path().join("nginx.conf");
        std::fs::write(&path, text).unwrap_or_else(|fault| panic!("{fault}"));
        let configuration = Configuration::read(&path, folder.path());
        let (from, to) = release(from)
            .zip(release(to))
            .unwrap_or_else(|| panic!("{from} {to}"));
        let all = advise(&configuration, from, to).into_iter();
        all.map(|one| (one.since, one.weight.word(), one.places.len()))
            .collect()
    }

    const PROXY: &str = "events {}\nhttp {\nkeepalive_requests 10;\nupstream app { server 127.0.0.1:1; }\nserver { listen 80;\nlocation / { proxy_pass http://app; } } }\n";

    #[test]
    fn a_proxied_site_from_stable_to_mainline() {
        let seen = advice(PROXY, "1.28", "1.31");
        let changes: Vec<_> = seen
            .iter()
            .filter(|(_, weight, _)| *weight == "changes")
            .map(|(since, _, places)| (&**since, *places))
            .collect();
        assert_eq!(changes, [("1.29.4", 0), ("1.29.7", 1), ("1.29.7", 1)]);
        assert!(advice(PROXY, "1.31", "1.31").is_empty());
    }

    #[test]
    fn what_does_not_start_comes_first() {
        let tls = "events {}\nhttp {\nserver { listen 443 ssl http2;\nssl on;\nhttp2_push /x; }\nserver { listen 443; } }\n";
        let seen = advice(tls, "1.22.1", "1.28.3");
        assert_eq!(seen.first(), Some(&("1.25.1".to_owned(), "fails", 1)));
        assert!(seen.contains(&("1.25.1".to_owned(), "warns", 1)));
        assert!(
            seen.contains(&("1.27.3".to_owned(), "changes", 1)),
            "{seen:?}"
        );
        let written = tls.replace("ssl on;", "ssl_protocols TLSv1.2;");
        assert!(
            !advice(&written, "1.22.1", "1.28.3")
                .iter()
                .any(|(since, ..)| since == "1.27.3")
        );
    }

    #[test]
    fn what_is_set_is_not_told() {
        let set = PROXY
            .replace("proxy_pass", "proxy_http_version 1.1; proxy_pass")
            .replace("server 127", "keepalive 8; server 127");
        assert!(
            !advice(&set, "1.28", "1.31")
                .iter()
                .any(|(since, ..)| since == "1.29.7")
        );
    }

    #[test]
    fn releases_are_read() {
        assert_eq!(release("1.22.1"), Some((1, 22, 1)));
        assert_eq!(release("1.28"), Some((1, 28, u16::MAX)));
        for wrong in ["1", "a.b", "1.2.3.4", ""] {
            assert_eq!(release(wrong), None, "{wrong}");
        }
    }
}
