//! A connection between two requests.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use weir_io::buffers;
use weir_log::Level;

use super::worker::Registration;
use crate::facts::Connection;
use crate::report::error_log::{self, Message};

impl Connection {
    /// Waits for the first bytes of a request; `false` when the connection is to end.
    pub(super) async fn wait_for_request(&mut self, registration: &Registration) -> bool {
        if self.requests == 0 {
            let server = self.plan.default_server(self.listen);
            self.deadline.set(server.core.client_header_timeout);
        } else {
            let settings = &self.plan.default_server(self.listen).default.settings;
            if self.requests == 1 && settings.tcp_nodelay {
                self.stream.set_nodelay();
            }
            self.deadline.set(self.idle_timeout);
        }
        let arrived = poll_fn(|cx| self.poll_first_bytes(cx, registration)).await;
        // As in nginx, the first head's time runs from accept on, a later one's from its first byte.
        if self.requests > 0 || !matches!(arrived, Arrived::Bytes) {
            self.deadline.clear();
        }
        match arrived {
            Arrived::Bytes => true,
            Arrived::Closed(error) => {
                self.log_idle_end(error.as_ref());
                false
            }
            Arrived::TimedOut => {
                if self.requests == 0 {
                    let message = Message::errno("client timed out", libc::ETIMEDOUT);
                    error_log::log_idle(self, Level::Info, message);
                    if self
                        .plan
                        .default_server(self.listen)
                        .default
                        .settings
                        .reset_timedout_connection
                    {
                        self.stream.reset_on_close();
                    }
                }
                false
            }
            Arrived::Leaving => false,
        }
    }

    fn poll_first_bytes(
        &mut self,
        cx: &mut Context<'_>,
        registration: &Registration,
    ) -> Poll<Arrived> {
        // If bytes have come, the request is served in there once they are received.
        self.worker.prefetch_runner();
        match self
            .stream
            .poll_fill(cx, &mut self.input, buffers::HEAD_BUFFER)
        {
            Poll::Ready(Ok(0)) => {
                self.release_input();
                return Poll::Ready(Arrived::Closed(None));
            }
            Poll::Ready(Ok(_)) => return Poll::Ready(Arrived::Bytes),
            Poll::Ready(Err(error)) => return Poll::Ready(Arrived::Closed(Some(error))),
            Poll::Pending => {}
        }
        if self.worker.closes_idle() || registration.is_evicted() {
            return Poll::Ready(Arrived::Leaving);
        }
        self.move_to_new_plan();
        // Who has sent nothing yet is still expected to (`ngx_close_idle_connections`).
        if self.requests > 0 && self.is_behind() {
            return Poll::Ready(Arrived::Leaving);
        }
        self.deadline.poll_expired(cx).map(|()| Arrived::TimedOut)
    }

    /// Goes over to the configuration in force, if that listens where the client came by.
    pub(super) fn move_to_new_plan(&mut self) {
        if self.is_behind()
            && let Some(listen) = self.newest_listen()
        {
            self.plan = self.worker.generation();
            self.listen = listen;
        }
    }

    fn log_idle_end(&self, error: Option<&io::Error>) {
        if self.requests > 0 {
            error_log::log_closed_keepalive(self, error);
            return;
        }
        match error {
            Some(error) => {
                error_log::log_idle(self, Level::Info, Message::call("recv() failed", error));
            }
            None => {
                error_log::log_idle(self, Level::Info, Message::text("client closed connection"))
            }
        }
    }
}

/// What ended the wait for a request.
enum Arrived {
    Bytes,
    /// FIN, or an error.
    Closed(Option<io::Error>),
    TimedOut,
    /// The worker goes out of service, or nobody listens where the client came by any more.
    Leaving,
}
