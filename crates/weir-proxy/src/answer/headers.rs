//! The fields that `add_header` adds.

use crate::facts::Session;
use crate::report::variables;

/// Adds the fields of `add_header`, which without `always` belong to successful answers only
/// (`ngx_http_headers_filter`).
pub(crate) fn add(session: &mut Session) {
    if session.settings().add_header.is_empty() {
        return;
    }
    let rules = session.settings().add_header.clone();
    let safe = matches!(
        session.req.response.status,
        200 | 201 | 204 | 206 | 301 | 302 | 303 | 304 | 307 | 308
    );
    for rule in rules.iter().filter(|rule| safe || rule.always) {
        let value = variables::text(session.view(), &rule.value);
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
