//! Writing to the client under its own clock.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use crate::content::response;
use crate::io::stream::Stream;
use crate::report::error_log::{self, Message};
use crate::session::{Action, Connection, Ending, Session};

/// Why nothing more can be written to the client; the log has been told.
#[derive(Debug)]
pub(crate) enum ClientGone {
    /// `send_timeout` ran out.
    TimedOut,
    /// The connection is broken.
    Broken,
}

/// How far a gathered write has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    done: usize,
}

impl Progress {
    /// Notes that `written` bytes are out already.
    pub(crate) fn skip(&mut self, written: usize) {
        self.done += written;
    }

    /// Writes as much of `slices`, taken as one text, as the peer takes; ready once all is out.
    /// `wrote` counts the bytes of this call also while pending.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        slices: &[&[u8]],
        wrote: &mut u64,
    ) -> Poll<io::Result<()>> {
        self.poll_write_within(cx, stream, slices, None, wrote)
    }

    /// As [`Self::poll_write`], but no more than `budget` bytes now.
    pub(crate) fn poll_write_within(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        slices: &[&[u8]],
        mut budget: Option<u64>,
        wrote: &mut u64,
    ) -> Poll<io::Result<()>> {
        let total: usize = slices.iter().map(|slice| slice.len()).sum();
        while self.done < total {
            let mut rest = [IoSlice::new(&[]); MAX_SLICES];
            let count = remaining(slices, self.done, budget, &mut rest);
            if count == 0 {
                return Poll::Pending;
            }
            match ready!(stream.poll_write(cx, &rest[..count]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => {
                    self.done += written;
                    *wrote += written as u64;
                    budget = budget.map(|budget| budget - written as u64);
                }
            }
        }
        self.done = 0;
        Poll::Ready(Ok(()))
    }
}

/// Slices of one gathered write: head, chunk size, data, chunk end, and room for a body of two parts.
const MAX_SLICES: usize = 6;

/// The parts of `slices` behind the first `skip` bytes, at most `budget` bytes of them.
fn remaining<'a>(
    slices: &[&'a [u8]],
    mut skip: usize,
    budget: Option<u64>,
    out: &mut [IoSlice<'a>],
) -> usize {
    let mut left = budget.map_or(usize::MAX, |budget| {
        usize::try_from(budget).unwrap_or(usize::MAX)
    });
    let mut count = 0;
    for slice in slices {
        if skip >= slice.len() {
            skip -= slice.len();
            continue;
        }
        let slice = &slice[skip..];
        let slice = &slice[..slice.len().min(left)];
        skip = 0;
        if slice.is_empty() {
            break;
        }
        left -= slice.len();
        out[count] = IoSlice::new(slice);
        count += 1;
    }
    count
}

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
        let mut progress = Progress::default();
        let mut armed = false;
        let end = poll_fn(|cx| {
            // Of what woke this task nginx looks at the reading side first.
            if armed && let Poll::Ready(error) = self.poll_client_gone(cx) {
                return Poll::Ready(WriteEnd::ClientLeft(error));
            }
            let before = self.req.sent;
            let conn = &mut self.conn;
            let written = progress.poll_write(cx, &mut conn.stream, slices, &mut self.req.sent);
            if let Poll::Ready(result) = written {
                return Poll::Ready(WriteEnd::Written(result));
            }
            if !armed || self.req.sent > before {
                conn.deadline.set(timeout);
            }
            if !std::mem::replace(&mut armed, true)
                && let Poll::Ready(error) = self.poll_client_gone(cx)
            {
                return Poll::Ready(WriteEnd::ClientLeft(error));
            }
            self.conn
                .deadline
                .poll_expired(cx)
                .map(|()| WriteEnd::TimedOut)
        })
        .await;
        self.conn.deadline.clear();
        match end {
            WriteEnd::Written(Ok(())) => Ok(()),
            WriteEnd::Written(Err(error)) => Err(self.client_write_failed(&error)),
            WriteEnd::ClientLeft(error) => Err(self.client_left(error.as_ref())),
            WriteEnd::TimedOut => Err(self.client_write_timed_out()),
        }
    }

    /// The client closed its connection, or its side of it, before it had read all: as in nginx
    /// (`ngx_http_test_reading`), the rest of the answer is not sent.
    pub(crate) fn client_left(&mut self, error: Option<&io::Error>) -> ClientGone {
        self.conn.action = Action::SendingToClient;
        let text = "client prematurely closed connection";
        match error {
            Some(error) => error_log::info(self, Message::call(text, error)),
            None => error_log::info(self, Message::text(text)),
        }
        self.req.ending = Ending::Broken;
        self.req.keepalive = false;
        ClientGone::Broken
    }

    /// Notes in the log that writing failed.
    pub(crate) fn client_write_failed(&mut self, error: &io::Error) -> ClientGone {
        self.conn.action = Action::SendingToClient;
        error_log::connection_error(self, Message::call("writev() failed", error));
        self.req.ending = Ending::Broken;
        self.req.keepalive = false;
        ClientGone::Broken
    }

    /// Notes in the log that the client stopped taking bytes.
    pub(crate) fn client_write_timed_out(&mut self) -> ClientGone {
        self.conn.action = Action::SendingToClient;
        error_log::info(self, Message::errno("client timed out", libc::ETIMEDOUT));
        self.req.ending = Ending::Broken;
        self.req.keepalive = false;
        if self.settings().reset_timedout_connection {
            self.conn.stream.reset_on_close();
        }
        ClientGone::TimedOut
    }

    /// Begins the head and sends it with `body` as a whole answer.
    pub(crate) async fn send_answer(&mut self, body: &[u8]) {
        response::begin(self);
        let body = if self.req.response.header_only {
            &[]
        } else {
            body
        };
        if self.write_all(body).await.is_ok() {
            self.req.ending = Ending::Complete;
        }
    }
}

impl Connection {
    /// Sends FIN; what the client still sends is not read any more.
    pub(crate) async fn shutdown(&mut self) {
        // A peer that is gone already needs no FIN.
        let _ = poll_fn(|cx| self.stream.poll_shutdown(cx)).await;
    }
}
