//! Noticing that the client leaves while something else is awaited.

use std::io;
use std::task::{Context, Poll};

use weir_io::buffers;

use crate::facts::h1::Connection;

impl Connection {
    /// Ready when the client has closed or reset its connection. Bytes that it sends ahead are kept
    /// for the next request, up to a buffer full.
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Error>> {
        loop {
            if self.input.len() >= buffers::HEAD_BUFFER {
                return Poll::Pending;
            }
            if self.input_closed {
                return Poll::Ready(None);
            }
            let room = buffers::HEAD_BUFFER - self.input.len();
            match self.stream.poll_fill(cx, &mut self.input, room) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => {
                    self.input_closed = true;
                    return Poll::Ready(None);
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => {
                    self.input_closed = true;
                    return Poll::Ready(Some(error));
                }
            }
        }
    }

    /// Reads what the client sends into the input.
    pub(crate) fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.input.capacity() == 0 {
            self.input = buffers::take_head();
        }
        self.stream
            .poll_read(cx, &mut self.input, buffers::HEAD_BUFFER)
    }

    /// Reads what the client has sent by now into the input.
    pub(crate) fn read_arrived(&mut self) -> io::Result<usize> {
        let (stream, input) = (&mut self.stream, &mut self.input);
        stream.read_arrived(input, buffers::HEAD_BUFFER)
    }
}
