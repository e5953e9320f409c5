//! The `http` block and its listening sockets.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::{
    Charsets, DefinedVariable, KeyedZone, Location, LogBuffer, LogDestination, LogFormat,
    RequestZone, ResponseMatch, Server, ServerNames, SessionZone, Upstream,
};
use crate::value::ResolverSpec;
use crate::{Place, UpstreamUrl};

/// The `http` block.
#[derive(Debug)]
pub struct Http {
    /// One entry per address, in order of appearance; several servers may share one.
    pub listens: Vec<Listen>,
    /// All `server` blocks in order; `Server::index` is the position here.
    pub servers: Vec<Arc<Server>>,
    /// Explicit `upstream` blocks and the implicit ones of `proxy_pass`, in order of appearance.
    pub upstreams: Vec<Arc<Upstream>>,
    /// All log formats, `combined` first.
    pub log_formats: Vec<Arc<LogFormat>>,
    /// What `access_log`s gather before they write it, by where it goes.
    pub log_buffers: HashMap<LogDestination, LogBuffer>,
    /// The variables that the configuration defines; [`crate::Variable::Defined`] is an index into them.
    pub variables: Vec<DefinedVariable>,
    /// The zones of `limit_req`.
    pub request_zones: Vec<RequestZone>,
    /// The zones of `limit_conn`.
    pub connection_zones: Vec<KeyedZone>,
    /// The zones of `sticky learn`.
    pub session_zones: Vec<SessionZone>,
    /// The character sets that are named, and the tables between them.
    pub charsets: Charsets,
    /// All `resolver`s, in the order in which they stand; [`ResolverSpec::index`] is the position here.
    pub resolvers: Vec<Arc<ResolverSpec>>,
    /// What health checks test; [`super::HealthCheck::tests`] is an index into them.
    pub matches: Vec<Arc<ResponseMatch>>,
    /// How many locations there are, the servers' own defaults among them: `Location::index`
    /// is below it.
    pub location_count: usize,
}

impl Http {
    /// The `listen` whose servers answer a connection that was accepted on `address`: that address's
    /// own, or the wildcard's of its port (`ngx_http_init_connection`).
    pub fn listen_for(&self, address: &ListenAddress) -> Option<usize> {
        let own = self
            .listens
            .iter()
            .position(|listen| listen.address == *address);
        own.or_else(|| match address {
            ListenAddress::Inet(address) => self
                .listens
                .iter()
                .position(|listen| listen.address.is_wildcard_of(*address)),
            ListenAddress::Unix(_) => None,
        })
    }

    /// How many sockets are bound.
    pub fn socket_count(&self) -> usize {
        let bound = |listen: &&Listen| listen.served_by(&self.listens).is_none();
        self.listens.iter().filter(bound).count()
    }

    /// Every location, the servers' own levels and what `if` and `limit_except` make included.
    pub fn all_locations(&self) -> Vec<&Location> {
        let mut found = Vec::new();
        for server in &self.servers {
            server.default.with_inner(&mut found);
            for location in server.locations.iter() {
                location.with_inner(&mut found);
            }
        }
        found
    }

    /// Every location that checks servers, with its server.
    pub fn checking_locations(&self) -> Vec<(&Arc<Server>, &Arc<Location>)> {
        checking_locations(&self.servers)
    }

    /// The addresses on which a server is reached by default or by a name; a regular expression is none.
    pub fn addresses_of(&self, server: &Server) -> Vec<&ListenAddress> {
        let named = |listen: &Listen| {
            let mut names = server.names.iter();
            names.any(|name| listen.names.find_text(name.as_bytes()) == Some(server.index))
        };
        let listens = self.listens.iter();
        let own = listens.filter(|listen| listen.default_server == server.index || named(listen));
        own.map(|listen| &listen.address).collect()
    }

    /// The group that a `proxy_pass` with variables means, by host and port, if there is one
    /// (`ngx_http_upstream_init_request`); else the host is to be resolved.
    pub fn upstream_of(&self, url: &UpstreamUrl<'_>) -> Option<usize> {
        self.upstreams.iter().position(|group| {
            let same_port = match group.port {
                None => url.port.is_none(),
                Some(port) => port == url.effective_port() && !url.unix,
            };
            same_port && group.name.as_bytes().eq_ignore_ascii_case(url.host)
        })
    }
}

/// As [`Http::checking_locations`].
pub(crate) fn checking_locations(servers: &[Arc<Server>]) -> Vec<(&Arc<Server>, &Arc<Location>)> {
    let mut found = Vec::new();
    for server in servers {
        for location in server.locations.iter() {
            location.checking(server, &mut found);
        }
    }
    found
}

/// One listening socket and the servers behind it.
#[derive(Debug)]
pub struct Listen {
    /// What to bind.
    pub address: ListenAddress,
    /// The `listen` directive that named it first.
    pub place: Place,
    /// Socket options, from whichever `listen` gave them.
    pub options: ListenOptions,
    /// The server for requests whose host matches no name: an index into `Http::servers`.
    pub default_server: usize,
    /// Host names to servers.
    pub names: ServerNames,
}

impl Listen {
    /// The wildcard `listen` among all whose socket serves this one's address too; `None`: it has a socket of
    /// its own (`ngx_http_init_listening`).
    pub fn served_by(&self, all: &[Self]) -> Option<usize> {
        let ListenAddress::Inet(address) = self.address else {
            return None;
        };
        if address.ip().is_unspecified() || self.options.bind {
            return None;
        }
        all.iter()
            .position(|other| other.address.is_wildcard_of(address))
    }
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListenAddress {
    /// IPv4 or IPv6.
    Inet(SocketAddr),
    /// A Unix socket's path.
    Unix(PathBuf),
}

impl ListenAddress {
    /// Whether this is the wildcard address of `address`'s kind and port.
    pub fn is_wildcard_of(&self, address: SocketAddr) -> bool {
        match self {
            Self::Inet(own) => {
                own.ip().is_unspecified()
                    && own.port() == address.port()
                    && own.is_ipv4() == address.is_ipv4()
            }
            Self::Unix(_) => false,
        }
    }
}

impl fmt::Display for ListenAddress {
    /// As nginx's messages show it: `0.0.0.0:80`, `[::]:80`, `unix:/path`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The options of a `listen` directive that concern the socket.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ListenOptions {
    /// Length of the accept queue; the platform's default is 511.
    pub backlog: Option<i32>,
    /// `SO_RCVBUF`, bytes.
    pub rcvbuf: Option<usize>,
    /// `SO_SNDBUF`, bytes.
    pub sndbuf: Option<usize>,
    /// `TCP_DEFER_ACCEPT`.
    pub deferred: bool,
    /// A socket per worker.
    pub reuseport: bool,
    /// Multipath TCP.
    pub multipath: bool,
    /// `bind`, or an option that implies it: a socket of its own although a wildcard address is listened on too.
    pub bind: bool,
    /// `SO_KEEPALIVE` and its times.
    pub so_keepalive: Option<SocketKeepalive>,
    /// `IPV6_V6ONLY`; `None` = on.
    pub ipv6only: Option<bool>,
    /// `TCP_FASTOPEN` queue length.
    pub fastopen: Option<i32>,
    /// Connections start with a PROXY protocol header.
    pub proxy_protocol: bool,
    /// Clients speak TLS.
    pub ssl: bool,
    /// Clients may speak HTTP/2, whatever `http2` says (`listen … http2`).
    pub http2: bool,
}

/// `so_keepalive=on|off|[idle]:[interval]:[count]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketKeepalive {
    /// Whether probes are sent at all.
    pub on: bool,
    /// Idle time before the first probe, seconds.
    pub idle: Option<u32>,
    /// Time between probes, seconds.
    pub interval: Option<u32>,
    /// Unanswered probes before the connection is given up.
    pub count: Option<u32>,
}
