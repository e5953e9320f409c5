//! What is decided of an answer before its head is written, whoever made it.

use super::{framing, headers, not_modified, ranges};
use crate::facts::Session;

/// Runs nginx's header filters in the order in which it runs them: that of `ngx_modules`, backwards.
/// An error is the status of the page to send instead.
///
/// 1. not_modified: 304 and 412 come before everything that describes the body.
/// 2. headers: `expires` and `add_header` see the status before a range changes it.
/// 3. range: after whatever changes the body's length; its fields follow those that were added.
/// 4. chunked: needs the length that the range filter leaves.
/// 5. header: what the status leaves of the rest.
pub(super) fn settle(session: &mut Session) -> Result<(), u16> {
    let response = &mut session.req.response;
    if response.no_head {
        response.status = 200;
        return Ok(());
    }
    if let Some(status) = session.req.state.status_override {
        response.status = status;
        response.status_line.clear();
    }
    not_modified::filter(session)?;
    headers::filter(session);
    ranges::filter(session)?;
    framing::chunks(session);
    framing::head(session);
    Ok(())
}
