//! What is decided of an answer before its head is written, whoever made it.

use weir_conf::Active;

use super::{charset, framing, gunzip, gzip, headers, not_modified, ranges, sub};
use crate::facts::{Outcome, Session};

/// Runs nginx's header filters in the order in which it runs them: that of `ngx_modules`, backwards; those only
/// that the location has set up.
/// An error is what becomes of the request instead.
///
/// 1. not_modified: 304 and 412 come before everything that describes the body.
/// 2. headers: `expires` and `add_header` see the status before a range changes it.
/// 3. gunzip, sub, charset, gzip: in the order in which the body passes them.
/// 4. range: after whatever changes the body's length; its fields follow those that were added.
/// 5. chunked: needs the length that the range filter leaves.
/// 6. header: what the status leaves of the rest.
pub(super) fn settle(session: &mut Session) -> Result<(), Outcome> {
    let response = &mut session.req.response;
    response.filters = None;
    if response.no_head {
        response.status = 200;
        if session.settings().active.has(Active::SUB) {
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
        // None of the filters is for it, and its head is not written.
        session.req.response.header_only = true;
        return Ok(());
    }
    not_modified::filter(session).map_err(Outcome::Status)?;
    let active = session.settings().active;
    if active.has(Active::HEADERS) {
        headers::filter(session);
    }
    if active.has(Active::GUNZIP) {
        gunzip::filter(session);
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
    framing::chunks(session);
    framing::head(session);
    if active.has(Active::SUB) {
        sub::evaluate_replacements(session);
    }
    Ok(())
}
