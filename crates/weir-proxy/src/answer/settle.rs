//! What is decided of an answer before its head is written, whoever made it.

use weir_conf::Active;

use super::{
    additions, charset, framing, gunzip, gzip, headers, not_modified, ranges, slice, sub, user_id,
};
use crate::facts::{NO_STATUS, Outcome, Session};
use crate::report::variables::user_id::NoValue;

/// Runs nginx's header filters in the order in which it runs them: that of `ngx_modules`, backwards; those only
/// that the location has set up.
/// An error is what becomes of the request instead.
///
/// 1. slice: what comes after it takes a slice for the whole.
/// 2. not_modified: 304 and 412 come before everything that describes the body.
/// 3. headers: `expires` and `add_header` see the status before a range changes it; the cookie of userid follows
///    the fields that were added.
/// 4. gunzip, addition, sub, charset, gzip: in the order in which the body passes them.
/// 5. range: after whatever changes the body's length; its fields follow those that were added.
/// 6. chunked: needs the length that the range filter leaves.
/// 7. header: what the status leaves of the rest.
pub(super) fn settle(session: &mut Session) -> Result<(), Outcome> {
    let response = &mut session.req.response;
    response.filters = None;
    response.additions = None;
    if response.no_head {
        response.status = 200;
        // A stream's answer has a head all the same, and this one says of nothing (`ngx_http_v2_header_filter`).
        if session.client.has_frames() {
            session.req.response.header_only = session.req.is_head();
        }
        slice::filter(session)?;
        let active = session.settings().active;
        if active.has(Active::USERID) {
            visitor(session)?;
        }
        if active.has(Active::SUB) {
            sub::filter(session);
            sub::evaluate_replacements(session);
        }
        return Ok(());
    }
    if let Some(status) = session.req.state.status_override {
        response.status = status;
        response.status_line.clear();
    }
    if session.req.state.is_sub {
        return settle_sub(session);
    }
    let slice = slice::filter(session)?;
    not_modified::filter(session).map_err(Outcome::Status)?;
    let active = session.settings().active;
    if active.has(Active::HEADERS) {
        headers::filter(session);
    }
    if active.has(Active::USERID) {
        visitor(session)?;
    }
    if active.has(Active::GUNZIP) {
        gunzip::filter(session);
    }
    if active.has(Active::ADDITION) {
        additions::filter(session);
    }
    if active.has(Active::SUB) {
        sub::filter(session);
    }
    if active.has(Active::CHARSET) || session.req.response.accel_charset.is_some() {
        let status = session.req.response.status;
        charset::filter(session).map_err(|charset::NoValue| Outcome::Close(status))?;
    }
    if active.has(Active::GZIP) {
        gzip::filter(session);
    }
    ranges::filter(session).map_err(Outcome::Status)?;
    if let Some(slice) = slice {
        slice::cut_first(session, &slice);
    }
    framing::chunks(session);
    framing::head(session);
    if active.has(Active::SUB) {
        sub::evaluate_replacements(session);
    }
    if session.req.response.additions.is_some() {
        leave_open(session);
    }
    Ok(())
}

/// Lets other bodies follow this one, if any body is sent at all.
fn leave_open(session: &mut Session) {
    let response = &mut session.req.response;
    if response.header_only {
        response.additions = None;
    }
    if response.goes_on()
        && let Some(filters) = &mut response.filters
    {
        filters.leave_open();
    }
}

/// The same for a subrequest, whose head is not written: those filters are for it that its body passes, if that
/// is wanted.
fn settle_sub(session: &mut Session) -> Result<(), Outcome> {
    if session.req.state.only_head_counts {
        session.req.response.header_only = true;
        return Ok(());
    }
    let slice = slice::filter(session)?;
    let active = session.settings().active;
    if active.has(Active::GUNZIP) {
        gunzip::filter(session);
    }
    if active.has(Active::SUB) {
        sub::filter(session);
    }
    charset::filter(session).map_err(|charset::NoValue| Outcome::Close(NO_STATUS))?;
    if let Some(slice) = slice {
        slice::cut(session, &slice);
    }
    if active.has(Active::SUB) {
        sub::evaluate_replacements(session);
    }
    Ok(())
}

fn visitor(session: &mut Session) -> Result<(), Outcome> {
    let status = session.req.response.status;
    user_id::filter(session).map_err(|NoValue| Outcome::Close(status))
}
