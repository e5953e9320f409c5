//! Closing so that the client can still read its answer (`lingering_close`).

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use crate::facts::Action;
use crate::facts::h1::Connection;
use weir_io::{buffers, clock};

/// Bytes read at once only to be thrown away.
const DISCARD_READ: usize = 16 * 1024;

impl Connection {
    /// Sends FIN, then reads and drops what arrives until the client closes, sends nothing for `gap`,
    /// or `time` is over (`ngx_http_set_lingering_close`). Without it a kernel that finds unread bytes at close sends
    /// RST, and the client may lose the answer.
    pub(crate) async fn linger(&mut self, gap: Duration, time: Duration) {
        self.link.action = Action::Closing;
        self.shutdown().await;
        let end = clock::now() + time;
        let mut scratch = std::mem::take(&mut self.input);
        if scratch.capacity() == 0 {
            scratch = buffers::take_head();
        }
        loop {
            scratch.clear();
            self.link.deadline.set_at((clock::now() + gap).min(end));
            let more = poll_fn(
                |cx| match self.stream.poll_read(cx, &mut scratch, DISCARD_READ) {
                    Poll::Ready(read) => Poll::Ready(matches!(read, Ok(1..))),
                    Poll::Pending => self.link.deadline.poll_expired(cx).map(|()| false),
                },
            )
            .await;
            if !more {
                break;
            }
        }
        self.link.deadline.clear();
        buffers::give_back(scratch);
    }
}
