//! The error line of a failure, with nginx's level.

use weir_log::Level;
use weir_wire::chunked::ChunkedFault;

use crate::facts::Session;
use crate::report::error_log::{self, Message, is_remote};
use crate::report::peer_text::errno_of;
use weir_verdict::{Cause, Failure};

/// Writes the line of `failure`; a status is a failure without one.
pub(super) fn log(session: &Session, failure: &Failure) {
    let error = Level::Error;
    match &failure.cause {
        Cause::Status(_) => {}
        Cause::NoLivePeers => {
            error_log::log(session.view(), error, Message::text("no live upstreams"))
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

fn log_chunk(session: &Session, fault: &ChunkedFault) {
    let text = match fault {
        ChunkedFault::Invalid => "upstream sent invalid chunked response".to_owned(),
        ChunkedFault::TooBigTrailers | ChunkedFault::InvalidTrailer { .. } => fault.to_string(),
    };
    error_log::error(session.view(), Message::text(&text));
}

/// `ngx_connection_error` on an upstream connection.
fn level_of(errno: i32) -> Level {
    if is_remote(errno) {
        Level::Error
    } else {
        Level::Alert
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
