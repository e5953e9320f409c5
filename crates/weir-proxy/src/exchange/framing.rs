//! Where a response body ends, and which of its bytes are payload.

use weir_http1::chunked::{Chunk, ChunkRules, ChunkedDecoder, ChunkedFault};
use weir_http1::response::ResponseHead;

/// How the upstream says where its body ends (`ngx_http_proxy_input_filter_init`).
pub(super) enum Framing {
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks.
    Chunked(Box<ChunkedDecoder>),
    /// At the end of the connection.
    UntilClose,
}

/// What became of newly read bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// The body is complete.
    pub(super) complete: bool,
    /// Bytes behind its end were dropped.
    pub(super) surplus: bool,
}

impl Framing {
    pub(super) fn of(head: &ResponseHead, is_head: bool, no_head: bool, rules: ChunkRules) -> Self {
        if no_head {
            return Self::UntilClose;
        }
        if is_head || matches!(head.status, 204 | 304) {
            return Self::Length(0);
        }
        if head.chunked {
            return Self::Chunked(Box::new(ChunkedDecoder::new(rules)));
        }
        match head.content_length {
            Some(length) => Self::Length(length),
            None => Self::UntilClose,
        }
    }

    /// Whether nothing of the body is to come.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Length(0))
    }

    /// Whether the end of the connection is the end of the body.
    pub(super) fn ends_by_close(&self) -> bool {
        matches!(self, Self::UntilClose)
    }

    /// Reduces `bytes[from..]`, as read, to the payload in it.
    pub(super) fn take(&mut self, bytes: &mut Vec<u8>, from: usize) -> Result<Taken, ChunkedFault> {
        let fresh = bytes.len() - from;
        match self {
            Self::UntilClose => Ok(Taken {
                complete: false,
                surplus: false,
            }),
            Self::Length(rest) => {
                let wanted = usize::try_from(*rest).unwrap_or(usize::MAX).min(fresh);
                *rest -= wanted as u64;
                bytes.truncate(from + wanted);
                Ok(Taken {
                    complete: *rest == 0,
                    surplus: wanted < fresh,
                })
            }
            Self::Chunked(decoder) => unchunk(decoder, bytes, from),
        }
    }

    /// Trailers of a chunked body, if they were kept.
    pub(super) fn write_trailers(&self, out: &mut Vec<u8>) {
        if let Self::Chunked(decoder) = self {
            for (name, value) in decoder.trailers() {
                out.extend_from_slice(name);
                out.extend_from_slice(b": ");
                out.extend_from_slice(value);
                out.extend_from_slice(b"\r\n");
            }
        }
    }
}

/// Moves the payload of the chunks together, in place.
fn unchunk(
    decoder: &mut ChunkedDecoder,
    bytes: &mut Vec<u8>,
    from: usize,
) -> Result<Taken, ChunkedFault> {
    let mut at = from;
    let mut end = from;
    let mut complete = false;
    let mut surplus = false;
    loop {
        match decoder.decode(bytes, &mut at)? {
            Chunk::Data(range) => {
                let length = range.len();
                bytes.copy_within(range, end);
                end += length;
            }
            Chunk::NeedMore => break,
            Chunk::Done { end: after } => {
                complete = true;
                surplus = after < bytes.len();
                break;
            }
        }
    }
    bytes.truncate(end);
    Ok(Taken { complete, surplus })
}
