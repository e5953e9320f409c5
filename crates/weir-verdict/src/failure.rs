//! Every way an exchange with an upstream fails: where it stood, and what happened.

use std::fmt;
use std::io;
use std::net::IpAddr;

use weir_wire::chunked::ChunkedFault;
use weir_wire::response::ResponseFault;

/// Where an exchange stands; displays nginx's own words, which follow " while " in a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A peer is being chosen or connected.
    Connecting,
    /// The request is being written; nothing of the answer has been seen.
    Sending,
    /// The response head is being read.
    ReadingHead,
    /// The response body is being read.
    ReadingBody,
    /// The response is being written to the client.
    SendingToClient,
    /// After 101, bytes go both ways.
    Upgraded,
}

impl Phase {
    /// nginx's words for this phase.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Connecting => "connecting to upstream",
            Self::Sending => "sending request to upstream",
            Self::ReadingHead => "reading response header from upstream",
            Self::ReadingBody => "reading upstream",
            Self::SendingToClient => "sending to client",
            Self::Upgraded => "proxying upgraded connection",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// What happened.
#[derive(Debug)]
pub enum Cause {
    /// Every peer is down, out or full.
    NoLivePeers,
    /// All slots of `worker_connections`, so many, are taken.
    NoConnectionSlot(usize),
    /// `socket()` failed.
    Socket(io::Error),
    /// A socket option of this name, without which nginx does not go on, could not be set.
    Option(&'static str, io::Error),
    /// `bind()` to the address of `proxy_bind` failed.
    Bind(IpAddr, io::Error),
    /// `connect()` failed at once.
    ConnectAtOnce(io::Error),
    /// The handshake ended in an error.
    Connect(io::Error),
    /// One of the three clocks ran out.
    TimedOut,
    /// FIN before the end.
    Closed,
    /// Reading failed; the name of the call as nginx would have made it.
    Receive(&'static str, io::Error),
    /// Writing the request failed; the name of the call as nginx would have made it.
    Send(&'static str, io::Error),
    /// The head does not fit `proxy_buffer_size`.
    HeadTooBig,
    /// The head breaks the grammar or contradicts itself.
    InvalidHead(ResponseFault),
    /// The status is one that `proxy_next_upstream` may list.
    Status(u16),
    /// The chunked framing of the body is broken.
    InvalidChunk(ChunkedFault),
}

/// A failure: what happened, and where the exchange stood.
#[derive(Debug)]
pub struct Failure {
    /// Where the exchange stood.
    pub phase: Phase,
    /// What happened.
    pub cause: Cause,
}

/// A machine-readable name of a failure: `$upstream_failure`, counters, the docs. The tokens of
/// RFC 9209 where one fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No peer may be tried.
    DestinationUnavailable,
    /// This process has no connection, descriptor or local address left.
    ProxyInternalError,
    /// The peer refused the connection.
    ConnectionRefused,
    /// No route to the peer.
    DestinationIpUnroutable,
    /// The peer's address may not or cannot be used.
    DestinationIpProhibited,
    /// Nothing answers under the peer's socket path.
    DestinationNotFound,
    /// The peer's accept queue is full.
    ConnectionLimitReached,
    /// The handshake took longer than `proxy_connect_timeout`.
    ConnectionTimeout,
    /// The peer did not take the request within `proxy_send_timeout`.
    ConnectionWriteTimeout,
    /// The head took longer than `proxy_read_timeout`.
    HttpResponseTimeout,
    /// The peer closed or reset before the head was complete.
    ConnectionTerminated,
    /// The body ended early.
    HttpResponseIncomplete,
    /// The body stalled for `proxy_read_timeout`.
    ConnectionReadTimeout,
    /// The head is larger than `proxy_buffer_size`.
    HttpResponseHeaderSectionSize,
    /// The answer is not HTTP, or contradicts itself.
    HttpProtocolError,
    /// The peer answered with a status that counts as a failure here.
    HttpStatus,
}

impl Reason {
    /// Every reason, in the order of an exchange.
    pub const ALL: [Self; 16] = [
        Self::DestinationUnavailable,
        Self::ProxyInternalError,
        Self::ConnectionRefused,
        Self::DestinationIpUnroutable,
        Self::DestinationIpProhibited,
        Self::DestinationNotFound,
        Self::ConnectionLimitReached,
        Self::ConnectionTimeout,
        Self::ConnectionWriteTimeout,
        Self::HttpResponseTimeout,
        Self::ConnectionTerminated,
        Self::HttpResponseIncomplete,
        Self::ConnectionReadTimeout,
        Self::HttpResponseHeaderSectionSize,
        Self::HttpProtocolError,
        Self::HttpStatus,
    ];

    /// The token of this reason.
    pub const fn token(self) -> &'static str {
        match self {
            Self::DestinationUnavailable => "destination_unavailable",
            Self::ProxyInternalError => "proxy_internal_error",
            Self::ConnectionRefused => "connection_refused",
            Self::DestinationIpUnroutable => "destination_ip_unroutable",
            Self::DestinationIpProhibited => "destination_ip_prohibited",
            Self::DestinationNotFound => "destination_not_found",
            Self::ConnectionLimitReached => "connection_limit_reached",
            Self::ConnectionTimeout => "connection_timeout",
            Self::ConnectionWriteTimeout => "connection_write_timeout",
            Self::HttpResponseTimeout => "http_response_timeout",
            Self::ConnectionTerminated => "connection_terminated",
            Self::HttpResponseIncomplete => "http_response_incomplete",
            Self::ConnectionReadTimeout => "connection_read_timeout",
            Self::HttpResponseHeaderSectionSize => "http_response_header_section_size",
            Self::HttpProtocolError => "http_protocol_error",
            Self::HttpStatus => "http_status",
        }
    }
}

impl Failure {
    /// A failure of `cause` in `phase`.
    pub fn new(phase: Phase, cause: Cause) -> Self {
        Self { phase, cause }
    }

    /// The machine-readable name of this failure.
    pub fn reason(&self) -> Reason {
        match &self.cause {
            Cause::NoLivePeers => Reason::DestinationUnavailable,
            Cause::NoConnectionSlot(_) | Cause::Socket(_) | Cause::Option(..) | Cause::Bind(..) => {
                Reason::ProxyInternalError
            }
            Cause::ConnectAtOnce(error) | Cause::Connect(error) => connect_reason(error),
            Cause::TimedOut => match self.phase {
                Phase::Connecting => Reason::ConnectionTimeout,
                Phase::Sending => Reason::ConnectionWriteTimeout,
                Phase::ReadingHead => Reason::HttpResponseTimeout,
                Phase::ReadingBody | Phase::SendingToClient | Phase::Upgraded => {
                    Reason::ConnectionReadTimeout
                }
            },
            Cause::Closed | Cause::Receive(..) | Cause::Send(..) => match self.phase {
                Phase::Connecting | Phase::Sending | Phase::ReadingHead => {
                    Reason::ConnectionTerminated
                }
                Phase::ReadingBody | Phase::SendingToClient | Phase::Upgraded => {
                    Reason::HttpResponseIncomplete
                }
            },
            Cause::HeadTooBig => Reason::HttpResponseHeaderSectionSize,
            Cause::InvalidHead(_) | Cause::InvalidChunk(_) => Reason::HttpProtocolError,
            Cause::Status(_) => Reason::HttpStatus,
        }
    }
}

fn connect_reason(error: &io::Error) -> Reason {
    match error.raw_os_error() {
        Some(libc::ECONNREFUSED) => Reason::ConnectionRefused,
        Some(libc::ETIMEDOUT) => Reason::ConnectionTimeout,
        Some(libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EHOSTDOWN | libc::ENETDOWN) => {
            Reason::DestinationIpUnroutable
        }
        Some(libc::EACCES | libc::EPERM | libc::EINVAL) => Reason::DestinationIpProhibited,
        Some(libc::ENOENT) => Reason::DestinationNotFound,
        Some(libc::EAGAIN) => Reason::ConnectionLimitReached,
        Some(libc::EADDRNOTAVAIL | libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
            Reason::ProxyInternalError
        }
        _ => Reason::ConnectionTerminated,
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;

    /// The page that says what each failure means, and what to do.
    const PAGE: &str = include_str!("../../../docs/failures.md");

    #[test]
    fn every_reason_has_its_section_and_no_other_has_one() {
        let sections: Vec<&str> = PAGE
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .filter(|title| title.contains('_'))
            .collect();
        for reason in Reason::ALL {
            assert!(sections.contains(&reason.token()), "{}", reason.token());
        }
        assert_eq!(sections.len(), Reason::ALL.len(), "{sections:?}");
    }
}
