//! The body of a request, as the stream's window lets it come.

use std::io;
use std::task::Poll;

use crate::client::body::{BodyEnd, Fill};
use crate::facts::h2::Stream;
use crate::facts::{Client, Session};
use crate::report::error_log::{self, Message};

impl Stream {
    /// Moves what has come behind `into`; 0 is the end. An error: the client has left.
    pub(crate) fn poll_take(&self, into: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        match self.seat.take_body(into) {
            0 if self.seat.is_drained() => Poll::Ready(Ok(0)),
            0 if self.seat.is_gone() => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            0 => Poll::Pending,
            count => Poll::Ready(Ok(count)),
        }
    }

    /// As [`Self::poll_take`], into the input.
    pub(crate) fn poll_input(&mut self) -> Poll<io::Result<usize>> {
        let mut input = std::mem::take(&mut self.input);
        let taken = self.poll_take(&mut input);
        self.input = input;
        taken
    }

    /// Lets the body come: as fast as it can, or as far as `room` reaches (`ngx_http_v2_read_request_body`).
    pub(crate) fn begin_body(&self, room: Option<usize>) {
        if self.seat.is_drained() {
            return;
        }
        let mut codec = self.wire.codec.borrow_mut();
        match room {
            None => codec.open_window(self.seat.number),
            Some(room) => codec.widen_window(self.seat.number, window_of(room)),
        }
        drop(codec);
        self.wire.notify();
    }

    /// What came was passed on, and there is room again (`ngx_http_v2_read_unbuffered_request_body`).
    pub(crate) fn refill(&self, room: usize) {
        let mut codec = self.wire.codec.borrow_mut();
        codec.refill_window(self.seat.number, window_of(room));
        drop(codec);
        self.wire.notify();
    }

    /// Nobody wants the body.
    pub(crate) fn ignore_body(&self) {
        self.wire.codec.borrow_mut().ignore_body(self.seat.number);
        self.seat.ignore_body();
    }
}

fn window_of(room: usize) -> u32 {
    const MOST: u32 = (1 << 31) - 1;
    u32::try_from(room).map_or(MOST, |room| room.min(MOST))
}

impl Session {
    /// Lets the client send its body, where that is asked of it: whole, or in pieces that are passed on.
    pub(crate) fn begin_stream_body(&self, streaming: bool) {
        let Client::H2(stream) = &self.client else {
            return;
        };
        let room = streaming.then(|| self.stream_room());
        stream.begin_body(room);
    }

    /// Whether all of a stream's body has come.
    pub(crate) fn stream_has_ended(&self) -> bool {
        matches!(&self.client, Client::H2(stream) if stream.seat.has_ended())
    }

    /// Bytes of a body that is passed on which may lie here.
    fn stream_room(&self) -> usize {
        let preread = self.server().core.http2_body_preread_size;
        let buffer = self.settings().client_body_buffer_size;
        match self.req.head.content_length {
            Some(length) if length <= buffer as u64 => length as usize + 1,
            Some(_) | None => buffer,
        }
        .max(preread)
    }

    /// Moves what has come of a stream's body from the input to the body (`ngx_http_v2_filter_request_body`);
    /// the end of the stream is its end.
    pub(crate) fn take_stream_bytes(&mut self, room: usize) -> Result<Fill, BodyEnd> {
        let Client::H2(stream) = &mut self.client else {
            return Ok(Fill::Nothing);
        };
        if stream.input.is_empty() {
            // What has come without being asked for; whether that is the end is seen below.
            let _ = stream.poll_input();
        }
        let ended = stream.seat.is_drained();
        let count = stream.input.len().min(room);
        let body = &mut self.req.body;
        body.memory.extend_from_slice(&stream.input[..count]);
        match count == stream.input.len() {
            true => stream.input.clear(),
            false => drop(stream.input.drain(..count)),
        }
        let complete = ended && stream.input.is_empty();
        if count > 0 && body.streaming && stream.input.is_empty() && !ended {
            let room = self.stream_room();
            if let Client::H2(stream) = &self.client {
                stream.refill(room);
            }
        }
        let body = &mut self.req.body;
        body.taken += count as u64;
        // More than was announced may have come, which is found fault with below.
        body.remaining = body.remaining.saturating_sub(count as u64);
        self.req.state.length += count as u64;
        if let Some(fault) = self.stream_body_fault(complete) {
            self.req.body.broken = true;
            self.client.ignore_body();
            return Err(fault);
        }
        self.req.body.complete = complete;
        Ok(if count > 0 { Fill::Some } else { Fill::Nothing })
    }

    /// What is wrong with what has come so far.
    fn stream_body_fault(&mut self, complete: bool) -> Option<BodyEnd> {
        let taken = self.req.body.taken;
        let limit = self.settings().client_max_body_size;
        match self.req.head.content_length {
            Some(length) if taken > length => {
                // nginx's buffer has room for one byte too many.
                self.req.state.length -= taken - length - 1;
                let text = "client intended to send body data larger than declared";
                error_log::info(self.view(), Message::text(text));
                Some(BodyEnd::Refused(400))
            }
            Some(length) if complete && taken != length => {
                let text = format!(
                    "client prematurely closed stream: only {taken} out of {length} bytes of request body received"
                );
                error_log::info(self.view(), Message::text(&text));
                Some(BodyEnd::Refused(400))
            }
            None if limit > 0 && taken > limit => {
                let text = format!("client intended to send too large chunked body: {taken} bytes");
                error_log::error(self.view(), Message::text(&text));
                Some(BodyEnd::Refused(413))
            }
            Some(_) | None => None,
        }
    }

    /// The client has left while its body was read (`ngx_http_v2_read_client_request_body_handler`).
    pub(crate) fn stream_body_gone(&self) -> BodyEnd {
        self.tell_departure();
        if self.req.body.streaming {
            // (`ngx_http_v2_read_unbuffered_request_body`)
            return BodyEnd::Gone(400);
        }
        error_log::info(
            self.view(),
            Message::text("client prematurely closed stream"),
        );
        BodyEnd::Gone(499)
    }
}
