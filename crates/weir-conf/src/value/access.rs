//! Who may ask.

use std::net::IpAddr;

use super::keywords;
use crate::Template;
use crate::model::Assigned;

/// An `allow` or `deny`; the first that matches the client decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// `allow`, else `deny`.
    pub allow: bool,
    /// Whom it concerns.
    pub network: Network,
}

/// The clients of an [`AccessRule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Everyone.
    All,
    /// Clients of Unix sockets.
    Unix,
    /// Addresses whose first `prefix` bits are those of `address`, whose other bits are 0.
    Cidr {
        /// The network's address.
        address: IpAddr,
        /// Length of the mask, bits.
        prefix: u8,
    },
}

impl Network {
    /// Whether a client with this address (`None` = Unix socket) is in the network. An IPv4
    /// client that is mapped into IPv6 counts as IPv4 (`ngx_http_access_handler`).
    pub fn contains(&self, client: Option<IpAddr>) -> bool {
        match (self, client) {
            (Self::All, _) => true,
            (Self::Unix, client) => client.is_none(),
            (Self::Cidr { .. }, None) => false,
            (Self::Cidr { address, prefix }, Some(client)) => {
                match (*address, client.to_canonical(), client) {
                    (IpAddr::V4(net), IpAddr::V4(ip), _) => {
                        let shift = 32 - u32::from(*prefix);
                        (net.to_bits() ^ ip.to_bits())
                            .checked_shr(shift)
                            .unwrap_or(0)
                            == 0
                    }
                    (IpAddr::V6(net), _, IpAddr::V6(ip)) => {
                        let shift = 128 - u32::from(*prefix);
                        (net.to_bits() ^ ip.to_bits())
                            .checked_shr(shift)
                            .unwrap_or(0)
                            == 0
                    }
                    _ => false,
                }
            }
        }
    }
}

/// Where a balancer's word on the client's address stands (`real_ip_header`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RealIpHeader {
    /// `X-Real-IP`.
    RealIp,
    /// `X-Forwarded-For`, all its lines.
    ForwardedFor,
    /// The PROXY protocol.
    ProxyProtocol,
    /// Another field of the request, whose first line counts.
    Field(Box<[u8]>),
}

/// An `auth_request_set`.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthRequestSet {
    /// What gets the value.
    pub variable: Assigned,
    /// The value, as the subrequest knows it.
    pub value: Template,
}

keywords! {
    /// Whether all access checks must pass, or one is enough.
    Satisfy {
        /// All of them.
        All = "all",
        /// One of them.
        Any = "any",
    }
}
