//! One track of a film, and which of its samples are left.

use std::ops::Range;

use super::atom::number;
use super::{Fault, Wish};

/// How an entry of a table is written.
#[derive(Clone, Copy)]
pub(super) struct Form<E> {
    /// Bytes.
    pub(super) size: usize,
    /// Out of those bytes.
    pub(super) entry: fn(&[u8]) -> Option<E>,
}

/// A table of a track.
#[derive(Debug)]
pub(super) struct Table<E> {
    /// Version and flags.
    pub(super) flags: [u8; 4],
    pub(super) entries: Vec<E>,
    /// Those that are left.
    pub(super) left: Range<usize>,
}

impl<E> Table<E> {
    pub(super) fn new(flags: [u8; 4], entries: Vec<E>) -> Self {
        Self {
            flags,
            left: 0..entries.len(),
            entries,
        }
    }

    /// Reads a table of the atom called `name`: version and flags, the number of entries, the entries.
    pub(super) fn read(name: &str, data: &[u8], form: Form<E>) -> Result<Self, Fault> {
        Self::read_once(name, data, None, form)
    }

    /// The same of a table that nginx finds to be the second one before it looks whether it is whole.
    pub(super) fn read_once(
        name: &str,
        data: &[u8],
        duplicate: Option<&'static str>,
        form: Form<E>,
    ) -> Result<Self, Fault> {
        let (Some(flags), Some(_)) = (data.first_chunk(), number(data, 4)) else {
            return Err(Fault::too_small(name));
        };
        if let Some(duplicate) = duplicate {
            return Err(Fault::In(duplicate));
        }
        let entries = Self::entries(data, 4, form).ok_or_else(|| Fault::too_small(name))?;
        Ok(Self::new(*flags, entries))
    }

    /// As many entries as the number at `at` says; `None` if there are less.
    pub(super) fn entries(data: &[u8], at: usize, form: Form<E>) -> Option<Vec<E>> {
        let count = usize::try_from(number(data, at)?).ok()?;
        let bytes = data.get(at + 4..)?.get(..count.checked_mul(form.size)?)?;
        bytes.chunks_exact(form.size).map(form.entry).collect()
    }

    /// The entries that are left.
    pub(super) fn left(&self) -> &[E] {
        self.entries.get(self.left.clone()).unwrap_or_default()
    }
}

/// `stsz`.
#[derive(Debug)]
pub(super) enum Sizes<'a> {
    /// Of each sample.
    Each(Table<u32>),
    /// All have the same; the atom's data.
    Same(&'a [u8]),
}

/// `stco` or `co64`: where chunks of samples begin in the file.
#[derive(Debug)]
pub(super) struct Offsets {
    /// In 64 bits.
    pub(super) wide: bool,
    pub(super) table: Table<u64>,
}

/// A track.
#[derive(Debug, Default)]
pub(super) struct Track<'a> {
    pub(super) has_mdia: bool,
    pub(super) has_minf: bool,
    pub(super) has_stbl: bool,
    pub(super) tkhd: Option<Vec<u8>>,
    pub(super) mdhd: Option<Vec<u8>>,
    pub(super) hdlr: Option<&'a [u8]>,
    pub(super) vmhd: Option<&'a [u8]>,
    pub(super) smhd: Option<&'a [u8]>,
    pub(super) dinf: Option<&'a [u8]>,
    pub(super) stsd: Option<&'a [u8]>,
    /// How long so many samples last.
    pub(super) stts: Option<Table<[u32; 2]>>,
    /// The samples that need no other, counted from 1.
    pub(super) stss: Option<Table<u32>>,
    /// How much later so many samples are shown.
    pub(super) ctts: Option<Table<[u32; 2]>>,
    /// From which chunk on there are how many samples in each, and of which description.
    pub(super) stsc: Option<Table<[u32; 3]>>,
    /// What of the first and the last chunk is left, if that is not all.
    pub(super) first_chunk: Option<[u32; 3]>,
    pub(super) last_chunk: Option<[u32; 3]>,
    pub(super) stsz: Option<Sizes<'a>>,
    pub(super) offsets: Option<Offsets>,
    /// Units of time a second.
    pub(super) timescale: u32,
    /// In those units.
    pub(super) duration: u64,
    /// In the movie's units.
    pub(super) movie_duration: u64,
    /// Units of time that the part begins too early, for a key frame.
    pub(super) prefix: u64,
    pub(super) start_sample: u64,
    pub(super) end_sample: u64,
    pub(super) start_chunk: u64,
    pub(super) end_chunk: u64,
    /// Samples of the first chunk that are left out, and those of the last that are not.
    pub(super) start_chunk_samples: u64,
    pub(super) end_chunk_samples: u64,
    start_chunk_size: u64,
    end_chunk_size: u64,
}

impl Track<'_> {
    /// Leaves what the part needs; where its samples lie in a file of `length` bytes, whose samples all end at
    /// `samples_end`.
    pub(super) fn crop(
        &mut self,
        wish: Wish,
        samples_end: u64,
        length: u64,
    ) -> Result<Range<u64>, Fault> {
        self.crop_times(wish)?;
        self.crop_key_frames(wish);
        self.crop_delays(wish);
        self.crop_chunks(wish)?;
        self.crop_sizes(wish, length)?;
        let span = self.crop_offsets(wish, samples_end, length)?;
        if let Some(header) = &mut self.mdhd {
            super::read::set_media_duration(header, self.duration);
        }
        Ok(span)
    }

    /// `ngx_http_mp4_update_stsz_atom`.
    fn crop_sizes(&mut self, wish: Wish, length: u64) -> Result<(), Fault> {
        let Some(Sizes::Each(table)) = &mut self.stsz else {
            return Ok(());
        };
        let count = table.entries.len() as u64;
        if self.start_sample >= count {
            return Err(Fault::In("start time is out mp4 stsz samples"));
        }
        table.left.start = place(self.start_sample);
        self.start_chunk_size = sum_before(table, table.left.start, self.start_chunk_samples);
        if self.start_chunk_size > length {
            return Err(Fault::In("too large mp4 start samples size"));
        }
        if wish.length == 0 {
            return Ok(());
        }
        let samples = self.end_sample.wrapping_sub(self.start_sample);
        if samples > count - self.start_sample {
            return Err(Fault::In("end time is out mp4 stsz samples"));
        }
        table.left.end = table.left.start + place(samples);
        self.end_chunk_size = sum_before(table, table.left.end, self.end_chunk_samples);
        if self.end_chunk_size > length {
            return Err(Fault::In("too large mp4 end samples size"));
        }
        Ok(())
    }

    /// `ngx_http_mp4_update_stco_atom`, `ngx_http_mp4_update_co64_atom`.
    fn crop_offsets(
        &mut self,
        wish: Wish,
        samples_end: u64,
        length: u64,
    ) -> Result<Range<u64>, Fault> {
        let Some(Offsets { wide, table }) = &mut self.offsets else {
            return Err(Fault::In("no mp4 stco atoms were found"));
        };
        let wide = *wide;
        let fault = |narrow, wide_one| Fault::In(if wide { wide_one } else { narrow });
        let count = table.entries.len() as u64;
        if self.start_chunk >= count {
            return Err(fault(
                "start time is out mp4 stco chunks",
                "start time is out mp4 co64 chunks",
            ));
        }
        let behind = |offset: u64, samples: u64| {
            let most = if wide { u64::MAX } else { u64::from(u32::MAX) };
            let end = offset.checked_add(samples).filter(|end| *end <= most);
            end.filter(|end| *end <= length)
                .ok_or(Fault::In("too large chunk offset"))
        };
        let first = place(self.start_chunk);
        table.left.start = first;
        let start = behind(table.entries[first], self.start_chunk_size)?;
        table.entries[first] = start;
        let mut end = samples_end;
        if wish.length > 0 {
            if self.end_chunk > count {
                return Err(fault(
                    "end time is out mp4 stco chunks",
                    "end time is out mp4 co64 chunks",
                ));
            }
            table.left.end = place(self.end_chunk).max(first);
            if let Some(&last) = table.left().last() {
                end = behind(last, self.end_chunk_size)?;
            }
        }
        if table.left.is_empty() {
            return Ok(length..0);
        }
        Ok(start..end)
    }
}

/// The sizes of so many samples in front of one.
fn sum_before(table: &Table<u32>, before: usize, count: u64) -> u64 {
    let from = before.saturating_sub(place(count));
    let sizes = table.entries.get(from..before).unwrap_or_default();
    sizes.iter().map(|size| u64::from(*size)).sum()
}

/// A number of samples or chunks as a place in a table.
fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
