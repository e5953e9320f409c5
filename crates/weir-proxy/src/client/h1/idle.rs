//! A connection between two requests.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use weir_conf::VerifyClient;
use weir_io::buffers;
use weir_log::Level;

use crate::facts::Registration;
use crate::facts::h1::Connection;
use crate::report::error_log::{self, Message};

impl Connection {
    /// Waits for the first bytes of a request; `false` when the connection is to end. `look` is called
    /// before each look at the socket.
    pub(crate) async fn wait_for_request(
        &mut self,
        registration: &Registration,
        look: impl Fn(),
    ) -> bool {
        if self.link.requests == 0 {
            let server = self.link.default_server();
            // The doors are passed within the same time.
            if !self.link.deadline.is_set() {
                self.link.deadline.set(server.core.client_header_timeout);
            }
        } else {
            if self.link.idle.nodelay {
                self.set_nodelay();
            }
            registration.set_idle(!self.is_held());
            self.link.deadline.set(self.link.idle.first());
        }
        let arrived = poll_fn(|cx| {
            look();
            self.poll_first_bytes(cx, registration)
        })
        .await;
        // As in nginx, the first head's time runs from accept on, a later one's from its first byte.
        if self.link.requests > 0 || !matches!(arrived, Arrived::Bytes) {
            self.link.deadline.clear();
        }
        match arrived {
            Arrived::Bytes => true,
            Arrived::Closed(error) => {
                self.log_idle_end(error.as_ref());
                false
            }
            Arrived::TimedOut => {
                if self.link.requests == 0 {
                    let message = Message::errno("client timed out", libc::ETIMEDOUT);
                    error_log::log_idle(&self.link, Level::Info, message);
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
        if self.is_held() {
            return self.poll_held(cx, registration);
        }
        let shop = &self.link.shop;
        if shop.is_aborting() || registration.is_evicted() {
            return Poll::Ready(Arrived::Leaving);
        }
        // Who has sent nothing yet is still expected to (`ngx_close_idle_connections`).
        let is_idle = self.link.requests > 0;
        if is_idle && shop.closes_idle() {
            return Poll::Ready(Arrived::Leaving);
        }
        self.move_to_new_plan();
        if is_idle && self.link.is_behind() {
            return Poll::Ready(Arrived::Leaving);
        }
        self.link
            .deadline
            .poll_expired(cx)
            .map(|()| Arrived::TimedOut)
    }

    /// `keepalive_min_timeout` is not over yet.
    fn is_held(&self) -> bool {
        self.link.requests > 0 && self.link.idle.has_least()
    }

    /// Nobody but the client ends the connection before the least time is over
    /// (`ngx_http_keepalive_handler`); then it is as idle as others, for the rest of its time.
    fn poll_held(&mut self, cx: &mut Context<'_>, registration: &Registration) -> Poll<Arrived> {
        if self.link.shop.is_aborting() {
            return Poll::Ready(Arrived::Leaving);
        }
        self.move_to_new_plan();
        ready!(self.link.deadline.poll_expired(cx));
        self.link.idle.end_least();
        let rest = self.link.idle.most();
        if rest.is_zero() || self.is_leaving() {
            return Poll::Ready(Arrived::TimedOut);
        }
        registration.set_idle(true);
        self.link.deadline.set(rest);
        self.link
            .deadline
            .poll_expired(cx)
            .map(|()| Arrived::TimedOut)
    }

    /// Goes over to the configuration in force, if that listens where the client came by.
    pub(crate) fn move_to_new_plan(&mut self) {
        if self.link.is_behind()
            && !self.has_asked_for_certificate()
            && let Some(listen) = self.newest_listen()
        {
            self.link.plan = self.link.shop.generation();
            self.link.listen = listen;
            self.find_tls_server_again();
        }
    }

    /// Whether the handshake has asked for the client's certificate: what was found of it was found by the
    /// configuration of then.
    fn has_asked_for_certificate(&self) -> bool {
        let mode = self.link.default_server().tls.ssl_verify_client;
        self.link.tls().is_some() && mode != VerifyClient::Off
    }

    fn log_idle_end(&self, error: Option<&io::Error>) {
        if let Some(text) = error.and_then(error_log::tls_failure) {
            return error_log::log_idle(&self.link, Level::Info, Message::text(&text));
        }
        if self.link.requests > 0 {
            error_log::log_closed_keepalive(&self.link, error);
            return;
        }
        match error {
            Some(error) => {
                error_log::log_idle(
                    &self.link,
                    Level::Info,
                    Message::call("recv() failed", error),
                );
            }
            None => error_log::log_idle(
                &self.link,
                Level::Info,
                Message::text("client closed connection"),
            ),
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
