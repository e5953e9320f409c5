//! `gzip`: compression by zlib-rs.

use std::cell::RefCell;

use flate2::{Compress, Compression, FlushCompress, Status};

use crate::Flush;

/// Compressors that a thread keeps for the next answers: a new one costs 300 KB of memory to be asked for and
/// cleared, a tenth of what a page of 30 KB costs in all.
const KEPT: usize = 4;

thread_local! {
    static SPARES: RefCell<Vec<(Key, Compress)>> = const { RefCell::new(Vec::new()) };
}

/// What makes compressors interchangeable: zlib-rs's level and the bits of its window.
type Key = (u32, u8);

/// How an answer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GzipSettings {
    /// `gzip_comp_level`, 1 to 9.
    pub level: u32,
    /// `gzip_window` as a power of two, 9 to 15.
    pub window_bits: u8,
    /// Bytes of one of the `gzip_buffers`: unless flushed, output goes on in pieces of this size.
    pub buffer: usize,
    /// `gzip_no_buffer`: output goes on as it comes.
    pub unbuffered: bool,
}

/// A body being compressed (`ngx_http_gzip_body_filter`).
#[derive(Debug)]
pub struct Gzip {
    settings: GzipSettings,
    /// `None` before the first byte and behind the last one.
    compress: Option<Compress>,
    /// Output that does not fill a buffer yet.
    held: Vec<u8>,
    totals: Option<(u64, u64)>,
}

impl Gzip {
    /// A compressor; its memory is taken when the first byte comes.
    pub fn new(settings: GzipSettings) -> Self {
        Self {
            settings,
            compress: None,
            held: Vec::new(),
            totals: None,
        }
    }

    /// Bytes in and out, once the body is complete.
    pub fn totals(&self) -> Option<(u64, u64)> {
        self.totals
    }

    pub(crate) fn pass(&mut self, piece: &[u8], flush: Flush, out: &mut Vec<u8>) {
        if self.totals.is_some() {
            return;
        }
        let key = self.key();
        let compress = self.compress.get_or_insert_with(|| take(key));
        // With nothing held, and all to be handed on, the copy is saved.
        let direct = self.held.is_empty() && matches!(flush, Flush::Now | Flush::End);
        match direct {
            true => deflate(compress, piece, flush, out),
            false => deflate(compress, piece, flush, &mut self.held),
        }
        if flush == Flush::End {
            self.totals = Some((compress.total_in(), compress.total_out()));
            if let Some(compress) = self.compress.take() {
                give_back(key, compress);
            }
        }
        if !direct {
            self.release(flush, out);
        }
    }

    /// Hands on the full buffers, or all.
    fn release(&mut self, flush: Flush, out: &mut Vec<u8>) {
        let all = self.held.len();
        let whole = match flush {
            Flush::No | Flush::Recycled if !self.settings.unbuffered => {
                all - all % self.settings.buffer.max(1)
            }
            Flush::No | Flush::Recycled | Flush::Now | Flush::End => all,
        };
        out.extend(self.held.drain(..whole));
    }

    fn key(&self) -> Key {
        (level(self.settings.level), self.settings.window_bits)
    }
}

impl Drop for Gzip {
    fn drop(&mut self) {
        if let Some(compress) = self.compress.take() {
            give_back(self.key(), compress);
        }
    }
}

/// zlib-rs's level for one of nginx's, so that no page is longer than zlib's (`docs/benchmarks.md`): at
/// level 1 zlib-rs is three times as fast as zlib and a quarter longer, at its level 2 as short and faster.
fn level(nginx: u32) -> u32 {
    match nginx {
        1 => 2,
        2 => 3,
        other => other,
    }
}

fn take(key: Key) -> Compress {
    let kept = SPARES.try_with(|spares| {
        let mut spares = spares.try_borrow_mut().ok()?;
        let place = spares.iter().position(|(known, _)| *known == key)?;
        Some(spares.swap_remove(place).1)
    });
    kept.ok()
        .flatten()
        .unwrap_or_else(|| Compress::new_gzip(Compression::new(key.0), key.1))
}

/// A thread that ends may drop answers after its list: then there is nobody to give it to.
fn give_back(key: Key, mut compress: Compress) {
    let _gone = SPARES.try_with(|spares| {
        let Ok(mut spares) = spares.try_borrow_mut() else {
            return;
        };
        if spares.len() == KEPT {
            spares.remove(0);
        }
        compress.reset();
        spares.push((key, compress));
    });
}

/// Room that is made for output at least.
const LEAST_ROOM: usize = 1024;

fn deflate(compress: &mut Compress, mut piece: &[u8], flush: Flush, out: &mut Vec<u8>) {
    let mode = match flush {
        Flush::No | Flush::Recycled => FlushCompress::None,
        Flush::Now => FlushCompress::Sync,
        Flush::End => FlushCompress::Finish,
    };
    loop {
        if out.capacity() - out.len() < LEAST_ROOM {
            out.reserve(LEAST_ROOM.max(piece.len() / 3));
        }
        let before = compress.total_in();
        let status = compress.compress_vec(piece, out, mode);
        let taken = usize::try_from(compress.total_in() - before).unwrap_or(usize::MAX);
        piece = piece.get(taken..).unwrap_or_default();
        let full = out.len() == out.capacity();
        match status {
            Ok(Status::StreamEnd) => return,
            Ok(Status::Ok | Status::BufError) if full || !piece.is_empty() => {}
            Ok(Status::Ok) if flush == Flush::End => {}
            // Only a compressor used against its rules fails, and this one is not.
            Ok(Status::Ok | Status::BufError) | Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chain, Filter, Gunzip, More};
    use proptest::prelude::*;

    const SETTINGS: GzipSettings = GzipSettings {
        level: 1,
        window_bits: 15,
        buffer: 4096,
        unbuffered: false,
    };

    fn inflate(bytes: &[u8]) -> Vec<u8> {
        let mut chain = Chain::default();
        chain.add(Filter::Gunzip(Gunzip::new()));
        let mut piece = bytes.to_vec();
        let mut more = chain.pass(&mut piece, Flush::End).expect("compressed");
        while more == More::Yes {
            more = chain.go_on(&mut piece).expect("compressed");
        }
        piece
    }

    fn page() -> Vec<u8> {
        let line = |number: usize| format!("<li id={}>{}</li>\n", number * 7919, number % 13);
        (0..3000).map(line).collect::<String>().into_bytes()
    }

    proptest! {
        #[test]
        fn what_comes_out_is_what_went_in(
            body in proptest::collection::vec(0..20_u8, 0..60_000),
            cuts in proptest::collection::vec((1..9000_usize, proptest::bool::ANY), 0..9),
            level in 1..=9_u32,
            window_bits in 9..=15_u8,
        ) {
            let mut gzip = Gzip::new(GzipSettings { level, window_bits, ..SETTINGS });
            let (mut rest, mut out) = (&body[..], Vec::new());
            for (length, flushed) in cuts {
                let (piece, behind) = rest.split_at(length.min(rest.len()));
                let flush = if flushed { Flush::Now } else { Flush::No };
                gzip.pass(piece, flush, &mut out);
                rest = behind;
            }
            gzip.pass(rest, Flush::End, &mut out);
            prop_assert_eq!(gzip.totals(), Some((body.len() as u64, out.len() as u64)));
            prop_assert_eq!(inflate(&out), body);
        }
    }

    #[test]
    fn a_flush_lets_all_go_and_nothing_else_less_than_a_buffer() {
        let mut gzip = Gzip::new(SETTINGS);
        let mut out = Vec::new();
        gzip.pass(b"data: 1\n\n", Flush::No, &mut out);
        assert_eq!(out, b"");
        gzip.pass(b"data: 2\n\n", Flush::Now, &mut out);
        let mut shown = Vec::new();
        let mut gunzip = Gunzip::new();
        gunzip
            .pass(&out, Flush::Now, &mut shown)
            .expect("a beginning");
        assert_eq!(shown, b"data: 1\n\ndata: 2\n\n");
        out.clear();
        gzip.pass(&page().repeat(8), Flush::No, &mut out);
        assert!(!out.is_empty() && out.len() % 4096 == 0, "{}", out.len());
    }

    #[test]
    fn a_compressor_that_was_kept_knows_nothing_of_the_answer_before() {
        let compressed = || {
            let mut out = Vec::new();
            Gzip::new(SETTINGS).pass(&page(), Flush::End, &mut out);
            out
        };
        let first = compressed();
        // Left behind in the middle of an answer.
        Gzip::new(SETTINGS).pass(b"secret", Flush::No, &mut Vec::new());
        assert_eq!(compressed(), first);
    }
}
