//! A list as a page.

use std::io::Write;

use weir_io::clock;
use weir_log::local_offset;
use weir_wire::date::{Civil, MONTHS};
use weir_wire::uri::{Escape, escape, escape_html};

use super::entry::{Entry, Kind};
use crate::facts::View;

/// Letters that a name may take.
const WIDTH: usize = 50;

/// Letters that are shown of a longer one.
const SHORTENED: usize = 47;

/// The page (`ngx_http_autoindex_html`).
pub(super) fn write(view: View<'_>, entries: &[Entry]) -> Vec<u8> {
    let settings = view.settings();
    let row = Row {
        letters: is_utf8(view.req.response.content_type.charset()),
        ahead: if settings.autoindex_localtime {
            local_offset(clock::unix_seconds())
        } else {
            0
        },
        exact: settings.autoindex_exact_size,
    };
    let mut out = Vec::with_capacity(entries.len() * 150 + 256);
    out.extend_from_slice(b"<html>\r\n<head><title>Index of ");
    escape_html(&view.req.uri, &mut out);
    out.extend_from_slice(b"</title></head>\r\n<body>\r\n<h1>Index of ");
    escape_html(&view.req.uri, &mut out);
    out.extend_from_slice(b"</h1><hr><pre><a href=\"../\">../</a>\r\n");
    for entry in entries {
        row.write(entry, &mut out);
    }
    out.extend_from_slice(b"</pre><hr></body>\r\n</html>\r\n");
    out
}

/// Whether the answer is sent as UTF-8.
fn is_utf8(charset: &[u8]) -> bool {
    charset.eq_ignore_ascii_case(b"utf-8")
}

/// How a row is written.
struct Row {
    /// Names are counted by their letters, not by their bytes.
    letters: bool,
    /// Seconds that the times shown are ahead of UTC.
    ahead: i64,
    /// Sizes are shown in bytes.
    exact: bool,
}

impl Row {
    fn write(&self, entry: &Entry, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<a href=\"");
        escape(&entry.name, Escape::UriComponent, out);
        if entry.kind == Kind::Folder {
            out.push(b'/');
        }
        out.extend_from_slice(b"\">");
        self.write_name(entry, out);
        self.write_time(entry.modified, out);
        if self.exact {
            write_size(entry, out);
        } else {
            write_rounded_size(entry, out);
        }
        out.extend_from_slice(b"\r\n");
    }

    fn write_name(&self, entry: &Entry, out: &mut Vec<u8>) {
        let ends = self.letter_ends(&entry.name);
        let mut shown = ends.len();
        if shown > WIDTH {
            escape_html(&entry.name[..ends[SHORTENED - 1]], out);
            out.extend_from_slice(b"..&gt;</a>");
        } else {
            escape_html(&entry.name, out);
            if entry.kind == Kind::Folder && shown < WIDTH {
                out.push(b'/');
                shown += 1;
            }
            out.extend_from_slice(b"</a>");
            out.resize(out.len() + WIDTH - shown, b' ');
        }
        out.push(b' ');
    }

    /// Behind which bytes the letters of a name end (`ngx_utf8_length`).
    fn letter_ends(&self, name: &[u8]) -> Vec<usize> {
        let bytes = || (1..=name.len()).collect();
        if !self.letters {
            return bytes();
        }
        let mut ends = Vec::with_capacity(name.len());
        let mut at = 0;
        while at < name.len() {
            let Some(length) = letter_length(&name[at..]) else {
                return bytes();
            };
            at += length;
            ends.push(at);
        }
        ends
    }

    fn write_time(&self, modified: i64, out: &mut Vec<u8>) {
        let time = Civil::of(modified + self.ahead);
        let month = MONTHS[time.month].escape_ascii();
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            "{:02}-{month}-{} {:02}:{:02} ",
            time.day, time.year, time.hour, time.minute
        );
    }
}

/// Bytes of the first letter, by nginx's notion of UTF-8, which surrogates are part of (`ngx_utf8_decode`);
/// `None` if it is none.
fn letter_length(text: &[u8]) -> Option<usize> {
    let (&first, behind) = text.split_first()?;
    let (bits, least, more) = match first {
        0..0x80 => return Some(1),
        0xc2..0xe0 => (first & 0x1f, 0x80, 1),
        0xe0..0xf0 => (first & 0x0f, 0x800, 2),
        0xf0..0xf8 => (first & 0x07, 0x1_0000, 3),
        _ => return None,
    };
    let mut letter = u32::from(bits);
    for &byte in behind.get(..more)? {
        if byte < 0x80 {
            return None;
        }
        letter = letter << 6 | u32::from(byte & 0x3f);
    }
    (least..=0x10_ffff).contains(&letter).then_some(1 + more)
}

fn write_size(entry: &Entry, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = match entry.kind {
        Kind::Folder => write!(out, "{:>19}", '-'),
        Kind::File | Kind::Other => write!(out, "{:>19}", entry.size),
    };
}

fn write_rounded_size(entry: &Entry, out: &mut Vec<u8>) {
    const K: u64 = 1024;
    const M: u64 = K * K;
    const G: u64 = K * M;
    let size = entry.size;
    let rounded = |unit: u64| size / unit + u64::from(size % unit > unit / 2 - 1);
    // Writing to a Vec cannot fail.
    let _ = match size {
        _ if entry.kind == Kind::Folder => write!(out, "{:>7}", '-'),
        G.. => write!(out, "{:>6}G", rounded(G)),
        M.. => write!(out, "{:>6}M", rounded(M)),
        10_000.. => write!(out, "{:>6}K", rounded(K)),
        _ => write!(out, " {size:>6}"),
    };
}
