//! `expires`, `add_header`, `add_trailer` and `proxy_status`.

use weir_conf::{AddHeader, Expires, Expiry};
use weir_verdict::Reason;
use weir_wire::{KnownField, date};

use super::expires;
use crate::facts::{Response, Session};
use crate::report::variables;

/// Says how long the answer stays fresh, adds the fields of `add_header`, and notes whether trailers
/// will follow (`ngx_http_headers_filter`).
pub(super) fn filter(session: &mut Session) {
    let settings = session.settings();
    let expires = settings.expires != Expires::Fixed(Expiry::Off);
    let rules = settings.add_header.clone();
    let status = session.req.response.status;
    let trailers = settings.add_trailer.iter();
    let expects_trailers = trailers.filter(|rule| holds(rule, status)).count() > 0;
    if expires && is_success(status) {
        expires::set(session);
    }
    let mut value = Vec::new();
    for rule in rules.iter().filter(|rule| holds(rule, status)) {
        value.clear();
        variables::expand(session.view(), &rule.value, &mut value);
        add(&mut session.req.response, rule.name.as_bytes(), &value);
    }
    session.req.response.expects_trailers |= expects_trailers;
    if session.settings().proxy_status {
        proxy_status(session);
    }
}

/// Says why an upstream's answer is not there, if this one is made in its place (RFC 9209, section 2.3). The upstream's
/// address is nobody's business.
fn proxy_status(session: &mut Session) {
    let failure = session
        .req
        .attempts
        .last()
        .and_then(|attempt| attempt.failure);
    let error = match failure {
        // That is an answer, and no error of RFC 9209's.
        Some((Reason::HttpStatus, _)) => return,
        Some((reason, _)) => reason.token(),
        None if session.req.state.sought_in_vain && session.req.attempts.is_empty() => "dns_error",
        None => return,
    };
    let value = format!("weir; error={error}");
    let fields = &mut session.req.response.fields;
    fields.add(b"Proxy-Status", value.as_bytes());
}

/// Whether a rule holds for an answer of this status: without `always` only if it is a success.
fn holds(rule: &AddHeader, status: u16) -> bool {
    rule.always || is_success(status)
}

fn is_success(status: u16) -> bool {
    matches!(
        status,
        200 | 201 | 204 | 206 | 301 | 302 | 303 | 304 | 307 | 308
    )
}

/// Adds a field, or edits the one that there is of the names that allow only one
/// (`ngx_http_set_headers`).
fn add(response: &mut Response, name: &[u8], value: &[u8]) {
    match KnownField::from_name(name) {
        Some(KnownField::Etag) => response.fields.set(KnownField::Etag, name, value),
        Some(KnownField::LastModified) => {
            response.fields.set(KnownField::LastModified, name, value);
            response.modified = date::parse(value);
        }
        _ if value.is_empty() => {}
        _ => response.fields.add(name, value),
    }
}

/// Evaluates the trailers of `add_trailer` at the end of the body (`ngx_http_trailers_filter`), which the first of
/// several slices does not have. An HTTP/1.0 client gets none, though variables show them.
pub(crate) fn add_trailers(session: &mut Session) {
    let response = &session.req.response;
    let additions = response.additions.as_deref();
    let is_slice = additions.is_some_and(|additions| additions.slices);
    if !response.expects_trailers || response.header_only || is_slice {
        return;
    }
    let rules = session.settings().add_trailer.clone();
    let status = session.req.response.status;
    for rule in rules.iter().filter(|rule| holds(rule, status)) {
        let value = variables::text(session.view(), &rule.value);
        if !value.is_empty() {
            let trailers = &mut session.req.response.trailers;
            trailers.add(rule.name.as_bytes(), &value);
        }
    }
}
