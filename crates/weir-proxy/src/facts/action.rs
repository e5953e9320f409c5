//! What a connection is doing.

use weir_verdict::Phase;

/// What the connection is doing, in nginx's words; a log line carries it after " while ".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Accepted; what a balancer says of its client is expected first.
    ReadingProxyProtocol,
    /// Accepted from a `listen` with `ssl`; the client is expected to greet.
    Handshaking,
    /// HTTP/2 is spoken.
    Http2,
    /// Accepted, and past the doors; no byte of a request yet.
    WaitingForRequest,
    /// The request line has begun.
    ReadingRequestLine,
    /// The request line of a request that was sent ahead has begun.
    ReadingPipelinedLine,
    /// The request line is complete.
    ReadingHeaders,
    /// Idle after a request.
    Keepalive,
    /// Phases that have no words of their own.
    Processing,
    /// Part of an exchange with an upstream.
    Exchange(Phase),
    /// An upstream's answer is being written.
    SendingToClient,
    /// A file is being written.
    SendingFile,
    /// An FLV file is being written.
    SendingFlv,
    /// An MP4 file is being written.
    SendingMp4,
    /// The access line is being written.
    Logging,
    /// The status of an answer to a health check is being tested.
    CheckingStatus,
    /// Its head.
    CheckingHeader,
    /// Its body.
    CheckingBody,
    /// Variables that hang on it.
    CheckingVariables,
    /// The connection lingers for what the client still sends.
    Closing,
}

impl Action {
    /// nginx's words; `None` where its lines have none.
    pub fn words(self) -> Option<&'static str> {
        match self {
            Self::ReadingProxyProtocol => Some("reading PROXY protocol"),
            Self::Handshaking => Some("SSL handshaking"),
            Self::Http2 => Some("processing HTTP/2 connection"),
            Self::WaitingForRequest => Some("waiting for request"),
            Self::ReadingRequestLine => Some("reading client request line"),
            Self::ReadingPipelinedLine => Some("reading client pipelined request line"),
            Self::ReadingHeaders => Some("reading client request headers"),
            Self::Keepalive => Some("keepalive"),
            Self::Processing => None,
            Self::Exchange(phase) => Some(phase.words()),
            Self::SendingToClient => Some("sending to client"),
            Self::SendingFile => Some("sending response to client"),
            Self::SendingFlv => Some("sending flv to client"),
            Self::SendingMp4 => Some("sending mp4 to client"),
            Self::Logging => Some("logging request"),
            Self::CheckingStatus => Some("checking status code"),
            Self::CheckingHeader => Some("checking header"),
            Self::CheckingBody => Some("checking body"),
            Self::CheckingVariables => Some("checking variables"),
            Self::Closing => Some("closing request"),
        }
    }
}
