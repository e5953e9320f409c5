//! Where a response body ends, and which of its bytes are payload.

use std::ops::Range;

use weir_wire::FieldLines;
use weir_wire::chunked::{Chunk, ChunkRules, ChunkedDecoder, ChunkedFault};
use weir_wire::response::ResponseHead;

/// How the upstream says where its body ends (`ngx_http_proxy_input_filter_init`).
pub(super) enum BodyDecoder {
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks.
    Chunked(Box<Chunks>),
    /// At the end of the connection.
    UntilClose,
}

/// A chunked body, and where nginx would have handed on what it had read of it.
pub(super) struct Chunks {
    decoder: ChunkedDecoder,
    passes: Passes,
}

/// nginx reads until all its buffers are full, and writes; then it reads on. What it wrote before a
/// fault is with the client, what it read along with the fault is lost (`ngx_event_pipe`). weir, which
/// reads more at once, keeps count of where the one ends and the other begins.
#[derive(Clone, Copy)]
pub(super) struct Passes {
    /// Bytes, framing included, until the buffers are full.
    left: u64,
    /// Bytes that all buffers hold once the head is gone from the first; 0 = whatever is read is
    /// written.
    all: u64,
    /// Payload bytes in front of the last place where they were full.
    written: usize,
}

impl Passes {
    /// `first` bytes fit the buffers beside the head, `all` without it.
    pub(super) fn new(first: u64, all: u64) -> Self {
        Self {
            left: first,
            all,
            written: 0,
        }
    }

    /// What was read before is with the client, and the buffers are free.
    fn begin(&mut self) {
        self.left = self.all;
        self.written = 0;
    }

    /// The bytes `raw` of what is read are payload, and become what follows `payload` bytes of it; the
    /// buffers are full at `full`.
    fn reach(&mut self, raw: Range<usize>, payload: usize, full: &mut u64) {
        while self.all > 0 && *full <= raw.end as u64 {
            let within = full.saturating_sub(raw.start as u64);
            self.written = payload + usize::try_from(within).unwrap_or(0);
            *full = full.saturating_add(self.all);
        }
    }
}

/// The framing is broken; the first `kept` bytes of the payload would be with the client already.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BrokenFraming {
    pub(super) fault: ChunkedFault,
    pub(super) kept: usize,
}

/// What became of newly read bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// The body is complete.
    pub(super) complete: bool,
    /// Bytes behind its end were dropped.
    pub(super) surplus: bool,
}

impl BodyDecoder {
    /// `asked_head`: the request that was sent upstream is a HEAD.
    pub(super) fn of(
        head: &ResponseHead,
        asked_head: bool,
        no_head: bool,
        rules: ChunkRules,
        passes: Passes,
    ) -> Self {
        if no_head {
            return Self::UntilClose;
        }
        if asked_head || matches!(head.status, 204 | 304) {
            return Self::Length(0);
        }
        if head.chunked {
            return Self::Chunked(Box::new(Chunks {
                decoder: ChunkedDecoder::new(rules),
                passes,
            }));
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

    /// All that was read before is handed on.
    pub(super) fn begin_pass(&mut self) {
        if let Self::Chunked(chunks) = self {
            chunks.passes.begin();
        }
    }

    /// Reduces `bytes[from..]`, as read, to the payload in it.
    pub(super) fn take(
        &mut self,
        bytes: &mut Vec<u8>,
        from: usize,
    ) -> Result<Taken, BrokenFraming> {
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
            Self::Chunked(chunks) => chunks.take(bytes, from),
        }
    }

    /// Trailers of a chunked body, if they were kept.
    pub(super) fn trailers(&self) -> FieldLines {
        let mut trailers = FieldLines::default();
        if let Self::Chunked(chunks) = self {
            for (name, value) in chunks.decoder.trailers() {
                trailers.add(name, value);
            }
        }
        trailers
    }
}

impl Chunks {
    /// Moves the payload of the chunks together, in place.
    fn take(&mut self, bytes: &mut Vec<u8>, from: usize) -> Result<Taken, BrokenFraming> {
        let passes = &mut self.passes;
        let read = bytes.len();
        let (mut at, mut end) = (from, from);
        let mut full = (from as u64).saturating_add(passes.left);
        let mut complete = false;
        loop {
            match self.decoder.decode(bytes, &mut at) {
                Ok(Chunk::Data(range)) => {
                    passes.reach(range.clone(), end, &mut full);
                    let length = range.len();
                    bytes.copy_within(range, end);
                    end += length;
                }
                Ok(Chunk::NeedMore) => break,
                Ok(Chunk::Done { .. }) => {
                    complete = true;
                    break;
                }
                Err(fault) => {
                    passes.reach(at..at, end, &mut full);
                    let kept = passes.written;
                    return Err(BrokenFraming { fault, kept });
                }
            }
        }
        passes.reach(read..read, end, &mut full);
        passes.left = full.saturating_sub(read as u64);
        bytes.truncate(end);
        Ok(Taken {
            complete,
            surplus: complete && at < read,
        })
    }
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

    fn chunked(passes: Passes) -> BodyDecoder {
        let decoder = ChunkedDecoder::new(rules());
        BodyDecoder::Chunked(Box::new(Chunks { decoder, passes }))
    }

    /// Takes `reads` one after the other: the payload, and what each read came to.
    fn check(mut framing: BodyDecoder, reads: &[&str], payload: &str, last: Taken) {
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
        let chunked = || chunked(Passes::new(0, 0));
        for (framing, reads, payload, last) in [
            (
                BodyDecoder::Length(3),
                &["ab"][..],
                "ab",
                taken(false, false),
            ),
            (
                BodyDecoder::Length(3),
                &["ab", "c"],
                "abc",
                taken(true, false),
            ),
            (
                BodyDecoder::Length(3),
                &["ab", "cd"],
                "abc",
                taken(true, true),
            ),
            (BodyDecoder::Length(0), &["x"], "", taken(true, true)),
            (
                BodyDecoder::UntilClose,
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
        let mut framing = chunked(Passes::new(0, 0));
        let mut bytes = b"1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n".to_vec();
        assert_eq!(framing.take(&mut bytes, 0), Ok(taken(true, false)));
        let mut lines = Vec::new();
        framing.trailers().write(&mut lines);
        assert_eq!(String::from_utf8_lossy(&lines), "A: b\r\nC: d\r\n");
    }

    /// Of 10 chunks of 7 bytes each, of which 2 are payload, nginx has written what its buffers held
    /// when they were full last, however the bytes were split over reads.
    #[test]
    fn of_broken_chunks_nginx_has_written_what_it_read_before_its_last_pass() {
        let body = [b"2\r\nab\r\n".repeat(10), b"zz".to_vec()].concat();
        for (first, all, kept) in [
            (71, 10, 0),
            (70, 10, 20),
            (68, 10, 20),
            (67, 10, 19),
            (66, 10, 18),
            (63, 10, 18),
            (10, 30, 20),
            (10, 31, 12),
            (0, 0, 0),
        ] {
            for split in [1, 3, 7, 50, 100] {
                let mut framing = chunked(Passes::new(first, all));
                let mut bytes = Vec::new();
                let mut broken = None;
                for read in body.chunks(split) {
                    let from = bytes.len();
                    bytes.extend_from_slice(read);
                    broken = broken.or_else(|| framing.take(&mut bytes, from).err());
                }
                let found = broken.map(|broken| broken.kept);
                assert_eq!(found, Some(kept), "{first} {all} {split}");
            }
        }
    }
}
