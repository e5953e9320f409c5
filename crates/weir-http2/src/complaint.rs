//! nginx's log lines for what a peer does wrong.

use crate::fault::ErrorCode;

/// What a peer did, in nginx's words. nginx logs all of them at info level.
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
    /// The line for a stream that the peer reset (ngx_http_v2_state_rst_stream).
    pub(crate) fn of_reset(stream: u32, code: ErrorCode) -> Self {
        match code {
            ErrorCode::CANCEL => Self::Canceled(stream),
            ErrorCode::INTERNAL_ERROR => Self::TerminatedInternal(stream),
            _ => Self::Terminated { stream, code },
        }
    }
}
