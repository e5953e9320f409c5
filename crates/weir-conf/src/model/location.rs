//! A location and what answers in it.

use std::sync::Arc;

use super::{HealthCheck, Locations, Script, Server, Step};
use crate::table::settings::Settings;
use crate::value::Methods;
use crate::{Place, Template};

/// A `location` block, everything inherited and settled.
#[derive(Debug)]
pub struct Location {
    /// The name as written, without modifier; a named location's with its `@`.
    pub name: String,
    /// How the name is compared.
    pub kind: LocationKind,
    /// All location-level settings; locations that obey the same share them.
    pub settings: Arc<Settings>,
    /// What produces the response when no earlier phase does.
    pub handler: Handler,
    /// Statements of the rewrite module; those of an `if` are in the `if`.
    pub script: Option<Box<Script>>,
    /// What requests with other methods obey instead.
    pub limit_except: Option<LimitExcept>,
    /// How the servers that it passes to are checked, if they are.
    pub health_check: Option<Box<HealthCheck>>,
    /// Locations inside this one.
    pub nested: Locations,
    /// Where the block starts.
    pub place: Place,
    /// Unique over the configuration, for per-location state.
    pub index: usize,
}

/// A `limit_except`.
#[derive(Debug)]
pub struct LimitExcept {
    /// The methods that it is not about.
    pub allowed: Methods,
    /// What holds for all others.
    pub location: Arc<Location>,
}

/// How a location's name is compared with the URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LocationKind {
    /// `= name`.
    Exact,
    /// A prefix; regular expressions are tried after it.
    Prefix,
    /// `^~ name`: a prefix that ends the search.
    PrefixNoRegex,
    /// `~` or `~*`.
    Regex,
    /// `@name`, only by internal redirect.
    Named,
}

/// What produces a location's response.
#[derive(Clone, Debug)]
pub enum Handler {
    /// `proxy_pass`.
    Proxy(Arc<ProxyPass>),
    /// `stub_status`.
    StubStatus,
    /// `weir_status`.
    Status(StatusForm),
    /// `empty_gif`.
    EmptyGif,
    /// `flv`.
    Flv,
    /// `mp4`.
    Mp4,
    /// Files under `root`, the default.
    Static,
}

/// In which form `weir_status` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusForm {
    /// A page for people.
    Html,
    /// JSON.
    Json,
    /// Prometheus's text.
    Prometheus,
}

/// A `proxy_pass`.
#[derive(Debug)]
pub struct ProxyPass {
    /// Where requests go.
    pub target: ProxyTarget,
    /// The directive's place.
    pub place: Place,
    /// Length of the location's name, which a URI part replaces; 0 where there is no such prefix.
    pub location_len: usize,
}

/// Where `proxy_pass` sends requests.
#[derive(Debug)]
pub enum ProxyTarget {
    /// No variables: the upstream is known.
    Fixed {
        /// Index in `Http::upstreams`.
        upstream: usize,
        /// The scheme as written, `://` included.
        prefix: Box<[u8]>,
        /// The URI part, `None` when absent: then the request's own URI is passed unchanged.
        uri: Option<Box<[u8]>>,
        /// `$proxy_host`: host as written, with the port when it is not the scheme's own.
        host_header: Box<[u8]>,
        /// `$proxy_port`: the port in digits; empty for a Unix socket.
        port: Box<[u8]>,
        /// The scheme is `https`.
        tls: bool,
    },
    /// Variables: evaluate, then [`crate::parse_evaluated_url`].
    Variable(Template),
}

impl ProxyTarget {
    /// Whether some request may need TLS.
    pub fn may_need_tls(&self) -> bool {
        match self {
            Self::Fixed { tls, .. } => *tls,
            Self::Variable(_) => true,
        }
    }
}

impl Location {
    /// This location and those in it, as far as they check servers.
    pub(crate) fn checking<'a>(
        self: &'a Arc<Self>,
        server: &'a Arc<Server>,
        found: &mut Vec<(&'a Arc<Server>, &'a Arc<Self>)>,
    ) {
        if self.health_check.is_some() {
            found.push((server, self));
        }
        for location in self.nested.iter() {
            location.checking(server, found);
        }
    }

    /// This location and all that are in it: nested ones, and what `if` and `limit_except` make.
    pub(crate) fn with_inner<'a>(&'a self, found: &mut Vec<&'a Self>) {
        found.push(self);
        for location in self.nested.iter() {
            location.with_inner(found);
        }
        for location in self.limit_except.iter().map(|limit| &limit.location) {
            location.with_inner(found);
        }
        for step in self.script.iter().flat_map(|script| &script.steps) {
            if let Step::If(test) = step
                && let Some(location) = &test.location
            {
                location.with_inner(found);
            }
        }
    }
}
