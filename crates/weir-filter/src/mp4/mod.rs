//! `mp4`: a part of a film as a film of its own.
//!
//! - `atom`: what MP4 files consist of.
//! - `read`: the index of a file, `moov`, taken apart.
//! - `track`: one track of it, and which of its samples are left.
//! - `crop`: the tables of a track, cropped.
//! - `write`: the index of the part.
//!
//! The numbers are nginx's to the bit, so that a cache of either serves both.

mod atom;
mod crop;
mod read;
mod track;
mod write;

use std::ops::Range;

pub use atom::{Header, LONGEST_HEADER};

use read::Movie;

/// What a client wants of a film.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Milliseconds from its beginning.
    pub start: u64,
    /// Milliseconds from there; 0 = up to its end.
    pub length: u64,
    /// The first picture is one that needs no other.
    pub from_key_frame: bool,
}

/// A part: `head`, then those bytes of the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// `ftyp`, `moov` and the beginning of `mdat`.
    pub head: Vec<u8>,
    /// The samples.
    pub samples: Range<u64>,
}

/// What nginx says of a file that it cannot make a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `"FILE" TEXT`.
    Of(String),
    /// `TEXT in "FILE"`.
    In(&'static str),
}

impl Fault {
    fn too_small(name: &str) -> Self {
        Self::Of(format!("mp4 {name} atom too small"))
    }
}

/// The index of a film, taken apart for a wish.
#[derive(Debug)]
pub struct Index<'a> {
    movie: Movie<'a>,
    /// An atom of no size came up: nginx reads nothing behind it.
    pub ended: bool,
}

impl<'a> Index<'a> {
    /// Reads the data of `moov` (`ngx_http_mp4_read_moov_atom`).
    ///
    /// # Errors
    /// It is broken, or does not last until the part begins.
    pub fn read(index: &'a [u8], length: usize, wish: Wish) -> Result<Self, Fault> {
        let (movie, ended) = Movie::read(index, length, wish)?;
        Ok(Self { movie, ended })
    }

    /// Whether there is a track that is not over when the part begins.
    pub fn has_tracks(&self) -> bool {
        !self.movie.tracks.is_empty()
    }

    /// The part (`ngx_http_mp4_process`). `kind` are the data of `ftyp`, `samples_end` is where those of `mdat`
    /// end in a file of `length` bytes.
    ///
    /// # Errors
    /// The tables contradict each other, or there is nothing in that time.
    pub fn part(
        mut self,
        kind: Option<&[u8]>,
        samples_end: Option<u64>,
        length: u64,
    ) -> Result<Part, Fault> {
        if !self.has_tracks() {
            return Err(Fault::In("no mp4 trak atoms were found"));
        }
        let samples_end = samples_end.ok_or(Fault::In("no mp4 mdat atom was found"))?;
        let wish = self.movie.wish;
        let (mut start, mut end) = (length, 0);
        for track in &mut self.movie.tracks {
            let span = track.crop(wish, samples_end, length)?;
            start = start.min(span.start);
            end = end.max(span.end);
        }
        if end <= start {
            return Err(Fault::In("no data between start time and end time"));
        }
        if start >= samples_end {
            return Err(Fault::In("start time is out mp4 mdat atom"));
        }
        let head = write::head(kind, &self.movie, start..end);
        Ok(Part {
            head,
            samples: start..end,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn atom(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        atom::write(name, data, &mut out);
        out
    }

    fn numbers(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|one| one.to_be_bytes()).collect()
    }

    /// The data of a `moov` with one track: ten samples of a second and three bytes each, in chunks of three, the
    /// first at byte 1000.
    fn index() -> Vec<u8> {
        let clock = |length: usize, timescale_at: usize| {
            let mut data = vec![0; length];
            data[timescale_at..timescale_at + 8].copy_from_slice(&numbers(&[1, 10]));
            data
        };
        let mut track_header = vec![0; 84];
        track_header[23] = 10;
        let tables = [
            atom(b"stsd", &[0; 16]),
            atom(b"stts", &numbers(&[0, 1, 10, 1])),
            atom(b"stss", &numbers(&[0, 3, 1, 5, 9])),
            atom(b"stsc", &numbers(&[0, 2, 1, 3, 1, 4, 1, 1])),
            atom(b"stsz", &numbers(&[0, 0, 10, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3])),
            atom(b"stco", &numbers(&[0, 4, 1000, 1009, 1018, 1027])),
        ];
        let information = atom(b"minf", &atom(b"stbl", &tables.concat()));
        let media = [atom(b"mdhd", &clock(24, 12)), information].concat();
        let track = [atom(b"tkhd", &track_header), atom(b"mdia", &media)].concat();
        [atom(b"mvhd", &clock(100, 12)), atom(b"trak", &track)].concat()
    }

    fn part(start: u64, length: u64, from_key_frame: bool) -> Result<Part, Fault> {
        let index = index();
        let wish = Wish {
            start,
            length,
            from_key_frame,
        };
        Index::read(&index, index.len(), wish)?.part(None, Some(1030), 2000)
    }

    #[test]
    fn samples_of_a_time() {
        let check = |start, length, from_key_frame, expected: Range<u64>| {
            let found = part(start, length, from_key_frame).map(|part| part.samples);
            assert_eq!(found, Ok(expected), "{start} {length}");
        };
        check(0, 1000, false, 1000..1003);
        check(2000, 0, false, 1006..1030);
        check(3000, 3000, false, 1009..1018);
        check(1000, 4000, false, 1003..1015);
        check(6000, 0, true, 1012..1030);
        check(9999, 0, false, 1027..1030);
    }

    #[test]
    fn what_there_is_not() {
        let check = |start, length, expected: &str| {
            let fault = part(start, length, false).expect_err("a fault");
            let text = match fault {
                Fault::Of(text) => text,
                Fault::In(text) => text.to_owned(),
            };
            assert_eq!(text, expected);
        };
        check(10_000, 0, "no mp4 trak atoms were found");
        check(11_000, 0, "mp4 start time exceeds file duration");
        check(2000, 500, "no data between start time and end time");
    }

    #[test]
    fn the_head_says_where_the_samples_are_now() {
        let part = part(3000, 3000, false).expect("a part");
        let tables = &part.head[part
            .head
            .windows(4)
            .position(|name| name == b"stco")
            .expect("it")..];
        assert_eq!(atom::number(tables, 8), Some(1));
        assert_eq!(atom::number(tables, 12), Some(part.head.len() as u32));
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
            start in 0u64..12_000,
            length in 0u64..12_000,
            from_key_frame: bool,
        ) {
            let mut index = index();
            for (place, byte) in damage {
                let place = place.index(index.len());
                index[place] = byte;
            }
            let size = cut.index(index.len()) + 1;
            let wish = Wish { start, length, from_key_frame };
            if let Ok(read) = Index::read(&index, size, wish) {
                let part = read.part(Some(b"isom"), Some(1030), 2000);
                prop_assert!(part.is_err() || part.is_ok_and(|part| part.samples.end <= 2000));
            }
        }
    }
}
