//! A pool as the configuration describes it.

use std::net::{Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use weir_conf::{Keepalive, RetryShare, ServerParameters};

use crate::{CheckSet, NameSource, NameSpec};

/// One `upstream` block, or the pool that `proxy_pass` to a bare host implies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSpec {
    /// Name of the block; nginx logs it as the peer when no peer is live.
    pub name: String,
    /// How the next peer is chosen.
    pub method: Method,
    /// Every address of every `server` line, in the order written; backups are flagged.
    pub peers: Vec<PeerSpec>,
    /// Servers whose names are looked up at run time.
    pub names: Vec<NameSpec>,
    /// Whether requests may want a certain peer.
    pub sticky: bool,
    /// Checks that a new peer has to pass before it gets requests.
    pub awaited: CheckSet,
    /// Idle connections to keep; `None` keeps none.
    pub keepalive: Option<Keepalive>,
    /// How many requests may be retries; `None`: all.
    pub retry_share: Option<RetryShare>,
    /// The percentage of primaries below which those that are out are used, too.
    pub panic_threshold: Option<u32>,
    /// A failure keeps the request from the peer, and no other.
    pub forgets_failures: bool,
}

impl PoolSpec {
    /// The pool nginx builds for `proxy_pass http://host:port` without an `upstream` block:
    /// round robin over all addresses of the host, no idle connections.
    pub fn implied(
        name: impl Into<String>,
        addresses: impl IntoIterator<Item = PeerAddress>,
    ) -> Self {
        let name = name.into();
        let peers = addresses
            .into_iter()
            .map(|a| PeerSpec::new(a, name.clone()))
            .collect();
        Self {
            name,
            method: Method::RoundRobin,
            peers,
            names: Vec::new(),
            sticky: false,
            awaited: CheckSet::default(),
            keepalive: None,
            retry_share: None,
            panic_threshold: None,
            forgets_failures: false,
        }
    }

    /// The same before the addresses of `host` are known.
    pub fn implied_by_name(host: String, port: u16) -> Self {
        let mut spec = Self::implied(host.clone(), []);
        spec.names.push(NameSpec {
            server: host.clone(),
            host,
            service: None,
            port,
            route: None,
            source: NameSource::Resolver,
            parameters: ServerParameters::default(),
        });
        spec
    }
}

/// A balancing method and its directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Method {
    /// No directive: smooth weighted round robin.
    #[default]
    RoundRobin,
    /// `least_conn`
    LeastConn,
    /// `ip_hash`
    IpHash,
    /// `hash KEY`
    Hash,
    /// `hash KEY consistent`
    HashConsistent,
    /// `random`
    Random,
    /// `random two`; nginx's only way to compare the two is `least_conn`.
    RandomTwo,
    /// `random two least_conn`
    RandomTwoLeastConn,
    /// `least_time`
    LeastTime(Measure),
    /// `random two least_time=…`
    RandomTwoLeastTime(Until),
}

/// What `least_time` compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Measure {
    /// Until when answers are timed.
    pub until: Until,
    /// Whether requests count that have not been answered yet.
    pub inflight: bool,
}

/// Until when answers are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Until {
    /// The response head is there.
    Header,
    /// All of the response is there.
    LastByte,
}

impl Method {
    /// Whether servers may be backups.
    pub(crate) fn has_backups(self) -> bool {
        match self {
            Self::RoundRobin | Self::LeastConn | Self::LeastTime(_) => true,
            Self::IpHash
            | Self::Hash
            | Self::HashConsistent
            | Self::Random
            | Self::RandomTwo
            | Self::RandomTwoLeastConn
            | Self::RandomTwoLeastTime(_) => false,
        }
    }

    /// Whether a peer that comes back can be given its share little by little: who chooses by a key or by chance
    /// has no other peer for what it does not get.
    pub(crate) fn warms(self) -> bool {
        self.has_backups()
    }

    /// What it compares, if that is times.
    pub(crate) fn measure(self) -> Option<Measure> {
        match self {
            Self::LeastTime(measure) => Some(measure),
            Self::RandomTwoLeastTime(until) => Some(Measure {
                until,
                inflight: false,
            }),
            Self::RoundRobin
            | Self::LeastConn
            | Self::IpHash
            | Self::Hash
            | Self::HashConsistent
            | Self::Random
            | Self::RandomTwo
            | Self::RandomTwoLeastConn => None,
        }
    }
}

/// One address of one `server` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerSpec {
    /// Where to connect.
    pub address: PeerAddress,
    /// Text of `$upstream_addr`: `127.0.0.1:8080`, `[::1]:8080` or `unix:/path`.
    pub name: Box<[u8]>,
    /// The server as written; consistent hashing places its points by this text.
    pub server: String,
    /// `route=`: what requests call it that want it.
    pub route: Option<Box<[u8]>>,
    /// What else the line says; a weight of 0 counts as 1, and `fail_timeout` is compared in whole seconds.
    pub parameters: ServerParameters,
}

impl PeerSpec {
    /// A peer with nginx's defaults: weight 1, one failure in 10 s disables it.
    pub fn new(address: PeerAddress, server: impl Into<String>) -> Self {
        Self {
            name: address.text(),
            address,
            server: server.into(),
            route: None,
            parameters: ServerParameters::default(),
        }
    }
}

/// Where a peer listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PeerAddress {
    /// TCP over IPv4 or IPv6.
    Inet(SocketAddr),
    /// A Unix stream socket.
    Unix(PathBuf),
}

impl PeerAddress {
    /// The text of `$upstream_addr` (`ngx_sock_ntop`).
    pub fn text(&self) -> Box<[u8]> {
        match self {
            Self::Inet(SocketAddr::V6(address)) => {
                let (ip, port) = (ipv6_text(*address.ip()), address.port());
                format!("[{ip}]:{port}").into_bytes().into()
            }
            Self::Inet(address) => address.to_string().into_bytes().into(),
            Self::Unix(path) => [b"unix:", path.as_os_str().as_bytes()].concat().into(),
        }
    }
}

/// As the standard library writes it, but for an IPv4 address behind zeros alone
/// (`ngx_inet6_ntop`).
fn ipv6_text(ip: Ipv6Addr) -> String {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => {
            let [.., a, b, c, d] = ip.octets();
            format!("::{a}.{b}.{c}.{d}")
        }
        _ => ip.to_string(),
    }
}

impl From<SocketAddr> for PeerAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Inet(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_nginx_writes_them() {
        for (address, text) in [
            ("1.2.3.4:80", "1.2.3.4:80"),
            ("[::]:80", "[::]:80"),
            ("[::1]:80", "[::1]:80"),
            ("[::1:2]:80", "[::0.1.0.2]:80"),
            ("[::ffff:1.2.3.4]:80", "[::ffff:1.2.3.4]:80"),
            ("[1:0:0:2::3]:80", "[1:0:0:2::3]:80"),
        ] {
            let address = PeerAddress::Inet(address.parse().unwrap());
            assert_eq!(String::from_utf8_lossy(&address.text()), text);
        }
        let odd = PeerAddress::Unix(std::ffi::OsStr::from_bytes(b"/tmp/\xff").into());
        assert_eq!(&*odd.text(), b"unix:/tmp/\xff");
    }
}
