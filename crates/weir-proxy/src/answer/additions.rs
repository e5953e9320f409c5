//! Bodies of subrequests that are put around that of an answer: `add_before_body`, `add_after_body`, and the slices
//! behind the first one.

use weir_filter::{Flush, More};

use super::{body, headers};
use crate::client::sub::{Asked, PartEnd};
use crate::client::throttle::Throttle;
use crate::facts::{Additions, Ending, NO_STATUS, Outcome, Session};
use crate::report::error_log::{self, Message};

/// Has content added to an answer of `addition_types` (`ngx_http_addition_header_filter`).
pub(super) fn filter(session: &mut Session) {
    let settings = session.settings();
    let response = &session.req.response;
    if response.status != 200
        || !settings
            .addition_types
            .contain(response.content_type.media_type())
    {
        return;
    }
    let additions = Additions {
        before: settings.add_before_body.clone().flatten(),
        after: settings.add_after_body.clone().flatten(),
        ..Additions::default()
    };
    let response = &mut session.req.response;
    response.additions = Some(Box::new(additions));
    response.replace_body();
    response.weaken_etag();
}

/// Sends what comes before the body, whose head waits. An error is what becomes of the request instead.
pub(crate) async fn before(session: &mut Session) -> Result<(), Outcome> {
    let additions = session.req.response.additions.as_mut();
    let Some(path) = additions.and_then(|additions| additions.before.take()) else {
        return Ok(());
    };
    let part = Asked::of_path(session, &path);
    put(session, part).await
}

/// Whether what waits, with `length` bytes behind it, is too little to go out by itself: more comes soon
/// (`ngx_http_write_filter`).
pub(crate) fn waits_for_more(session: &Session, length: usize) -> bool {
    let response = &session.req.response;
    response.goes_on() && response.pending.len() + length < session.settings().postpone_output
}

/// Sends what comes behind a body that has been sent, or waits, and ends the answer. An error is what becomes of the
/// request instead.
pub(crate) async fn follow(session: &mut Session) -> Result<(), Outcome> {
    if session.req.state.ending != Ending::Complete {
        return Ok(());
    }
    session.req.state.ending = Ending::Broken;
    put_behind(session).await?;
    session.req.state.ending = Ending::Complete;
    Ok(())
}

async fn put_behind(session: &mut Session) -> Result<(), Outcome> {
    put_slices(session).await?;
    let additions = session.req.response.additions.as_mut();
    if let Some(path) = additions.and_then(|additions| additions.after.take()) {
        let part = Asked::of_path(session, &path);
        put(session, part).await?;
    }
    end(session).await
}

/// The slices behind the first one (`ngx_http_slice_body_filter`).
async fn put_slices(session: &mut Session) -> Result<(), Outcome> {
    while let Some(slices) = session.req.state.slices.get_mut()
        && slices.has_next()
    {
        if session.req.body.is_gone() {
            let text = "the request body has been passed on, and cannot be sent for another slice";
            error_log::error(session.view(), Message::text(text));
            return Err(cut(session));
        }
        slices.ask();
        let part = Asked::of_slice(session);
        put(session, part).await?;
        let slices = session.req.state.slices.get();
        if !slices.is_some_and(|slices| slices.has_come()) {
            error_log::error(session.view(), Message::text("missing slice response"));
            return Err(Outcome::Close(session.req.response.status));
        }
    }
    session.req.state.slices.take();
    if let Some(additions) = &mut session.req.response.additions {
        additions.slices = false;
    }
    Ok(())
}

/// Passes the body of a subrequest on. One that is cut cuts the answer, too, where the client can see it; nginx
/// goes on with what follows.
async fn put(session: &mut Session, mut part: Asked) -> Result<(), Outcome> {
    let mut throttle = Throttle::client(session, true);
    let mut piece = Vec::new();
    while part.next(session, &mut piece).await {
        let flush = match part.sends_at_once() {
            true => Flush::Now,
            false => Flush::No,
        };
        let sent = write(session, &mut throttle, &mut piece, flush);
        // Without its client the part ends, too; the log has been told.
        part.beside(sent).await?;
    }
    match part.end(session) {
        PartEnd::Complete => Ok(()),
        PartEnd::Cut => {
            send(session, &mut throttle).await;
            Err(cut(session))
        }
        PartEnd::Closed(NO_STATUS) => Err(Outcome::Close(session.req.response.status)),
        PartEnd::Closed(status) => Err(Outcome::Close(status)),
    }
}

/// The answer ends here, and the client is to see that.
fn cut(session: &mut Session) -> Outcome {
    session.req.state.keepalive = false;
    session.req.state.ending = Ending::Cut;
    Outcome::Answered
}

/// Writes a piece of a body that is inserted behind the filters that are the main request's own.
async fn write(
    session: &mut Session,
    throttle: &mut Throttle,
    piece: &mut Vec<u8>,
    flush: Flush,
) -> Result<(), Outcome> {
    let mut made = body::insert(session, piece, flush);
    loop {
        let Ok(more) = made else {
            return Err(session.break_off());
        };
        body::frame(session, piece);
        piece.clear();
        let waits = flush == Flush::No && waits_for_more(session, 0);
        if !waits && !send(session, throttle).await {
            return Err(Outcome::Answered);
        }
        if more == More::No {
            return Ok(());
        }
        made = body::filter_on(session, piece);
    }
}

/// Ends the answer: what the filters of the whole still hold, the trailers, the last chunk. As in nginx the
/// trailers stand there twice if the body has had its end before.
async fn end(session: &mut Session) -> Result<(), Outcome> {
    let mut throttle = Throttle::client(session, true);
    let mut rest = Vec::new();
    let mut made = body::insert(session, &mut rest, Flush::End);
    while let Ok(More::Yes) = made {
        body::frame(session, &rest);
        rest.clear();
        made = body::filter_on(session, &mut rest);
    }
    body::frame(session, &rest);
    headers::add_trailers(session);
    body::end_frames(session);
    match made.is_ok() && send(session, &mut throttle).await {
        true => Ok(()),
        false => Err(Outcome::Answered),
    }
}

/// Writes what waits.
async fn send(session: &mut Session, throttle: &mut Throttle) -> bool {
    if session.req.response.pending.is_empty() {
        return true;
    }
    match throttle.is_on() {
        true => throttle.write(session, &[]).await,
        false => session.write_all(&[]).await.is_ok(),
    }
}
