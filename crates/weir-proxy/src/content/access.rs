//! `allow` and `deny`, and the fields that `add_header` adds.

use crate::report::variables;
use crate::session::{ClientAddress, Session};

/// Whether the client may ask for this (`ngx_http_access_handler`): the first rule that names it
/// decides, none lets it in.
pub(crate) fn allowed(session: &Session) -> bool {
    let client = match &session.conn.client {
        ClientAddress::Inet(address) => Some(address.ip()),
        ClientAddress::Unix => None,
    };
    let rules = &session.settings().access;
    rules
        .iter()
        .find(|rule| rule.network.contains(client))
        .is_none_or(|rule| rule.allow)
}

/// Adds the fields of `add_header`, which without `always` belong to successful answers only
/// (`ngx_http_headers_filter`).
pub(crate) fn add_headers(session: &mut Session) {
    if session.settings().add_header.is_empty() {
        return;
    }
    let rules = session.settings().add_header.clone();
    let safe = matches!(
        session.req.response.status,
        200 | 201 | 204 | 206 | 301 | 302 | 303 | 304 | 307 | 308
    );
    for rule in rules.iter().filter(|rule| safe || rule.always) {
        let value = variables::text(session, &rule.value);
        if value.is_empty() {
            continue;
        }
        match rule.name.to_ascii_lowercase().as_str() {
            "last-modified" => session.req.response.last_modified = value,
            _ => session
                .req
                .response
                .push_field(rule.name.as_bytes(), &value),
        }
    }
}
