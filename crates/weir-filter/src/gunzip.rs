//! `gunzip`: decompression.

use flate2::{Decompress, FlushDecompress, Status};
use thiserror::Error;

use crate::Flush;

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
    /// What is behind a member is none; what came before it has gone on.
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
            fault: None,
        }
    }

    pub(crate) fn pass(
        &mut self,
        piece: &[u8],
        flush: Flush,
        out: &mut Vec<u8>,
    ) -> Result<(), InflateFault> {
        if self.done {
            return Ok(());
        }
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let mut rest = piece;
        while !rest.is_empty() {
            if std::mem::take(&mut self.ended) {
                self.decompress = Decompress::new_gzip(WINDOW_BITS);
            }
            let settled = out.len();
            match self.member(rest, flush, out) {
                Ok(behind) => rest = behind,
                // Where zlib is to flush, it hands on each member by itself.
                Err(_) if flush == Flush::Now && settled > 0 => {
                    out.truncate(settled);
                    self.fault = Some(InflateFault::Failed {
                        flush: number(Flush::No),
                        result: DATA_ERROR,
                    });
                    return Ok(());
                }
                Err(fault) => return Err(fault),
            }
        }
        if flush == Flush::End {
            self.done = true;
            if !self.ended {
                return Err(InflateFault::Unfinished { result: BUF_ERROR });
            }
        }
        Ok(())
    }

    /// Decompresses up to the end of a member; what is behind it is the value.
    fn member<'a>(
        &mut self,
        mut piece: &'a [u8],
        flush: Flush,
        out: &mut Vec<u8>,
    ) -> Result<&'a [u8], InflateFault> {
        loop {
            if out.capacity() - out.len() < ROOM {
                out.reserve(ROOM.max(piece.len().saturating_mul(3)));
            }
            let before = self.decompress.total_in();
            let status = self
                .decompress
                .decompress_vec(piece, out, FlushDecompress::None)
                .map_err(|_| InflateFault::Failed {
                    flush: number(flush),
                    result: DATA_ERROR,
                })?;
            let taken = self.decompress.total_in() - before;
            piece = piece
                .get(usize::try_from(taken).unwrap_or(usize::MAX)..)
                .unwrap_or_default();
            match status {
                Status::StreamEnd => {
                    self.ended = true;
                    return Ok(piece);
                }
                Status::Ok | Status::BufError if out.len() == out.capacity() => {}
                Status::Ok if !piece.is_empty() => {}
                Status::Ok | Status::BufError => return Ok(piece),
            }
        }
    }
}

/// Room that is made for output at least.
const ROOM: usize = 4096;

fn number(flush: Flush) -> i32 {
    match flush {
        Flush::No => 0,
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
            gunzip.pass(piece, Flush::No, &mut out)?;
        }
        gunzip.pass(b"", Flush::End, &mut out)?;
        Ok(out)
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
        assert_eq!(flushed.pass(&trailing, Flush::Now, &mut out), Ok(()));
        assert_eq!(out, b"a body that is long enough");
        assert_eq!(flushed.pass(b"", Flush::End, &mut out), Err(failed(0)));
        let whole = Gunzip::new().pass(b"plain text", Flush::End, &mut Vec::new());
        assert_eq!(whole, Err(failed(4)));
    }
}
