//! A list as XML.

use std::io::Write;

use weir_wire::date::Civil;
use weir_wire::uri::escape_html;

use super::entry::{Entry, Kind};

/// The list (`ngx_http_autoindex_xml`).
pub(super) fn write(entries: &[Entry]) -> Vec<u8> {
    let mut out = b"<?xml version=\"1.0\"?>\r\n<list>\r\n".to_vec();
    for entry in entries {
        row(entry, &mut out);
    }
    out.extend_from_slice(b"</list>\r\n");
    out
}

fn row(entry: &Entry, out: &mut Vec<u8>) {
    let tag = entry.kind.word();
    let time = Civil::of(entry.modified);
    out.push(b'<');
    out.extend_from_slice(tag);
    // Writing to a Vec cannot fail.
    let _ = write!(
        out,
        " mtime=\"{:4}-{:02}-{:02}T{:02}:{:02}:{:02}Z\"",
        time.year,
        time.month + 1,
        time.day,
        time.hour,
        time.minute,
        time.second
    );
    if entry.kind == Kind::File {
        let _ = write!(out, " size=\"{}\"", entry.size);
    }
    out.push(b'>');
    escape_html(&entry.name, out);
    out.extend_from_slice(b"</");
    out.extend_from_slice(tag);
    out.extend_from_slice(b">\r\n");
}
