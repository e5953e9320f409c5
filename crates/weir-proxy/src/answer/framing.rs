//! How the body ends, and what the status leaves of the head.

use weir_wire::request::Version;
use weir_wire::{KnownField, date};

use super::redirect;
use crate::facts::{Response, Session};

/// Decides between `Content-Length`, chunks and the connection's end
/// (`ngx_http_chunked_header_filter`).
pub(super) fn chunks(session: &mut Session) {
    let is_head = session.req.is_head();
    let chunking = session.settings().chunked_transfer_encoding;
    let response = &session.req.response;
    let bodyless = is_head || matches!(response.status, 204 | 304) || response.status < 200;
    if session.client.has_frames()
        || bodyless
        || (response.content_length.is_some() && !response.expects_trailers)
    {
        return;
    }
    let req = &mut *session.req;
    let response = &mut req.response;
    if req.head.version >= Version::HTTP_11 && chunking {
        response.chunked = true;
        response.content_length = None;
    } else if response.content_length.is_none() {
        req.state.keepalive = false;
    }
}

/// What `ngx_http_header_filter` decides before it writes.
pub(super) fn head(session: &mut Session) {
    let is_head = session.req.is_head();
    let has_frames = session.client.has_frames();
    let response = &mut session.req.response;
    response.header_only = is_head;
    if !matches!(response.status, 200 | 206 | 304) {
        forget_date(response);
    }
    if response.status_line.is_empty() || has_frames {
        response.header_only |= matches!(response.status, 204 | 304);
        if response.status == 204 {
            response.content_type.clear();
            response.content_length = None;
            response.modified = None;
            response.fields.forget(KnownField::LastModified);
        }
    }
    session.req.response.content_type.complete();
    make_location_absolute(session);
    if session.client.is_leaving() {
        // The client must not send its next request to somebody who is about to go.
        session.req.state.keepalive = false;
    }
}

/// Statuses of which no date is told; one that an upstream sent stays in the head.
fn forget_date(response: &mut Response) {
    let sent = response.fields.value(KnownField::LastModified);
    if response.modified.is_some() || sent.is_some_and(|sent| date::parse(sent).is_some()) {
        response.modified = None;
        response.fields.forget(KnownField::LastModified);
    }
}

/// A `Location` that is a path becomes absolute, in a place of its own, where `absolute_redirect`
/// says so.
fn make_location_absolute(session: &mut Session) {
    let Some(location) = session.req.response.fields.value(KnownField::Location) else {
        return;
    };
    if let Some(absolute) = redirect::absolute(session, location) {
        let response = &mut session.req.response;
        response.fields.remove(KnownField::Location);
        response.location = absolute;
    }
}
