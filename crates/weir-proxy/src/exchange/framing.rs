//! Where a response body ends, and which of its bytes are payload.

use weir_wire::FieldLines;
use weir_wire::chunked::{Chunk, ChunkRules, ChunkedDecoder, ChunkedFault};
use weir_wire::response::ResponseHead;

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
    /// `asked_head`: the request that was sent upstream is a HEAD.
    pub(super) fn of(
        head: &ResponseHead,
        asked_head: bool,
        no_head: bool,
        rules: ChunkRules,
    ) -> Self {
        if no_head {
            return Self::UntilClose;
        }
        if asked_head || matches!(head.status, 204 | 304) {
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
    pub(super) fn trailers(&self) -> FieldLines {
        let mut trailers = FieldLines::default();
        if let Self::Chunked(decoder) = self {
            for (name, value) in decoder.trailers() {
                trailers.add(name, value);
            }
        }
        trailers
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

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> ChunkRules {
        ChunkRules {
            strict_line_ends: true,
            trailers: Some(100),
        }
    }

    /// Takes `reads` one after the other: the payload, and what each read came to.
    fn check(mut framing: Framing, reads: &[&str], payload: &str, last: Taken) {
        let mut bytes = Vec::new();
        let mut taken = None;
        for read in reads {
            let from = bytes.len();
            bytes.extend_from_slice(read.as_bytes());
            taken = framing.take(&mut bytes, from).ok();
        }
        assert_eq!(String::from_utf8_lossy(&bytes), payload, "{reads:?}");
        assert_eq!(taken, Some(last), "{reads:?}");
    }

    const fn taken(complete: bool, surplus: bool) -> Taken {
        Taken { complete, surplus }
    }

    #[test]
    fn payload_is_what_the_framing_says() {
        let chunked = || Framing::Chunked(Box::new(ChunkedDecoder::new(rules())));
        for (framing, reads, payload, last) in [
            (Framing::Length(3), &["ab"][..], "ab", taken(false, false)),
            (Framing::Length(3), &["ab", "c"], "abc", taken(true, false)),
            (Framing::Length(3), &["ab", "cd"], "abc", taken(true, true)),
            (Framing::Length(0), &["x"], "", taken(true, true)),
            (
                Framing::UntilClose,
                &["ab", "c"],
                "abc",
                taken(false, false),
            ),
            (chunked(), &["2\r\nab\r\n"], "ab", taken(false, false)),
            (
                chunked(),
                &["2\r", "\nab\r\n1;x\r\nc", "\r\n0\r\n\r\n"],
                "abc",
                taken(true, false),
            ),
            (chunked(), &["1\r\na\r\n0\r\n\r\nX"], "a", taken(true, true)),
        ] {
            check(framing, reads, payload, last);
        }
    }

    #[test]
    fn trailers_are_kept_where_they_are_wanted() {
        let mut framing = Framing::Chunked(Box::new(ChunkedDecoder::new(rules())));
        let mut bytes = b"1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n".to_vec();
        assert_eq!(framing.take(&mut bytes, 0), Ok(taken(true, false)));
        let mut lines = Vec::new();
        framing.trailers().write(&mut lines);
        assert_eq!(String::from_utf8_lossy(&lines), "A: b\r\nC: d\r\n");
    }
}
