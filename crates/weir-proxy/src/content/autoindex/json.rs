//! A list as JSON.

use std::io::Write;

use weir_conf::Escape;
use weir_log::escape;
use weir_wire::date;

use super::entry::{Entry, Kind};

/// The list (`ngx_http_autoindex_json`).
pub(super) fn write(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.len() * 100 + 8);
    list(entries, &mut out);
    out
}

/// The list as a script's call of `function`.
pub(super) fn write_call(function: &[u8], entries: &[Entry]) -> Vec<u8> {
    let mut out = b"/* callback */\r\n".to_vec();
    out.extend_from_slice(function);
    out.push(b'(');
    list(entries, &mut out);
    out.extend_from_slice(b");");
    out
}

fn list(entries: &[Entry], out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        row(entry, out);
    }
    out.extend_from_slice(b"\r\n]");
}

fn row(entry: &Entry, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n{ \"name\":\"");
    let start = out.len();
    out.extend_from_slice(&entry.name);
    escape::apply(Escape::Json, out, start);
    out.extend_from_slice(b"\", \"type\":\"");
    out.extend_from_slice(entry.kind.word());
    out.extend_from_slice(b"\", \"mtime\":\"");
    date::write(entry.modified, out);
    out.push(b'"');
    if entry.kind == Kind::File {
        // Writing to a Vec cannot fail.
        let _ = write!(out, ", \"size\":{}", entry.size);
    }
    out.extend_from_slice(b" }");
}
