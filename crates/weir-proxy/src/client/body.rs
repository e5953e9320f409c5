//! The request body: read whole before the upstream is asked, discarded, or passed on as it comes.

use crate::facts::{BodyFraming, Outcome};
use std::future::poll_fn;
use std::task::{Context, Poll};

use weir_conf::BodyFile;
use weir_wire::chunked::Chunk;

use super::linger::{More, Patience};
use crate::facts::Session;
use crate::report::error_log::{self, Message};
use weir_io::buffers;
use weir_io::temp_file::{FileName, TempFile, TempFileError};

/// Reads of a body that nobody wants, before its answer: a client that sends as fast as it is read must
/// not keep the others waiting.
const READS_AT_ONCE: usize = 64;

/// Why the body could not be read; the log has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyEnd {
    /// Answer with this status: the body is refused.
    Refused(u16),
    /// Close without an answer and book this status.
    Gone(u16),
}

/// What one look at the client's bytes brought.
pub(crate) enum Fill {
    /// Some bytes, or the end, were taken.
    Some,
    /// More bytes must arrive.
    Nothing,
}

impl Session {
    /// A head that was read whole and then refused has its body behind it, which whoever answers may want
    /// (`ngx_http_process_request_header`); behind another nothing is told apart.
    pub(crate) fn expect_body_of_refused(&mut self) {
        let strict = self.client.link().plan.differences().chunk_bare_lf_refused;
        let req = &mut *self.req;
        if req.parser_done() {
            let head = &req.head;
            req.body.expect(head.content_length, head.chunked, strict);
        } else {
            req.body.complete = true;
        }
    }

    /// Does with the request's body what an answer of our own begins with.
    pub(crate) async fn settle_unwanted_body(&mut self) -> Result<(), Outcome> {
        if self.answer_expect().await.is_err() {
            return Err(Outcome::Close(500));
        }
        self.discard_body().map_err(Outcome::Status)
    }

    /// Reads the whole body, of which nothing has been taken, into memory or, beyond
    /// `client_body_buffer_size`, into a temporary file (`ngx_http_read_client_request_body`).
    pub(crate) async fn read_body(&mut self) -> Result<(), BodyEnd> {
        self.begin_body_memory();
        self.begin_stream_body(false);
        loop {
            while let Fill::Some = self.take_body_bytes()? {
                self.spill_body(false)?;
            }
            if self.req.body.complete {
                break;
            }
            self.fill_body().await?;
            self.spill_body(false)?;
        }
        let in_file = self.settings().client_body_in_file_only != BodyFile::Off;
        if in_file || self.req.body.file.is_some() {
            self.spill_body(true)?;
        }
        Ok(())
    }

    /// Gives the body as much memory as it may fill before it goes to a file: nginx takes all of a
    /// body that is at most a quarter larger than the buffer.
    fn begin_body_memory(&mut self) {
        let size = self.settings().client_body_buffer_size;
        let body = &mut self.req.body;
        let wanted = match body.framing {
            BodyFraming::Length | BodyFraming::Frames { sized: true }
                if body.remaining <= (size + size / 4) as u64 =>
            {
                body.remaining as usize
            }
            BodyFraming::Length
            | BodyFraming::Chunked
            | BodyFraming::Frames { .. }
            | BodyFraming::None => size,
        };
        if body.memory.capacity() == 0 {
            body.memory = if wanted <= buffers::HEAD_BUFFER {
                buffers::take_head()
            } else {
                Vec::new()
            };
        }
    }

    /// Bytes that may still be gathered in memory before they go to the file.
    ///
    /// What goes to the file anyway is read in large pieces, through a buffer that is lent for as
    /// long as it takes to write it.
    fn body_room(&self) -> usize {
        let size = self.settings().client_body_buffer_size;
        let body = &self.req.body;
        if body.file.is_some() {
            return buffers::RELAY_BUFFER.saturating_sub(body.memory.len());
        }
        let limit = match body.framing {
            BodyFraming::Length | BodyFraming::Frames { sized: true }
                if body.remaining + body.memory.len() as u64 <= (size + size / 4) as u64 =>
            {
                size + size / 4
            }
            BodyFraming::Length
            | BodyFraming::Chunked
            | BodyFraming::Frames { .. }
            | BodyFraming::None => size,
        };
        limit.saturating_sub(body.memory.len())
    }

    /// Bytes, framing included, that are looked at together: of what is passed on nginx looks at a buffer
    /// full, and the first time also at what the head left of its own buffer.
    pub(crate) fn raw_room(&self) -> usize {
        if !self.req.body.streaming {
            return usize::MAX;
        }
        let req = &self.req;
        let plan = &self.client.link().plan;
        let first = plan.head_limits(self.server().index).first_buffer;
        let behind_head = match req.state.length == req.head.request_length as u64 {
            true => first.saturating_sub(req.head.len),
            false => 0,
        };
        behind_head + self.settings().client_body_buffer_size.max(1)
    }

    /// Moves body bytes from the connection's input to the body.
    pub(crate) fn take_body_bytes(&mut self) -> Result<Fill, BodyEnd> {
        match self.req.body.framing {
            BodyFraming::None => {
                self.req.body.complete = true;
                Ok(Fill::Nothing)
            }
            BodyFraming::Length => Ok(self.take_sized()),
            BodyFraming::Chunked => self.take_chunked(),
            BodyFraming::Frames { .. } => {
                let room = match self.req.body.streaming {
                    true => usize::MAX,
                    false => self.body_room().max(1),
                };
                self.take_stream_bytes(room)
            }
        }
    }

    fn take_sized(&mut self) -> Fill {
        let room = self.body_room().max(1);
        let body = &mut self.req.body;
        let input = self.client.input();
        let count = input
            .len()
            .min(usize::try_from(body.remaining).unwrap_or(usize::MAX))
            .min(room);
        if count == 0 {
            body.complete = body.remaining == 0;
            return Fill::Nothing;
        }
        if !body.discarded {
            body.memory.extend_from_slice(&input[..count]);
        }
        input.drain(..count);
        body.remaining -= count as u64;
        body.taken += count as u64;
        body.complete = body.remaining == 0;
        if !body.discarded {
            self.req.state.length += count as u64;
        }
        Fill::Some
    }

    fn take_chunked(&mut self) -> Result<Fill, BodyEnd> {
        let room = match self.req.body.streaming {
            true => usize::MAX,
            false => self.body_room().max(1),
        };
        let raw = self.raw_room();
        let limit = self.settings().client_max_body_size;
        let mut at = 0;
        let mut taken_data = 0;
        let mut fault = None;
        while !self.req.body.complete
            && taken_data < room
            && at < self.client.input().len().min(raw)
        {
            let mut fresh = 0;
            let input = self.client.input();
            let end = input.len().min(raw);
            match self.req.body.decoder.decode(&input[..end], &mut at) {
                Ok(Chunk::Data(range)) => {
                    taken_data += range.len();
                    fresh = range.len() as u64;
                    self.req.body.taken += range.len() as u64;
                    if !self.req.body.discarded {
                        self.req
                            .body
                            .memory
                            .extend_from_slice(&self.client.input()[range]);
                    }
                }
                Ok(Chunk::Done { end }) => {
                    at = end;
                    self.req.body.complete = true;
                }
                Ok(Chunk::NeedMore) => break,
                Err(_) => {
                    fault = Some(self.chunked_fault());
                    break;
                }
            }
            if let Some(end) = self.chunked_too_large(limit, fresh) {
                fault = Some(end);
                break;
            }
        }
        if let Some(end) = fault {
            if self.req.body.read_on {
                // nginx counts a later read before it looks into it, and forgets what is left of it.
                self.req.state.length += self.client.input().len() as u64;
                self.client.input().clear();
            }
            return Err(end);
        }
        if !self.req.body.discarded {
            self.req.state.length += at as u64;
        }
        self.client.input().drain(..at);
        Ok(if at > 0 { Fill::Some } else { Fill::Nothing })
    }

    fn chunked_fault(&mut self) -> BodyEnd {
        error_log::error(
            self.view(),
            Message::text("client sent invalid chunked body"),
        );
        self.req.state.keepalive = false;
        self.req.body.broken = true;
        BodyEnd::Refused(400)
    }

    /// `fresh` bytes of the running chunk were just taken.
    fn chunked_too_large(&mut self, limit: u64, fresh: u64) -> Option<BodyEnd> {
        let body = &self.req.body;
        let chunk = fresh + body.decoder.chunk_rest();
        let before = body.taken - fresh;
        if limit == 0 || body.discarded || before + chunk <= limit {
            return None;
        }
        let text =
            format!("client intended to send too large chunked body: {before}+{chunk} bytes");
        error_log::error(self.view(), Message::text(&text));
        self.req.state.keepalive = false;
        let body = &mut self.req.body;
        body.taken = before;
        // It was gathered before its chunk was measured.
        let kept = body.memory.len().saturating_sub(fresh as usize);
        body.memory.truncate(kept);
        Some(BodyEnd::Refused(413))
    }

    /// Waits for more bytes of the body under `client_body_timeout`.
    async fn fill_body(&mut self) -> Result<(), BodyEnd> {
        let timeout = self.settings().client_body_timeout;
        self.client.link_mut().deadline.set(timeout);
        let result = poll_fn(|cx| match self.poll_fill_body(cx) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending => self
                .client
                .link_mut()
                .deadline
                .poll_expired(cx)
                .map(|()| None),
        })
        .await;
        self.client.link_mut().deadline.clear();
        match result {
            Some(result) => result,
            None => {
                if self.client.ignore_body() {
                    // Of connections that have nothing but this request nginx says nothing.
                    let message = Message::errno("client timed out", libc::ETIMEDOUT);
                    error_log::info(self.view(), message);
                }
                Err(BodyEnd::Gone(408))
            }
        }
    }

    /// Reads body bytes: straight into the body where the framing allows, else into the input.
    pub(crate) fn poll_fill_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyEnd>> {
        let room = self.body_room().clamp(1, buffers::RELAY_BUFFER);
        let client = &mut self.client;
        let body = &mut self.req.body;
        let is_stream = matches!(body.framing, BodyFraming::Frames { .. });
        let direct =
            body.framing == BodyFraming::Length && client.input().is_empty() && !body.discarded;
        let read = if direct {
            let limit = room.min(usize::try_from(body.remaining).unwrap_or(usize::MAX));
            client.poll_fill(cx, &mut body.memory, limit)
        } else {
            client.poll_input(cx)
        };
        match read {
            Poll::Pending => Poll::Pending,
            // Whether that is the whole body is found out by whoever takes its bytes.
            Poll::Ready(Ok(_)) if is_stream => Poll::Ready(Ok(())),
            Poll::Ready(Err(_)) if is_stream => Poll::Ready(Err(self.stream_body_gone())),
            Poll::Ready(Ok(0)) => {
                client.note_end();
                error_log::info(
                    self.view(),
                    Message::text("client prematurely closed connection"),
                );
                Poll::Ready(Err(BodyEnd::Gone(400)))
            }
            Poll::Ready(Ok(count)) => {
                body.read_on = true;
                if direct {
                    body.remaining -= count as u64;
                    body.taken += count as u64;
                    self.req.state.length += count as u64;
                    body.complete = body.remaining == 0;
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => {
                error_log::receive_failed(self.view(), &error);
                Poll::Ready(Err(BodyEnd::Gone(400)))
            }
        }
    }

    /// Moves what memory holds to the file once memory is full, or always if `all`.
    fn spill_body(&mut self, all: bool) -> Result<(), BodyEnd> {
        if self.req.body.complete && !all && self.req.body.file.is_none() {
            return Ok(());
        }
        if !all && self.req.body.file.is_none() && self.body_room() > 0 {
            return Ok(());
        }
        if self.req.body.file.is_none() {
            self.create_body_file()?;
        }
        let body = &mut self.req.body;
        let Some(file) = &mut body.file else {
            return Ok(());
        };
        let written = file.append(&body.memory);
        buffers::give_back(std::mem::take(&mut body.memory));
        written.map_err(|error| self.body_file_failed(&error))
    }

    fn create_body_file(&mut self) -> Result<(), BodyEnd> {
        let settings = self.settings();
        let name = match settings.client_body_in_file_only {
            BodyFile::Off => FileName::None,
            BodyFile::Clean => FileName::UntilDone,
            BodyFile::On => FileName::Kept,
        };
        match TempFile::create(&settings.client_body_temp_path, name) {
            Ok(file) => {
                let text = format!(
                    "a client request body is buffered to a temporary file {}",
                    file.path().display()
                );
                error_log::warn(self.view(), Message::text(&text));
                self.req.body.file = Some(file);
                Ok(())
            }
            Err(error) => Err(self.body_file_failed(&error)),
        }
    }

    fn body_file_failed(&self, error: &TempFileError) -> BodyEnd {
        self.client.ignore_body();
        error_log::crit(
            self.view(),
            Message::call(&error.to_string(), &error.source),
        );
        BodyEnd::Refused(500)
    }

    /// Sends `100 Continue` to a client that waits for it, also where no body follows
    /// (`ngx_http_test_expect`).
    pub(crate) async fn answer_expect(&mut self) -> Result<(), BodyEnd> {
        let asked = std::mem::replace(&mut self.req.body.expect_answered, true);
        if !asked && !self.req.state.post_action && self.req.expects_continue() {
            let sent = self.write_slices(&[b"HTTP/1.1 100 Continue\r\n\r\n"]).await;
            sent.map_err(|_| BodyEnd::Gone(500))?;
        }
        Ok(())
    }

    /// Nobody will read the body: drops what is there of it, also what only the kernel has yet
    /// (`ngx_http_discard_request_body`). An error is the status to answer with; the connection cannot
    /// be kept then.
    pub(crate) fn discard_body(&mut self) -> Result<(), u16> {
        let body = &mut self.req.body;
        if body.complete || body.discarded || body.begun {
            return Ok(());
        }
        body.discarded = true;
        body.expect_answered = true;
        if self.client.ignore_body() {
            body.complete = true;
            return Ok(());
        }
        self.drop_discarded()?;
        for _ in 0..READS_AT_ONCE {
            if self.req.body.complete {
                break;
            }
            match self.client.read_arrived() {
                Ok(1..) => self.drop_discarded()?,
                Ok(0) => {
                    self.client.note_end();
                    break;
                }
                // An error is met again by whoever writes the answer.
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Drops body bytes in the input. Of a body whose framing breaks nothing more can be told apart.
    fn drop_discarded(&mut self) -> Result<(), u16> {
        loop {
            match self.take_body_bytes() {
                Ok(Fill::Some) if !self.req.body.complete => {}
                Ok(_) => return Ok(()),
                Err(BodyEnd::Refused(status) | BodyEnd::Gone(status)) => {
                    self.req.state.keepalive = false;
                    self.req.body.framing = BodyFraming::None;
                    self.req.body.complete = true;
                    return Err(status);
                }
            }
        }
    }

    /// After the answer: waits for the rest of a discarded body, within the lingering times
    /// (`ngx_http_discarded_request_body_handler`). `false`: it did not come, or the client left.
    pub(crate) async fn finish_discarding(&mut self) -> bool {
        let patience = Patience::begin(self.settings());
        while !self.req.body.complete {
            if !self.req.state.keepalive && self.client.has_ended() {
                return false;
            }
            match patience.more(&mut self.client).await {
                More::Bytes => {
                    if self.drop_discarded().is_err() {
                        return false;
                    }
                }
                More::Ended => return false,
                More::TimedOut => {
                    self.client.end_silently();
                    if self.settings().reset_timedout_connection {
                        self.client.reset_on_close();
                    }
                    return false;
                }
            }
        }
        true
    }
}
