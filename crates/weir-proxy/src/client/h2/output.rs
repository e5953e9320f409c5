//! The body of an answer in frames, and the end of a stream.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Poll, ready};

use smallvec::SmallVec;
use weir_http2::Share;
use weir_io::gathered_write::GatheredWrite;

use crate::facts::h2::Stream;
use crate::facts::{Client, Ending, Session};

impl Stream {
    /// Puts as much of `slices` into frames as windows and the connection's output take.
    pub(crate) fn poll_send(
        &mut self,
        write: &mut GatheredWrite,
        slices: &[&[u8]],
        budget: Option<u64>,
        sent: &mut u64,
    ) -> Poll<io::Result<()>> {
        write.poll_pass(slices, budget, sent, |rest| self.poll_frames(rest))
    }

    fn poll_frames(&mut self, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.seat.is_gone() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let total = slices.iter().map(|slice| slice.len()).sum();
        if self.closed {
            // More than the head has announced: there is no place for it.
            return Poll::Ready(Ok(total));
        }
        let mut codec = self.wire.codec.borrow_mut();
        let queued = codec.output().len();
        let most = ready!(self.wire.poll_room(&self.seat, queued));
        let ends = self.left == Some(total as u64);
        let share = Share {
            // Whole frames, as long as there is more than one.
            most: if most > self.chunk {
                most - most % self.chunk
            } else {
                most
            },
            chunk: self.chunk,
        };
        let slices: SmallVec<[&[u8]; 6]> = slices.iter().map(|slice| &**slice).collect();
        let taken = codec.send_data(self.seat.number, &slices, share, ends);
        self.framing += (codec.output().len() - queued - taken) as u64;
        drop(codec);
        if taken == 0 {
            // A window is closed: the stream is woken when it opens.
            return Poll::Pending;
        }
        self.wire.note_served(&self.seat);
        self.left = self.left.map(|left| left.saturating_sub(taken as u64));
        self.closed = ends && taken == total;
        self.wire.notify();
        Poll::Ready(Ok(taken))
    }
}

impl Session {
    /// Ends a complete answer on a stream, by its trailers if it has any.
    pub(crate) fn end_frames_of_stream(&mut self) {
        let Client::H2(stream) = &mut self.client else {
            return;
        };
        let req = &*self.req;
        let complete = req.state.ending == Ending::Complete && !req.state.closes_at_once;
        if !complete || !req.response.begun || stream.closed || stream.seat.is_gone() {
            return;
        }
        let mut codec = stream.wire.codec.borrow_mut();
        let before = codec.output().len();
        let trailers = &req.response.trailers;
        if trailers.iter().next().is_some() {
            let block = codec.head();
            for (name, value) in trailers.iter() {
                block.field(name, value);
            }
            codec.send_trailers(stream.seat.number);
        } else {
            let share = Share {
                most: 0,
                chunk: stream.chunk,
            };
            codec.send_data(stream.seat.number, &[], share, true);
        }
        stream.framing += (codec.output().len() - before) as u64;
        stream.closed = true;
    }

    /// Ends the answer on a stream and waits until it is out; one that is cut ends with the stream, visibly
    /// (`ngx_http_v2_close_stream`).
    pub(crate) async fn end_stream(&mut self) {
        self.end_frames_of_stream();
        let Client::H2(stream) = &mut self.client else {
            return;
        };
        stream.wire.notify();
        let end = stream.wire.output_end();
        poll_fn(|_| match stream.seat.is_gone() {
            true => Poll::Ready(()),
            false => stream.wire.poll_written(&stream.seat, end),
        })
        .await;
        // What is around the body counts as sent, and as head (ngx_http_v2_data_frame_handler).
        self.req.state.sent += stream.framing;
        self.req.response.head_length += stream.framing;
    }
}
