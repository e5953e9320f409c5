//! The tables of a track that say of samples when, and of chunks how many, cropped to the part.

use super::read::units;
use super::track::Track;
use super::{Fault, Wish};

/// Which end of a table is cropped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Start,
    End,
}

impl Track<'_> {
    /// `ngx_http_mp4_update_stts_atom`.
    pub(super) fn crop_times(&mut self, wish: Wish) -> Result<(), Fault> {
        if self.stts.is_none() {
            return Err(Fault::In("no mp4 stts atoms were found"));
        }
        self.crop_times_at(wish, Side::Start)?;
        if wish.length > 0 {
            self.crop_times_at(wish, Side::End)?;
        }
        Ok(())
    }

    /// `ngx_http_mp4_crop_stts_data`.
    fn crop_times_at(&mut self, wish: Wish, side: Side) -> Result<(), Fault> {
        let (timescale, prefix) = (self.timescale, self.prefix);
        let Some(table) = &self.stts else {
            return Ok(());
        };
        let milliseconds = match side {
            Side::Start => wish.start,
            Side::End => wish.length,
        };
        let mut time = units(milliseconds, timescale).wrapping_add(prefix);
        let mut sample: u64 = 0;
        for at in table.left.clone() {
            let [count, duration] = table.entries[at];
            let lasts = u64::from(count) * u64::from(duration);
            if time < lasts {
                let into = time / u64::from(duration);
                sample += into;
                return match side {
                    // There are fewer than `count`, which is 32 bits.
                    Side::Start => self.start_at(wish, at, sample, into as u32),
                    Side::End => {
                        self.end_at(at, sample, into as u32);
                        Ok(())
                    }
                };
            }
            sample += u64::from(count);
            time -= lasts;
        }
        if side == Side::Start {
            return Err(Fault::In("start time is out mp4 stts samples"));
        }
        self.end_sample = self.start_sample + sample;
        Ok(())
    }

    /// The part begins with `sample`, which is the one after `into` others of entry `at`, or with the key frame
    /// before it.
    fn start_at(&mut self, wish: Wish, mut at: usize, sample: u64, into: u32) -> Result<(), Fault> {
        let mut earlier = if wish.from_key_frame {
            self.samples_since_key_frame(sample as u32)?
        } else {
            0
        };
        self.start_sample = sample.saturating_sub(u64::from(earlier));
        let Some(table) = &mut self.stts else {
            return Ok(());
        };
        let mut into = into;
        while into < earlier && at > table.left.start {
            let duration = table.entries[at][1];
            self.prefix += u64::from(into.wrapping_mul(duration));
            earlier -= into;
            at -= 1;
            into = table.entries[at][0];
        }
        let [count, duration] = table.entries[at];
        self.prefix += u64::from(earlier.wrapping_mul(duration));
        self.duration = self.duration.wrapping_add(self.prefix);
        into = into.saturating_sub(earlier);
        table.entries[at][0] = count - into;
        table.left.start = at;
        Ok(())
    }

    fn end_at(&mut self, at: usize, sample: u64, into: u32) {
        if let Some(table) = &mut self.stts {
            table.entries[at][0] = into;
            table.left.end = at + 1;
        }
        self.end_sample = self.start_sample + sample;
    }

    /// How many samples before `sample` the last key frame is (`ngx_http_mp4_seek_key_frame`).
    fn samples_since_key_frame(&self, sample: u32) -> Result<u32, Fault> {
        let mut since = 0;
        let key_frames = self.stss.as_ref().map_or(&[][..], |table| table.left());
        // They are counted from 1.
        let sample = sample.wrapping_add(1);
        for &key_frame in key_frames {
            if key_frame == 0 {
                return Err(Fault::In("zero sync sample"));
            }
            if key_frame > sample {
                break;
            }
            since = sample - key_frame;
        }
        Ok(since)
    }

    /// `ngx_http_mp4_update_stss_atom`.
    pub(super) fn crop_key_frames(&mut self, wish: Wish) {
        let (start, end) = (self.start_sample as u32, self.end_sample as u32);
        let Some(table) = &mut self.stss else {
            return;
        };
        // They are counted from 1.
        let at_or_after = |left: &[u32], sample: u32| {
            let found = left.iter().position(|key_frame| *key_frame >= sample);
            found.unwrap_or(left.len())
        };
        table.left.start += at_or_after(table.left(), start.wrapping_add(1));
        if wish.length > 0 {
            table.left.end = table.left.start + at_or_after(table.left(), end.wrapping_add(1));
        }
        for key_frame in &mut table.entries[table.left.clone()] {
            *key_frame = key_frame.wrapping_sub(start);
        }
    }

    /// `ngx_http_mp4_update_ctts_atom`.
    pub(super) fn crop_delays(&mut self, wish: Wish) {
        let start = self.start_sample as u32;
        let samples = self.end_sample.wrapping_sub(self.start_sample) as u32;
        let Some(table) = &mut self.ctts else {
            return;
        };
        match in_entry(table.left(), start) {
            Some((at, into)) => {
                table.left.start += at;
                table.entries[table.left.start][0] -= into;
            }
            None => table.left.start = table.left.end,
        }
        if wish.length > 0
            && let Some((at, into)) = in_entry(table.left(), samples)
        {
            let last = table.left.start + at;
            table.entries[last][0] = into;
            table.left.end = last + 1;
        }
        if table.left.is_empty() {
            self.ctts = None;
        }
    }

    /// `ngx_http_mp4_update_stsc_atom`.
    pub(super) fn crop_chunks(&mut self, wish: Wish) -> Result<(), Fault> {
        let Some(table) = &self.stsc else {
            return Err(Fault::In("no mp4 stsc atoms were found"));
        };
        if table.entries.is_empty() {
            return Err(Fault::In("zero number of entries in stsc atom"));
        }
        self.first_chunk(self.start_sample as u32)?;
        if wish.length > 0 {
            let mut samples = self.end_sample.wrapping_sub(self.start_sample) as u32;
            if let Some(first) = &mut self.first_chunk {
                first[1] = first[1].min(samples);
                samples -= first[1];
            }
            self.last_chunk(samples)?;
        }
        let start = self.start_chunk as u32;
        if let Some(table) = &mut self.stsc {
            for entry in &mut table.entries[table.left.clone()] {
                entry[0] = entry[0].wrapping_sub(start);
            }
        }
        Ok(())
    }

    fn first_chunk(&mut self, sample: u32) -> Result<(), Fault> {
        let found = self.chunk_of(sample, Side::Start)?;
        let Some(table) = &mut self.stsc else {
            return Ok(());
        };
        table.left.start = found.at;
        self.start_chunk = found.target();
        self.start_chunk_samples = u64::from(found.rest());
        let entry = &mut table.entries[found.at];
        entry[0] = (self.start_chunk as u32).wrapping_add(1);
        let left = found.samples - found.rest();
        if found.rest() > 0 && found.is_last(u64::from(found.next)) {
            entry[1] = left;
        } else if found.rest() > 0 {
            self.first_chunk = Some([1, left, found.id]);
            entry[0] = (self.start_chunk as u32).wrapping_add(2);
        }
        Ok(())
    }

    fn last_chunk(&mut self, samples: u32) -> Result<(), Fault> {
        let found = self.chunk_of(samples, Side::End)?;
        let Some(table) = &mut self.stsc else {
            return Ok(());
        };
        (table.left.end, self.end_chunk_samples) = match found.sample {
            0 => (found.at, u64::from(found.samples_before)),
            _ => (found.at + 1, u64::from(found.samples)),
        };
        let rest = found.rest();
        self.end_chunk = found.target();
        if rest == 0 {
            return Ok(());
        }
        self.end_chunk += 1;
        self.end_chunk_samples = u64::from(rest);
        if found.is_last(u64::from(found.chunk) + 1) {
            table.entries[found.at][1] = rest;
        } else {
            let chunk = self.end_chunk.wrapping_sub(self.start_chunk) as u32;
            self.last_chunk = Some([chunk, rest, found.id]);
        }
        Ok(())
    }

    /// The entry of the chunk that has the sample after `sample` others (`ngx_http_mp4_crop_stsc_data`).
    fn chunk_of(&self, sample: u32, side: Side) -> Result<FoundChunk, Fault> {
        const UNORDERED: Fault = Fault::In("unordered mp4 stsc chunks");
        let chunks = self
            .offsets
            .as_ref()
            .map_or(0, |one| one.table.entries.len());
        let end = (chunks as u32).wrapping_add(1);
        let (entries, start) = match &self.stsc {
            Some(table) => (table.left(), table.left.start),
            None => (&[][..], 0),
        };
        let mut sample = sample;
        let mut samples_before = 0;
        let mut found = None;
        for (index, &[chunk, samples, id]) in entries.iter().enumerate() {
            let next = entries.get(index + 1).map_or(end, |next| next[0]);
            if next < chunk {
                return Err(UNORDERED);
            }
            let count = u64::from(next - chunk) * u64::from(samples);
            let is_last = index + 1 == entries.len();
            if u64::from(sample) < count || is_last {
                if u64::from(sample) > count {
                    return Err(Fault::In(match side {
                        Side::Start => "start time is out mp4 stsc chunks",
                        Side::End => "end time is out mp4 stsc chunks",
                    }));
                }
                found = Some(FoundChunk {
                    at: start + index,
                    chunk,
                    samples,
                    id,
                    next,
                    sample,
                    samples_before,
                });
                break;
            }
            sample -= count as u32;
            if next > chunk {
                samples_before = samples;
            }
        }
        let found = found.ok_or(UNORDERED)?;
        if found.samples == 0 {
            return Err(Fault::In("zero number of samples"));
        }
        if found.chunk == 0 {
            return Err(Fault::In("zero chunk"));
        }
        Ok(found)
    }
}

/// An entry of `stsc`, and a sample of its chunks.
struct FoundChunk {
    /// Its place in the table.
    at: usize,
    /// Its first chunk, and the one behind its last.
    chunk: u32,
    next: u32,
    /// Samples of each.
    samples: u32,
    id: u32,
    /// How many samples of its chunks come before.
    sample: u32,
    /// Samples of each chunk of the entry before.
    samples_before: u32,
}

impl FoundChunk {
    /// Chunks of the file before the sample's.
    fn target(&self) -> u64 {
        u64::from(self.chunk) - 1 + u64::from(self.sample / self.samples)
    }

    /// Samples of its chunk before it.
    fn rest(&self) -> u32 {
        self.sample % self.samples
    }

    /// Whether the sample's chunk is the last before `next`.
    fn is_last(&self, next: u64) -> bool {
        next.wrapping_sub(self.target()) == 2
    }
}

/// The entry that the sample after `sample` others is counted in, and how many of the entry come before it.
fn in_entry(entries: &[[u32; 2]], sample: u32) -> Option<(usize, u32)> {
    let mut left = sample.wrapping_add(1);
    for (at, &[count, _]) in entries.iter().enumerate() {
        if left <= count {
            return Some((at, left.wrapping_sub(1)));
        }
        left -= count;
    }
    None
}
