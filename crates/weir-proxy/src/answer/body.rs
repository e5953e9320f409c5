//! Bodies that are whole in memory: cut to what is asked for, and framed.

use std::borrow::Cow;

use weir_filter::{Chain, Flush, InflateFault, More};
use weir_verdict::Phase;
use weir_wire::chunked::write_chunk_size;

use super::headers;
use crate::facts::{Action, Cut, Session};
use crate::report::error_log::{self, Message};

/// What of `body` goes out behind the pending head as it is; what has to be cut or framed is put behind
/// the head here (`ngx_http_range_body_filter`, `ngx_http_chunked_body_filter`). nginx's buffer of it has the mark
/// `flush`; unless that is the end, an empty buffer that marks the end follows.
pub(crate) fn behind_head<'a>(
    session: &mut Session,
    body: &'a [u8],
    flush: Flush,
) -> Result<&'a [u8], Broken> {
    if session.req.response.header_only {
        return Ok(&[]);
    }
    if session.req.response.sends_plain() {
        return Ok(body);
    }
    let mut body = cut(std::mem::take(&mut session.req.response.cut), body);
    let mut rest = Vec::new();
    if session.req.response.filters.is_some() {
        let mut piece = body.into_owned();
        filter_all(session, &mut piece, flush)?;
        if flush != Flush::End {
            filter_all(session, &mut rest, Flush::End)?;
        }
        body = Cow::Owned(piece);
    }
    frame(session, &body);
    frame(session, &rest);
    headers::add_trailers(session);
    if !session.req.response.goes_on() {
        end_frames(session);
    }
    Ok(&[])
}

/// Puts a piece of the body behind the pending head, as a chunk where the answer goes in chunks.
pub(crate) fn frame(session: &mut Session, piece: &[u8]) {
    let response = &mut session.req.response;
    match response.chunked {
        true => write_chunk(piece, &mut response.pending),
        false => response.pending.extend_from_slice(piece),
    }
}

/// The body is complete.
pub(crate) fn end_frames(session: &mut Session) {
    if session.req.response.chunked {
        let mut out = std::mem::take(&mut session.req.response.pending);
        write_last_chunk(session, &mut out);
        session.req.response.pending = out;
    }
}

/// The body cannot go on; the log has been told.
#[derive(Debug)]
pub(crate) struct Broken;

/// Puts in place of `piece` the first part of what the answer's filters make of it.
pub(crate) fn filter(
    session: &mut Session,
    piece: &mut Vec<u8>,
    flush: Flush,
) -> Result<More, Broken> {
    with_filters(session, |filters| filters.pass(piece, flush))
}

/// As [`filter`], for a piece of another body that is put into the answer.
pub(crate) fn insert(
    session: &mut Session,
    piece: &mut Vec<u8>,
    flush: Flush,
) -> Result<More, Broken> {
    with_filters(session, |filters| filters.insert(piece, flush))
}

/// Appends the next part to `out`.
pub(crate) fn filter_on(session: &mut Session, out: &mut Vec<u8>) -> Result<More, Broken> {
    with_filters(session, |filters| filters.go_on(out))
}

/// Lets the answer's filters act, if it has any; what they find fault with is told to the log.
fn with_filters(
    session: &mut Session,
    act: impl FnOnce(&mut Chain) -> Result<More, InflateFault>,
) -> Result<More, Broken> {
    let made = match &mut session.req.response.filters {
        Some(filters) => act(filters),
        None => Ok(More::No),
    };
    made.map_err(|fault| broken(session, fault))
}

fn filter_all(session: &mut Session, piece: &mut Vec<u8>, flush: Flush) -> Result<(), Broken> {
    let mut more = filter(session, piece, flush)?;
    let mut part = Vec::new();
    while more == More::Yes {
        more = filter_on(session, &mut part)?;
        piece.append(&mut part);
    }
    Ok(())
}

fn broken(session: &mut Session, fault: InflateFault) -> Broken {
    let action = &mut session.client.link_mut().action;
    if matches!(action, Action::Exchange(_)) {
        *action = Action::Exchange(Phase::SendingToClient);
    }
    error_log::error(session.view(), Message::text(&fault.to_string()));
    Broken
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
