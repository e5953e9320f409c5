//! `gunzip`: decompression.

use flate2::{Decompress, FlushDecompress, Status};
use thiserror::Error;

use crate::Flush;
use crate::chain::{ROOM, Step};

/// Bits of the largest window that there is.
const WINDOW_BITS: u8 = 15;

/// zlib's numbers for what nginx's lines name.
const DATA_ERROR: i32 = -3;
const BUF_ERROR: i32 = -5;

/// Why a body cannot be decompressed, in nginx's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InflateFault {
    /// It is not compressed so, or damaged.
    #[error("inflate() failed: {flush}, {result}")]
    Failed {
        /// zlib's number of the flush that was asked for.
        flush: i32,
        /// Its number of the fault.
        result: i32,
    },
    /// It ends too early.
    #[error("inflate() returned {result} on response end")]
    Unfinished {
        /// zlib's number of the fault.
        result: i32,
    },
}

/// A body being decompressed (`ngx_http_gunzip_body_filter`).
#[derive(Debug)]
pub struct Gunzip {
    decompress: Decompress,
    /// A member is complete; another one may follow.
    ended: bool,
    /// The body is complete.
    done: bool,
    /// The last call ended for lack of room.
    is_full: bool,
    /// What follows a member is no member. The member itself was handed on first.
    fault: Option<InflateFault>,
}

impl Default for Gunzip {
    fn default() -> Self {
        Self::new()
    }
}

impl Gunzip {
    /// A decompressor.
    pub fn new() -> Self {
        Self {
            decompress: Decompress::new_gzip(WINDOW_BITS),
            ended: false,
            done: false,
            is_full: false,
            fault: None,
        }
    }

    /// Takes of `piece` what makes some [`ROOM`] bytes.
    pub(crate) fn pass(
        &mut self,
        piece: &[u8],
        flush: Flush,
        out: &mut Vec<u8>,
    ) -> Result<Step, InflateFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let mut taken = if self.done { piece.len() } else { 0 };
        while !self.done && (taken < piece.len() || std::mem::take(&mut self.is_full)) {
            if out.len() >= ROOM {
                self.is_full = true;
                break;
            }
            let rest = &piece[taken..];
            if self.ended && !rest.is_empty() {
                self.ended = false;
                self.decompress = Decompress::new_gzip(WINDOW_BITS);
            }
            let settled = out.len();
            match self.inflate(rest, flush, out) {
                Ok(count) => taken += count,
                // Where zlib is to flush, nginx hands on what each call has made.
                Err(_) if flush == Flush::Now && settled > 0 => {
                    out.truncate(settled);
                    self.fault = Some(InflateFault::Failed {
                        flush: number(Flush::No),
                        result: DATA_ERROR,
                    });
                    taken = piece.len();
                    break;
                }
                Err(fault) => return Err(fault),
            }
        }
        let has_more = self.is_full;
        if flush == Flush::End && !has_more && taken == piece.len() && !self.done {
            self.done = true;
            if !self.ended {
                return Err(InflateFault::Unfinished { result: BUF_ERROR });
            }
        }
        Ok(Step { taken, has_more })
    }

    /// Decompresses into what room there is, up to the end of a member; bytes taken of `piece`.
    fn inflate(
        &mut self,
        piece: &[u8],
        flush: Flush,
        out: &mut Vec<u8>,
    ) -> Result<usize, InflateFault> {
        out.reserve(ROOM.min(piece.len().saturating_mul(4).max(LEAST_ROOM)));
        let before = self.decompress.total_in();
        let status = self
            .decompress
            .decompress_vec(piece, out, FlushDecompress::None)
            .map_err(|_| InflateFault::Failed {
                flush: number(flush),
                result: DATA_ERROR,
            })?;
        self.ended = status == Status::StreamEnd;
        // There may be more where the room was too small.
        self.is_full = !self.ended && out.len() == out.capacity();
        let taken = self.decompress.total_in() - before;
        Ok(usize::try_from(taken).unwrap_or(usize::MAX))
    }
}

/// Room that is made for output at least.
const LEAST_ROOM: usize = 4096;

fn number(flush: Flush) -> i32 {
    match flush {
        Flush::No | Flush::Recycled => 0,
        Flush::Now => 2,
        Flush::End => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gzip, GzipSettings};

    fn gzip(body: &[u8]) -> Vec<u8> {
        let settings = GzipSettings {
            level: 6,
            window_bits: 15,
            buffer: 4096,
            unbuffered: false,
        };
        let mut out = Vec::new();
        Gzip::new(settings).pass(body, Flush::End, &mut out);
        out
    }

    fn gunzip(bytes: &[u8], size: usize) -> Result<Vec<u8>, InflateFault> {
        let (mut gunzip, mut out) = (Gunzip::new(), Vec::new());
        for piece in bytes.chunks(size) {
            pass(&mut gunzip, piece, Flush::No, &mut out)?;
        }
        pass(&mut gunzip, b"", Flush::End, &mut out)?;
        Ok(out)
    }

    /// Passes a piece until all is made of it.
    fn pass(
        gunzip: &mut Gunzip,
        mut piece: &[u8],
        flush: Flush,
        out: &mut Vec<u8>,
    ) -> Result<(), InflateFault> {
        loop {
            let mut made = Vec::new();
            let step = gunzip.pass(piece, flush, &mut made)?;
            out.append(&mut made);
            piece = &piece[step.taken..];
            if piece.is_empty() && !step.has_more {
                return Ok(());
            }
        }
    }

    #[test]
    fn several_members_follow_each_other_however_they_are_cut() {
        let body = b"one, two, three; ".repeat(500);
        let bytes = [gzip(&body), gzip(b""), gzip(b"more")].concat();
        for size in [1, 7, 100, bytes.len()] {
            let expected = [&body[..], b"more"].concat();
            assert_eq!(gunzip(&bytes, size), Ok(expected), "pieces of {size}");
        }
    }

    #[test]
    fn faults_are_told_as_zlib_numbers_them() {
        let bytes = gzip(b"a body that is long enough");
        let failed = |flush| InflateFault::Failed { flush, result: -3 };
        let unfinished = InflateFault::Unfinished { result: -5 };
        assert_eq!(gunzip(b"plain text", 100), Err(failed(0)));
        assert_eq!(gunzip(b"", 1), Err(unfinished));
        assert_eq!(gunzip(&bytes[..bytes.len() - 1], 10), Err(unfinished));
        let trailing = [&bytes[..], b"xx"].concat();
        assert_eq!(gunzip(&trailing, 100), Err(failed(0)));
        let mut damaged = bytes;
        let checksum = damaged.len() - 8;
        damaged[checksum] ^= 1;
        assert_eq!(gunzip(&damaged, 100), Err(failed(0)));
        let (mut flushed, mut out) = (Gunzip::new(), Vec::new());
        assert_eq!(pass(&mut flushed, &trailing, Flush::Now, &mut out), Ok(()));
        assert_eq!(out, b"a body that is long enough");
        assert_eq!(
            pass(&mut flushed, b"", Flush::End, &mut out),
            Err(failed(0))
        );
        let whole = pass(
            &mut Gunzip::new(),
            b"plain text",
            Flush::End,
            &mut Vec::new(),
        );
        assert_eq!(whole, Err(failed(4)));
    }
}
