//! What the log is told of a client that leaves while something else is awaited.

use std::io;

use crate::facts::{Client, Session};
use crate::report::error_log::{self, Message};

/// `info` line of a client that left.
pub(crate) fn log_client_gone(session: &Session, error: Option<&io::Error>) {
    if matches!(session.client, Client::H2(_)) {
        // Its own words say it all (`ngx_http_upstream_check_broken_connection`).
        return session.tell_departure();
    }
    let text = "epoll_wait() reported that client prematurely closed connection, \
                so upstream connection is closed too";
    match error {
        Some(error) => error_log::info(session.view(), Message::call(text, error)),
        None => error_log::info(session.view(), Message::text(text)),
    }
}

impl Session {
    /// Tells the log, once, how the client has left its stream.
    pub(crate) fn tell_departure(&self) {
        if let Client::H2(stream) = &self.client
            && let Some(complaint) = stream.seat.take_complaint()
        {
            let text = complaint.to_string();
            error_log::info(self.view(), Message::text(&text));
        }
    }
}
