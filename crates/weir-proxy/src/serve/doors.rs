//! What a connection passes before its first request: the PROXY protocol, then TLS.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use weir_http2::PREFACE;
use weir_log::Level;
use weir_wire::proxy_protocol::{self, ProxyFault};

use crate::facts::h1::Connection;
use crate::facts::{Action, Registration};
use crate::plan::Generation;
use crate::report::error_log::{self, Message};

/// What becomes of a connection whose first bytes have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// What is left of the bytes is a request.
    Open,
    /// Nothing is left of them; the request is still to come.
    Waits,
    /// What is left of them is the beginning of a handshake.
    Handshake,
    /// What is left of them may be the beginning of HTTP/2's preface.
    Preface,
    /// What is left of them begins with HTTP/2's preface.
    Http2,
    /// The connection ends; the log has been told.
    Closed,
}

/// What is expected of a connection that was accepted from this `listen`.
pub(super) fn first_action(plan: &Generation, listen: usize) -> Action {
    if plan.http().listens[listen].options.proxy_protocol {
        Action::ReadingProxyProtocol
    } else {
        behind_proxy_protocol(plan, listen)
    }
}

fn behind_proxy_protocol(plan: &Generation, listen: usize) -> Action {
    match plan.http().listens[listen].options.ssl {
        true => Action::Handshaking,
        false => Action::WaitingForRequest,
    }
}

impl Connection {
    /// Takes off the front of the first bytes what is said before a request.
    pub(super) fn pass_doors(&mut self) -> Door {
        if self.link.action == Action::ReadingProxyProtocol {
            let passed = self.pass_proxy_protocol();
            if passed != Door::Open {
                return passed;
            }
        }
        if self.link.action == Action::Handshaking {
            return self.meet_tls();
        }
        match self.link.requests {
            0 => self.meet_http2(),
            _ => Door::Open,
        }
    }

    /// Tells HTTP/2 by its preface, where it is spoken without TLS (`ngx_http_wait_request_handler`).
    fn meet_http2(&self) -> Door {
        let options = &self.link.plan.http().listens[self.link.listen].options;
        let spoken = options.http2 || self.link.default_server().core.http2;
        if !spoken || options.ssl {
            return Door::Open;
        }
        let length = self.input.len().min(PREFACE.len());
        if self.input.first() != PREFACE.first() || self.input[..length] != PREFACE[..length] {
            Door::Open
        } else if length < PREFACE.len() {
            Door::Preface
        } else {
            Door::Http2
        }
    }

    /// Tells a hello of SSLv3 or later, or of SSLv2, from plain HTTP, which is answered as such
    /// (`ngx_http_ssl_handshake`).
    fn meet_tls(&mut self) -> Door {
        const HANDSHAKE: u8 = 0x16;
        const SSL_2: u8 = 0x80;
        match self.input.first() {
            Some(first) if *first == HANDSHAKE || first & SSL_2 != 0 => Door::Handshake,
            Some(_) | None => {
                self.link.action = Action::WaitingForRequest;
                Door::Open
            }
        }
    }

    /// Reads on behind a part of HTTP/2's preface; `false` when the connection is to end.
    pub(super) async fn hear_more(&mut self, registration: &Registration) -> bool {
        let read = poll_fn(|cx| match self.poll_input(cx) {
            Poll::Ready(read) => Poll::Ready(Some(read)),
            // As if the client had broken it.
            Poll::Pending if registration.is_evicted() || self.is_given_up() => {
                Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
            }
            Poll::Pending => self.link.deadline.poll_expired(cx).map(|()| None),
        });
        let message = match read.await {
            Some(Ok(1..)) => return true,
            Some(Ok(0)) => Message::text("client closed connection"),
            // nginx says nothing of it.
            Some(Err(_)) => return false,
            None => Message::errno("client timed out", libc::ETIMEDOUT),
        };
        error_log::log_idle(&self.link, Level::Info, message);
        false
    }

    /// The handshake has settled on HTTP/2.
    pub(super) fn has_agreed_on_http2(&self) -> bool {
        let tls = self.link.tls();
        tls.is_some_and(|tls| tls.protocol.as_deref() == Some(b"h2"))
    }

    /// Reads the PROXY protocol header (`ngx_http_wait_request_handler`). It must have come whole, and
    /// nginx reads no more at once than `client_header_buffer_size`.
    fn pass_proxy_protocol(&mut self) -> Door {
        let server = self.link.plan.default_server(self.link.listen);
        let size = server.core.client_header_buffer_size;
        let read = &self.input[..self.input.len().min(size)];
        match proxy_protocol::read(read) {
            Ok(greeting) => {
                // Only behind the header, in the same buffer, is there less room than in a new one.
                let shares_buffer = greeting.len < read.len();
                self.used = if shares_buffer {
                    greeting.len as u32
                } else {
                    0
                };
                if let Some(header) = greeting.header {
                    self.link.arrival_mut().balanced = Some(header);
                }
                self.link.action = behind_proxy_protocol(&self.link.plan, self.link.listen);
                self.input.drain(..greeting.len);
                if !self.input.is_empty() {
                    return Door::Open;
                }
                self.release_input();
                Door::Waits
            }
            Err(fault) => {
                self.log_proxy_fault(fault, read);
                // nginx leaves these bytes to the kernel, which then resets; before a handshake all of them.
                let ssl = self.link.plan.http().listens[self.link.listen].options.ssl;
                if self.input.len() > size || ssl {
                    self.stream.reset_on_close();
                }
                Door::Closed
            }
        }
    }

    fn log_proxy_fault(&self, mut fault: ProxyFault, read: &[u8]) {
        if let ProxyFault::Broken { quoted } = &mut fault
            && self.link.plan.differences().proxy_header_quoted_whole
        {
            *quoted = read.len();
        }
        let mut text = Vec::new();
        fault.write_message(read, &mut text);
        if !text.is_empty() {
            error_log::log_idle(&self.link, Level::Error, Message::bytes(&text));
        }
    }
}
