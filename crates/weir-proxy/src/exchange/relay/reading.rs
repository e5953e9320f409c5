//! The upstream's half: what is read, decoded, held back, spilled.

use std::task::{Context, Poll};

use weir_conf::{Settings, TempPath};
use weir_upstream::PeerOutcome;

use super::{Event, Relay, UpstreamEnd};
use crate::exchange::body_decoder::{BodyDecoder, BrokenFraming};
use crate::exchange::tries::Exchange;
use crate::facts::{Action, Session};
use crate::report::error_log::{self, Message};
use weir_io::gathered_write::GatheredWrite;
use weir_io::temp_file::TempFileError;
use weir_io::{buffers, clock};
use weir_verdict::{Cause, Phase};

/// Bytes that a read has room for, however much waits already.
const MIN_READ: usize = 64 * 1024;

/// Bytes that are gathered at most before the client gets some.
const READ_BEFORE_WRITE: usize = 128 * 1024;

impl Relay {
    /// Takes the body bytes that came along with the head.
    pub(super) fn take_preread(&mut self, exchange: &mut Exchange<'_>) {
        let phase = if self.buffering {
            Phase::ReadingBody
        } else {
            Phase::ReadingHead
        };
        exchange.session.client.link_mut().action = Action::Exchange(phase);
        let is_head = exchange.session.req.wants_head_only();
        let no_head = exchange.session.req.response.no_head;
        let upstream = &mut exchange.session.req.upstream;
        let start = if no_head { 0 } else { upstream.head.len };
        let count = upstream.bytes.len() - start;
        if count > 0 && !is_head {
            self.spool.incoming = buffers::take_for(count);
            self.spool
                .incoming
                .extend_from_slice(&upstream.bytes[start..]);
        }
        upstream.bytes.truncate(start);
        if is_head && no_head {
            // A text without a head cannot end with it, so nginx looks at what came first, and finds it
            // more than nothing.
            exchange.current().response_length = count as u64;
            self.warn_surplus(exchange.session);
        }
        if is_head && (count > 0 || !self.decoder.is_empty()) {
            // The body that the upstream sends nobody wants, and what is still to come of it would
            // look like the next answer.
            self.forget_connection();
        }
        if is_head || (self.decoder.is_empty() && count == 0) {
            self.upstream_done(exchange, UpstreamEnd::Complete);
        } else if count > 0 {
            self.read_throttle.spend(count as u64);
            self.take_read(exchange, 0, count);
        }
        // nginx goes on reading in the same turn in which it writes what came with the head.
        let sends = !self.buffering && count > 0;
        let phase = if sends {
            Phase::SendingToClient
        } else {
            Phase::ReadingBody
        };
        exchange.session.client.link_mut().action = Action::Exchange(phase);
    }

    /// Decodes what was read behind `from`.
    pub(super) fn take_read(&mut self, exchange: &mut Exchange<'_>, from: usize, count: usize) {
        self.received += count as u64;
        exchange.current().response_length = self.received;
        match self.decoder.take(&mut self.spool.incoming, from) {
            Ok(taken) => {
                self.decoded += (self.spool.incoming.len() - from) as u64;
                if taken.surplus {
                    self.warn_surplus(exchange.session);
                    self.forget_connection();
                }
                if taken.complete {
                    self.upstream_done(exchange, UpstreamEnd::Complete);
                }
            }
            Err(BrokenFraming { fault, kept }) => {
                self.spool.incoming.truncate(kept);
                self.log_failure(exchange, Cause::InvalidChunk(fault));
                self.upstream_done(exchange, UpstreamEnd::Broken);
            }
        }
    }

    fn warn_surplus(&self, session: &Session) {
        error_log::warn(
            session.view(),
            Message::text(match self.decoder {
                BodyDecoder::Chunked(_) => "upstream sent data after final chunk",
                BodyDecoder::Length(_) | BodyDecoder::UntilClose => {
                    "upstream sent more data than specified in \"Content-Length\" header"
                }
            }),
        );
    }

    /// The connection may not be used again.
    fn forget_connection(&mut self) {
        if let Some(held) = &mut self.held {
            held.connection.reusable = false;
        }
    }

    /// Nothing more comes from the upstream: the try is over for it, however slow the client is.
    pub(super) fn upstream_done(&mut self, exchange: &mut Exchange<'_>, end: UpstreamEnd) {
        if self.upstream != UpstreamEnd::Open {
            return;
        }
        self.upstream = end;
        tracing::debug!(target: "weir", ?end, received = self.received, "http upstream response done");
        self.read_deadline = None;
        exchange.close_attempt();
        let Some(held) = self.held.take() else {
            return;
        };
        exchange.release(PeerOutcome::Success);
        if end == UpstreamEnd::Complete && !self.decoder.ends_by_close() {
            exchange.keep(held);
        }
    }

    /// How many bytes of `incoming` may go to the client. The first of these that holds decides:
    ///
    /// 1. All, unbuffered: nginx writes what it reads (`ngx_http_upstream_process_non_buffered_request`).
    /// 2. All of a chunked body: `ngx_http_proxy_chunked_filter` makes a buffer of each piece, full or
    ///    not.
    /// 3. All, in front of a splice: what is in memory has to be gone before bytes move in the kernel.
    /// 4. All, when nothing more comes: `ngx_event_pipe_read_upstream` hands a last buffer on that is not
    ///    full.
    /// 5. Else the full buffers: that function hands on a buffer when it is full. The first holds
    ///    `proxy_buffer_size` less the head, each of the others one of `proxy_buffers`. What a buffer
    ///    holds that is not full is lost if the body breaks off (`cut`), there as here.
    pub(super) fn released(&self) -> usize {
        let all = self.spool.incoming.len();
        let chunked = matches!(self.decoder, BodyDecoder::Chunked(_));
        let hands_on_all = !self.buffering || chunked || self.splice.is_flushing();
        if hands_on_all || self.upstream != UpstreamEnd::Open {
            return all;
        }
        let full = if self.decoded < self.first_buffer {
            0
        } else {
            let beyond = self.decoded - self.first_buffer;
            self.first_buffer + beyond / self.buffer * self.buffer
        };
        usize::try_from(full.saturating_sub(self.handed_on)).map_or(all, |count| count.min(all))
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut Session,
        settings: &Settings,
    ) -> Poll<Event> {
        let unsent = self.unsent();
        if self.upstream != UpstreamEnd::Open {
            let failed = self.make_room(session, settings, unsent);
            return failed.map_or(Poll::Pending, Poll::Ready);
        }
        if self.splice.is_flushing() && !self.writing {
            return Poll::Pending;
        }
        if self.read_throttle.blocked_until().is_some() {
            return Poll::Pending;
        }
        let room = if self.buffering {
            self.spool.has_room(unsent)
                && (self.writing || self.spool.incoming.len() < READ_BEFORE_WRITE)
        } else {
            self.spool.incoming.is_empty() && !self.writing
        };
        if !room {
            self.read_deadline = None;
            return Poll::Pending;
        }
        if let Some(event) = self.make_room(session, settings, unsent) {
            return Poll::Ready(event);
        }
        // Only what finds something to read gets room for it.
        let readable = match &mut self.held {
            Some(held) => held.connection.poll_readable(cx),
            None => Poll::Pending,
        };
        if readable.is_pending() {
            self.wait_for_upstream(session, settings);
            return Poll::Pending;
        }
        let limit = self.read_limit(settings);
        let Some(held) = &mut self.held else {
            return Poll::Pending;
        };
        let connection = &mut held.connection;
        match connection.poll_read(cx, &mut self.spool.incoming, limit) {
            Poll::Ready(result) => {
                self.read_deadline = None;
                self.upstream_turn(session);
                Poll::Ready(Event::Read(result))
            }
            Poll::Pending => {
                self.wait_for_upstream(session, settings);
                Poll::Pending
            }
        }
    }

    /// Nothing is there to read: the gap between two reads begins.
    pub(super) fn wait_for_upstream(&mut self, session: &mut Session, settings: &Settings) {
        self.spool.lend_nothing();
        self.waits_for_upstream = true;
        if self.buffering {
            session.client.link_mut().action = Action::Exchange(Phase::ReadingBody);
        }
        if self.read_deadline.is_none() {
            self.read_deadline = Some(clock::now() + settings.upstream.read_timeout);
        }
    }

    /// Something came from the upstream, or did not come in time. Unbuffered, nginx's log then says
    /// "reading upstream", and until then what it said when it wrote last.
    pub(super) fn upstream_turn(&mut self, session: &mut Session) {
        if std::mem::take(&mut self.waits_for_upstream) {
            session.client.link_mut().action = Action::Exchange(Phase::ReadingBody);
        }
    }

    /// Bytes of `outgoing` that the client has not taken.
    pub(super) fn unsent(&self) -> usize {
        if self.writing {
            self.spool.outgoing.len()
        } else {
            0
        }
    }

    /// Memory is full: what waits goes to the temporary file.
    fn make_room(
        &mut self,
        session: &mut Session,
        settings: &Settings,
        unsent: usize,
    ) -> Option<Event> {
        if !self.buffering || !self.writing || !self.spool.should_spill(unsent) {
            return None;
        }
        let count = self.released();
        if count == 0 {
            return None;
        }
        let had_file = self.spool.has_file();
        let place = &settings.upstream.temp_path;
        let shed = self.shed(session, place);
        match shed.and_then(|()| self.spool.spill(place, count)) {
            Ok(()) => {
                self.handed_on += count as u64;
                self.decoder.begin_pass();
                if !had_file {
                    let text = format!(
                        "an upstream response is buffered to a temporary file {}",
                        self.spool.file_name()
                    );
                    error_log::warn(session.view(), Message::text(&text));
                }
                None
            }
            Err(error) => {
                error_log::crit(
                    session.view(),
                    Message::call(&error.to_string(), &error.source),
                );
                Some(Event::WriteFailed(std::io::ErrorKind::Other.into()))
            }
        }
    }

    /// The client takes nothing: of what waits for it in a long buffer most goes to the file, too.
    /// Not of a chunk, whose length it has been told, nor of what was cut or filtered, which the file's bytes are
    /// yet to be.
    fn shed(&mut self, session: &mut Session, place: &TempPath) -> Result<(), TempFileError> {
        let pending = &mut session.req.response.pending;
        let head_is_out = self.write.done().checked_sub(pending.len());
        let Some(taken) = head_is_out.filter(|_| self.passes_as_it_is()) else {
            return Ok(());
        };
        if self.spool.outgoing.capacity() <= buffers::HEAD_BUFFER || self.spool.file_has_more() {
            return Ok(());
        }
        self.spool.shed(place, taken)?;
        pending.clear();
        self.write = GatheredWrite::default();
        Ok(())
    }

    /// Bytes to read at once:
    ///
    /// 1. Unbuffered, `proxy_buffer_size`: `ngx_http_upstream_process_non_buffered_request` reads into
    ///    that one buffer, and each read is a write.
    /// 2. Buffered, what is left of a long buffer of weir's, but at least [`MIN_READ`]: weir reads more at
    ///    once than nginx, in fewer system calls.
    /// 3. Less than that, so that a read that fills its room ends where one of nginx's buffers does: only
    ///    whole buffers are `released`, and the rest would wait for nothing.
    /// 4. In the end what `proxy_limit_rate` allows (`ngx_event_pipe_read_upstream`, `limit_rate`).
    fn read_limit(&mut self, settings: &Settings) -> usize {
        if !self.buffering {
            if self.spool.incoming.capacity() == 0 {
                self.spool.incoming = buffers::take_head();
            }
            return self.read_throttle.within(settings.upstream.buffer_size);
        }
        if self.spool.incoming.capacity() < buffers::RELAY_BUFFER {
            let mut larger = buffers::take_relay();
            larger.extend_from_slice(&self.spool.incoming);
            buffers::give_back(std::mem::replace(&mut self.spool.incoming, larger));
        }
        // Buffers larger than ours are filled piece by piece; the Vec grows.
        let room = match buffers::RELAY_BUFFER.saturating_sub(self.spool.incoming.len()) {
            0..MIN_READ => MIN_READ as u64,
            room => room as u64,
        };
        let to_boundary = if self.decoded < self.first_buffer {
            self.first_buffer - self.decoded
        } else {
            self.buffer - (self.decoded - self.first_buffer) % self.buffer
        };
        let limit = if to_boundary >= room {
            room
        } else {
            to_boundary + (room - to_boundary) / self.buffer * self.buffer
        };
        self.read_throttle
            .within(usize::try_from(limit).unwrap_or(buffers::RELAY_BUFFER))
    }

    pub(super) fn read_eof(&mut self, exchange: &mut Exchange<'_>) {
        if self.decoder.ends_by_close() {
            self.upstream_done(exchange, UpstreamEnd::Complete);
        } else {
            self.log_failure(exchange, Cause::Closed);
            self.upstream_done(exchange, UpstreamEnd::Cut);
        }
    }

    /// The body broke off: what nginx would hold in a buffer that is not full is lost there, too.
    pub(super) fn cut(&mut self, exchange: &mut Exchange<'_>, cause: Cause) {
        let released = self.released();
        self.spool.incoming.truncate(released);
        self.log_failure(exchange, cause);
        self.upstream_done(exchange, UpstreamEnd::Cut);
    }
}
