//! The life of a client connection: idle, a request, idle again.

use std::future::{Future, poll_fn};
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::task::{Poll, ready};

use tracing::Instrument;
use weir_conf::LingeringClose;
use weir_wire::request::HeaderBuffer;

use super::doors::Door;
use super::handshake::shake_hands;
use super::http2;
use super::worker::Worker;
use crate::client::choose_server::HeadEnd;
use crate::client::h1::head;
use crate::client::h2;
use crate::facts::h1::Connection;
use crate::facts::h2::Stream;
use crate::facts::{Action, Client, Registration, Request, Session, TlsFacts};
use crate::phases::run;
use crate::report::access_log;
use weir_io::clock;

/// Serves `conn` until it ends. The future is small while the connection idles: what a request
/// needs is lent when its first byte comes.
///
/// Not an `async fn`: that would hold `conn` twice, as its argument and as its variable.
#[expect(clippy::manual_async_fn, reason = "see above")]
pub(crate) fn serve(worker: Rc<Worker>, mut conn: Box<Connection>) -> impl Future<Output = ()> {
    async move {
        let registration =
            poll_fn(|cx| Poll::Ready(worker.shop.tasks.register(cx.waker().clone()))).await;
        loop {
            if conn.input.is_empty() {
                registration.set_idle(true);
                // If bytes have come, the request is served in there once they are received.
                let look = || worker.prefetch_runner();
                if !conn.wait_for_request(&registration, look).await {
                    return;
                }
                let door = conn.pass_doors();
                match door {
                    Door::Open => {}
                    Door::Waits => continue,
                    Door::Closed => return,
                    Door::Handshake | Door::Preface | Door::Http2 => {
                        // Who has said a part of a preface may still make room for others.
                        registration.set_idle(door == Door::Preface);
                        // Rare among requests, and large: not all connections keep room for it.
                        match Box::pin(enter(&worker, &mut conn, &registration, door)).await {
                            Door::Waits => continue,
                            Door::Open => {}
                            Door::Handshake | Door::Preface | Door::Http2 | Door::Closed => return,
                        }
                    }
                }
                registration.set_idle(false);
            }
            conn.move_to_new_plan();
            match serve_busy(&worker, conn).await {
                Some(idle) => conn = idle,
                None => return,
            }
        }
    }
}

/// Passes a door that takes time; what is behind it: `Open` or `Waits` for HTTP/1, or nothing more.
async fn enter(
    worker: &Rc<Worker>,
    conn: &mut Connection,
    registration: &Registration,
    mut door: Door,
) -> Door {
    while door == Door::Preface {
        if !conn.hear_more(registration).await {
            return Door::Closed;
        }
        door = conn.pass_doors();
    }
    registration.set_idle(false);
    let http2 = match door {
        Door::Handshake if !Box::pin(shake_hands(conn)).await => return Door::Closed,
        Door::Handshake => conn.has_agreed_on_http2(),
        Door::Http2 => true,
        Door::Open | Door::Waits | Door::Preface | Door::Closed => return door,
    };
    if !http2 {
        return Door::Waits;
    }
    http2::serve(worker, conn, registration).await;
    Door::Closed
}

/// Serves until the client pauses, unless the worker aborts or the configuration's time is over: then
/// the connection ends with the runner that holds it.
///
/// Not an `async fn`: that would hold everything twice, 72 bytes more for each idle connection.
fn serve_busy(
    worker: &Worker,
    conn: Box<Connection>,
) -> impl Future<Output = Option<Box<Connection>>> + use<'_> {
    let plan = conn.link.plan.clone();
    let mut runner = worker.take_runner();
    runner.begin(conn);
    let mut runner = Some(runner);
    poll_fn(move |cx| {
        if worker.shop.is_aborting() || plan.is_expired() {
            return Poll::Ready(None);
        }
        let Some(running) = &mut runner else {
            // It was given back at the end of this future, which nobody polls after that.
            return Poll::Ready(None);
        };
        clock::count_poll();
        let idle = ready!(running.poll_served(cx));
        if let Some(done) = runner.take() {
            worker.give_back_runner(done);
        }
        Poll::Ready(idle)
    })
}

/// Serves what the client sends until it pauses; no connection when it has ended. `req` comes back
/// ready for the next.
pub(super) async fn serve_requests(
    conn: Box<Connection>,
    req: Box<Request>,
) -> (Option<Box<Connection>>, Box<Request>) {
    let mut session = Session {
        client: Client::H1(conn),
        req,
    };
    session.req.state.pipelined = session.client.link().action == Action::ReadingPipelinedLine;
    loop {
        session.req.prefetch_for_head();
        session.begin_request();
        let link = session.client.link();
        let span = tracing::debug_span!(target: "weir", "request", conn = link.number, request = link.requests);
        let kept = serve_request(&mut session).instrument(span).await;
        session.end_request();
        if !kept {
            return (None, session.req);
        }
        if session.client.input().is_empty() {
            return taken_apart(session);
        }
        if let Client::H1(conn) = &session.client
            && conn.link.is_behind()
            && conn.newest_listen().is_some()
        {
            // The next request has been sent already, and begins under the new configuration.
            session.req.reset();
            return taken_apart(session);
        }
    }
}

/// The request on a stream of HTTP/2.
pub(super) fn session_of(stream: Box<Stream>, mut req: Box<Request>) -> Session {
    if let Some(heard) = &stream.heard {
        req.started = heard.opened;
    }
    let client = Client::H2(stream);
    let mut session = Session { client, req };
    session.begin_counting();
    session
}

/// Serves the request on a stream; what it was served with comes back.
///
/// Not an `async fn`: that would hold the session twice.
#[expect(clippy::manual_async_fn, reason = "see above")]
pub(super) fn serve_on_stream(mut session: Session) -> impl Future<Output = Box<Request>> {
    async move {
        let link = session.client.link();
        let span = tracing::debug_span!(target: "weir", "request", conn = link.number, request = link.requests);
        answer_on_stream(&mut session).instrument(span).await;
        session.req.release();
        session.req.reset();
        session.req
    }
}

async fn answer_on_stream(session: &mut Session) {
    let mut session = Logged(session);
    let Session { client, req } = &mut *session;
    let Client::H2(stream) = client else {
        return;
    };
    match h2::head::read(stream, req) {
        Ok(()) => run::respond(&mut session).await,
        Err(HeadEnd::Refused(status)) => run::refuse(&mut session, status).await,
        Err(HeadEnd::Gone(status)) => {
            // Nothing is said on its stream that could have to go out first (`ngx_http_v2_close_stream`).
            session.req.response.status = status;
            return;
        }
        Err(HeadEnd::Silent) => session.req.state.logged = true,
    }
    if !session.req.beside.is_empty() {
        Box::pin(session.req.beside.all_over()).await;
    }
    session.end_stream().await;
}

/// The connection, which goes on, and what it was served with.
fn taken_apart(session: Session) -> (Option<Box<Connection>>, Box<Request>) {
    match session.client {
        Client::H1(conn) => (Some(conn), session.req),
        Client::H2(_) | Client::Sub(_) => (None, session.req),
    }
}

/// Serves one request; `true` if another may follow.
async fn serve_request(session: &mut Session) -> bool {
    let mut session = Logged(session);
    let Session { client, req } = &mut *session;
    let Client::H1(conn) = client else {
        return false;
    };
    match head::read(conn, req).await {
        Ok(()) => run::respond(&mut session).await,
        Err(HeadEnd::Refused(status)) => run::refuse(&mut session, status).await,
        Err(HeadEnd::Gone(status)) => {
            session.req.response.status = status;
            return false;
        }
        Err(HeadEnd::Silent) => {
            session.req.state.logged = true;
            return false;
        }
    }
    finish(&mut session).await
}

/// What follows the answer (`ngx_http_finalize_connection`).
async fn finish(session: &mut Session) -> bool {
    if session.req.state.closes_at_once {
        return false;
    }
    if !session.req.beside.is_empty() {
        // Nothing more is read of the client until then (`ngx_http_block_reading`).
        Box::pin(session.req.beside.all_over()).await;
    }
    let mut unread_body = !session.req.body.complete;
    if unread_body && session.req.body.discarded {
        if !session.finish_discarding().await {
            return false;
        }
        unread_body = false;
    }
    if unread_body {
        session.req.state.keepalive = false;
        // Of a body with broken framing nothing is waited for (`ngx_http_special_response_handler`),
        // unless it was being passed on (`ngx_http_finalize_connection`).
        let body = &session.req.body;
        session.req.state.lingers |= !body.broken || body.streaming;
    }
    if session.req.state.keepalive && !session.client.has_ended() {
        let held = !session.settings().keepalive_min_timeout.is_zero();
        let ends = !held && session.client.is_leaving() && session.client.input().is_empty();
        if !ends {
            return true;
        }
    }
    if lingers(session) && !session.client.has_ended() {
        session.count_waiting();
        session.linger().await;
    }
    false
}

/// Whether the client may still be sending, so that to close at once could cost it the answer
/// (`ngx_http_finalize_connection`). The kernel is asked last, and seldom has to be.
fn lingers(session: &mut Session) -> bool {
    match session.settings().lingering_close {
        LingeringClose::Off => false,
        LingeringClose::Always => true,
        LingeringClose::On => {
            let has_sent = match &session.client {
                Client::H1(conn) => !conn.input.is_empty() || conn.pipelined,
                Client::H2(_) | Client::Sub(_) => false,
            };
            let lingers = has_sent || session.req.state.lingers || !session.client.is_quiet();
            // The end of the handshake is still to come.
            lingers || session.client.link().tls().is_some_and(TlsFacts::is_early)
        }
    }
}

/// Writes the access line when the request ends, however it ends: also when its task is dropped.
struct Logged<'a>(&'a mut Session);

impl Deref for Logged<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.0
    }
}

impl DerefMut for Logged<'_> {
    fn deref_mut(&mut self) -> &mut Session {
        self.0
    }
}

impl Drop for Logged<'_> {
    fn drop(&mut self) {
        self.0.end_counting();
        let written = std::mem::replace(&mut self.0.req.state.logged, true);
        if self.0.req.state.begun && !written {
            self.0.client.link_mut().action = Action::Logging;
            access_log::write(self.0.view());
        }
    }
}

impl Session {
    /// What was read ahead becomes the beginning of the next request.
    fn begin_request(&mut self) {
        std::mem::swap(&mut self.req.bytes, self.client.input());
        self.req.started = clock::now();
        self.begin_counting();
        let requests = &mut self.client.link_mut().requests;
        *requests = requests.saturating_add(1);
        if let Client::H1(conn) = &mut self.client
            && conn.used > 0
        {
            let used = std::mem::take(&mut conn.used) as usize;
            self.req.parser.begin_in(HeaderBuffer::used(used));
        }
        self.client.link_mut().action = if self.req.state.pipelined {
            Action::ReadingPipelinedLine
        } else {
            Action::ReadingRequestLine
        };
    }

    /// Ends the request; its buffers serve the next one.
    fn end_request(&mut self) {
        let buffer = self.next_buffer();
        if let Some(balancer) = self.req.state.balancer.take() {
            self.client.link_mut().address = balancer;
        }
        self.req.release();
        self.req.reset();
        self.client.link_mut().action = match buffer {
            Some(buffer) => {
                self.req.parser.begin_in(buffer);
                self.req.state.pipelined = true;
                Action::ReadingPipelinedLine
            }
            None => Action::Keepalive,
        };
        if let Client::H1(conn) = &mut self.client {
            conn.pipelined |= self.req.state.pipelined;
            conn.release_input();
        }
    }

    /// Where nginx has the next request, if it has read some of it with this one: behind the head and
    /// what the same buffer holds of the body, or where it moved what followed a chunked body.
    fn next_buffer(&self) -> Option<HeaderBuffer> {
        let Client::H1(conn) = &self.client else {
            return None;
        };
        if conn.input.is_empty() {
            return None;
        }
        let req = &self.req;
        let body = (req
            .state
            .length
            .saturating_sub(req.head.request_length as u64))
        .max(req.body.taken);
        let consumed = req.head.len + usize::try_from(body).unwrap_or(usize::MAX);
        req.parser.buffer_behind(consumed).or_else(|| {
            let limits = conn.link.plan.head_limits(self.server().index);
            req.head.chunked.then(|| HeaderBuffer::large(limits))
        })
    }
}
