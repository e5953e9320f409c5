//! `flv` and `mp4`: files that a client may have from a time or place on.

use std::fs::{File, Metadata};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use weir_filter::mp4::{Fault, Header, Index, LONGEST_HEADER, Wish};
use weir_wire::request::Method;
use weir_wire::token;

use super::static_file::{self, Body};
use super::{looked_up, quoted};
use crate::facts::{Action, Outcome, Session, View};
use crate::report::error_log::{self, Message};
use crate::report::variables::paths;

/// The kinds of films.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Flv,
    Mp4,
}

/// Answers with a file, or a part of it (`ngx_http_flv_handler`, `ngx_http_mp4_handler`).
pub(super) async fn answer(session: &mut Session, kind: Kind) -> Outcome {
    if !matches!(session.req.state.method, Method::Get | Method::Head) {
        return Outcome::Status(405);
    }
    if session.req.uri.last() == Some(&b'/') {
        return super::file(session).await;
    }
    if let Err(outcome) = session.settle_unwanted_body().await {
        return outcome;
    }
    let Ok(path) = paths::filename(session.view(), &session.req.uri) else {
        return Outcome::Status(500);
    };
    let (file, metadata) = match looked_up::open(session.view(), &path) {
        Ok(found) => found,
        Err(failed) => return static_file::open_failed(session, &path, &failed),
    };
    if !metadata.is_file() {
        return super::file(session).await;
    }
    static_file::note_root(session);
    let (body, action) = match kind {
        Kind::Flv => (flv(session.view(), &metadata), Action::SendingFlv),
        Kind::Mp4 => match mp4(session, &file, &metadata, &path) {
            Ok(body) => (body, Action::SendingMp4),
            Err(outcome) => return outcome,
        },
    };
    session.client.link_mut().action = action;
    static_file::send(session, &file, &metadata, body).await
}

/// What every FLV file begins with.
const FLV: &[u8] = b"FLV\x01\x05\0\0\0\x09\0\0\0\0";

/// The file from byte `start` on, made a file of its own.
fn flv(view: View<'_>, metadata: &Metadata) -> Body {
    let length = metadata.len();
    let start = token::arg(&view.req.args, b"start")
        .and_then(number)
        .filter(|start| *start < length)
        .unwrap_or(0);
    if start == 0 {
        return Body::whole(length);
    }
    Body {
        head: FLV.to_vec(),
        file: start..length,
    }
}

/// Digits alone (`ngx_atoof`).
fn number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_digit).then_some(text)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The whole file, or the part between the seconds `start` and `end`.
fn mp4(
    session: &mut Session,
    file: &File,
    metadata: &Metadata,
    path: &[u8],
) -> Result<Body, Outcome> {
    let Some(wish) = wish(session.view()) else {
        return Ok(Body::whole(metadata.len()));
    };
    session.req.response.single_range = true;
    match part(session.view(), file, metadata.len(), wish) {
        Ok(body) => Ok(body),
        Err(fault) => {
            let text = match fault {
                Fault::Of(text) => quoted(b"", path, format!(" {text}").as_bytes()),
                Fault::In(text) => quoted(format!("{text} in ").as_bytes(), path, b""),
            };
            error_log::error(session.view(), Message::bytes(&text));
            Err(Outcome::Status(500))
        }
    }
}

/// What the arguments `start` and `end` say; `None`: the whole file.
fn wish(view: View<'_>) -> Option<Wish> {
    let time = |name: &[u8]| token::arg(&view.req.args, name).and_then(milliseconds);
    let (mut start, mut length) = (time(b"start"), 0);
    if let Some(end) = time(b"end").filter(|end| *end > 0) {
        length = end.saturating_sub(*start.get_or_insert(0));
    }
    start.map(|start| Wish {
        start,
        length,
        from_key_frame: view.settings().mp4_start_key_frame,
    })
}

/// Seconds with any number of digits behind the point (`ngx_http_mp4_atofp`).
fn milliseconds(text: &[u8]) -> Option<u64> {
    const MOST: u64 = i64::MAX as u64;
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    let whole = parts.next().unwrap_or_default();
    let behind = parts.next().unwrap_or_default();
    if text.is_empty() || !whole.iter().chain(behind).all(u8::is_ascii_digit) {
        return None;
    }
    let thousandths = behind
        .iter()
        .copied()
        .chain(std::iter::repeat(b'0'))
        .take(3);
    whole
        .iter()
        .copied()
        .chain(thousandths)
        .try_fold(0u64, |value, digit| {
            let value = value
                .checked_mul(10)?
                .checked_add(u64::from(digit - b'0'))?;
            (value <= MOST).then_some(value)
        })
}

/// Reads what stands at the file's outermost level up to its index (`ngx_http_mp4_process`).
fn part(view: View<'_>, file: &File, length: u64, wish: Wish) -> Result<Body, Fault> {
    let mut found = Found::default();
    let mut at = 0;
    while let Some(atom) = Atom::read(file, at, length)? {
        at = atom.data.end;
        if &atom.name != b"moov" {
            found.take(file, &atom)?;
            continue;
        }
        if found.samples_end.is_none() && wish.start == 0 && wish.length == 0 {
            // It can be played from its beginning as it is.
            return Ok(Body::whole(length));
        }
        let size = index_size(view, &atom)?;
        let bytes = read(file, atom.data.start, size + LONGEST_HEADER)?;
        let index = Index::read(&bytes, size, wish)?;
        if found.samples_end.is_none() && !index.ended {
            find_samples(file, &mut found, index.has_tracks(), at, length)?;
        }
        let part = index.part(found.kind.as_deref(), found.samples_end, length)?;
        return Ok(Body {
            head: part.head,
            file: part.samples,
        });
    }
    Err(Fault::In("no mp4 trak atoms were found"))
}

/// Reads on behind the index, up to the samples if there is a track.
fn find_samples(
    file: &File,
    found: &mut Found,
    has_tracks: bool,
    mut at: u64,
    length: u64,
) -> Result<(), Fault> {
    while let Some(atom) = Atom::read(file, at, length)? {
        at = atom.data.end;
        if &atom.name == b"moov" {
            return Err(Fault::In("duplicate mp4 moov atom"));
        }
        found.take(file, &atom)?;
        if has_tracks && found.samples_end.is_some() {
            break;
        }
    }
    Ok(())
}

/// An atom at the outermost level.
struct Atom {
    name: [u8; 4],
    /// Where its data lie in the file.
    data: Range<u64>,
}

impl Atom {
    /// The one that begins at byte `at`; `None` at the end of the file, or of what is read of it.
    fn read(file: &File, at: u64, length: u64) -> Result<Option<Self>, Fault> {
        if at >= length {
            return Ok(None);
        }
        let header = Header::read(&read(file, at, LONGEST_HEADER)?, length - at)?;
        Ok(header.map(|header| Self {
            name: header.name,
            data: at + header.length as u64..at + header.size,
        }))
    }

    fn size(&self) -> u64 {
        self.data.end - self.data.start
    }
}

/// What was found beside the index.
#[derive(Default)]
struct Found {
    /// The data of `ftyp`.
    kind: Option<Vec<u8>>,
    /// Where those of `mdat` end.
    samples_end: Option<u64>,
}

impl Found {
    fn take(&mut self, file: &File, atom: &Atom) -> Result<(), Fault> {
        const LARGEST_KIND: u64 = 1024;
        match &atom.name {
            b"ftyp" if atom.size() > LARGEST_KIND => {
                let text = format!("mp4 ftyp atom is too large:{}", atom.size());
                return Err(Fault::Of(text));
            }
            b"ftyp" if self.kind.is_some() => return Err(Fault::In("duplicate mp4 ftyp atom")),
            b"ftyp" => {
                let size = usize::try_from(atom.size()).unwrap_or(0);
                self.kind = Some(read(file, atom.data.start, size)?);
            }
            b"mdat" if self.samples_end.is_some() => {
                return Err(Fault::In("duplicate mp4 mdat atom"));
            }
            b"mdat" => self.samples_end = Some(atom.data.end),
            _ => {}
        }
        Ok(())
    }
}

/// The bytes of an index that may be read into memory.
fn index_size(view: View<'_>, atom: &Atom) -> Result<usize, Fault> {
    let settings = view.settings();
    let most = settings.mp4_buffer_size.max(settings.mp4_max_buffer_size);
    let size = usize::try_from(atom.size())
        .ok()
        .filter(|size| *size <= most);
    size.ok_or_else(|| {
        let size = atom.size();
        Fault::Of(format!(
            "mp4 moov atom is too large:{size}, you may want to increase mp4_max_buffer_size"
        ))
    })
}

/// Up to `size` bytes of the file, as far as it has them.
fn read(file: &File, at: u64, size: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = vec![0; size];
    let mut filled = 0;
    while filled < size {
        match file.read_at(&mut bytes[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(_) => return Err(Fault::Of("mp4 file truncated".to_owned())),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_any_number_of_digits() {
        let check = |text: &str, expected| {
            assert_eq!(milliseconds(text.as_bytes()), expected, "{text}");
        };
        check("0", Some(0));
        check("1", Some(1000));
        check("1.5", Some(1500));
        check("1.23456789", Some(1234));
        check(".5", Some(500));
        check("5.", Some(5000));
        check(".", Some(0));
        check("", None);
        check("-1", None);
        check("1.2.3", None);
        check("1e3", None);
        check("9223372036854775", Some(9_223_372_036_854_775_000));
        check("9223372036854776", None);
        check("99999999999999999999", None);
    }
}
