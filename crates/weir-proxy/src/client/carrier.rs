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
            Self::H2(stream) => &mut stream.input,
            Self::Sub(sub) => &mut sub.input,
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
            Self::H2(stream) => stream.poll_take(into),
            Self::Sub(_) => Poll::Ready(Ok(0)),
        }
    }

    /// Reads into [`Self::input`].
    pub(crate) fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match self {
            Self::H1(conn) => conn.poll_input(cx),
            Self::H2(stream) => stream.poll_input(),
            Self::Sub(_) => Poll::Ready(Ok(0)),
        }
    }

    /// As [`Self::poll_input`], of what has arrived by now; an error also where nothing has.
    pub(crate) fn read_arrived(&mut self) -> io::Result<usize> {
        match self {
            Self::H1(conn) => conn.read_arrived(),
            Self::H2(_) | Self::Sub(_) => Ok(0),
        }
    }

    /// Nobody wants what else comes of the body, or what is there of it (nginx's `skip_data`). `false`: it cannot be
    /// told apart here from what follows it.
    pub(crate) fn ignore_body(&self) -> bool {
        match self {
            Self::H2(stream) => {
                stream.ignore_body();
                true
            }
            Self::H1(_) | Self::Sub(_) => false,
        }
    }

    /// Whether frames say where an answer's body ends, so that nothing has to be put into it or its head for that.
    pub(crate) fn has_frames(&self) -> bool {
        match self {
            Self::H2(_) => true,
            Self::H1(_) | Self::Sub(_) => false,
        }
    }

    /// Puts an interim head of these fields out, or into `pending`, where it waits for the head that follows.
    pub(crate) fn put_early_hints<'a>(
        &mut self,
        fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        pending: &mut Vec<u8>,
    ) {
        match self {
            Self::H2(stream) => stream.send_interim(103, fields),
            Self::H1(_) | Self::Sub(_) => {
                pending.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\n");
                for (name, value) in fields {
                    for part in [name, b": ", value, b"\r\n"] {
                        pending.extend_from_slice(part);
                    }
                }
                pending.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Nothing has arrived that was not read, not even the client's end.
    pub(crate) fn is_quiet(&mut self) -> bool {
        match self {
            Self::H1(conn) => conn.stream.is_quiet(),
            Self::H2(_) | Self::Sub(_) => true,
        }
    }

    /// Sends FIN where nothing else can be asked on this connection.
    pub(crate) async fn shutdown(&mut self) {
        match self {
            // A peer that is gone already needs no FIN.
            Self::H1(conn) => drop(poll_fn(|cx| conn.stream.poll_shutdown(cx)).await),
            Self::H2(_) | Self::Sub(_) => {}
        }
    }

    /// The client sends nothing more.
    pub(crate) fn has_ended(&self) -> bool {
        match self {
            Self::H1(conn) => conn.input_closed,
            Self::H2(_) | Self::Sub(_) => false,
        }
    }

    /// Notes that the client sends nothing more.
    pub(crate) fn note_end(&mut self) {
        match self {
            Self::H1(conn) => conn.input_closed = true,
            Self::H2(_) | Self::Sub(_) => {}
        }
    }

    /// Whether the client is known to have left, though nobody has looked (nginx's `connection->error`).
    pub(crate) fn has_left(&self) -> bool {
        match self {
            Self::H2(stream) => stream.seat.is_gone(),
            Self::H1(_) | Self::Sub(_) => false,
        }
    }

    /// Ready when the client has closed or reset its connection, or the stream of this request.
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Error>> {
        match self {
            Self::H1(conn) => conn.poll_gone(cx),
            Self::H2(stream) if stream.seat.is_gone() => Poll::Ready(None),
            Self::H2(_) => Poll::Pending,
            // Whoever waits for the subrequest watches the client, and polls this after that.
            Self::Sub(sub) => match &sub.departure {
                Some(departure) if departure.is_noted() => Poll::Ready(departure.take_error()),
                Some(_) | None => Poll::Pending,
            },
        }
    }

    /// Writes as much of `slices` as the client takes, at most `budget` bytes, and counts it in
    /// `sent`; ready once all is out. The main request of a subrequest takes all or nothing, however much, and it is
    /// there that bytes are counted.
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
            Self::H2(stream) => stream.poll_send(write, slices, budget, sent),
            Self::Sub(sub) => match &sub.outlet {
                Some(outlet) => outlet.poll_put(slices),
                None => Poll::Ready(Ok(())),
            },
        }
    }

    /// The next `count` bytes that are sent are the last of the answer, behind which no trailers come.
    pub(crate) fn expect_end(&mut self, count: usize) {
        match self {
            Self::H2(stream) => stream.left = Some(count as u64),
            Self::H1(_) | Self::Sub(_) => {}
        }
    }

    /// Whether it is for the client that a write waits, who has `send_timeout` to take it. What waits for a main
    /// request waits for that one's writes, which have that clock.
    pub(crate) fn times_writes(&self) -> bool {
        match self {
            Self::H1(_) | Self::H2(_) => true,
            Self::Sub(_) => false,
        }
    }

    /// The client has been waited for in vain: its connection ends without a word.
    pub(crate) fn end_silently(&mut self) {
        match self {
            Self::H1(conn) => conn.stream.end_silently(),
            Self::H2(stream) => stream.timed_out = true,
            Self::Sub(_) => {}
        }
    }

    /// The client is to see a reset, not an end.
    pub(crate) fn reset_on_close(&mut self) {
        match self {
            Self::H1(conn) => conn.stream.reset_on_close(),
            Self::H2(_) | Self::Sub(_) => {}
        }
    }

    /// The next piece may come late: what is written goes out at once, also past the kernel's waiting
    /// (`nodelay`).
    pub(crate) fn send_at_once(&mut self, nodelay: bool) {
        match self {
            Self::H1(conn) if nodelay => conn.set_nodelay(),
            Self::H1(_) | Self::H2(_) => {}
            Self::Sub(sub) => {
                if let Some(outlet) = &sub.outlet {
                    outlet.send_at_once();
                }
            }
        }
    }

    /// The socket, where this request has it to itself: bytes may then move in the kernel, or both
    /// ways after an upgrade.
    pub(crate) fn raw(&self) -> Option<&Stream> {
        match self {
            Self::H1(conn) => Some(&conn.stream),
            Self::H2(_) | Self::Sub(_) => None,
        }
    }

    /// As [`Self::raw`].
    pub(crate) fn raw_mut(&mut self) -> Option<&mut Stream> {
        match self {
            Self::H1(conn) => Some(&mut conn.stream),
            Self::H2(_) | Self::Sub(_) => None,
        }
    }
}
