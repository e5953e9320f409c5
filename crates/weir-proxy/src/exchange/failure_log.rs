//! The error line of a failure, with nginx's level.

use weir_log::{ErrorNumber, Level};
use weir_wire::chunked::ChunkedFault;

use crate::facts::Session;
use crate::report::error_log::{self, Message};
use crate::report::peer_text::errno_of;
use weir_verdict::{Cause, Failure, TlsFailure};

/// Writes the line of `failure`; a status is a failure without one.
pub(super) fn log(session: &Session, failure: &Failure) {
    let error = Level::Error;
    match &failure.cause {
        Cause::Status(_) => {}
        Cause::NoLivePeers => {
            error_log::log(session.view(), error, Message::text("no live upstreams"))
        }
        Cause::QueueFull => {
            let text = "no live upstreams, and the queue is full";
            error_log::log(session.view(), error, Message::text(text));
        }
        Cause::QueueTimedOut => {
            let text = "no live upstreams for as long as the queue lets wait";
            error_log::log(session.view(), error, Message::text(text));
        }
        Cause::NoConnectionSlot(count) => {
            let text = format!("{count} worker_connections are not enough");
            error_log::alert(session.view(), Message::text(&text));
        }
        Cause::Socket(cause) => {
            error_log::alert(session.view(), Message::call("socket() failed", cause))
        }
        Cause::Option(name, cause) => {
            let text = format!("setsockopt({name}) failed");
            error_log::alert(session.view(), Message::call(&text, cause));
        }
        Cause::Bind(address, cause) => {
            let text = format!("bind({address}) failed");
            error_log::crit(session.view(), Message::call(&text, cause));
        }
        Cause::ConnectAtOnce(cause) => {
            let peer = session.req.upstream.peer.as_bytes();
            let text = [b"connect() to ", peer, b" failed"].concat();
            error_log::log(
                session.view(),
                at_once_level(errno_of(cause)),
                Message::call_bytes(&text, cause),
            );
        }
        Cause::Connect(cause) => {
            error_log::log(
                session.view(),
                level_of(errno_of(cause)),
                Message::call("connect() failed", cause),
            );
        }
        Cause::Certificate(text) => error_log::error(session.view(), Message::text(text)),
        Cause::Tls(failure) => log_tls(session, failure),
        Cause::TimedOut => {
            error_log::log(
                session.view(),
                error,
                Message::errno("upstream timed out", libc::ETIMEDOUT),
            );
        }
        Cause::Closed => {
            error_log::log(
                session.view(),
                error,
                Message::text("upstream prematurely closed connection"),
            );
        }
        Cause::Receive(call, cause) | Cause::Send(call, cause) => {
            error_log::log(
                session.view(),
                level_of(errno_of(cause)),
                Message::call(call, cause),
            );
        }
        Cause::HeadTooBig => {
            error_log::log(
                session.view(),
                error,
                Message::text("upstream sent too big header"),
            );
        }
        Cause::InvalidHead(fault) => {
            let mut text = Vec::new();
            fault.write_message(&mut text);
            error_log::log(session.view(), error, Message::bytes(&text));
        }
        Cause::InvalidChunk(fault) => log_chunk(session, fault),
    }
}

/// `ngx_ssl_handshake`, `ngx_ssl_connection_error` and `ngx_http_upstream_ssl_handshake`.
fn log_tls(session: &Session, failure: &TlsFailure) {
    let error = |text: &[u8]| error_log::error(session.view(), Message::bytes(text));
    match failure {
        TlsFailure::Closed(cause) => {
            let text = "peer closed connection in SSL handshake";
            let (errno, message) = match cause {
                Some(cause) => (errno_of(cause), Message::call(text, cause)),
                None => (0, Message::text(text)),
            };
            error_log::log(session.view(), level_of(errno), message);
        }
        TlsFailure::Alert(call, number, words) => {
            let all = session.client.link().plan.differences().all_alerts_graded;
            let level = match all || is_old_alert(*number) {
                true => Level::Error,
                false => Level::Crit,
            };
            let text = format!("{call} (SSL: {words})");
            error_log::log(session.view(), level, Message::text(&text));
        }
        TlsFailure::Protocol(call, words) => error(format!("{call} (SSL: {words})").as_bytes()),
        TlsFailure::Local(call, words) => {
            let text = format!("{call} (SSL: {words})");
            error_log::crit(session.view(), Message::text(&text));
        }
        TlsFailure::Untrusted(number, words) => {
            let text = format!("upstream SSL certificate verify error: ({number}:{words})");
            error(text.as_bytes());
        }
        TlsFailure::OtherName(name) => {
            let text = b"upstream SSL certificate does not match \"";
            error(&[text, &**name, b"\""].concat());
        }
        TlsFailure::Unasked => error(b"upstream prematurely sent response"),
    }
}

/// Alerts that every nginx takes for the peer's doing.
fn is_old_alert(number: u8) -> bool {
    matches!(number, 10 | 20..=22 | 30 | 40..=51 | 60 | 70 | 71 | 80 | 90 | 100)
}

fn log_chunk(session: &Session, fault: &ChunkedFault) {
    let text = match fault {
        ChunkedFault::Invalid => "upstream sent invalid chunked response".to_owned(),
        ChunkedFault::TooBigTrailers | ChunkedFault::InvalidTrailer { .. } => fault.to_string(),
    };
    error_log::error(session.view(), Message::text(&text));
}

/// `ngx_connection_error` on an upstream connection.
fn level_of(errno: i32) -> Level {
    match ErrorNumber(errno).is_remote() {
        true => Level::Error,
        false => Level::Alert,
    }
}

/// A connect that fails at once is `crit` where the cause lies on this machine
/// (`ngx_event_connect_peer`).
fn at_once_level(errno: i32) -> Level {
    match errno {
        libc::ECONNREFUSED
        | libc::EAGAIN
        | libc::ECONNRESET
        | libc::ENETDOWN
        | libc::ENETUNREACH
        | libc::EHOSTDOWN
        | libc::EHOSTUNREACH => Level::Error,
        _ => Level::Crit,
    }
}
