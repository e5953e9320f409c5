//! The head of an answer, gathered by whoever produces it and written in nginx's order.

use std::borrow::Cow;

use weir_conf::ServerTokens;
use weir_wire::FieldLines;
use weir_wire::request::Version;

use super::status_line;
use crate::report::variables;
use crate::session::Session;
use weir_io::{buffers, clock};

/// An answer's head and how its body is framed.
#[derive(Debug, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// `200 OK` as an upstream sent it; empty = nginx's own words.
    pub(crate) status_line: Vec<u8>,
    /// Empty = no such field.
    pub(crate) content_type: Vec<u8>,
    pub(crate) content_length: Option<u64>,
    /// The text of `Last-Modified`, empty = none.
    pub(crate) last_modified: Vec<u8>,
    /// A `Location` of our own that was made absolute.
    pub(crate) location: Vec<u8>,
    /// Where an answer of our own redirects to, as written.
    pub(crate) redirect_to: Option<Vec<u8>>,
    /// All other fields, in order.
    pub(crate) fields: FieldLines,
    /// `Content-Type` and field lines that an `X-Accel-Redirect` leaves to whatever answers.
    pub(crate) kept_type: Vec<u8>,
    pub(crate) kept_fields: FieldLines,
    /// The fields hold a `Server` / `Date` that replaces ours.
    pub(crate) has_server: bool,
    pub(crate) has_date: bool,
    /// The body, if any, is sent in chunks.
    pub(crate) chunked: bool,
    /// No body may be sent: HEAD, 204, 304.
    pub(crate) header_only: bool,
    /// Head bytes that wait for the first byte of the body (`postpone_output`).
    pub(crate) pending: Vec<u8>,
    /// The head was written into `pending`: the status is final.
    pub(crate) begun: bool,
    /// Bytes of the head.
    pub(crate) head_length: u64,
    /// Bytes a second, 0 = no limit; from `X-Accel-Limit-Rate`, else `limit_rate`.
    pub(crate) limit_rate: Option<u64>,
    /// Trailers will follow, so the body is chunked whatever its length.
    pub(crate) expects_trailers: bool,
    /// Trailers that follow a chunked body.
    pub(crate) trailers: FieldLines,
    /// The upstream sent no head (HTTP/0.9), so none is passed on.
    pub(crate) no_head: bool,
}

impl Response {
    pub(crate) fn reset(&mut self) {
        self.clear_head();
        self.begun = false;
        self.head_length = 0;
        self.limit_rate = None;
        self.trailers.clear();
        self.no_head = false;
        self.expects_trailers = false;
        self.kept_type.clear();
        self.kept_fields.clear();
    }

    /// Forgets what an earlier producer had set; its head was not begun.
    pub(crate) fn clear_head(&mut self) {
        self.status = 0;
        self.status_line.clear();
        self.content_type.clear();
        self.content_length = None;
        self.last_modified.clear();
        self.location.clear();
        self.redirect_to = None;
        self.fields.clear();
        self.has_server = false;
        self.has_date = false;
        self.chunked = false;
        self.header_only = false;
    }

    /// Keeps type and fields as they are now for whatever answers in place of the producer.
    pub(crate) fn keep_for_redirect(&mut self) {
        std::mem::swap(&mut self.kept_type, &mut self.content_type);
        std::mem::swap(&mut self.kept_fields, &mut self.fields);
        self.clear_head();
    }

    /// Begins an answer of our own, whose type is `content_type` unless one was kept
    /// (`ngx_http_set_content_type`).
    pub(crate) fn begin_own(&mut self, status: u16, content_type: Vec<u8>) {
        self.clear_head();
        self.status = status;
        self.content_type = if self.kept_type.is_empty() {
            content_type
        } else {
            self.kept_type.clone()
        };
        self.take_kept_fields();
    }

    /// Puts the fields that were kept into the head.
    pub(crate) fn take_kept_fields(&mut self) {
        self.fields.append(&mut self.kept_fields);
    }

    /// Adds a field line.
    pub(crate) fn push_field(&mut self, name: &[u8], value: &[u8]) {
        self.fields.push(name, value);
    }
}

/// `nginx/VERSION` or `nginx`, as `server_tokens` says: the `Server` field and the pages' last line.
pub(crate) fn signature(session: &Session) -> Cow<'static, str> {
    match &session.settings().server_tokens {
        ServerTokens::On | ServerTokens::Build => session.conn.plan.server_signature().into(),
        ServerTokens::Off => "nginx".into(),
        ServerTokens::Text(template) => {
            let mut text = Vec::new();
            variables::expand(session, template, &mut text);
            String::from_utf8_lossy(&text).into_owned().into()
        }
    }
}

/// Decides the framing and writes the head into `pending` (`ngx_http_send_header` with its
/// filters). The first head of a request wins; a second call does nothing.
pub(crate) fn begin(session: &mut Session) {
    if session.req.response.begun {
        return;
    }
    settle(session);
    let mut out = std::mem::take(&mut session.req.response.pending);
    if out.capacity() == 0 {
        out = buffers::take_head();
    }
    let start = out.len();
    if session.req.head.version >= Version::HTTP_10 && !session.req.response.no_head {
        write_head(session, &mut out);
    }
    tracing::debug!(target: "weir", "http header sent, status {}", session.req.response.status);
    let response = &mut session.req.response;
    response.head_length = (out.len() - start) as u64;
    response.pending = out;
    response.begun = true;
}

/// What the header filters of nginx decide before the head is written.
fn settle(session: &mut Session) {
    if session.req.response.no_head {
        session.req.response.status = 200;
        return;
    }
    if let Some(status) = session.req.status_override.take() {
        session.req.response.status = status;
        session.req.response.status_line.clear();
    }
    if session.conn.is_leaving() {
        // The client must not send its next request to somebody who is about to go.
        session.req.keepalive = false;
    }
    super::access::add_headers(session);
    let is_head = session.req.is_head();
    let version = session.req.head.version;
    let chunking = session.settings().chunked_transfer_encoding;
    let req = &mut *session.req;
    let response = &mut req.response;
    if response.status_line.is_empty() {
        settle_own(response);
    }
    response.header_only |= is_head;
    let bodyless = is_head || matches!(response.status, 204 | 304) || response.status < 200;
    if bodyless || (response.content_length.is_some() && !response.expects_trailers) {
        return;
    }
    if version >= Version::HTTP_11 && chunking {
        response.chunked = true;
        response.content_length = None;
    } else {
        req.keepalive = false;
    }
}

/// Statuses of our own, not an upstream's (`ngx_http_header_filter`).
fn settle_own(response: &mut Response) {
    response.header_only = matches!(response.status, 204 | 304);
    if response.status == 204 {
        response.content_type.clear();
        response.content_length = None;
    }
    if !matches!(response.status, 200 | 206 | 304) {
        response.last_modified.clear();
    }
}

fn write_head(session: &Session, out: &mut Vec<u8>) {
    let response = &session.req.response;
    out.extend_from_slice(b"HTTP/1.1 ");
    if response.status_line.is_empty() {
        status_line::write(
            response.status,
            session.conn.plan.differences().page_407,
            out,
        );
    } else {
        out.extend_from_slice(&response.status_line);
    }
    out.extend_from_slice(b"\r\n");
    if !response.has_server {
        let signature = signature(session);
        if !signature.is_empty() {
            line(out, b"Server: ", signature.as_bytes());
        }
    }
    if !response.has_date {
        clock::with_log_time(|time| line(out, b"Date: ", time.http_date()));
    }
    if !response.content_type.is_empty() {
        line(out, b"Content-Type: ", &response.content_type);
    }
    if let Some(length) = response.content_length {
        line(
            out,
            b"Content-Length: ",
            itoa::Buffer::new().format(length).as_bytes(),
        );
    }
    if !response.last_modified.is_empty() {
        line(out, b"Last-Modified: ", &response.last_modified);
    }
    if !response.location.is_empty() {
        line(out, b"Location: ", &response.location);
    }
    if response.chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    write_connection(session, out);
    response.fields.write(out);
    out.extend_from_slice(b"\r\n");
}

fn write_connection(session: &Session, out: &mut Vec<u8>) {
    if session.req.response.status == 101 {
        out.extend_from_slice(b"Connection: upgrade\r\n");
    } else if session.req.keepalive {
        out.extend_from_slice(b"Connection: keep-alive\r\n");
        if let Some(seconds) = session.settings().keepalive_timeout.header {
            out.extend_from_slice(b"Keep-Alive: timeout=");
            out.extend_from_slice(itoa::Buffer::new().format(seconds).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    } else {
        out.extend_from_slice(b"Connection: close\r\n");
    }
}

fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
