//! Reading on what nobody wants, so that the client can still read its answer.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use weir_conf::Settings;

use crate::facts::h1::Connection;
use crate::facts::{Action, Client, Session};
use weir_io::clock::{self, Moment};

/// For how long the rest of what a client sends is waited for.
pub(crate) struct Patience {
    /// `lingering_timeout`: the longest gap between two reads.
    gap: Duration,
    /// When `lingering_time` is over.
    end: Moment,
}

/// What a wait for the rest came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    /// There is more in the client's input.
    Bytes,
    /// The client sends nothing more, is gone, or still sends when `lingering_time` is over.
    Ended,
    /// It sent nothing for too long.
    TimedOut,
}

impl Patience {
    pub(crate) fn begin(settings: &Settings) -> Self {
        Self {
            gap: settings.lingering_timeout,
            end: clock::now() + settings.lingering_time,
        }
    }

    /// Drops what comes until the client closes, the time is over, or the connection is wanted no more: the worker
    /// ends, or another needs its place (`is_evicted`).
    pub(crate) async fn wait_for_end(&self, conn: &mut Connection, is_evicted: impl Fn() -> bool) {
        let mut client_sends = true;
        while client_sends {
            let now = clock::now();
            if now >= self.end {
                return;
            }
            conn.input.clear();
            conn.link.deadline.set_at((now + self.gap).min(self.end));
            client_sends = poll_fn(|cx| match conn.poll_input(cx) {
                Poll::Ready(read) => Poll::Ready(matches!(read, Ok(1..))),
                Poll::Pending if is_evicted() || conn.is_given_up() => Poll::Ready(false),
                Poll::Pending => conn.link.deadline.poll_expired(cx).map(|()| false),
            })
            .await;
        }
    }

    /// Waits for more of what the client sends.
    pub(super) async fn more(&self, client: &mut Client) -> More {
        let now = clock::now();
        // Who sends as fast as it is read is never waited for, so no deadline would end it.
        if now >= self.end {
            return More::Ended;
        }
        let until = (now + self.gap).min(self.end);
        client.link_mut().deadline.set_at(until);
        let more = poll_fn(|cx| match client.poll_input(cx) {
            Poll::Ready(Ok(1..)) => Poll::Ready(More::Bytes),
            Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(More::Ended),
            Poll::Pending => {
                let expired = client.link_mut().deadline.poll_expired(cx);
                expired.map(|()| More::TimedOut)
            }
        })
        .await;
        client.link_mut().deadline.clear();
        more
    }
}

impl Session {
    /// Sends FIN, then reads and drops what arrives until the client closes, sends nothing for
    /// `lingering_timeout`, or `lingering_time` is over (`ngx_http_set_lingering_close`). Without it a
    /// kernel that finds unread bytes at close sends RST, and the client may lose the answer.
    pub(crate) async fn linger(&mut self) {
        let patience = Patience::begin(self.settings());
        self.client.link_mut().action = Action::Closing;
        self.client.shutdown().await;
        loop {
            self.client.input().clear();
            if patience.more(&mut self.client).await != More::Bytes {
                break;
            }
        }
    }
}
