//! The index of a film taken apart.

use super::atom::{Header, number, wide_number};
use super::track::{Form, Offsets, Sizes, Table, Track};
use super::{Fault, Wish};

/// A film's index.
#[derive(Debug)]
pub(super) struct Movie<'a> {
    pub(super) wish: Wish,
    /// The data of `mvhd`, with the duration of the part.
    pub(super) header: Option<Vec<u8>>,
    /// Units of time a second.
    timescale: u32,
    pub(super) tracks: Vec<Track<'a>>,
}

/// The atom that others are read in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Moov,
    Trak,
    Mdia,
    Minf,
    Stbl,
}

/// How reading an atom's atoms ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walked {
    Through,
    /// At an atom of no size.
    Ended,
    /// The track is over before the part begins.
    Skipped,
}

/// Where a duration stands in an atom's data, by its version.
struct Clock {
    name: &'static str,
    timescale: Option<[usize; 2]>,
    duration: [usize; 2],
    /// Bytes that there must be.
    least: [usize; 2],
}

const MVHD: Clock = Clock {
    name: "mvhd",
    timescale: Some([12, 20]),
    duration: [16, 24],
    least: [100, 112],
};

const TKHD: Clock = Clock {
    name: "tkhd",
    timescale: None,
    duration: [20, 28],
    least: [84, 96],
};

const MDHD: Clock = Clock {
    name: "mdhd",
    timescale: Some([12, 20]),
    duration: [16, 24],
    least: [24, 36],
};

impl<'a> Movie<'a> {
    /// Reads `length` bytes of `data`; whether an atom of no size ended that.
    pub(super) fn read(data: &'a [u8], length: usize, wish: Wish) -> Result<(Self, bool), Fault> {
        let mut movie = Self {
            wish,
            header: None,
            timescale: 0,
            tracks: Vec::new(),
        };
        let walked = movie.walk(data, 0, length, Level::Moov)?;
        Ok((movie, walked == Walked::Ended))
    }

    /// Reads the atoms between `at` and `end` (`ngx_http_mp4_read_atom`).
    fn walk(
        &mut self,
        data: &'a [u8],
        mut at: usize,
        end: usize,
        level: Level,
    ) -> Result<Walked, Fault> {
        while at < end {
            let rest = data.get(at..).unwrap_or_default();
            let Some(header) = Header::read(rest, (end - at) as u64)? else {
                return Ok(Walked::Ended);
            };
            let next = at + usize::try_from(header.size).unwrap_or(usize::MAX);
            let walked = self.atom(data, level, &header.name, at + header.length, next)?;
            if walked != Walked::Through {
                return Ok(walked);
            }
            at = next;
        }
        Ok(Walked::Through)
    }

    /// Reads an atom whose data lie between `at` and `end`, if it is one that matters there.
    fn atom(
        &mut self,
        data: &'a [u8],
        level: Level,
        name: &[u8; 4],
        at: usize,
        end: usize,
    ) -> Result<Walked, Fault> {
        let own = data.get(at..end).unwrap_or_default();
        match (level, name) {
            (Level::Moov, b"mvhd") => self.movie_header(own)?,
            (Level::Moov, b"trak") => {
                self.tracks.push(Track::default());
                let walked = self.walk(data, at, end, Level::Trak)?;
                if walked != Walked::Skipped {
                    return Ok(walked);
                }
                self.tracks.pop();
            }
            (Level::Moov, b"cmov") => {
                let text = "mp4 compressed moov atom (cmov) is not supported";
                return Err(Fault::Of(text.to_owned()));
            }
            (Level::Trak, b"tkhd") => return self.track_header(own),
            (Level::Trak, b"mdia") => return self.inside(data, at, end, Level::Mdia),
            (Level::Mdia, b"mdhd") => return self.media_header(own),
            (Level::Mdia, b"minf") => return self.inside(data, at, end, Level::Minf),
            (Level::Minf, b"stbl") => return self.inside(data, at, end, Level::Stbl),
            _ => {
                let Some(track) = self.tracks.last_mut() else {
                    return Ok(Walked::Through);
                };
                match (level, name) {
                    (Level::Mdia, b"hdlr") => {
                        once(&mut track.hdlr, own, "duplicate mp4 hdlr atom")?
                    }
                    (Level::Minf, b"vmhd" | b"smhd") => media_kind(track, name, own)?,
                    (Level::Minf, b"dinf") => {
                        once(&mut track.dinf, own, "duplicate mp4 dinf atom")?
                    }
                    (Level::Stbl, _) => sample_table(track, name, own)?,
                    _ => {}
                }
            }
        }
        Ok(Walked::Through)
    }

    fn inside(
        &mut self,
        data: &'a [u8],
        at: usize,
        end: usize,
        level: Level,
    ) -> Result<Walked, Fault> {
        let Some(track) = self.tracks.last_mut() else {
            return Ok(Walked::Through);
        };
        let (seen, duplicate) = match level {
            Level::Mdia => (&mut track.has_mdia, "duplicate mp4 mdia atom"),
            Level::Minf => (&mut track.has_minf, "duplicate mp4 minf atom"),
            _ => (&mut track.has_stbl, "duplicate mp4 stbl atom"),
        };
        if std::mem::replace(seen, true) {
            return Err(Fault::In(duplicate));
        }
        self.walk(data, at, end, level)
    }

    /// `ngx_http_mp4_read_mvhd_atom`.
    fn movie_header(&mut self, data: &[u8]) -> Result<(), Fault> {
        if self.header.is_some() {
            return Err(Fault::In("duplicate mp4 mvhd atom"));
        }
        let (timescale, duration) = MVHD.read(data)?;
        self.timescale = timescale;
        let Some(left) = duration.checked_sub(units(self.wish.start, timescale)) else {
            let text = "mp4 start time exceeds file duration";
            return Err(Fault::Of(text.to_owned()));
        };
        let mut header = data.to_vec();
        MVHD.write(&mut header, self.at_most(left, timescale));
        self.header = Some(header);
        Ok(())
    }

    /// `ngx_http_mp4_read_tkhd_atom`.
    fn track_header(&mut self, data: &[u8]) -> Result<Walked, Fault> {
        let (_, duration) = TKHD.read(data)?;
        let start = units(self.wish.start, self.timescale);
        if duration <= start {
            return Ok(Walked::Skipped);
        }
        let left = self.at_most(duration - start, self.timescale);
        let Some(track) = self.tracks.last_mut() else {
            return Ok(Walked::Through);
        };
        if track.tkhd.is_some() {
            return Err(Fault::In("duplicate mp4 tkhd atom"));
        }
        let mut header = data.to_vec();
        TKHD.write(&mut header, left);
        track.movie_duration = left;
        track.tkhd = Some(header);
        Ok(Walked::Through)
    }

    /// `ngx_http_mp4_read_mdhd_atom`.
    fn media_header(&mut self, data: &[u8]) -> Result<Walked, Fault> {
        let (timescale, duration) = MDHD.read(data)?;
        let start = units(self.wish.start, timescale);
        if duration <= start {
            return Ok(Walked::Skipped);
        }
        let left = self.at_most(duration - start, timescale);
        let Some(track) = self.tracks.last_mut() else {
            return Ok(Walked::Through);
        };
        if track.mdhd.is_some() {
            return Err(Fault::In("duplicate mp4 mdhd atom"));
        }
        track.timescale = timescale;
        track.duration = left;
        track.mdhd = Some(data.to_vec());
        Ok(Walked::Through)
    }

    /// A duration, no longer than the part is to be.
    fn at_most(&self, duration: u64, timescale: u32) -> u64 {
        match self.wish.length {
            0 => duration,
            length => duration.min(units(length, timescale)),
        }
    }
}

/// Milliseconds in units of time.
pub(super) fn units(milliseconds: u64, timescale: u32) -> u64 {
    milliseconds.wrapping_mul(u64::from(timescale)) / 1000
}

/// Writes the duration into the data of `mdhd`, which knows it last (`ngx_http_mp4_update_mdhd_atom`).
pub(super) fn set_media_duration(data: &mut [u8], duration: u64) {
    MDHD.write(data, duration);
}

impl Clock {
    /// The version that the data have: 0 has 32 bits for times, any other 64.
    fn version(data: &[u8]) -> usize {
        usize::from(data.first() != Some(&0))
    }

    /// Timescale and duration.
    fn read(&self, data: &[u8]) -> Result<(u32, u64), Fault> {
        let too_small = || Fault::too_small(self.name);
        let version = if data.len() < self.least[0] {
            return Err(too_small());
        } else {
            Self::version(data)
        };
        if data.len() < self.least[version] {
            return Err(too_small());
        }
        let timescale = self
            .timescale
            .map_or(Some(0), |at| number(data, at[version]));
        let at = self.duration[version];
        let duration = match version {
            0 => number(data, at).map(u64::from),
            _ => wide_number(data, at),
        };
        timescale.zip(duration).ok_or_else(too_small)
    }

    fn write(&self, data: &mut [u8], duration: u64) {
        let version = Self::version(data);
        let at = self.duration[version];
        let bytes = duration.to_be_bytes();
        let bytes = if version == 0 { &bytes[4..] } else { &bytes };
        if let Some(place) = data.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }
}

fn once<'a>(
    place: &mut Option<&'a [u8]>,
    data: &'a [u8],
    fault: &'static str,
) -> Result<(), Fault> {
    match place.replace(data) {
        Some(_) => Err(Fault::In(fault)),
        None => Ok(()),
    }
}

fn media_kind<'a>(track: &mut Track<'a>, name: &[u8; 4], data: &'a [u8]) -> Result<(), Fault> {
    if track.vmhd.is_some() || track.smhd.is_some() {
        return Err(Fault::In("duplicate mp4 vmhd/smhd atom"));
    }
    match name {
        b"vmhd" => track.vmhd = Some(data),
        _ => track.smhd = Some(data),
    }
    Ok(())
}

fn sample_table<'a>(track: &mut Track<'a>, name: &[u8; 4], data: &'a [u8]) -> Result<(), Fault> {
    match name {
        b"stsd" => {
            if data.len() < 16 {
                return Err(Fault::too_small("stsd"));
            }
            once(&mut track.stsd, data, "duplicate mp4 stsd atom")
        }
        b"stts" => {
            let table = Table::read("stts", data, PAIR)?;
            first(&mut track.stts, table, "duplicate mp4 stts atom")
        }
        b"stss" => {
            let duplicate = track.stss.is_some().then_some("duplicate mp4 stss atom");
            track.stss = Some(Table::read_once("stss", data, duplicate, NUMBER)?);
            Ok(())
        }
        b"ctts" => {
            let duplicate = track.ctts.is_some().then_some("duplicate mp4 ctts atom");
            track.ctts = Some(Table::read_once("ctts", data, duplicate, PAIR)?);
            Ok(())
        }
        b"stsc" => {
            let table = Table::read("stsc", data, TRIPLE)?;
            first(&mut track.stsc, table, "duplicate mp4 stsc atom")
        }
        b"stsz" => sizes(track, data),
        b"stco" => {
            let table = Table::read("stco", data, OFFSET)?;
            let offsets = Offsets { wide: false, table };
            first(&mut track.offsets, offsets, "duplicate mp4 stco/co64 atom")
        }
        b"co64" => {
            let table = Table::read("co64", data, WIDE_OFFSET)?;
            let offsets = Offsets { wide: true, table };
            first(&mut track.offsets, offsets, "duplicate mp4 stco/co64 atom")
        }
        _ => Ok(()),
    }
}

const NUMBER: Form<u32> = Form {
    size: 4,
    entry: |bytes| number(bytes, 0),
};

const PAIR: Form<[u32; 2]> = Form {
    size: 8,
    entry: |bytes| Some([number(bytes, 0)?, number(bytes, 4)?]),
};

const TRIPLE: Form<[u32; 3]> = Form {
    size: 12,
    entry: |bytes| Some([number(bytes, 0)?, number(bytes, 4)?, number(bytes, 8)?]),
};

const OFFSET: Form<u64> = Form {
    size: 4,
    entry: |bytes| number(bytes, 0).map(u64::from),
};

const WIDE_OFFSET: Form<u64> = Form {
    size: 8,
    entry: |bytes| wide_number(bytes, 0),
};

fn first<T>(place: &mut Option<T>, value: T, fault: &'static str) -> Result<(), Fault> {
    match place.replace(value) {
        Some(_) => Err(Fault::In(fault)),
        None => Ok(()),
    }
}

/// `ngx_http_mp4_read_stsz_atom`.
fn sizes<'a>(track: &mut Track<'a>, data: &'a [u8]) -> Result<(), Fault> {
    let too_small = || Fault::too_small("stsz");
    let (Some(uniform), true) = (number(data, 4), data.len() >= 12) else {
        return Err(too_small());
    };
    if track.stsz.is_some() {
        return Err(Fault::In("duplicate mp4 stsz atom"));
    }
    track.stsz = Some(if uniform == 0 {
        let flags = data.first_chunk().copied().unwrap_or_default();
        let entries = Table::entries(data, 8, NUMBER).ok_or_else(too_small)?;
        Sizes::Each(Table::new(flags, entries))
    } else {
        Sizes::Same(data)
    });
    Ok(())
}
