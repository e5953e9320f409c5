//! Why a connection ends, and the codes that are sent.

use std::fmt;

use crate::complaint::Complaint;

/// An error code of RST_STREAM and GOAWAY (RFC 9113, 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// Nothing is wrong.
    pub const NO_ERROR: Self = Self(0x0);
    /// The peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(0x1);
    /// This side failed.
    pub const INTERNAL_ERROR: Self = Self(0x2);
    /// The peer sent more than its window allows, or opened one too far.
    pub const FLOW_CONTROL_ERROR: Self = Self(0x3);
    /// Settings were not acknowledged in time.
    pub const SETTINGS_TIMEOUT: Self = Self(0x4);
    /// A frame came on a stream that its sender had ended.
    pub const STREAM_CLOSED: Self = Self(0x5);
    /// A frame's length is wrong.
    pub const FRAME_SIZE_ERROR: Self = Self(0x6);
    /// The request was not looked at.
    pub const REFUSED_STREAM: Self = Self(0x7);
    /// The answer is not wanted any more.
    pub const CANCEL: Self = Self(0x8);
    /// A header block cannot be decoded.
    pub const COMPRESSION_ERROR: Self = Self(0x9);
    /// The tunnel of a CONNECT broke.
    pub const CONNECT_ERROR: Self = Self(0xa);
    /// The peer does too much.
    pub const ENHANCE_YOUR_CALM: Self = Self(0xb);
    /// TLS is too weak.
    pub const INADEQUATE_SECURITY: Self = Self(0xc);
    /// HTTP/1.1 is wanted.
    pub const HTTP_1_1_REQUIRED: Self = Self(0xd);
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The connection is over. GOAWAY with [`code`](Self::code) stands in the output already, unless one
/// was sent before or the peer does not read what it is sent (ngx_http_v2_finalize_connection).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{complaint}")]
pub struct Fault {
    /// GOAWAY's code.
    pub code: ErrorCode,
    /// The log line, at info level, of the connection and not of a request.
    pub complaint: Complaint,
}
