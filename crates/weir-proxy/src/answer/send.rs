//! An answer on its way out: what the header filters decide, its head in nginx's order, its body.

use std::borrow::Cow;

use weir_conf::ServerTokens;
use weir_filter::Flush;
use weir_wire::request::Version;
use weir_wire::{KnownField, date};

use super::{additions, body, settle, status_line};
use crate::client::h2::encode;
use crate::client::throttle::{self, Throttle};
use crate::facts::{Ending, Outcome, Session};
use crate::report::variables;
use weir_io::{buffers, clock};

/// `nginx/VERSION` or `nginx`, as `server_tokens` says: the `Server` field and the pages' last line.
pub(crate) fn signature(session: &Session) -> Cow<'_, str> {
    match &session.settings().server_tokens {
        ServerTokens::On | ServerTokens::Build => {
            session.client.link().plan.server_signature().into()
        }
        ServerTokens::Off => "nginx".into(),
        ServerTokens::Text(template) => {
            let mut text = Vec::new();
            variables::expand(session.view(), template, &mut text);
            String::from_utf8_lossy(&text).into_owned().into()
        }
    }
}

/// Decides what the header filters decide and writes the head into `pending` (`ngx_http_send_header`).
/// The first head of a request wins; a second call does nothing. An error is the outcome that stands
/// in for the answer, whose head was not begun.
pub(crate) fn begin(session: &mut Session) -> Result<(), Outcome> {
    if session.req.response.begun {
        return Ok(());
    }
    settle::settle(session)?;
    if session.client.has_frames() {
        let sent = encode::send_head(session, &signature(session));
        session.note_head(&sent);
        return Ok(());
    }
    let mut out = std::mem::take(&mut session.req.response.pending);
    if out.capacity() == 0 {
        out = buffers::take_head();
    }
    let start = out.len();
    let has_head = session.req.head.version >= Version::HTTP_10 && !session.req.state.is_sub;
    if has_head && !session.req.response.no_head {
        write_head(session, &mut out);
    }
    tracing::debug!(target: "weir", "http header sent, status {}", session.req.response.status);
    let response = &mut session.req.response;
    response.head_length = (out.len() - start) as u64;
    response.pending = out;
    response.begun = true;
    Ok(())
}

fn write_head(session: &Session, out: &mut Vec<u8>) {
    let response = &session.req.response;
    out.extend_from_slice(b"HTTP/1.1 ");
    if response.status_line.is_empty() {
        status_line::write(
            response.status,
            session.client.link().plan.differences().page_407,
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
        line(out, b"Content-Type: ", response.content_type.text());
    }
    if let Some(length) = response.content_length {
        line(
            out,
            b"Content-Length: ",
            itoa::Buffer::new().format(length).as_bytes(),
        );
    }
    if let Some(modified) = response.modified
        && !response.fields.has(KnownField::LastModified)
    {
        out.extend_from_slice(b"Last-Modified: ");
        date::write(modified, out);
        out.extend_from_slice(b"\r\n");
    }
    if !response.location.is_empty() {
        line(out, b"Location: ", &response.location);
    }
    if response.chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    write_connection(session, out);
    if session.req.state.varies_by_encoding && session.settings().gzip_vary {
        out.extend_from_slice(b"Vary: Accept-Encoding\r\n");
    }
    response.fields.write(out);
    out.extend_from_slice(b"\r\n");
}

fn write_connection(session: &Session, out: &mut Vec<u8>) {
    if session.req.response.status == 101 {
        out.extend_from_slice(b"Connection: upgrade\r\n");
    } else if session.req.state.keepalive {
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

impl Session {
    /// Begins the head and sends it with `body` as a whole answer.
    pub(crate) async fn send_answer(&mut self, body: &[u8]) -> Outcome {
        if let Err(outcome) = begin(self) {
            return outcome;
        }
        if self.req.response.additions.is_some()
            && let Err(outcome) = Box::pin(additions::before(self)).await
        {
            return outcome;
        }
        let Ok(body) = body::behind_head(self, body, Flush::End) else {
            return self.break_off();
        };
        let response = &self.req.response;
        if response.ends_with_body() {
            self.client.expect_end(response.pending.len() + body.len());
        }
        let sent = if additions::waits_for_more(self, body.len()) {
            self.req.response.pending.extend_from_slice(body);
            true
        } else if throttle::limits(self, self.settings()) {
            let mut throttle = Throttle::client(self, true);
            Box::pin(throttle.write(self, body)).await
        } else {
            self.write_all(body).await.is_ok()
        };
        if sent {
            self.req.state.ending = Ending::Complete;
        }
        Outcome::Answered
    }

    /// A filter cannot go on: nginx closes the connection, and what it holds of the answer is lost.
    pub(crate) fn break_off(&mut self) -> Outcome {
        self.req.response.pending.clear();
        self.req.state.closes_at_once = true;
        self.req.state.ending = Ending::Broken;
        Outcome::Answered
    }
}
