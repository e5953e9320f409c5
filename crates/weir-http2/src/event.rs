//! What comes out of received bytes.

use crate::complaint::Complaint;
use crate::fault::ErrorCode;

/// One thing that happened. Those that name a stream come in the order of the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'i> {
    /// A HEADERS frame opened a stream: nginx creates the request here, before a field is decoded
    /// (ngx_http_v2_create_stream). Its fields may follow much later. Whoever ends connections after
    /// so many requests calls [`go_away`](crate::Connection::go_away) now.
    Opened {
        /// The stream.
        stream: u32,
    },
    /// All fields of a head are there: [`fields`](crate::Connection::fields) has them until the
    /// next call of `receive`. A client gets one for each interim head (1xx), too.
    Head {
        /// The stream.
        stream: u32,
        /// Octets of the header block as it was sent: what $request_length counts.
        length: usize,
        /// No body follows.
        ends: bool,
    },
    /// Fields behind a body, found as those of a head. Only clients get them: nginx ends a
    /// connection that sends a second HEADERS frame on a stream.
    Trailers {
        /// The stream.
        stream: u32,
    },
    /// Body bytes, as they come. Bytes of closed and ignored streams do not come.
    Data {
        /// The stream.
        stream: u32,
        /// A part of the input; empty only if `ends`.
        bytes: &'i [u8],
        /// These are the last.
        ends: bool,
    },
    /// The peer ended the stream: nginx's "client canceled stream 1". Nothing can be sent on it
    /// any more; [`close`](crate::Connection::close) is still to be called.
    Reset {
        /// The stream.
        stream: u32,
        /// The peer's code.
        code: ErrorCode,
        /// The log line, at info level, of the request.
        complaint: Complaint,
    },
    /// The stream was ended by RST_STREAM, which stands in the output: the peer broke a rule on it
    /// (ngx_http_v2_terminate_stream). Its request goes on as if its client were gone;
    /// [`close`](crate::Connection::close) is still to be called.
    Terminated {
        /// The stream.
        stream: u32,
        /// The code sent.
        code: ErrorCode,
        /// The log line, at info level, of the connection. Settings that overflow a window have none.
        complaint: Option<Complaint>,
    },
    /// A stream was refused by RST_STREAM; it was never opened.
    Refused {
        /// The stream.
        stream: u32,
        /// The log line, at info level, of the connection.
        complaint: Complaint,
    },
    /// A window opened for which [`send_data`](crate::Connection::send_data) had stopped.
    Writable {
        /// The stream, or `None` if it may be any.
        stream: Option<u32>,
    },
    /// The peer takes no new streams (clients only; nginx does nothing when one of its clients says so).
    GoAway {
        /// Streams above it were not looked at.
        last: u32,
        /// The peer's code.
        code: ErrorCode,
    },
    /// Something to log at info level for the connection, which goes on.
    Complaint(Complaint),
}
