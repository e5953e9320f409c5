//! A body that came whole along with its head: most short answers. There is nothing to gather,
//! nothing to read on, and one write sends it.

use weir_filter::Flush;
use weir_upstream::PeerOutcome;

use crate::answer::{additions, body, send};
use crate::client::throttle;
use crate::exchange::response_head;
use crate::exchange::tries::{Exchange, Held};
use crate::facts::Outcome;
use crate::facts::{Action, Ending, Session};
use weir_verdict::Phase;
use weir_wire::KnownField;

/// Bodies up to this many bytes are copied behind the head: one plain write costs less than a
/// gathered one.
const COPIED: usize = 8 * 1024;

/// Length of the body, if all of it and nothing else has been read, its length was announced, and
/// no rate limits it.
pub(super) fn length(exchange: &Exchange<'_>) -> Option<usize> {
    let session = &*exchange.session;
    let upstream = &session.req.upstream;
    let response = &session.req.response;
    if response.no_head || upstream.head.chunked || is_to_decompress(session) {
        return None;
    }
    let bodyless = upstream.asked_head || matches!(upstream.head.status, 204 | 304);
    let announced = if bodyless {
        0
    } else {
        upstream.head.content_length?
    };
    let read = upstream.bytes.len() - upstream.head.len;
    if session.req.wants_head_only() != upstream.asked_head && announced > 0 {
        return None;
    }
    let whole = usize::try_from(announced).is_ok_and(|length| length == read);
    (whole && !throttle::limits(session, exchange.settings)).then_some(read)
}

/// Whether the body may be decompressed: to what may be a thousand times as long, and goes piece by piece.
fn is_to_decompress(session: &Session) -> bool {
    let head = &session.req.upstream.head;
    session.settings().gunzip && head.fields.has(KnownField::ContentEncoding)
}

/// Passes the answer on. The upstream is done with, however slow the client is.
pub(super) async fn pass(exchange: &mut Exchange<'_>, held: Held, length: usize) -> Outcome {
    exchange.session.req.response.limit_rate = Some(0);
    if let Err(outcome) = send::begin(exchange.session) {
        return super::refused(exchange, outcome);
    }
    exchange.current().response_length = length as u64;
    exchange.close_attempt();
    exchange.release(PeerOutcome::Success);
    exchange.keep(held);
    let flush = match response_head::is_buffered(exchange.session, exchange.settings) {
        true => Flush::No,
        false => Flush::Now,
    };
    let session = &mut *exchange.session;
    session.client.link_mut().action = Action::Exchange(Phase::ReadingBody);
    if session.req.response.additions.is_some()
        && let Err(outcome) = Box::pin(additions::before(session)).await
    {
        return outcome;
    }
    let waits = flush == Flush::No && additions::waits_for_more(session, length);
    let req = &mut *session.req;
    let start = req.upstream.head.len;
    let sent = if !req.response.sends_plain() {
        let head = req.response.pending.len();
        let bytes = std::mem::take(&mut req.upstream.bytes);
        let framed = body::behind_head(session, &bytes[start..], flush).is_ok();
        session.req.upstream.bytes = bytes;
        if !framed {
            return session.break_off();
        }
        let is_nothing = session.req.response.pending.len() == head;
        match (flush == Flush::No || is_nothing) && additions::waits_for_more(session, 0) {
            true => Ok(()),
            false => session.write_all(&[]).await,
        }
    } else if waits || length <= COPIED && !session.client.has_frames() {
        let body = &req.upstream.bytes[start..];
        req.response.pending.extend_from_slice(body);
        req.upstream.bytes.truncate(start);
        match waits {
            true => Ok(()),
            false => session.write_all(&[]).await,
        }
    } else {
        let bytes = std::mem::take(&mut req.upstream.bytes);
        let sent = session.write_all(&bytes[start..]).await;
        session.req.upstream.bytes = bytes;
        sent
    };
    let req = &mut *session.req;
    req.state.ending = match sent {
        Ok(()) => Ending::Complete,
        Err(_gone) => {
            req.state.closes_at_once = true;
            Ending::Broken
        }
    };
    session.client.link_mut().action = Action::Exchange(Phase::SendingToClient);
    Outcome::Answered
}
