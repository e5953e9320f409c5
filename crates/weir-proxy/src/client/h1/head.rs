//! Reading the request head under its clock and limits.

use std::future::poll_fn;
use std::task::Poll;

use weir_wire::Version;
use weir_wire::request::{ConnectionOption, ParsePhase, Progress, RequestFault};

use crate::client::certificate;
use crate::client::choose_server::{HeadEnd, choose_server};
use crate::facts::h1::Connection;
use crate::facts::{Action, Idling, Request};
use crate::report::error_log::{self, Message};
use crate::report::peer_text::Lossy;
use weir_io::buffers;

/// Reads a head into the request and settles what follows from it.
pub(crate) async fn read(conn: &mut Connection, req: &mut Request) -> Result<(), HeadEnd> {
    loop {
        match step(conn, req)? {
            Progress::Partial => more(conn, req).await?,
            Progress::RequestLine => {
                req.state.begun = true;
                conn.link.action = Action::ReadingHeaders;
                take_line(req);
                choose_server(&conn.link, Some(&conn.stream), req)?;
            }
            Progress::Host => choose_server(&conn.link, Some(&conn.stream), req)?,
            Progress::Done => break,
        }
    }
    conn.link.deadline.clear();
    take_rest(conn, req);
    settle(conn, req)
}

/// Lets the parser go as far as the bytes reach.
fn step(conn: &mut Connection, req: &mut Request) -> Result<Progress, HeadEnd> {
    let server = conn.view(req).server().index;
    let limits = conn.link.plan.head_limits(server);
    let result = req.parser.parse(&req.bytes, &mut req.head, limits);
    req.state.length = req.head.request_length as u64;
    if req.parser.phase() == ParsePhase::RequestLine {
        let leading = req.parser.leading();
        if leading > 0 {
            req.bytes.drain(..leading);
            req.parser.forget(leading);
        }
        req.state.begun |= req.parser.received_line(&req.bytes).is_some();
    }
    log_notices(conn, req);
    result.map_err(|fault| {
        let mut text = Vec::new();
        fault.write_message(&mut text);
        let in_line = req.parser.phase() == ParsePhase::RequestLine;
        if in_line && req.line_is_complete() {
            req.state.method = req.head.method;
            if !matches!(fault, RequestFault::InvalidRequest) {
                take_line(req);
            }
        }
        if let Err(end) = choose_server(&conn.link, Some(&conn.stream), req) {
            return end;
        }
        error_log::info(conn.view(req), Message::bytes(&text));
        req.state.begun = true;
        req.state.lingers = !req.parser_done();
        if req.parser_done() {
            take_rest(conn, req);
        }
        HeadEnd::Refused(fault.status())
    })
}

/// What the request line says; variables and pages need it also if the lines after it are refused.
pub(crate) fn take_line(req: &mut Request) {
    let head = &req.head;
    req.state.method = head.method;
    req.uri.extend_from_slice(head.path(&req.bytes));
    req.args.extend_from_slice(head.args.of(&req.bytes));
    req.state.args_known = !req.args.is_empty();
    req.state.target_is_raw = !head.empty_path;
}

fn log_notices(conn: &Connection, req: &mut Request) {
    let notices: smallvec::SmallVec<[_; 2]> = req.parser.notices().collect();
    for notice in notices {
        let mut text = Vec::new();
        notice.write_message(&req.bytes, &mut text);
        error_log::info(conn.view(req), Message::bytes(&text));
    }
}

/// Waits for more bytes of the head.
async fn more(conn: &mut Connection, req: &mut Request) -> Result<(), HeadEnd> {
    if !conn.link.deadline.is_set() {
        let timeout = conn.view(req).server().core.client_header_timeout;
        conn.link.deadline.set(timeout);
    }
    if req.bytes.capacity() == 0 {
        req.bytes = buffers::take_head();
    }
    let read = poll_fn(|cx| {
        match conn
            .stream
            .poll_read(cx, &mut req.bytes, buffers::HEAD_BUFFER)
        {
            Poll::Ready(read) => Poll::Ready(Some(read)),
            Poll::Pending => conn.link.deadline.poll_expired(cx).map(|()| None),
        }
    })
    .await;
    match read {
        Some(Ok(1..)) => Ok(()),
        Some(Ok(0)) => {
            conn.input_closed = true;
            name_partial_line(req);
            error_log::info(
                conn.view(req),
                Message::text("client prematurely closed connection"),
            );
            Err(ended(req, 400))
        }
        Some(Err(error)) => {
            name_partial_line(req);
            error_log::receive_failed(conn.view(req), &error);
            Err(ended(req, 400))
        }
        None => {
            name_partial_line(req);
            error_log::info(
                conn.view(req),
                Message::errno("client timed out", libc::ETIMEDOUT),
            );
            conn.stream.end_silently();
            if conn.view(req).settings().reset_timedout_connection {
                conn.stream.reset_on_close();
            }
            Err(ended(req, 408))
        }
    }
}

fn ended(req: &Request, status: u16) -> HeadEnd {
    if req.state.begun {
        HeadEnd::Gone(status)
    } else {
        HeadEnd::Silent
    }
}

/// Lets log lines show what there is of the request line.
fn name_partial_line(req: &mut Request) {
    if req.head.request_line.is_empty()
        && let Some(line) = req.parser.received_line(&req.bytes)
    {
        req.head.request_line = line;
    }
}

/// What lies behind the head is the body, or the next request.
fn take_rest(conn: &mut Connection, req: &mut Request) {
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
fn settle(conn: &mut Connection, req: &mut Request) -> Result<(), HeadEnd> {
    if req.host.is_empty() {
        choose_server(&conn.link, Some(&conn.stream), req)?;
    }
    if conn.link.plan.http().listens[conn.link.listen].options.ssl && conn.link.tls().is_none() {
        if req.head.version < Version::HTTP_10 {
            conn.link.action = Action::ReadingRequestLine;
        }
        let text = "client sent plain HTTP request to HTTPS port";
        error_log::info(conn.view(req), Message::text(text));
        return Err(HeadEnd::Refused(497));
    }
    certificate::check(conn.view(req)).map_err(HeadEnd::Refused)?;
    conn.link.action = Action::Processing;
    tracing::debug!(target: "weir", "http request line: \"{}\"", Lossy(req.text(req.head.request_line)));
    let strict = conn.link.plan.differences().chunk_bare_lf_refused;
    let head = &req.head;
    req.state.keepalive = match head.connection {
        ConnectionOption::None => head.version > Version::HTTP_10,
        ConnectionOption::Close => false,
        ConnectionOption::KeepAlive => true,
    };
    req.body.expect(head.content_length, head.chunked, strict);
    req.state.lingers = !req.body.complete;
    // A location that is found has its say later (`ngx_http_update_location_config`).
    conn.link.idle = Idling::of(conn.view(req).settings());
    Ok(())
}
