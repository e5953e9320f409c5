//! What the fuzz targets call.

use std::sync::Arc;

use weir_conf::{FromUtf8, Recoding};

use crate::mp4::{Index, Wish};
use crate::{Chain, Filter, Flush, Gunzip, InflateFault, More, Recode, Sub, SubPattern};

/// The data of a film's `moov`. The first bytes choose what is wanted of it.
///
/// # Panics
///
/// If what is sent of a film is more than the film has, or its head does not say how long it is.
pub fn film(input: &[u8]) {
    let [start, length, key, input @ ..] = input else {
        return;
    };
    const SAMPLES_END: u64 = 3000;
    const FILE: u64 = 4000;
    let wish = Wish {
        start: u64::from(*start) * 100,
        length: u64::from(*length) * 100,
        from_key_frame: key & 1 == 1,
    };
    let Ok(index) = Index::read(input, input.len(), wish) else {
        return;
    };
    let Ok(part) = index.part(Some(b"isom"), Some(SAMPLES_END), FILE) else {
        return;
    };
    assert!(part.samples.start < part.samples.end && part.samples.end <= FILE);
    let mut atoms = part.head.as_slice();
    while let Some((size, _)) = atoms.split_first_chunk::<4>() {
        let size = u32::from_be_bytes(*size) as usize;
        if &atoms[4..8] == b"mdat" {
            assert_eq!(size as u64, 8 + part.samples.end - part.samples.start);
            assert_eq!(atoms.len(), 8);
            return;
        }
        atoms = &atoms[size..];
    }
    panic!("no mdat");
}

/// A body, and the pieces in which it comes. The first bytes choose the filters and the pieces.
///
/// # Panics
///
/// If pieces make another body of it, or what is made at once is without bound.
pub fn body(input: &[u8]) {
    let [filters, size, flushed, input @ ..] = input else {
        return;
    };
    let flush = match flushed % 3 {
        0 => Flush::No,
        1 => Flush::Recycled,
        _ => Flush::Now,
    };
    let whole = filtered(*filters, input, input.len(), Flush::No);
    let pieces = filtered(*filters, input, usize::from(*size), flush);
    // Where a fault stands at the end, more or less has gone on before it.
    if let (Ok(whole), Ok(pieces)) = (whole, pieces) {
        assert_eq!(whole, pieces);
    }
}

/// What filters make of a body in pieces of this size.
fn filtered(filters: u8, body: &[u8], size: usize, flush: Flush) -> Result<Vec<u8>, InflateFault> {
    const MOST_AT_ONCE: usize = 8 * 64 * 1024;
    let mut chain = chain(filters);
    let mut all = Vec::new();
    let pieces = body.chunks(size.max(1)).map(|piece| (piece, flush));
    for (piece, flush) in pieces.chain([(&b""[..], Flush::End)]) {
        let mut part = piece.to_vec();
        let mut more = chain.pass(&mut part, flush)?;
        loop {
            assert!(part.len() < MOST_AT_ONCE, "{} bytes at once", part.len());
            all.append(&mut part);
            if more == More::No {
                break;
            }
            more = chain.go_on(&mut part)?;
        }
    }
    Ok(all)
}

fn chain(filters: u8) -> Chain {
    let mut chain = Chain::default();
    if filters & 1 != 0 {
        chain.add(Filter::Gunzip(Gunzip::new()));
    }
    if filters & 2 != 0 {
        let pattern = |(pattern, replacement): (&[u8], &[u8])| SubPattern {
            pattern: pattern.to_vec(),
            replacement: replacement.to_vec(),
            rule: 0,
        };
        let pairs: [(&[u8], &[u8]); 3] = [(b"ab", b""), (b"a", b"12345678"), (b"bcb", b"\xd0\x90")];
        let patterns = pairs.into_iter().map(pattern).collect();
        chain.add(Filter::Sub(Sub::new(patterns, filters & 8 != 0)));
    }
    if filters & 4 != 0 {
        let mut table = FromUtf8::default();
        table.set(0x410, 0xe1);
        let recoding = Arc::new(Recoding::FromUtf8(table));
        chain.add(Filter::Recode(Recode::new(recoding)));
    }
    chain
}
