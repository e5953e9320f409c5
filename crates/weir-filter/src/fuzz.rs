//! What the fuzz targets call.

use crate::mp4::{Index, Wish};

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
