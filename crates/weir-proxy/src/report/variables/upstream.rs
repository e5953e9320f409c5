//! Values of the upstream module's variables: lists over all tries.

use std::time::Duration;

use super::Value;
use super::request::{join_some, nonempty, number, write_seconds};
use crate::facts::Attempt;
use crate::facts::View;

/// The value, once a proxied location has set it.
pub(super) fn set<'a>(view: View<'_>, value: &'a [u8]) -> Option<&'a [u8]> {
    view.req.upstream.proxied.then_some(value)
}

/// Writes an element per try: `, ` between tries, ` : ` between exchanges.
fn list(view: View<'_>, out: &mut Vec<u8>, mut write: impl FnMut(&Attempt, &mut Vec<u8>)) -> Value {
    let attempts = &view.req.attempts;
    for (index, attempt) in attempts.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(if attempt.after_redirect {
                b" : "
            } else {
                b", "
            });
        }
        write(attempt, out);
    }
    if view.req.upstream.group_is_empty {
        out.extend_from_slice(b" : ");
    }
    if attempts.is_empty() {
        Value::Missing
    } else {
        Value::Found
    }
}

pub(super) fn addr(view: View<'_>, out: &mut Vec<u8>) -> Value {
    list(view, out, |attempt, out| {
        out.extend_from_slice(attempt.peer.as_bytes())
    })
}

pub(super) fn status(view: View<'_>, out: &mut Vec<u8>) -> Value {
    list(view, out, |attempt, out| match attempt.status {
        0 => out.push(b'-'),
        status => {
            number(u64::from(status), out);
        }
    })
}

pub(super) fn time(
    view: View<'_>,
    of: impl Fn(&Attempt) -> Option<Duration>,
    out: &mut Vec<u8>,
) -> Value {
    list(view, out, |attempt, out| match of(attempt) {
        Some(time) => write_seconds(time, out),
        None => out.push(b'-'),
    })
}

/// No value unless a try waited in a queue.
pub(super) fn queue_time(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let waited = |attempt: &Attempt| attempt.queue_time.is_some();
    match view.req.attempts.iter().any(waited) {
        true => time(view, |attempt| attempt.queue_time, out),
        false => Value::Missing,
    }
}

pub(super) fn length(view: View<'_>, of: impl Fn(&Attempt) -> u64, out: &mut Vec<u8>) -> Value {
    list(view, out, |attempt, out| {
        number(of(attempt), out);
    })
}

pub(super) fn failure(view: View<'_>, out: &mut Vec<u8>) -> Value {
    list(view, out, |attempt, out| match attempt.failure {
        Some((reason, _)) => out.extend_from_slice(reason.token().as_bytes()),
        None => out.push(b'-'),
    })
}

pub(super) fn failure_phase(view: View<'_>, out: &mut Vec<u8>) -> Value {
    list(view, out, |attempt, out| match attempt.failure {
        Some((_, phase)) => out.extend_from_slice(phase.token().as_bytes()),
        None => out.push(b'-'),
    })
}

pub(super) fn last_server_name(view: View<'_>, out: &mut Vec<u8>) -> Value {
    match view.req.attempts.last() {
        Some(attempt) => Value::of(nonempty(attempt.peer.as_bytes()), out),
        None => Value::Missing,
    }
}

/// A field of the last head, as far as that was read; repeated lines are joined, as nginx does. To a
/// head that is complete nginx adds `Server` and `Date`, both empty, where the upstream sent none
/// (`ngx_http_proxy_process_header`).
pub(super) fn field(view: View<'_>, name: &[u8], out: &mut Vec<u8>) -> Value {
    let upstream = &view.req.upstream;
    let values = upstream.head.fields.spelled(name, &upstream.bytes);
    match join_some(view, values, out) {
        Value::Missing if upstream.head_read && matches!(name, b"server" | b"date") => Value::Found,
        value => value,
    }
}

pub(super) fn trailer(view: View<'_>, name: &[u8], out: &mut Vec<u8>) -> Value {
    let trailers = &view.req.upstream.trailers;
    join_some(view, trailers.spelled(name), out)
}

/// The value of a cookie that the last head set.
pub(super) fn cookie(view: View<'_>, name: &[u8], out: &mut Vec<u8>) -> Value {
    let upstream = &view.req.upstream;
    let lines = upstream
        .head
        .fields
        .values(weir_wire::KnownField::SetCookie, &upstream.bytes);
    Value::of(weir_wire::token::set_cookie_value(lines, name), out)
}

pub(super) fn body_length(view: View<'_>, out: &mut Vec<u8>) -> Value {
    match view.req.upstream.body_length {
        Some(length) => number(length, out),
        None => Value::Missing,
    }
}

pub(super) fn body_chunked(view: View<'_>, out: &mut Vec<u8>) -> Value {
    Value::of(view.req.upstream.body_chunked.then_some(b"chunked"), out)
}
