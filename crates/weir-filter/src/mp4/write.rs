//! The index of a part.

use std::ops::Range;

use super::atom::{self, close, open};
use super::read::Movie;
use super::track::{Sizes, Table, Track};

/// `ftyp`, `moov` and the beginning of `mdat`, whose data are these bytes of the file.
pub(super) fn head(kind: Option<&[u8]>, movie: &Movie<'_>, samples: Range<u64>) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(kind) = kind {
        atom::write(b"ftyp", kind, &mut out);
    }
    let start = out.len();
    let length = samples.end - samples.start;
    // All offsets have one length: how long the head gets is known before what they are.
    moov(movie, 0, &mut out);
    let samples_at = (out.len() + data_header(length).len()) as u64;
    out.truncate(start);
    moov(movie, samples_at.wrapping_sub(samples.start), &mut out);
    out.extend_from_slice(&data_header(length));
    out
}

/// The beginning of `mdat` (`ngx_http_mp4_update_mdat_atom`).
fn data_header(length: u64) -> Vec<u8> {
    let mut out = Vec::new();
    match u32::try_from(length + atom::HEADER as u64) {
        Ok(size) => {
            out.extend_from_slice(&size.to_be_bytes());
            out.extend_from_slice(b"mdat");
        }
        Err(_) => {
            out.extend_from_slice(b"\0\0\0\x01mdat");
            let size = length + atom::LONGEST_HEADER as u64;
            out.extend_from_slice(&size.to_be_bytes());
        }
    }
    out
}

fn moov(movie: &Movie<'_>, moved: u64, out: &mut Vec<u8>) {
    let start = open(b"moov", out);
    if let Some(header) = &movie.header {
        atom::write(b"mvhd", header, out);
    }
    for track in &movie.tracks {
        trak(track, moved, out);
    }
    close(start, out);
}

fn trak(track: &Track<'_>, moved: u64, out: &mut Vec<u8>) {
    let start = open(b"trak", out);
    whole(b"tkhd", track.tkhd.as_deref(), out);
    if track.prefix > 0 {
        edits(track, out);
    }
    let media = open(b"mdia", out);
    whole(b"mdhd", track.mdhd.as_deref(), out);
    whole(b"hdlr", track.hdlr, out);
    let information = open(b"minf", out);
    whole(b"vmhd", track.vmhd, out);
    whole(b"smhd", track.smhd, out);
    whole(b"dinf", track.dinf, out);
    sample_tables(track, moved, out);
    for start in [information, media, start] {
        close(start, out);
    }
}

fn whole(name: &[u8; 4], data: Option<&[u8]>, out: &mut Vec<u8>) {
    if let Some(data) = data {
        atom::write(name, data, out);
    }
}

/// What of the track is not shown: it begins with a key frame (`ngx_http_mp4_update_edts_atom`).
fn edits(track: &Track<'_>, out: &mut Vec<u8>) {
    let start = open(b"edts", out);
    let list = open(b"elst", out);
    // Version 1, one entry.
    out.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 1]);
    out.extend_from_slice(&track.movie_duration.to_be_bytes());
    out.extend_from_slice(&track.prefix.to_be_bytes());
    // At the usual speed.
    out.extend_from_slice(&[0, 1, 0, 0]);
    close(list, out);
    close(start, out);
}

fn sample_tables(track: &Track<'_>, moved: u64, out: &mut Vec<u8>) {
    let start = open(b"stbl", out);
    whole(b"stsd", track.stsd, out);
    table(b"stts", track.stts.as_ref(), pair, out);
    table(b"stss", track.stss.as_ref(), |one| one.to_be_bytes(), out);
    table(b"ctts", track.ctts.as_ref(), pair, out);
    chunks(track, out);
    match &track.stsz {
        Some(Sizes::Same(data)) => atom::write(b"stsz", data, out),
        Some(Sizes::Each(sizes)) => {
            let start = open(b"stsz", out);
            out.extend_from_slice(&sizes.flags);
            out.extend_from_slice(&[0; 4]);
            entries(sizes.left(), |size| size.to_be_bytes(), out);
            close(start, out);
        }
        None => {}
    }
    if let Some(offsets) = &track.offsets {
        let name = if offsets.wide { b"co64" } else { b"stco" };
        let start = open(name, out);
        out.extend_from_slice(&offsets.table.flags);
        let new = |offset: &u64| offset.wrapping_add(moved);
        if offsets.wide {
            entries(offsets.table.left(), |one| new(one).to_be_bytes(), out);
        } else {
            let narrow = |one: &u64| (new(one) as u32).to_be_bytes();
            entries(offsets.table.left(), narrow, out);
        }
        close(start, out);
    }
    close(start, out);
}

fn chunks(track: &Track<'_>, out: &mut Vec<u8>) {
    let Some(table) = &track.stsc else {
        return;
    };
    let first = track.first_chunk.iter();
    let all: Vec<_> = first
        .chain(table.left())
        .chain(track.last_chunk.iter())
        .copied()
        .collect();
    let start = open(b"stsc", out);
    out.extend_from_slice(&table.flags);
    entries(&all, triple, out);
    close(start, out);
}

fn table<E, const N: usize>(
    name: &[u8; 4],
    table: Option<&Table<E>>,
    bytes: fn(&E) -> [u8; N],
    out: &mut Vec<u8>,
) {
    let Some(table) = table else {
        return;
    };
    let start = open(name, out);
    out.extend_from_slice(&table.flags);
    entries(table.left(), bytes, out);
    close(start, out);
}

/// The number of entries, and the entries.
fn entries<E, const N: usize>(entries: &[E], bytes: impl Fn(&E) -> [u8; N], out: &mut Vec<u8>) {
    // They were counted in 32 bits.
    out.extend_from_slice(&(entries.len() as u32).to_be_bytes());
    for entry in entries {
        out.extend_from_slice(&bytes(entry));
    }
}

fn pair(entry: &[u32; 2]) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&entry[0].to_be_bytes());
    bytes[4..].copy_from_slice(&entry[1].to_be_bytes());
    bytes
}

fn triple(entry: &[u32; 3]) -> [u8; 12] {
    let mut bytes = [0; 12];
    for (number, place) in entry.iter().zip(bytes.chunks_exact_mut(4)) {
        place.copy_from_slice(&number.to_be_bytes());
    }
    bytes
}
