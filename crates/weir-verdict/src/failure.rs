//! Every way an exchange with an upstream fails: where it stood, and what happened.

use std::borrow::Cow;
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
    /// The peer and this side agree on TLS.
    Handshaking,
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
            Self::Handshaking => "SSL handshaking to upstream",
            Self::Sending => "sending request to upstream",
            Self::ReadingHead => "reading response header from upstream",
            Self::ReadingBody => "reading upstream",
            Self::SendingToClient => "sending to client",
            Self::Upgraded => "proxying upgraded connection",
        }
    }

    /// A word for programs.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Handshaking => "handshaking",
            Self::Sending => "sending",
            Self::ReadingHead => "reading_head",
            Self::ReadingBody => "reading_body",
            Self::SendingToClient => "sending_to_client",
            Self::Upgraded => "upgraded",
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
    /// So it is, and as many requests as may wait for one do so.
    QueueFull,
    /// So it was for as long as a request may wait.
    QueueTimedOut,
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
    /// The certificate that the peer is to be shown does not load: what is wrong, in nginx's words.
    Certificate(String),
    /// TLS came to nothing. Boxed: it is rare, and every request has room for a cause.
    Tls(Box<TlsFailure>),
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

impl From<TlsFailure> for Cause {
    fn from(failure: TlsFailure) -> Self {
        Self::Tls(Box::new(failure))
    }
}

/// How TLS came to nothing.
#[derive(Debug)]
pub enum TlsFailure {
    /// The peer closed the connection in the middle of the handshake, or it broke.
    Closed(Option<io::Error>),
    /// The peer has said what it does not like, by this number: nginx's name of the call that learned of it, and
    /// OpenSSL's words.
    Alert(&'static str, u8, Cow<'static, str>),
    /// What came is not TLS, or not what may come here.
    Protocol(&'static str, Cow<'static, str>),
    /// This side is at fault.
    Local(&'static str, Cow<'static, str>),
    /// Nobody who is trusted vouches for the peer's certificate: OpenSSL's number and words.
    Untrusted(u16, &'static str),
    /// The peer's certificate is another one's than this name's.
    OtherName(Box<[u8]>),
    /// The peer spoke before it was greeted.
    Unasked,
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
    /// The peer's certificate is not trusted, or another one's.
    TlsCertificateError,
    /// The peer broke the handshake off, and said why.
    TlsAlertReceived,
    /// What the peer sent is not TLS, or this side has nothing to offer.
    TlsProtocolError,
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
    pub const ALL: [Self; 19] = [
        Self::DestinationUnavailable,
        Self::ProxyInternalError,
        Self::ConnectionRefused,
        Self::DestinationIpUnroutable,
        Self::DestinationIpProhibited,
        Self::DestinationNotFound,
        Self::ConnectionLimitReached,
        Self::ConnectionTimeout,
        Self::TlsCertificateError,
        Self::TlsAlertReceived,
        Self::TlsProtocolError,
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
            Self::TlsCertificateError => "tls_certificate_error",
            Self::TlsAlertReceived => "tls_alert_received",
            Self::TlsProtocolError => "tls_protocol_error",
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
            Cause::NoLivePeers | Cause::QueueFull | Cause::QueueTimedOut => {
                Reason::DestinationUnavailable
            }
            Cause::NoConnectionSlot(_)
            | Cause::Socket(_)
            | Cause::Option(..)
            | Cause::Bind(..)
            | Cause::Certificate(_) => Reason::ProxyInternalError,
            Cause::Tls(failure) => tls_reason(failure),
            Cause::ConnectAtOnce(error) | Cause::Connect(error) => connect_reason(error),
            Cause::TimedOut => match self.phase {
                Phase::Connecting | Phase::Handshaking => Reason::ConnectionTimeout,
                Phase::Sending => Reason::ConnectionWriteTimeout,
                Phase::ReadingHead => Reason::HttpResponseTimeout,
                Phase::ReadingBody | Phase::SendingToClient | Phase::Upgraded => {
                    Reason::ConnectionReadTimeout
                }
            },
            Cause::Closed | Cause::Receive(..) | Cause::Send(..) => match self.phase {
                Phase::Connecting | Phase::Handshaking | Phase::Sending | Phase::ReadingHead => {
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

fn tls_reason(failure: &TlsFailure) -> Reason {
    match failure {
        TlsFailure::Closed(_) => Reason::ConnectionTerminated,
        TlsFailure::Alert(..) => Reason::TlsAlertReceived,
        TlsFailure::Protocol(..) | TlsFailure::Local(..) | TlsFailure::Unasked => {
            Reason::TlsProtocolError
        }
        TlsFailure::Untrusted(..) | TlsFailure::OtherName(_) => Reason::TlsCertificateError,
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
