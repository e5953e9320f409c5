//! Writing to the client under its own clock.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use crate::facts::{Action, Ending, Session};
use crate::report::error_log::{self, Message};
use weir_io::gathered_write::GatheredWrite;

/// Why nothing more can be written to the client; the log has been told.
#[derive(Debug)]
pub(crate) enum ClientGone {
    /// `send_timeout` ran out.
    TimedOut,
    /// The connection is broken.
    Broken,
}

/// What nginx says of a failed write of what lies in memory (`ngx_writev`).
pub(crate) const WRITEV_FAILED: &str = "writev() failed";

/// The same where the client speaks TLS (`ngx_ssl_write`).
const SSL_WRITE_FAILED: &str = "SSL_write() failed";

/// How a write ended.
enum WriteEnd {
    Written(io::Result<()>),
    /// FIN, or an error.
    ClientLeft(Option<io::Error>),
    TimedOut,
}

impl Session {
    /// Writes the pending head and then `body`, waiting at most `send_timeout` between two writes.
    pub(crate) async fn write_all(&mut self, body: &[u8]) -> Result<(), ClientGone> {
        let head = std::mem::take(&mut self.req.response.pending);
        let result = self.write_slices(&[&head, body]).await;
        self.req.response.pending = head;
        self.req.response.pending.clear();
        result
    }

    /// Writes `slices` as one text.
    pub(crate) async fn write_slices(&mut self, slices: &[&[u8]]) -> Result<(), ClientGone> {
        let timeout = self.settings().send_timeout;
        let timed = self.client.times_writes();
        let mut write = GatheredWrite::default();
        let mut armed = false;
        let end = poll_fn(|cx| {
            // Of what woke this task nginx looks at the reading side first.
            if armed && let Poll::Ready(error) = self.client.poll_gone(cx) {
                return Poll::Ready(WriteEnd::ClientLeft(error));
            }
            let before = self.req.state.sent;
            let sent = &mut self.req.state.sent;
            let written = self.client.poll_send(cx, &mut write, slices, None, sent);
            if let Poll::Ready(result) = written {
                return Poll::Ready(WriteEnd::Written(result));
            }
            if timed && (!armed || self.req.state.sent > before) {
                self.client.link_mut().deadline.set(timeout);
            }
            if !std::mem::replace(&mut armed, true)
                && let Poll::Ready(error) = self.client.poll_gone(cx)
            {
                return Poll::Ready(WriteEnd::ClientLeft(error));
            }
            if !timed {
                return Poll::Pending;
            }
            self.client
                .link_mut()
                .deadline
                .poll_expired(cx)
                .map(|()| WriteEnd::TimedOut)
        })
        .await;
        self.client.link_mut().deadline.clear();
        match end {
            WriteEnd::Written(Ok(())) => Ok(()),
            WriteEnd::Written(Err(error)) => Err(self.client_write_failed(WRITEV_FAILED, &error)),
            WriteEnd::ClientLeft(error) => Err(self.client_left(error.as_ref())),
            WriteEnd::TimedOut => Err(self.client_write_timed_out()),
        }
    }

    /// Of an upstream's answer nginx says that it is being sent; whoever else answers has said what it does.
    fn writes(&mut self) {
        let action = &mut self.client.link_mut().action;
        if matches!(action, Action::Exchange(_)) {
            *action = Action::SendingToClient;
        }
    }

    /// The client closed its connection, or its side of it, before it had read all: as in nginx
    /// (`ngx_http_test_reading`), the rest of the answer is not sent.
    pub(crate) fn client_left(&mut self, error: Option<&io::Error>) -> ClientGone {
        self.writes();
        self.tell_departure();
        let text = "client prematurely closed connection";
        match error {
            Some(error) => error_log::info(self.view(), Message::call(text, error)),
            None => error_log::info(self.view(), Message::text(text)),
        }
        self.req.state.ending = Ending::Broken;
        self.req.book_client_gone();
        ClientGone::Broken
    }

    /// Notes in the log that writing failed, at this call in nginx's words.
    pub(crate) fn client_write_failed(&mut self, call: &str, error: &io::Error) -> ClientGone {
        self.writes();
        if !self.tell_departure() {
            let tls = self.client.link().tls().is_some();
            let call = if tls { SSL_WRITE_FAILED } else { call };
            error_log::connection_error(self.view(), Message::call(call, error));
        }
        self.req.state.ending = Ending::Broken;
        self.req.state.keepalive = false;
        ClientGone::Broken
    }

    /// Notes in the log that the client stopped taking bytes.
    pub(crate) fn client_write_timed_out(&mut self) -> ClientGone {
        self.writes();
        error_log::info(
            self.view(),
            Message::errno("client timed out", libc::ETIMEDOUT),
        );
        self.req.state.ending = Ending::Broken;
        self.req.state.keepalive = false;
        self.client.end_silently();
        if self.settings().reset_timedout_connection {
            self.client.reset_on_close();
        }
        ClientGone::TimedOut
    }
}
