//! nginx's log lines for what a peer does wrong.

use std::fmt;

use crate::fault::ErrorCode;

/// What a peer did, in nginx's words for clients, which it logs at info level.
/// [`of_upstream`](Self::of_upstream) has those for upstreams.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant is told by its line")]
pub enum Complaint {
    #[error("invalid connection preface")]
    Preface,
    #[error("client sent frame with unknown type {0}")]
    UnknownType(u8),
    #[error("client sent padded DATA frame with incorrect length: 0")]
    PaddedDataEmpty,
    #[error("client sent padded DATA frame with incorrect length: {length}, padding: {padding}")]
    PaddedData { length: u32, padding: u8 },
    #[error("client sent DATA frame with incorrect identifier")]
    DataIdentifier,
    #[error(
        "client violated connection flow control: received DATA frame length {length}, \
         available window {window}"
    )]
    ConnectionWindow { length: u32, window: u32 },
    #[error(
        "client violated flow control for stream {stream}: received DATA frame length {length}, \
         available window {window}"
    )]
    StreamWindow {
        stream: u32,
        length: u32,
        window: u32,
    },
    #[error("client sent DATA frame for half-closed stream {0}")]
    HalfClosed(u32),
    #[error("client sent HEADERS frame with incorrect length {0}")]
    HeadersLength(u32),
    #[error("client sent HEADERS frame with empty header block")]
    HeadersEmpty,
    #[error("client sent padded HEADERS frame with incorrect length: {length}, padding: {padding}")]
    PaddedHeaders { length: u32, padding: u8 },
    #[error("client sent HEADERS frame with incorrect identifier {stream}, the last was {last}")]
    HeadersIdentifier { stream: u32, last: u32 },
    #[error("client sent HEADERS frame for stream {0} with incorrect dependency")]
    HeadersDependency(u32),
    #[error("concurrent streams exceeded {0}")]
    ConcurrentStreams(u32),
    #[error("client sent too many streams at once")]
    StreamsAtOnce,
    #[error("client sent stream with data before settings were acknowledged")]
    DataBeforeSettings,
    #[error("client sent too many refused streams")]
    RefusedStreams,
    #[error("client sent header block with too long size update value")]
    LongSizeUpdate,
    #[error("client sent header block with too long header index value")]
    LongIndex,
    #[error("client sent header block with incorrect length")]
    BlockLength,
    #[error("client sent header field with too long length value")]
    LongLength,
    #[error("client sent header field with incorrect length")]
    FieldLength,
    #[error("client sent too large header field")]
    LargeField,
    #[error("client sent too large header")]
    LargeHeader,
    #[error("client sent invalid encoded header field")]
    Encoding,
    #[error("client sent zero header name length")]
    EmptyName,
    #[error("client sent invalid hpack table index 0")]
    IndexZero,
    #[error("client sent out of bound hpack table index: {0}")]
    IndexOutOfBound(u32),
    #[error("client sent invalid table size update: {0}")]
    TableSize(u32),
    #[error("client sent inappropriate frame while CONTINUATION was expected")]
    ContinuationExpected,
    #[error("client sent CONTINUATION frame with incorrect identifier")]
    ContinuationIdentifier,
    #[error("client sent unexpected CONTINUATION frame")]
    ContinuationUnexpected,
    #[error("client sent PRIORITY frame with incorrect length {0}")]
    PriorityLength(u32),
    #[error("client sent too many PRIORITY frames")]
    PriorityFlood,
    #[error("client sent PRIORITY frame with incorrect identifier")]
    PriorityIdentifier,
    #[error("client sent PRIORITY frame for stream {0} with incorrect dependency")]
    PriorityDependency(u32),
    #[error("client sent RST_STREAM frame with incorrect length {0}")]
    ResetLength(u32),
    #[error("client sent RST_STREAM frame with incorrect identifier")]
    ResetIdentifier,
    #[error("client canceled stream {0}")]
    Canceled(u32),
    #[error("client terminated stream {0} due to internal error")]
    TerminatedInternal(u32),
    #[error("client terminated stream {stream} with status {code}")]
    Terminated { stream: u32, code: ErrorCode },
    #[error("client sent SETTINGS frame with incorrect identifier")]
    SettingsIdentifier,
    #[error("client sent SETTINGS frame with the ACK flag and nonzero length")]
    SettingsAckLength,
    #[error("client sent SETTINGS frame with incorrect length {0}")]
    SettingsLength(u32),
    #[error("client sent SETTINGS frame with incorrect INITIAL_WINDOW_SIZE value {0}")]
    InitialWindowSize(u32),
    #[error("client sent SETTINGS frame with incorrect MAX_FRAME_SIZE value {0}")]
    MaxFrameSize(u32),
    #[error("client sent SETTINGS frame with incorrect ENABLE_PUSH value {0}")]
    EnablePush(u32),
    #[error("client sent PUSH_PROMISE frame")]
    PushPromise,
    #[error("client sent PING frame with incorrect length {0}")]
    PingLength(u32),
    #[error("client sent PING frame with incorrect identifier")]
    PingIdentifier,
    #[error("client sent GOAWAY frame with incorrect length {0}")]
    GoAwayLength(u32),
    #[error("client sent GOAWAY frame with incorrect identifier")]
    GoAwayIdentifier,
    #[error("client sent WINDOW_UPDATE frame with incorrect length {0}")]
    WindowUpdateLength(u32),
    #[error("client sent WINDOW_UPDATE frame with incorrect window increment 0")]
    WindowUpdateZero,
    #[error(
        "client violated flow control for stream {stream}: received WINDOW_UPDATE frame \
         with window increment {increment} not allowed for window {window}"
    )]
    StreamWindowUpdate {
        stream: u32,
        increment: u32,
        window: i64,
    },
    #[error(
        "client violated connection flow control: received WINDOW_UPDATE frame \
         with window increment {increment} not allowed for window {window}"
    )]
    ConnectionWindowUpdate { increment: u32, window: u32 },
    #[error("upstream sent too large http2 frame: {0}")]
    LargeFrame(u32),
    #[error("upstream sent frame for unknown stream {0}")]
    UnknownStream(u32),
    #[error("upstream sent data frame before headers on stream {0}")]
    DataBeforeHead(u32),
    #[error("upstream sent trailer without end stream flag on stream {0}")]
    TrailersWithoutEnd(u32),
    #[error("http2 flood detected")]
    Flood,
}

impl Complaint {
    /// What an upstream did, in the words of ngx_http_grpc_module.c, which nginx logs at error level.
    /// What that module has no words for is said as it is of clients.
    #[must_use]
    pub fn of_upstream(&self) -> OfUpstream<'_> {
        OfUpstream(self)
    }

    /// The line for a stream that the peer reset (ngx_http_v2_state_rst_stream).
    pub(crate) fn of_reset(stream: u32, code: ErrorCode) -> Self {
        match code {
            ErrorCode::CANCEL => Self::Canceled(stream),
            ErrorCode::INTERNAL_ERROR => Self::TerminatedInternal(stream),
            _ => Self::Terminated { stream, code },
        }
    }
}

/// A complaint about an upstream.
#[derive(Clone, Copy, Debug)]
pub struct OfUpstream<'a>(&'a Complaint);

impl fmt::Display for OfUpstream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Complaint::{
            BlockLength, ConnectionWindow, ConnectionWindowUpdate, ContinuationUnexpected,
            EmptyName, Encoding, FieldLength, GoAwayLength, HalfClosed, HeadersLength,
            IndexOutOfBound, IndexZero, InitialWindowSize, LargeHeader, PaddedData,
            PaddedDataEmpty, PaddedHeaders, PingLength, PushPromise, ResetLength, SettingsLength,
            StreamWindow, StreamWindowUpdate, TableSize, WindowUpdateLength, WindowUpdateZero,
        };
        f.write_str("upstream ")?;
        match self.0 {
            PaddedDataEmpty => f.write_str("sent too short http2 frame"),
            PaddedData {
                length,
                padding: octets,
            } => padding(f, *octets, length.saturating_sub(1)),
            PaddedHeaders {
                length,
                padding: octets,
            } => padding(f, *octets, *length),
            StreamWindow {
                length,
                window: left,
                ..
            } => window(f, "stream", *length, *left),
            ConnectionWindow {
                length,
                window: left,
            } => window(f, "connection", *length, *left),
            HalfClosed(stream) => write!(f, "sent frame for closed stream {stream}"),
            HeadersLength(length) => invalid(f, "headers", *length),
            ResetLength(length) => invalid(f, "rst stream", *length),
            SettingsLength(length) => invalid(f, "settings", *length),
            PingLength(length) => invalid(f, "ping", *length),
            GoAwayLength(length) => invalid(f, "goaway", *length),
            WindowUpdateLength(length) => invalid(f, "window update", *length),
            IndexZero => f.write_str("sent invalid http2 table index: 0"),
            // Counted from the end of the static table.
            IndexOutOfBound(index) => write!(f, "sent invalid http2 table index: {}", index + 62),
            TableSize(size) => write!(f, "sent invalid http2 dynamic table size update: {size}"),
            EmptyName => f.write_str("sent zero http2 header name length"),
            Encoding => f.write_str("sent invalid encoded header"),
            LargeHeader => f.write_str("sent too large http2 header"),
            BlockLength | FieldLength => f.write_str("sent truncated http2 header"),
            ContinuationUnexpected => f.write_str("sent unexpected http2 frame: 9"),
            PushPromise => f.write_str("sent unexpected push promise frame"),
            InitialWindowSize(size) => {
                write!(
                    f,
                    "sent settings frame with too large initial window size: {size}"
                )
            }
            WindowUpdateZero => f.write_str("sent zero window update"),
            StreamWindowUpdate { .. } | ConnectionWindowUpdate { .. } => {
                f.write_str("sent too large window update")
            }
            other => {
                let words = other.to_string();
                let told = words.strip_prefix("client ");
                let told = told.or_else(|| words.strip_prefix("upstream "));
                f.write_str(told.unwrap_or(&words))
            }
        }
    }
}

fn invalid(f: &mut fmt::Formatter<'_>, frame: &str, length: u32) -> fmt::Result {
    write!(f, "sent {frame} frame with invalid length: {length}")
}

fn padding(f: &mut fmt::Formatter<'_>, padding: u8, rest: u32) -> fmt::Result {
    write!(
        f,
        "sent http2 frame with too long padding: {padding} in frame {rest}"
    )
}

fn window(f: &mut fmt::Formatter<'_>, whose: &str, length: u32, window: u32) -> fmt::Result {
    write!(
        f,
        "violated {whose} flow control, received {length} data frame with window {window}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_both_kinds_of_peers() {
        let check = |complaint: Complaint, client, upstream| {
            assert_eq!(complaint.to_string(), client);
            assert_eq!(complaint.of_upstream().to_string(), upstream);
        };
        check(
            Complaint::PaddedData {
                length: 4,
                padding: 5,
            },
            "client sent padded DATA frame with incorrect length: 4, padding: 5",
            "upstream sent http2 frame with too long padding: 5 in frame 3",
        );
        check(
            Complaint::IndexOutOfBound(0),
            "client sent out of bound hpack table index: 0",
            "upstream sent invalid http2 table index: 62",
        );
        check(
            Complaint::PingIdentifier,
            "client sent PING frame with incorrect identifier",
            "upstream sent PING frame with incorrect identifier",
        );
        let large = "upstream sent too large http2 frame: 16385";
        check(Complaint::LargeFrame(16_385), large, large);
    }
}
