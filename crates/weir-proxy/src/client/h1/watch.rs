//! Noticing that the client leaves while something else is awaited.

use std::io;
use std::task::{Context, Poll};

use weir_io::buffers;

use crate::facts::Session;
use crate::report::error_log::{self, Message};

impl Session {
    /// Ready when the client has closed or reset its connection. Bytes that it sends ahead are kept
    /// for the next request, up to a buffer full.
    pub(crate) fn poll_client_gone(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Error>> {
        let conn = &mut self.conn;
        loop {
            if conn.input.len() >= buffers::HEAD_BUFFER {
                return Poll::Pending;
            }
            if conn.input_closed {
                return Poll::Ready(None);
            }
            let room = buffers::HEAD_BUFFER - conn.input.len();
            match conn.stream.poll_fill(cx, &mut conn.input, room) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => {
                    conn.input_closed = true;
                    return Poll::Ready(None);
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => {
                    conn.input_closed = true;
                    return Poll::Ready(Some(error));
                }
            }
        }
    }
}

/// `info` line of a client that left.
pub(crate) fn log_client_gone(session: &Session, error: Option<&io::Error>) {
    let text = "epoll_wait() reported that client prematurely closed connection, \
                so upstream connection is closed too";
    match error {
        Some(error) => error_log::info(session, Message::call(text, error)),
        None => error_log::info(session, Message::text(text)),
    }
}
