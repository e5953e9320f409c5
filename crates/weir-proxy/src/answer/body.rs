//! Bodies that are whole in memory: cut to what is asked for, and framed.

use std::borrow::Cow;

use weir_wire::chunked::write_chunk_size;

use super::headers;
use crate::facts::{Cut, Session};

/// What of `body` goes out behind the pending head as it is; what has to be cut or framed is put behind
/// the head here (`ngx_http_range_body_filter`, `ngx_http_chunked_body_filter`).
pub(crate) fn behind_head<'a>(session: &mut Session, body: &'a [u8]) -> &'a [u8] {
    if session.req.response.header_only {
        return &[];
    }
    if session.req.response.sends_plain() {
        return body;
    }
    headers::add_trailers(session);
    let response = &mut session.req.response;
    let mut out = std::mem::take(&mut response.pending);
    let body = cut(std::mem::take(&mut response.cut), body);
    if response.chunked {
        write_chunk(&body, &mut out);
        write_last_chunk(session, &mut out);
    } else {
        out.extend_from_slice(&body);
    }
    session.req.response.pending = out;
    &[]
}

fn cut(cut: Cut, body: &[u8]) -> Cow<'_, [u8]> {
    let part = |range: std::ops::Range<u64>| {
        let end = usize::try_from(range.end).unwrap_or(usize::MAX);
        let start = usize::try_from(range.start).unwrap_or(usize::MAX);
        body.get(start..end).unwrap_or_default()
    };
    match cut {
        Cut::Whole => Cow::Borrowed(body),
        Cut::Part(range) => Cow::Borrowed(part(range)),
        Cut::Parts(parts) => {
            let mut out = Vec::new();
            for (lines, range) in parts.parts {
                out.extend_from_slice(&lines);
                out.extend_from_slice(part(range));
            }
            out.extend_from_slice(&parts.end);
            Cow::Owned(out)
        }
    }
}

/// Appends `data` as one chunk; nothing where there is nothing.
pub(crate) fn write_chunk(data: &[u8], out: &mut Vec<u8>) {
    if !data.is_empty() {
        write_chunk_size(data.len() as u64, out);
        out.extend_from_slice(data);
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends the last chunk and the trailers (`ngx_http_chunked_create_trailers`).
pub(crate) fn write_last_chunk(session: &Session, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    session.req.response.trailers.write(out);
    out.extend_from_slice(b"\r\n");
}
