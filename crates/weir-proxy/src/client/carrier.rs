//! What a request asks of whatever carries it: one `match` per operation.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use weir_io::gathered_write::GatheredWrite;
use weir_io::stream::Stream;

use crate::facts::Client;

impl Client {
    /// Bytes of the request's body that have come and that nobody has taken, in the carrier's
    /// framing.
    pub(crate) fn input(&mut self) -> &mut Vec<u8> {
        match self {
            Self::H1(conn) => &mut conn.input,
        }
    }

    /// Reads at most `limit` bytes of the body behind what `into` holds; 0 is the client's end.
    pub(crate) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut Vec<u8>,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::H1(conn) => conn.stream.poll_fill(cx, into, limit),
        }
    }

    /// Reads into [`Self::input`].
    pub(crate) fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match self {
            Self::H1(conn) => conn.poll_input(cx),
        }
    }

    /// As [`Self::poll_input`], of what has arrived by now; an error also where nothing has.
    pub(crate) fn read_arrived(&mut self) -> io::Result<usize> {
        match self {
            Self::H1(conn) => conn.read_arrived(),
        }
    }

    /// Nothing has arrived that was not read, not even the client's end.
    pub(crate) fn is_quiet(&mut self) -> bool {
        match self {
            Self::H1(conn) => conn.stream.is_quiet(),
        }
    }

    /// Sends FIN where nothing else can be asked on this connection.
    pub(crate) async fn shutdown(&mut self) {
        match self {
            // A peer that is gone already needs no FIN.
            Self::H1(conn) => drop(poll_fn(|cx| conn.stream.poll_shutdown(cx)).await),
        }
    }

    /// The client sends nothing more.
    pub(crate) fn has_ended(&self) -> bool {
        match self {
            Self::H1(conn) => conn.input_closed,
        }
    }

    /// Notes that the client sends nothing more.
    pub(crate) fn note_end(&mut self) {
        match self {
            Self::H1(conn) => conn.input_closed = true,
        }
    }

    /// Ready when the client has closed or reset its connection, or the stream of this request.
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Error>> {
        match self {
            Self::H1(conn) => conn.poll_gone(cx),
        }
    }

    /// Writes as much of `slices` as the client takes, at most `budget` bytes, and counts it in
    /// `sent`; ready once all is out.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        write: &mut GatheredWrite,
        slices: &[&[u8]],
        budget: Option<u64>,
        sent: &mut u64,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::H1(conn) => write.poll_write_within(cx, &mut conn.stream, slices, budget, sent),
        }
    }

    /// The client is to see a reset, not an end.
    pub(crate) fn reset_on_close(&mut self) {
        match self {
            Self::H1(conn) => conn.stream.reset_on_close(),
        }
    }

    /// Small writes are sent at once from here on.
    pub(crate) fn set_nodelay(&mut self) {
        match self {
            Self::H1(conn) => conn.set_nodelay(),
        }
    }

    /// The socket, where this request has it to itself: bytes may then move in the kernel, or both
    /// ways after an upgrade.
    pub(crate) fn raw(&self) -> Option<&Stream> {
        match self {
            Self::H1(conn) => Some(&conn.stream),
        }
    }

    /// As [`Self::raw`].
    pub(crate) fn raw_mut(&mut self) -> Option<&mut Stream> {
        match self {
            Self::H1(conn) => Some(&mut conn.stream),
        }
    }
}
