//! Locations that pass requests on, and what holds there.

use serde::Serialize;

use super::{Directive, Place};

/// A location that passes requests on.
#[derive(Clone, Debug)]
pub struct Passing {
    /// The first name of its server.
    pub server: String,
    /// Its own name, with its modifier: `= /a`.
    pub location: String,
    /// Where its block begins; `None`: it stands in no location.
    pub block: Option<Place>,
    /// The directive: `proxy_pass`, `fastcgi_pass` …
    pub directive: String,
    /// Where it leads to.
    pub target: String,
    /// Where that stands.
    pub place: Place,
    /// Whether it stands in an `if`, where most directives may not.
    pub in_if: bool,
    /// The headers that are set for the upstream, name and value: those of the innermost block that sets any.
    pub headers: Vec<(String, String)>,
    /// Names of headers that an outer block sets, and that are lost to those.
    pub headers_lost: Vec<String>,
    /// Whether its server listens with TLS.
    pub over_tls: bool,
    /// What holds there: name, value, place; the innermost one of each name.
    settings: Vec<(String, String, Place)>,
}

/// A setting that holds somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The directive.
    pub name: String,
    /// Its arguments, or nginx's default.
    pub value: String,
    /// Where it stands; `None`: it is the default.
    pub place: Option<Place>,
}

impl Passing {
    /// What holds of this directive, or else its default.
    pub fn setting(&self, name: &str, default: &str) -> Setting {
        let written = self.settings.iter().find(|(known, ..)| known == name);
        match written {
            Some((name, value, place)) => Setting {
                name: name.clone(),
                value: value.clone(),
                place: Some(place.clone()),
            },
            None => Setting {
                name: name.to_owned(),
                value: default.to_owned(),
                place: None,
            },
        }
    }

    /// Whether the directive is written for this location.
    pub fn has(&self, name: &str) -> bool {
        self.settings.iter().any(|(known, ..)| known == name)
    }

    /// Scheme of the target: `http://`, or nothing for directives that have none.
    pub fn is_https(&self) -> bool {
        self.target.len() > 8 && self.target[..8].eq_ignore_ascii_case("https://")
    }

    /// Whether the target is known with the request only.
    pub fn is_variable(&self) -> bool {
        self.target.contains('$')
    }

    /// The target without scheme and URI: a group's name, `host:port`, or `unix:PATH`.
    pub fn authority(&self) -> &str {
        let rest = self
            .target
            .split_once("://")
            .map_or(&*self.target, |(_, rest)| rest);
        if let Some(path) = rest.strip_prefix("unix:") {
            let end = path
                .find(':')
                .map_or(rest.len(), |colon| "unix:".len() + colon);
            return &rest[..end];
        }
        &rest[..rest.find('/').unwrap_or(rest.len())]
    }

    /// The path that a client's becomes on its way to the upstream, where the target has one of its own and the location is
    /// plain (`ngx_http_proxy_create_request`).
    pub fn mapped(&self, path: &str) -> String {
        let rest = self.target.split_once("://").map_or("", |(_, rest)| rest);
        let own = match rest.strip_prefix("unix:") {
            Some(socket) => socket.split_once(':').map_or("", |(_, path)| path),
            None => rest.find('/').map_or("", |at| &rest[at..]),
        };
        let (modifier, name) = self
            .location
            .split_once(' ')
            .unwrap_or(("", &self.location));
        let behind = match modifier {
            "" | "=" | "^~" => path.strip_prefix(name),
            _ => None,
        };
        match (own, behind) {
            ("", _) | (_, None) => path.to_owned(),
            (own, Some(behind)) => format!("{own}{behind}"),
        }
    }

    /// `$proxy_host`: what upstreams are told as `Host` where nothing else is said.
    pub fn proxy_host(&self) -> &str {
        let authority = self.authority();
        if authority.starts_with("unix:") {
            return "localhost";
        }
        let usual = if self.is_https() { ":443" } else { ":80" };
        authority.strip_suffix(usual).unwrap_or(authority)
    }
}

/// Directives that pass requests on.
const PASSES: [&str; 6] = [
    "proxy_pass",
    "fastcgi_pass",
    "uwsgi_pass",
    "scgi_pass",
    "grpc_pass",
    "memcached_pass",
];

/// Directives whose arguments add up instead of replacing each other; the first counts here.
const BLOCKS: [&str; 5] = ["server", "location", "if", "limit_except", "upstream"];

/// Where a walk through the blocks of a server is.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    server: &'a str,
    location: &'a str,
    block: Option<&'a Place>,
    in_if: bool,
    over_tls: bool,
}

impl<'a> Context<'a> {
    /// Right inside a server of this name.
    pub(super) const fn of_server(server: &'a str, over_tls: bool) -> Self {
        Self {
            over_tls,
            server,
            location: "",
            block: None,
            in_if: false,
        }
    }
}

pub(super) fn walk(
    block: &[Directive],
    context: Context<'_>,
    outer: &[&[Directive]],
    found: &mut Vec<Passing>,
) {
    for directive in block {
        if PASSES.contains(&&*directive.name)
            && let Some(target) = directive.args.first()
        {
            let (headers, headers_lost) = headers(outer);
            found.push(Passing {
                over_tls: context.over_tls,
                headers,
                headers_lost,
                server: context.server.to_owned(),
                location: context.location.to_owned(),
                block: context.block.cloned(),
                directive: directive.name.clone(),
                target: target.clone(),
                place: directive.place.clone(),
                in_if: context.in_if,
                settings: settings(outer),
            });
        }
        if let Some(inner) = &directive.block {
            let is_location = directive.name == "location";
            let name = directive.args.join(" ");
            let inside = Context {
                location: if is_location { &name } else { context.location },
                block: match is_location {
                    true => Some(&directive.place),
                    false => context.block,
                },
                in_if: directive.name == "if",
                ..context
            };
            let mut deeper = outer.to_vec();
            deeper.push(inner);
            walk(inner, inside, &deeper, found);
        }
    }
}

/// What holds inside these blocks, the innermost last.
fn settings(outer: &[&[Directive]]) -> Vec<(String, String, Place)> {
    let mut settings: Vec<(String, String, Place)> = Vec::new();
    for directive in outer.iter().rev().flat_map(|block| block.iter()) {
        let known = settings.iter().any(|(name, ..)| *name == directive.name);
        if !known && !BLOCKS.contains(&&*directive.name) {
            settings.push((
                directive.name.clone(),
                directive.args.join(" "),
                directive.place.clone(),
            ));
        }
    }
    settings
}

/// What `proxy_set_header` sets inside these blocks: in the innermost one that has any, and the names that are lost to it.
fn headers(outer: &[&[Directive]]) -> (Vec<(String, String)>, Vec<String>) {
    let own = |block: &&[Directive]| -> Vec<(String, String)> {
        let set = block
            .iter()
            .filter(|directive| directive.name == "proxy_set_header");
        set.filter_map(|directive| match &*directive.args {
            [name, value] => Some((name.clone(), value.clone())),
            _ => None,
        })
        .collect()
    };
    let all = outer.iter().rev().map(own);
    let mut set = all.filter(|headers| !headers.is_empty());
    let innermost = set.next().unwrap_or_default();
    let is_kept = |name: &str| {
        innermost
            .iter()
            .any(|(own, _)| own.eq_ignore_ascii_case(name))
    };
    let next = set.next().unwrap_or_default();
    let lost = next.into_iter().map(|(name, _)| name);
    let lost = lost.filter(|name| !is_kept(name)).collect();
    (innermost, lost)
}
