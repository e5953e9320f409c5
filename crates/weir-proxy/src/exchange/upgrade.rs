//! A connection after 101: bytes go both ways until one side ends (`ngx_http_upstream_upgrade`).

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use weir_conf::Settings;
use weir_upstream::PeerOutcome;

use super::failure_log;
use super::handshake::{read_cause, write_cause};
use super::tries::{Exchange, Held};
use crate::answer::send;
use crate::facts::{Action, Ending, NO_STATUS, Outcome};
use crate::report::error_log::{self, Message};
use weir_io::buffers;
use weir_io::clock::{self, Moment};
use weir_io::gathered_write::GatheredWrite;
use weir_io::stream::Stream;
use weir_verdict::{Cause, Failure, Phase};

/// One direction of the tunnel.
struct Lane {
    buffer: Vec<u8>,
    write: GatheredWrite,
    /// The source has ended; FIN follows what is left.
    ended: bool,
    /// FIN was passed on.
    closed: bool,
    /// Bytes that came in.
    read: u64,
    /// Bytes that went out.
    written: u64,
    write_deadline: Option<Moment>,
}

/// Why a lane, and with it the tunnel, ends.
enum LaneEnd {
    Read(io::Error),
    Write(io::Error),
}

impl Lane {
    fn new(buffer: Vec<u8>) -> Self {
        Self {
            read: buffer.len() as u64,
            buffer,
            write: GatheredWrite::default(),
            ended: false,
            closed: false,
            written: 0,
            write_deadline: None,
        }
    }

    /// Moves what it can of what `read` brings to `to`; ready when the lane is closed.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut read: impl FnMut(&mut Context<'_>, &mut Vec<u8>, usize) -> Poll<io::Result<usize>>,
        to: &mut Stream,
        limit: usize,
        write_timeout: Duration,
    ) -> Poll<Result<(), LaneEnd>> {
        loop {
            if !self.buffer.is_empty() {
                let before = self.written;
                match self
                    .write
                    .poll_write(cx, to, &[&self.buffer], &mut self.written)
                {
                    Poll::Ready(Ok(())) => {
                        self.buffer.clear();
                        self.write_deadline = None;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(LaneEnd::Write(error))),
                    Poll::Pending => {
                        if self.write_deadline.is_none() || self.written > before {
                            self.write_deadline = Some(clock::now() + write_timeout);
                        }
                        return Poll::Pending;
                    }
                }
            }
            if self.ended {
                if !self.closed {
                    // A peer that is gone already needs no FIN.
                    let _ = to.poll_shutdown(cx);
                    self.closed = true;
                }
                return Poll::Ready(Ok(()));
            }
            match read(cx, &mut self.buffer, limit) {
                Poll::Ready(Ok(0)) => self.ended = true,
                Poll::Ready(Ok(count)) => self.read += count as u64,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(LaneEnd::Read(error))),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// How the tunnel ended.
enum TunnelEnd {
    /// One side closed and everything it sent was passed on.
    Closed,
    /// The upstream's connection failed.
    Upstream(Cause),
    /// The client's connection failed, at this call in nginx's words.
    Client(&'static str, io::Error),
    /// Nobody said anything for `proxy_read_timeout`, or the upstream took nothing for
    /// `proxy_send_timeout`: the phase says which.
    UpstreamTimedOut(Phase),
    /// The client took nothing for `send_timeout`.
    ClientTimedOut,
}

impl TunnelEnd {
    /// How nginx books the request: a broken write, or a client that is too slow, ends it in the middle
    /// (`ngx_http_upstream_finalize_request` of NGX_ERROR and 408), all else ends it well.
    fn ending(&self) -> Ending {
        match self {
            Self::Client(SEND_FAILED, _)
            | Self::Upstream(Cause::Send(..))
            | Self::ClientTimedOut => Ending::Broken,
            Self::Closed | Self::Upstream(_) | Self::Client(..) | Self::UpstreamTimedOut(_) => {
                Ending::Complete
            }
        }
    }
}

/// What nginx says of a read, and of a write, that failed.
const RECV_FAILED: &str = "recv() failed";
const SEND_FAILED: &str = "send() failed";

/// Answers 101 and carries bytes until either side ends.
pub(super) async fn tunnel(exchange: &mut Exchange<'_>, mut held: Held) -> Outcome {
    let settings = exchange.settings;
    if exchange.session.req.state.is_sub {
        let text = "connection upgrade in subrequest";
        error_log::error(exchange.session.view(), Message::text(text));
        exchange.close_attempt();
        exchange.release(PeerOutcome::Success);
        return Outcome::Close(NO_STATUS);
    }
    exchange.session.req.state.keepalive = false;
    if let Err(outcome) = send::begin(exchange.session) {
        exchange.close_attempt();
        exchange.release(PeerOutcome::Success);
        return outcome;
    }
    let start = exchange.session.req.upstream.head.len;
    let early = exchange.session.req.upstream.bytes.split_off(start);
    if let Some(client) = exchange.session.client.raw() {
        client.set_nodelay();
    }
    held.connection.out().set_nodelay();
    exchange.session.client.link_mut().action = Action::Exchange(Phase::Upgraded);
    let mut down = Lane::new(buffers::take_head());
    down.buffer
        .extend_from_slice(&exchange.session.req.response.pending);
    down.buffer.extend_from_slice(&early);
    down.read = early.len() as u64;
    exchange.session.req.response.pending.clear();
    let mut up = Lane::new(std::mem::take(exchange.session.client.input()));
    let sent_before = exchange.current().bytes_sent;
    let end = run(exchange, &mut held, settings, &mut down, &mut up).await;
    let ending = end.ending();
    log_end(exchange, end);
    let attempt = exchange.current();
    attempt.bytes_sent = sent_before + up.written;
    attempt.bytes_received += down.read - early.len() as u64;
    exchange.close_attempt();
    exchange.release(PeerOutcome::Success);
    let req = &mut *exchange.session.req;
    req.state.sent += down.written;
    req.state.ending = ending;
    req.body.complete = true;
    buffers::give_back(down.buffer);
    buffers::give_back(up.buffer);
    Outcome::Answered
}

async fn run(
    exchange: &mut Exchange<'_>,
    held: &mut Held,
    settings: &Settings,
    down: &mut Lane,
    up: &mut Lane,
) -> TunnelEnd {
    let session = &mut *exchange.session;
    let limit = settings.upstream.buffer_size;
    let read_timeout = settings.upstream.read_timeout;
    let mut moved = 0;
    let mut read_deadline = clock::now() + read_timeout;
    let end = poll_fn(|cx| {
        let Some(client) = session.client.raw_mut() else {
            return Poll::Ready(TunnelEnd::Closed);
        };
        let upstream = &mut held.connection;
        let read =
            |cx: &mut Context<'_>, buf: &mut Vec<u8>, limit| upstream.poll_read(cx, buf, limit);
        let down_poll = down.poll(cx, read, client, limit, settings.send_timeout);
        let read =
            |cx: &mut Context<'_>, buf: &mut Vec<u8>, limit| client.poll_read(cx, buf, limit);
        let up_poll = up.poll(
            cx,
            read,
            upstream.out(),
            limit,
            settings.upstream.send_timeout,
        );
        if let Poll::Ready(end) = judge(down_poll, up_poll) {
            return Poll::Ready(end);
        }
        // One clock for both ways: traffic in either keeps the tunnel open.
        let now_moved = down.read + down.written + up.read + up.written;
        if std::mem::replace(&mut moved, now_moved) != now_moved {
            read_deadline = clock::now() + read_timeout;
        }
        let writes = [up.write_deadline, down.write_deadline];
        let first = writes
            .into_iter()
            .flatten()
            .fold(read_deadline, Moment::min);
        session.client.link_mut().deadline.set_at(first);
        session
            .client
            .link_mut()
            .deadline
            .poll_expired(cx)
            .map(|()| timed_out(down.write_deadline, up.write_deadline, first))
    })
    .await;
    exchange.session.client.link_mut().deadline.clear();
    end
}

/// Whose clock ran out, the first one being due at `first`.
fn timed_out(to_client: Option<Moment>, to_upstream: Option<Moment>, first: Moment) -> TunnelEnd {
    if to_client == Some(first) {
        TunnelEnd::ClientTimedOut
    } else if to_upstream == Some(first) {
        TunnelEnd::UpstreamTimedOut(Phase::Sending)
    } else {
        TunnelEnd::UpstreamTimedOut(Phase::Upgraded)
    }
}

/// nginx ends the tunnel when either source has ended and all of it was passed on.
fn judge(down: Poll<Result<(), LaneEnd>>, up: Poll<Result<(), LaneEnd>>) -> Poll<TunnelEnd> {
    let end = match (down, up) {
        (Poll::Ready(Err(LaneEnd::Read(error))), _) => {
            TunnelEnd::Upstream(read_cause(RECV_FAILED, error))
        }
        (Poll::Ready(Err(LaneEnd::Write(error))), _) => TunnelEnd::Client(SEND_FAILED, error),
        (_, Poll::Ready(Err(LaneEnd::Read(error)))) => TunnelEnd::Client(RECV_FAILED, error),
        (_, Poll::Ready(Err(LaneEnd::Write(error)))) => {
            TunnelEnd::Upstream(write_cause(false, SEND_FAILED, error))
        }
        (Poll::Ready(Ok(())), _) | (_, Poll::Ready(Ok(()))) => TunnelEnd::Closed,
        (Poll::Pending, Poll::Pending) => return Poll::Pending,
    };
    Poll::Ready(end)
}

/// Writes the tunnel's last line and names its failure. Of a time-out the line is the client
/// connection's (`ngx_connection_error`), whoever was late.
fn log_end(exchange: &mut Exchange<'_>, end: TunnelEnd) {
    let view = exchange.session.view();
    match end {
        TunnelEnd::Closed => {}
        TunnelEnd::Upstream(cause) => {
            let failure = Failure::new(Phase::Upgraded, cause);
            exchange.current().fail(&failure);
            failure_log::log(exchange.session, &failure);
        }
        TunnelEnd::Client(call, error) => {
            error_log::connection_error(view, Message::call(call, &error));
        }
        TunnelEnd::UpstreamTimedOut(phase) => {
            error_log::info(view, Message::errno("upstream timed out", libc::ETIMEDOUT));
            let failure = Failure::new(phase, Cause::TimedOut);
            exchange.current().fail(&failure);
        }
        TunnelEnd::ClientTimedOut => {
            error_log::info(view, Message::errno("client timed out", libc::ETIMEDOUT));
        }
    }
}
