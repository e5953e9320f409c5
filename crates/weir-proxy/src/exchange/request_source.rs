//! The bytes of the request in the order in which they are sent, from the front at each try.

use std::task::{Context, Poll};

use weir_wire::Span;
use weir_wire::chunked::{LAST_CHUNK, write_chunk_size};

use super::handshake::write_cause;
use crate::client::body::{BodyEnd, Fill};
use crate::facts::RequestBody;
use crate::facts::Session;
use crate::pool::UpstreamConnection;
use weir_io::buffers;
use weir_io::gathered_write::GatheredWrite;
use weir_verdict::Cause;

/// Bytes read from a body's file at once.
const FILE_BLOCK: usize = 64 * 1024;

/// The head and what has been gathered of the body.
pub(super) struct RequestSource {
    head: Vec<u8>,
    head_sent: bool,
    write: GatheredWrite,
    /// How much of the body's file has been read into `block`.
    file_offset: u64,
    /// A piece of the body that is being sent: from the file, or framed while streaming.
    block: Vec<u8>,
    /// Where in `block` the bytes of a streamed body stand, without their framing.
    framed: Span,
    /// The end of a streamed body has been framed.
    stream_ended: bool,
    /// The body goes along.
    with_body: bool,
    /// `tcp_nodelay`, which matters once the request takes more than one write.
    nodelay: bool,
    nodelay_set: bool,
    done: bool,
    /// The clock of the response head runs since all was sent.
    read_clock: bool,
}

/// What keeps the request from being sent.
pub(super) enum Stuck {
    /// The upstream connection failed.
    Upstream(Cause),
    /// The client's body ended badly.
    Client(BodyEnd),
    /// The body's file cannot be read.
    File,
}

impl Stuck {
    fn upstream(upstream: &UpstreamConnection, error: std::io::Error) -> Self {
        Self::Upstream(write_cause(upstream.is_tls(), "writev() failed", error))
    }
}

impl RequestSource {
    pub(super) fn new(head: Vec<u8>, with_body: bool, nodelay: bool) -> Self {
        Self {
            head,
            head_sent: false,
            write: GatheredWrite::default(),
            file_offset: 0,
            block: Vec::new(),
            framed: Span::default(),
            stream_ended: false,
            with_body,
            nodelay,
            nodelay_set: false,
            done: false,
            read_clock: false,
        }
    }

    /// Begins again at the first byte. Of a streamed body nothing was sent, or there would be no next
    /// try; what was framed of it stays.
    pub(super) fn rewind(&mut self, body: &RequestBody) {
        self.head_sent = false;
        self.write = GatheredWrite::default();
        self.file_offset = 0;
        if !body.streaming {
            self.block.clear();
        }
        self.done = false;
        self.read_clock = false;
        self.nodelay_set = false;
    }

    /// Nothing was sent: a streamed body gets back what was taken of it.
    pub(super) fn give_back(&mut self, body: &mut RequestBody) {
        if body.streaming && !self.framed.is_empty() {
            let framed = self.framed.range();
            self.block.truncate(framed.end);
            self.block.drain(..framed.start);
            self.block.append(&mut body.memory);
            std::mem::swap(&mut self.block, &mut body.memory);
        }
    }

    /// Everything that came from the client has been sent on, and the body goes on.
    pub(super) fn waits_for_client(&self) -> bool {
        self.head_sent && self.block.is_empty()
    }

    pub(super) fn read_clock_runs(&self) -> bool {
        self.read_clock
    }

    pub(super) fn start_read_clock(&mut self) {
        self.read_clock = true;
    }

    /// All of the request has been handed to the kernel.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// The head's memory, which the next request uses again unless it is large.
    pub(super) fn take_head(&mut self) -> Vec<u8> {
        let head = std::mem::take(&mut self.head);
        if head.capacity() > buffers::HEAD_BUFFER {
            return Vec::new();
        }
        head
    }

    /// The first bytes, for a connection that stands at once: the head, and what is there of the body.
    pub(super) fn first<'a>(&'a mut self, session: &'a mut Session) -> [&'a [u8]; 3] {
        self.frame_first(session);
        [&self.head, self.memory(&session.req.body), &self.block]
    }

    /// What is there of a streamed body goes along with the head.
    fn frame_first(&mut self, session: &mut Session) {
        if self.with_body && session.req.body.streaming && self.block.is_empty() {
            self.frame(session);
        }
    }

    fn memory<'a>(&self, body: &'a RequestBody) -> &'a [u8] {
        let whole = self.with_body && !body.streaming && body.file.is_none();
        if whole { &body.memory } else { &[] }
    }

    /// Notes that the kernel took `written` of the first bytes already.
    pub(super) fn skip(&mut self, written: usize) {
        self.write.skip(written);
    }

    /// Sends as much as goes; ready when all has been sent.
    pub(super) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut Session,
        upstream: &mut UpstreamConnection,
        sent: &mut u64,
    ) -> Poll<Result<(), Stuck>> {
        if self.done {
            return Poll::Ready(Ok(()));
        }
        if !self.head_sent {
            self.frame_first(session);
            let memory = self.memory(&session.req.body);
            let slices = [self.head.as_slice(), memory, &self.block];
            match self.write.poll_write(cx, upstream.out(), &slices, sent) {
                Poll::Ready(Ok(())) => {
                    self.head_sent = true;
                    self.block.clear();
                }
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Err(Stuck::upstream(upstream, error)));
                }
                Poll::Pending => return self.read_ahead(cx, session),
            }
        }
        loop {
            if !self.block.is_empty() {
                self.set_nodelay(upstream);
                match self
                    .write
                    .poll_write(cx, upstream.out(), &[&self.block], sent)
                {
                    Poll::Ready(Ok(())) => self.block.clear(),
                    Poll::Ready(Err(error)) => {
                        return Poll::Ready(Err(Stuck::upstream(upstream, error)));
                    }
                    Poll::Pending => return self.read_ahead(cx, session),
                }
            }
            if let Some(sent) = self.poll_send_file(cx, session, upstream, sent) {
                return sent;
            }
            match self.poll_next_block(cx, session) {
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(Ok(false)) => {
                    self.done = true;
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Err(stuck)) => return Poll::Ready(Err(stuck)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn set_nodelay(&mut self, upstream: &mut UpstreamConnection) {
        if self.nodelay && !std::mem::replace(&mut self.nodelay_set, true) {
            upstream.out().set_nodelay();
        }
    }

    /// Sends a body that lies in a file without reading it; `None` if that is not how this body goes.
    fn poll_send_file(
        &mut self,
        cx: &mut Context<'_>,
        session: &Session,
        upstream: &mut UpstreamConnection,
        sent: &mut u64,
    ) -> Option<Poll<Result<(), Stuck>>> {
        let body = &session.req.body;
        let file = body.file.as_ref()?;
        if !self.with_body || body.streaming || !upstream.is_socket() {
            return None;
        }
        self.set_nodelay(upstream);
        while self.file_offset < file.written() {
            let offset = self.file_offset;
            match upstream
                .out()
                .poll_move_in(cx, |socket| file.send(socket, offset))
            {
                Poll::Ready(Ok(0)) => return Some(Poll::Ready(Err(Stuck::File))),
                Poll::Ready(Ok(count)) => {
                    self.file_offset += count as u64;
                    *sent += count as u64;
                }
                Poll::Ready(Err(error)) => {
                    return Some(Poll::Ready(Err(Stuck::upstream(upstream, error))));
                }
                Poll::Pending => return Some(Poll::Pending),
            }
        }
        self.done = true;
        Some(Poll::Ready(Ok(())))
    }

    /// Fills the block; `false` when nothing is left.
    fn poll_next_block(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut Session,
    ) -> Poll<Result<bool, Stuck>> {
        if !self.with_body {
            return Poll::Ready(Ok(false));
        }
        if session.req.body.streaming {
            return self.poll_stream(cx, session);
        }
        let Some(file) = &session.req.body.file else {
            return Poll::Ready(Ok(false));
        };
        if self.file_offset >= file.written() {
            return Poll::Ready(Ok(false));
        }
        match file.read(self.file_offset, FILE_BLOCK, &mut self.block) {
            Ok(1..) => {
                self.file_offset += self.block.len() as u64;
                Poll::Ready(Ok(true))
            }
            Ok(0) | Err(_) => Poll::Ready(Err(Stuck::File)),
        }
    }

    /// The upstream takes nothing now: what the client sends meanwhile fills the body's buffer.
    fn read_ahead(&self, cx: &mut Context<'_>, session: &mut Session) -> Poll<Result<(), Stuck>> {
        let room = session.settings().client_body_buffer_size;
        while session.req.body.streaming
            && !session.req.body.complete
            && session.req.body.memory.len() < room
        {
            match poll_take(cx, session) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(end)) => return Poll::Ready(Err(Stuck::Client(end))),
                Poll::Pending => break,
            }
        }
        Poll::Pending
    }

    /// Waits for more of a streamed body, framed as the upstream expects it.
    fn poll_stream(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut Session,
    ) -> Poll<Result<bool, Stuck>> {
        loop {
            self.frame(session);
            if !self.block.is_empty() {
                return Poll::Ready(Ok(true));
            }
            if self.stream_ended {
                return Poll::Ready(Ok(false));
            }
            match poll_take(cx, session) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(end)) => return Poll::Ready(Err(Stuck::Client(end))),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Moves what was taken of a streamed body into the empty block, as a chunk if it is chunked.
    fn frame(&mut self, session: &mut Session) {
        let chunked = session.req.body.framing.is_open_ended();
        let body = &mut session.req.body;
        if !body.memory.is_empty() {
            if chunked {
                write_chunk_size(body.memory.len() as u64, &mut self.block);
                let start = self.block.len();
                self.block.extend_from_slice(&body.memory);
                self.framed = Span::new(start, self.block.len());
                self.block.extend_from_slice(b"\r\n");
            } else {
                std::mem::swap(&mut self.block, &mut body.memory);
                self.framed = Span::new(0, self.block.len());
            }
            body.memory.clear();
        }
        if body.complete && !self.stream_ended {
            self.stream_ended = true;
            if chunked {
                self.block.extend_from_slice(LAST_CHUNK);
            }
        }
    }
}

/// Takes some of the client's body: from what was read ahead, else from its connection.
fn poll_take(cx: &mut Context<'_>, session: &mut Session) -> Poll<Result<(), BodyEnd>> {
    match session.take_body_bytes() {
        Ok(Fill::Some) => return Poll::Ready(Ok(())),
        Ok(Fill::Nothing) if session.req.body.complete => return Poll::Ready(Ok(())),
        Ok(Fill::Nothing) => {}
        Err(end) => return Poll::Ready(Err(end)),
    }
    session.poll_fill_body(cx)
}
