//! The error mapper: what follows from a failure before the response head. Pure, and printed whole
//! by a snapshot test.

use weir_conf::NextUpstream;

use super::failure::{Cause, Failure};

/// What the exchange had done when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Something of the request may have reached the peer.
    pub request_sent: bool,
    /// The method may be repeated (not POST, LOCK or PATCH).
    pub idempotent: bool,
    /// A body that is passed on while it arrives cannot be sent twice.
    pub body_in_flight: bool,
    /// The connection had served a request before.
    pub reused: bool,
    /// Tries left, the failed one no longer included.
    pub tries_left: u32,
    /// `proxy_next_upstream_timeout` is over.
    pub out_of_time: bool,
}

/// What the configuration says about further tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// `proxy_next_upstream`.
    pub next_upstream: NextUpstream,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How the failure is booked in `$upstream_status`: the status the client would get.
    pub status: u16,
    /// Whether the peer's failures go up.
    pub counts: bool,
    /// One try that uses up none: the kept connection turned out to be dead.
    pub extra_try: bool,
    /// Whether another peer is tried.
    pub retry: bool,
}

/// The class of a failure in `proxy_next_upstream`, and the status it leads to.
///
/// `None`: the peer is not to blame, the request ends with 500 (socket, bind, no slot).
fn class(cause: &Cause) -> Option<(NextUpstream, u16)> {
    Some(match cause {
        Cause::NoConnectionSlot(_) | Cause::Socket(_) | Cause::Bind(..) => return None,
        // No directive lists this class, so it is never retried (NGX_HTTP_UPSTREAM_FT_NOLIVE).
        Cause::NoLivePeers => (NextUpstream::EMPTY, 502),
        Cause::ConnectAtOnce(..)
        | Cause::Connect(_)
        | Cause::Closed
        | Cause::Receive(..)
        | Cause::Send(..)
        | Cause::InvalidChunk(_) => (NextUpstream::ERROR, 502),
        Cause::TimedOut => (NextUpstream::TIMEOUT, 504),
        Cause::HeadTooBig | Cause::InvalidHead(_) => (NextUpstream::INVALID_HEADER, 502),
        Cause::Status(status) => (class_of_status(*status), *status),
    })
}

/// The class of an upstream's status; empty for statuses that no directive can list.
fn class_of_status(status: u16) -> NextUpstream {
    match status {
        500 => NextUpstream::HTTP_500,
        502 => NextUpstream::HTTP_502,
        503 => NextUpstream::HTTP_503,
        504 => NextUpstream::HTTP_504,
        403 => NextUpstream::HTTP_403,
        404 => NextUpstream::HTTP_404,
        429 => NextUpstream::HTTP_429,
        _ => NextUpstream::EMPTY,
    }
}

/// What follows from `failure` (`ngx_http_upstream_next`).
pub fn verdict(failure: &Failure, tried: &Tried, rules: &Rules) -> Verdict {
    let Some((mut class, status)) = class(&failure.cause) else {
        return Verdict {
            status: 500,
            counts: false,
            extra_try: false,
            retry: false,
        };
    };
    let counts = match failure.cause {
        Cause::NoLivePeers => false,
        Cause::Status(status) => !matches!(status, 403 | 404),
        Cause::NoConnectionSlot(_)
        | Cause::Socket(_)
        | Cause::Bind(..)
        | Cause::ConnectAtOnce(..)
        | Cause::Connect(_)
        | Cause::TimedOut
        | Cause::Closed
        | Cause::Receive(..)
        | Cause::Send(..)
        | Cause::HeadTooBig
        | Cause::InvalidHead(_)
        | Cause::InvalidChunk(_) => true,
    };
    let extra_try = tried.reused && class == NextUpstream::ERROR;
    if tried.request_sent && !tried.idempotent {
        class = class | NextUpstream::NON_IDEMPOTENT;
    }
    let tries_left = tried.tries_left + u32::from(extra_try);
    let retry = tries_left > 0
        && !class.is_empty()
        && rules.next_upstream.contains(class)
        && !(tried.request_sent && tried.body_in_flight)
        && !tried.out_of_time;
    Verdict {
        status,
        counts,
        extra_try,
        retry,
    }
}

/// Whether an answer with `status` sends the request to the next peer
/// (`ngx_http_upstream_test_next`): `tries_left` counts the running try too, and the last answer is
/// passed to the client.
pub fn retry_on_status(status: u16, tried: &Tried, rules: &Rules) -> bool {
    let mut class = class_of_status(status);
    if class.is_empty() {
        return false;
    }
    if tried.request_sent && !tried.idempotent {
        class = class | NextUpstream::NON_IDEMPOTENT;
    }
    tried.tries_left > 1
        && rules.next_upstream.contains(class)
        && !(tried.request_sent && tried.body_in_flight)
        && !tried.out_of_time
}
