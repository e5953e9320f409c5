//! Groups of servers that requests are passed to.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Cascades, Sticky};
use crate::value::ResolverSpec;
use crate::{Place, Template};

/// An `upstream` block, or the implicit group of a `proxy_pass` to a bare address.
#[derive(Debug)]
pub struct Upstream {
    /// The block's name, or the host of the `proxy_pass`; `unix:/path` for a Unix socket.
    pub name: String,
    /// Whether there is an `upstream` block.
    pub explicit: bool,
    /// The port of an implicit group, which its addresses get; `None` for explicit ones and
    /// for Unix sockets.
    pub port: Option<u16>,
    /// Its servers, in order; an implicit group has exactly one.
    pub servers: Vec<UpstreamServer>,
    /// How the next peer is chosen.
    pub method: BalanceMethod,
    /// How requests stay with a server, if they do.
    pub sticky: Option<Sticky>,
    /// The cache of idle connections; `None` keeps none.
    pub keepalive: Option<Keepalive>,
    /// The zone in which the workers share what they know of it; they do anyway.
    pub zone: Option<String>,
    /// Whether a name that has no address at the start is tried on, instead of a reason not to start
    /// (`upstream_start unresolved`).
    pub starts_unresolved: bool,
    /// Who is asked for names that are looked up while running: its own `resolver`, or that of `http`.
    pub resolver: Option<Arc<ResolverSpec>>,
    /// How long such a name may take: its own, or what `http` says.
    pub resolver_timeout: Option<Duration>,
    /// What keeps it from being pushed over.
    pub cascades: Cascades,
    /// Where the block starts, or the first `proxy_pass`.
    pub place: Place,
}

/// A `server` inside an `upstream` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamServer {
    /// Where it is; a name may stand for several addresses.
    pub address: UpstreamAddress,
    /// The address as written, for messages.
    pub written: String,
    /// `route=`: what requests call it that want it.
    pub route: Option<Box<[u8]>>,
    /// What else it says.
    pub parameters: ServerParameters,
    /// Whether its name is looked up while the group is in use (`resolve`), and how; never with an address.
    pub look_up: Option<LookUp>,
    /// Where it stands.
    pub place: Place,
}

/// How a server's name is looked up while its group is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookUp {
    /// `resolve`: its addresses.
    Addresses,
    /// `service=NAME resolve`: the hosts of a service, with their ports, weights and priorities.
    Service(String),
}

/// The parameters of a `server` inside an `upstream` block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerParameters {
    /// Share of the requests; at least 1.
    pub weight: u32,
    /// Failures within `fail_timeout` that take the peer out; 0 = never.
    pub max_fails: u32,
    /// The window of `max_fails`, and how long the peer stays out, in whole seconds.
    pub fail_timeout: Duration,
    /// Most connections at once; 0 = no limit.
    pub max_conns: u32,
    /// How long a server that comes back takes to get its full share again; zero: no time.
    pub slow_start: Duration,
    /// Used only when all others are out.
    pub backup: bool,
    /// Never used.
    pub down: bool,
    /// Used only by requests that want it; never together with `down`.
    pub drain: bool,
}

impl Default for ServerParameters {
    /// nginx's: one failure in 10 s takes a peer out.
    fn default() -> Self {
        Self {
            weight: 1,
            max_fails: 1,
            fail_timeout: Duration::from_secs(10),
            max_conns: 0,
            slow_start: Duration::ZERO,
            backup: false,
            down: false,
            drain: false,
        }
    }
}

/// The address of an upstream server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamAddress {
    /// A literal address.
    Inet(SocketAddr),
    /// A Unix socket's path.
    Unix(PathBuf),
    /// A host name; looked up at start, unless [`UpstreamServer::look_up`] says otherwise.
    Name {
        /// Host without port.
        host: String,
        /// Port in host order.
        port: u16,
    },
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// How an upstream group chooses a peer.
#[derive(Clone, Debug)]
pub enum BalanceMethod {
    /// Smooth weighted round robin.
    RoundRobin,
    /// Fewest active connections by weight.
    LeastConn,
    /// By the client's address, the first three bytes of an IPv4 one.
    IpHash,
    /// `hash KEY`.
    Hash(Template),
    /// `hash KEY consistent`: ketama points.
    HashConsistent(Template),
    /// `random`.
    Random,
    /// `random two`, whose default method is least_conn.
    RandomTwo,
    /// `random two least_conn`.
    RandomTwoLeastConn,
    /// `random two least_time=header` and `=last_byte`.
    RandomTwoLeastTime(TimedUntil),
    /// `least_time`.
    LeastTime {
        /// What is timed.
        until: TimedUntil,
        /// Whether requests count that have not been answered yet.
        inflight: bool,
    },
}

impl BalanceMethod {
    /// Whether others get what a server does not: backups in its place, or all while it warms up.
    pub(crate) fn has_backups(&self) -> bool {
        match self {
            Self::RoundRobin | Self::LeastConn | Self::LeastTime { .. } => true,
            Self::IpHash
            | Self::Hash(_)
            | Self::HashConsistent(_)
            | Self::Random
            | Self::RandomTwo
            | Self::RandomTwoLeastConn
            | Self::RandomTwoLeastTime(_) => false,
        }
    }
}

/// Until when answers are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimedUntil {
    /// `header`: the response head is there.
    Header,
    /// `last_byte`: all of the response is there.
    LastByte,
}

/// The `keepalive*` directives of an `upstream` block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// Most idle connections per worker.
    pub connections: usize,
    /// Only the location that opened a connection uses it again.
    pub local: bool,
    /// Most requests over one connection.
    pub requests: u64,
    /// Longest life of a connection after which it is not reused.
    pub time: Duration,
    /// Longest idle time.
    pub timeout: Duration,
}

impl Keepalive {
    /// What `keepalive CONNECTIONS;` means with nginx's defaults, for all locations alike.
    pub fn new(connections: usize) -> Self {
        Self {
            connections,
            local: false,
            requests: 1000,
            time: Duration::from_secs(3600),
            timeout: Duration::from_secs(60),
        }
    }
}
