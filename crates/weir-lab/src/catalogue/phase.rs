//! The parts of an exchange, in the order in which a request goes through them.

use serde::{Deserialize, Serialize};

/// Where in an exchange a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// TCP connections to the upstream.
    Connect,
    /// Unix sockets.
    Unix,
    /// The request goes to the upstream.
    Request,
    /// The request is there, the head of the response is not.
    Waiting,
    /// Heads that are no heads, or too big.
    ResponseHead,
    /// What a head says of the body's length.
    Framing,
    /// Heads with a 1xx status before the real one.
    Interim,
    /// Bodies with a length, or up to the end of the connection.
    ResponseBody,
    /// Chunked bodies.
    Chunked,
    /// Connections that nginx keeps for the next request.
    KeepAlive,
    /// Groups of servers, and the next one.
    Retry,
    /// WebSockets and other tunnels.
    Upgrade,
    /// Heads of requests.
    ClientHead,
    /// Bodies of requests.
    ClientBody,
    /// Clients that leave, or read too slowly.
    ClientEnd,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Self; 15] = [
        Self::Connect,
        Self::Unix,
        Self::Request,
        Self::Waiting,
        Self::ResponseHead,
        Self::Framing,
        Self::Interim,
        Self::ResponseBody,
        Self::Chunked,
        Self::KeepAlive,
        Self::Retry,
        Self::Upgrade,
        Self::ClientHead,
        Self::ClientBody,
        Self::ClientEnd,
    ];

    /// As it is written in commands and file names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Unix => "unix",
            Self::Request => "request",
            Self::Waiting => "waiting",
            Self::ResponseHead => "response-head",
            Self::Framing => "framing",
            Self::Interim => "interim",
            Self::ResponseBody => "response-body",
            Self::Chunked => "chunked",
            Self::KeepAlive => "keep-alive",
            Self::Retry => "retry",
            Self::Upgrade => "upgrade",
            Self::ClientHead => "client-head",
            Self::ClientBody => "client-body",
            Self::ClientEnd => "client-end",
        }
    }

    /// For headings.
    pub fn title(self) -> &'static str {
        match self {
            Self::Connect => "Connecting",
            Self::Unix => "Unix sockets",
            Self::Request => "Sending the request",
            Self::Waiting => "Waiting for the response",
            Self::ResponseHead => "The response's head",
            Self::Framing => "The length that the head announces",
            Self::Interim => "Interim responses",
            Self::ResponseBody => "The response's body",
            Self::Chunked => "Chunked bodies",
            Self::KeepAlive => "Kept connections",
            Self::Retry => "Groups and the next server",
            Self::Upgrade => "Upgraded connections",
            Self::ClientHead => "The client's request head",
            Self::ClientBody => "The client's request body",
            Self::ClientEnd => "Clients that leave or lag",
        }
    }

    /// Whether it is the client that misbehaves.
    pub fn is_client(self) -> bool {
        matches!(self, Self::ClientHead | Self::ClientBody | Self::ClientEnd)
    }
}

impl clap::ValueEnum for Phase {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.as_str()))
    }
}
