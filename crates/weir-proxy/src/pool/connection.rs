//! A connection to a peer.

use std::io;
use std::os::fd::BorrowedFd;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Slot;
use weir_io::stream::Stream;

/// A connection to a peer, in use or idle.
pub(crate) struct UpstreamConnection {
    /// Read through the methods here, which see to it that the peer need not wait for an ACK.
    stream: Stream,
    /// Requests begun on it.
    pub(crate) requests: u64,
    /// When it was opened, on the worker's monotonic clock.
    pub(crate) opened_at: Duration,
    /// It had served a request before this one.
    pub(crate) reused: bool,
    /// Nothing has come on it that the next answer could be mistaken for.
    pub(crate) reusable: bool,
    acks: Acks,
    /// When it fell idle last, in the worker's turns.
    pub(crate) idle_turn: u64,
    pub(crate) _slot: Slot,
}

/// When the kernel acknowledges what the peer sends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Acks {
    /// As it sees fit.
    Usual,
    /// With bytes to travel with, as the dialer has set it; nothing has been read yet.
    Late,
    /// As before, and there are bytes that the peer knows nothing of.
    Owed,
}

impl UpstreamConnection {
    /// A connection that was opened this moment.
    pub(crate) fn opened(stream: Stream, now: Duration, slot: Slot) -> Self {
        Self {
            stream,
            requests: 1,
            opened_at: now,
            reused: false,
            reusable: true,
            acks: Acks::Late,
            idle_turn: 0,
            _slot: slot,
        }
    }

    /// Begins the request of this number on a connection that was idle.
    pub(crate) fn reuse(&mut self, request: u64) {
        self.requests = request;
        self.reused = true;
        self.acks = Acks::Usual;
    }

    /// [`Stream::poll_readable`].
    pub(crate) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let readable = self.stream.poll_readable(cx);
        if readable.is_pending() {
            self.wait_for_more();
        }
        readable
    }

    /// [`Stream::poll_read`].
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut Vec<u8>,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        let read = self.stream.poll_read(cx, buf, limit);
        self.note(&read);
        read
    }

    /// [`Stream::poll_fill`].
    pub(crate) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut Vec<u8>,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        let read = self.stream.poll_fill(cx, buf, limit);
        self.note(&read);
        read
    }

    /// [`Stream::poll_move_out`].
    pub(crate) fn poll_move_out(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let read = self.stream.poll_move_out(cx, take);
        self.note(&read);
        read
    }

    fn note(&mut self, read: &Poll<io::Result<usize>>) {
        match read {
            Poll::Pending => self.wait_for_more(),
            Poll::Ready(_) if self.acks == Acks::Late => self.acks = Acks::Owed,
            Poll::Ready(_) => {}
        }
    }

    /// More is to come than has been read. A peer without TCP_NODELAY may hold it back until it sees
    /// an ACK for what it has sent, and must not have to wait for that: 40 ms on Linux.
    fn wait_for_more(&mut self) {
        if self.acks == Acks::Owed {
            self.acks = Acks::Usual;
            self.stream.acknowledge_at_once();
        }
    }

    /// [`Stream::poll_connected`].
    pub(crate) fn poll_connected(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_connected(cx)
    }

    /// The stream, to write to.
    pub(crate) fn out(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// Whether bytes can be moved in the kernel.
    pub(crate) fn is_socket(&self) -> bool {
        self.stream.is_socket()
    }

    /// There is TLS now. Tickets follow, for which a peer without TCP_NODELAY lets its answer wait: they are to be
    /// acknowledged at once.
    pub(crate) fn secured(&mut self) {
        if self.acks == Acks::Late {
            self.acks = Acks::Owed;
        }
    }

    /// Whether TLS is spoken.
    pub(crate) fn is_tls(&self) -> bool {
        self.stream.tls().is_some()
    }

    /// The peer has said something to which nobody has listened yet.
    pub(crate) fn has_spoken(&self) -> bool {
        !self.stream.always_readable() && self.stream.has_arrived()
    }

    /// Nothing has arrived, so the next request may be sent.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.stream.is_quiet()
    }
}
