//! What the log is told of a client that leaves while something else is awaited.

use std::io;

use crate::facts::{Client, Session};
use crate::report::error_log::{self, Message};

/// `info` line of a client that left while a connection to an upstream was there.
pub(crate) fn log_client_gone(session: &Session, error: Option<&io::Error>) {
    let text = "epoll_wait() reported that client prematurely closed connection, \
                so upstream connection is closed too";
    log(session, text, error);
}

/// `info` line of a client that left while there was none.
pub(crate) fn log_client_left(session: &Session, error: Option<&io::Error>) {
    let text = "epoll_wait() reported that client prematurely closed connection";
    log(session, text, error);
}

fn log(session: &Session, text: &str, error: Option<&io::Error>) {
    // Of a stream its own words say it all (`ngx_http_upstream_check_broken_connection`).
    if session.tell_departure() {
        return;
    }
    match error {
        Some(error) => error_log::info(session.view(), Message::call(text, error)),
        None => error_log::info(session.view(), Message::text(text)),
    }
}

impl Session {
    /// Tells the log, once, how the client has left its stream; `false`: it has a connection to itself, and there are
    /// other words.
    pub(crate) fn tell_departure(&self) -> bool {
        match &self.client {
            Client::H2(stream) => {
                if let Some(complaint) = stream.seat.take_complaint() {
                    let text = complaint.to_string();
                    error_log::info(self.view(), Message::text(&text));
                }
                true
            }
            Client::Sub(sub) => sub.departure.as_ref().is_some_and(|left| left.is_told()),
            Client::H1(_) => false,
        }
    }
}
