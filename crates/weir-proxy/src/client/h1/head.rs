//! Reading the request head under its clock and limits.

use std::future::poll_fn;
use std::task::Poll;

use weir_wire::request::{ConnectionOption, Method, ParsePhase, Progress, RequestFault};
use weir_wire::{KnownField, Version};

use crate::facts::{Action, Captured, Session};
use crate::report::error_log::{self, Message};
use crate::report::peer_text::Lossy;
use weir_io::buffers;

/// Why there is no request to serve; the log has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadEnd {
    /// Answer with this status, then close.
    Refused(u16),
    /// Close without an answer; the access line shows this status.
    Gone(u16),
    /// Close; no request was begun, so there is no access line.
    Silent,
}

/// Reads a head into the request and settles what follows from it.
pub(crate) async fn read(session: &mut Session) -> Result<(), HeadEnd> {
    loop {
        match step(session)? {
            Progress::Partial => more(session).await?,
            Progress::RequestLine => {
                session.req.begun = true;
                session.conn.action = Action::ReadingHeaders;
                take_line(session);
                choose_server(session);
            }
            Progress::Host => choose_server(session),
            Progress::Done => break,
        }
    }
    session.conn.deadline.clear();
    take_rest(session);
    settle(session);
    Ok(())
}

/// Lets the parser go as far as the bytes reach.
fn step(session: &mut Session) -> Result<Progress, HeadEnd> {
    let server = session.server().index;
    let req = &mut *session.req;
    let limits = session.conn.plan.head_limits(server);
    let result = req.parser.parse(&req.bytes, &mut req.head, limits);
    req.length = req.head.request_length as u64;
    if req.parser.phase() == ParsePhase::RequestLine && !req.begun {
        let leading = req.parser.leading();
        if leading > 0 {
            req.bytes.drain(..leading);
            req.parser.forget(leading);
        }
        req.begun = req.parser.received_line(&req.bytes).is_some();
    }
    log_notices(session);
    result.map_err(|fault| {
        let mut text = Vec::new();
        fault.write_message(&mut text);
        let in_line = session.req.parser.phase() == ParsePhase::RequestLine;
        if in_line && session.req.line_is_complete() {
            session.req.method = session.req.head.method;
            if !matches!(fault, RequestFault::InvalidRequest) {
                take_line(session);
            }
        }
        choose_server(session);
        error_log::info(session, Message::bytes(&text));
        session.req.begun = true;
        session.req.lingers = !session.req.parser_done();
        if session.req.parser_done() {
            take_rest(session);
        }
        HeadEnd::Refused(fault.status())
    })
}

/// What the request line says; variables and pages need it also if the lines after it are refused.
fn take_line(session: &mut Session) {
    let req = &mut *session.req;
    let head = &req.head;
    req.method = head.method;
    req.uri.extend_from_slice(head.path(&req.bytes));
    req.args.extend_from_slice(head.args.of(&req.bytes));
    req.target_is_raw = !head.empty_path;
}

fn log_notices(session: &mut Session) {
    let notices: smallvec::SmallVec<[_; 2]> = session.req.parser.notices().collect();
    for notice in notices {
        let mut text = Vec::new();
        notice.write_message(&session.req.bytes, &mut text);
        error_log::info(session, Message::bytes(&text));
    }
}

/// Waits for more bytes of the head.
async fn more(session: &mut Session) -> Result<(), HeadEnd> {
    if !session.conn.deadline.is_set() {
        let timeout = session.server().core.client_header_timeout;
        session.conn.deadline.set(timeout);
    }
    if session.req.bytes.capacity() == 0 {
        session.req.bytes = buffers::take_head();
    }
    let Session { conn, req } = session;
    let read = poll_fn(|cx| {
        match conn
            .stream
            .poll_read(cx, &mut req.bytes, buffers::HEAD_BUFFER)
        {
            Poll::Ready(read) => Poll::Ready(Some(read)),
            Poll::Pending if conn.worker.is_aborting() => Poll::Ready(None),
            Poll::Pending => conn.deadline.poll_expired(cx).map(|()| None),
        }
    })
    .await;
    match read {
        Some(Ok(1..)) => Ok(()),
        Some(Ok(0)) => {
            session.conn.input_closed = true;
            name_partial_line(session);
            error_log::info(
                session,
                Message::text("client prematurely closed connection"),
            );
            Err(ended(session, 400))
        }
        Some(Err(error)) => {
            name_partial_line(session);
            error_log::connection_error(session, Message::call("recv() failed", &error));
            Err(ended(session, 400))
        }
        None => {
            name_partial_line(session);
            error_log::info(session, Message::errno("client timed out", libc::ETIMEDOUT));
            if session.settings().reset_timedout_connection {
                session.conn.stream.reset_on_close();
            }
            Err(ended(session, 408))
        }
    }
}

fn ended(session: &Session, status: u16) -> HeadEnd {
    if session.req.begun {
        HeadEnd::Gone(status)
    } else {
        HeadEnd::Silent
    }
}

/// Lets log lines show what there is of the request line.
fn name_partial_line(session: &mut Session) {
    let req = &mut *session.req;
    if req.head.request_line.is_empty()
        && let Some(line) = req.parser.received_line(&req.bytes)
    {
        req.head.request_line = line;
    }
}

/// Finds the virtual server of the host that was asked for (`ngx_http_set_virtual_server`).
fn choose_server(session: &mut Session) {
    let Session { conn, req } = session;
    let http = conn.plan.http();
    let listen = &http.listens[conn.listen];
    req.host.clear();
    req.host.extend_from_slice(req.head.host.of(&req.bytes));
    if req.head.host_has_upper {
        req.host.make_ascii_lowercase();
    }
    let found = if req.host.is_empty() {
        None
    } else {
        listen.names.find(&req.host)
    };
    let server = match found {
        Some(found) => {
            if let Some(groups) = found.captures {
                req.host_captures = Some(Box::new(Captured {
                    groups,
                    text: req.host.clone(),
                }));
            }
            found.server
        }
        None => listen.default_server,
    };
    req.server = Some(conn.plan.own_server(server));
}

/// What lies behind the head is the body, or the next request.
fn take_rest(session: &mut Session) {
    let Session { conn, req } = session;
    let end = req.head.len;
    if req.bytes.len() > end {
        if conn.input.capacity() == 0 {
            conn.input = buffers::take_head();
        }
        conn.input.extend_from_slice(&req.bytes[end..]);
        req.bytes.truncate(end);
    }
}

/// What the phases of nginx find prepared (`ngx_http_process_request`, `ngx_http_handler`).
fn settle(session: &mut Session) {
    if session.req.server.is_none() {
        choose_server(session);
    }
    session.conn.action = Action::Processing;
    tracing::debug!(target: "weir", "http request line: \"{}\"", Lossy(session.req.text(session.req.head.request_line)));
    let strict = session.conn.plan.differences().chunk_bare_lf_refused;
    let req = &mut *session.req;
    let head = &req.head;
    req.keepalive = match head.connection {
        ConnectionOption::None => head.version > Version::HTTP_10,
        ConnectionOption::Close => false,
        ConnectionOption::KeepAlive => true,
    };
    req.body.expect(head.content_length, head.chunked, strict);
    req.lingers = !req.body.complete;
    // A location that is found has its say later (`ngx_http_update_location_config`).
    session.conn.idle_timeout = session.settings().keepalive_timeout.timeout;
}

impl Session {
    /// Whether the client waits for `100 Continue`.
    pub(crate) fn expects_continue(&self) -> bool {
        self.req.head.version >= Version::HTTP_11
            && self
                .req
                .field(KnownField::Expect)
                .is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"))
    }

    /// Whether the method of this request may not be sent twice.
    pub(crate) fn is_idempotent(&self) -> bool {
        !matches!(self.req.method, Method::Post | Method::Lock | Method::Patch)
    }
}
