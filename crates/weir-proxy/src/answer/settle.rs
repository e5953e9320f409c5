//! What is decided of an answer before its head is written, whoever made it.

use super::{charset, framing, gunzip, gzip, headers, not_modified, ranges, sub, user_id};
use crate::facts::{Outcome, Session};
use crate::report::variables::user_id::NoValue;

/// Runs nginx's header filters in the order in which it runs them: that of `ngx_modules`, backwards.
/// An error is what becomes of the request instead.
///
/// 1. not_modified: 304 and 412 come before everything that describes the body.
/// 2. headers: `expires` and `add_header` see the status before a range changes it.
/// 3. userid: its cookie follows the fields that were added.
/// 4. gunzip, sub, charset, gzip: in the order in which the body passes them.
/// 5. range: after whatever changes the body's length; its fields follow those that were added.
/// 6. chunked: needs the length that the range filter leaves.
/// 7. header: what the status leaves of the rest.
pub(super) fn settle(session: &mut Session) -> Result<(), Outcome> {
    let response = &mut session.req.response;
    response.filters = None;
    if response.no_head {
        response.status = 200;
        visitor(session)?;
        sub::filter(session);
        sub::evaluate_replacements(session);
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
    headers::filter(session);
    visitor(session)?;
    gunzip::filter(session);
    sub::filter(session);
    let status = session.req.response.status;
    charset::filter(session).map_err(|charset::NoValue| Outcome::Close(status))?;
    gzip::filter(session);
    ranges::filter(session).map_err(Outcome::Status)?;
    framing::chunks(session);
    framing::head(session);
    sub::evaluate_replacements(session);
    Ok(())
}

fn visitor(session: &mut Session) -> Result<(), Outcome> {
    let status = session.req.response.status;
    user_id::filter(session).map_err(|NoValue| Outcome::Close(status))
}
