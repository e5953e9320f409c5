//! Closing so that the client can still read its answer (`lingering_close`).

use std::future::poll_fn;
use std::task::Poll;

use crate::facts::{Action, Session};
use weir_io::{buffers, clock};

/// Bytes read at once only to be thrown away.
const DISCARD_READ: usize = 16 * 1024;

impl Session {
    /// Sends FIN, then reads and drops what arrives until the client closes or the time is over
    /// (`ngx_http_set_lingering_close`). Without it a kernel that finds unread bytes at close sends
    /// RST, and the client may lose the answer.
    pub(crate) async fn linger(&mut self) {
        self.conn.action = Action::Closing;
        self.conn.shutdown().await;
        let settings = self.settings();
        let gap = settings.lingering_timeout;
        let end = clock::now() + settings.lingering_time;
        let mut scratch = std::mem::take(&mut self.conn.input);
        if scratch.capacity() == 0 {
            scratch = buffers::take_head();
        }
        loop {
            scratch.clear();
            self.conn.deadline.set_at((clock::now() + gap).min(end));
            let conn = &mut self.conn;
            let more = poll_fn(
                |cx| match conn.stream.poll_read(cx, &mut scratch, DISCARD_READ) {
                    Poll::Ready(read) => Poll::Ready(matches!(read, Ok(1..))),
                    Poll::Pending => conn.deadline.poll_expired(cx).map(|()| false),
                },
            )
            .await;
            if !more {
                break;
            }
        }
        self.conn.deadline.clear();
        buffers::give_back(scratch);
    }
}
