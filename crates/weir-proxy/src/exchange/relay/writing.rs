//! The client's half: what is written, and in which frames.

use std::io;
use std::task::{Context, Poll};

use weir_conf::Settings;
use weir_filter::{Flush, More};
use weir_wire::chunked::write_chunk_size;

use super::{Event, Filters, Relay, UpstreamEnd};
use crate::answer::{body, headers};
use crate::client::output::WRITEV_FAILED;
use crate::facts::Session;
use weir_io::clock;
use weir_io::stream::Stream;

/// As [`body::filter`]; the fault is no fault of the client's.
fn filter(session: &mut Session, piece: &mut Vec<u8>, flush: Flush) -> Result<More, io::Error> {
    body::filter(session, piece, flush).map_err(|body::Broken| io::ErrorKind::Other.into())
}

/// As [`body::filter_on`].
fn filter_on(session: &mut Session, out: &mut Vec<u8>) -> Result<More, io::Error> {
    body::filter_on(session, out).map_err(|body::Broken| io::ErrorKind::Other.into())
}

impl Relay {
    /// Begins the next write if none is under way and there is something to write.
    pub(super) fn begin_write(
        &mut self,
        session: &mut Session,
        settings: &Settings,
    ) -> Result<(), io::Error> {
        if self.writing || self.last_sent {
            return Ok(());
        }
        if self.can_send_file(session) {
            self.sends_file = true;
            self.writing = true;
            return Ok(());
        }
        let refilled = self.refill(session)?;
        let tail = match self.is_at_the_end() && self.filters == Filters::Passing {
            true => self.end_filters(session, refilled)?,
            false => Vec::new(),
        };
        let ended = self.is_at_the_end();
        let head = session.req.response.pending.len();
        // A long head does not wait for a body that is gathered first (`ngx_http_write_filter`).
        let at_once =
            !self.buffering || self.splice.is_flushing() || head >= settings.postpone_output;
        let flushes = at_once && head > 0;
        if !refilled && tail.is_empty() && !ended && !flushes {
            return Ok(());
        }
        self.prefix.clear();
        self.suffix.clear();
        if self.client_chunked && refilled {
            write_chunk_size(self.spool.outgoing.len() as u64, &mut self.prefix);
            self.suffix.extend_from_slice(b"\r\n");
        }
        match self.client_chunked {
            true => body::write_chunk(&tail, &mut self.suffix),
            false => self.suffix.extend_from_slice(&tail),
        }
        if ended && self.upstream == UpstreamEnd::Complete && !self.header_only {
            self.take_trailers(session, settings);
            if self.client_chunked && !session.req.response.goes_on() {
                body::write_last_chunk(session, &mut self.suffix);
            }
        }
        self.last_sent = ended;
        let is_whole = ended && self.upstream == UpstreamEnd::Complete;
        self.writing = !(is_whole && self.postpones(session, settings));
        let response = &session.req.response;
        if is_whole && !self.client_chunked && response.ends_with_body() {
            let length = self.spool.outgoing.len() + self.suffix.len();
            session.client.expect_end(length);
        }
        Ok(())
    }

    /// Whether the end of the body waits with the head for what is put behind it (`ngx_http_write_filter`); if so
    /// it lies there from now on.
    fn postpones(&mut self, session: &mut Session, settings: &Settings) -> bool {
        let response = &mut session.req.response;
        let body = [&self.prefix, &self.spool.outgoing, &self.suffix];
        let length = body.iter().map(|part| part.len()).sum::<usize>() + response.pending.len();
        let waits = response.goes_on() && self.buffering && length < settings.postpone_output;
        if waits {
            for part in body {
                response.pending.extend_from_slice(part);
            }
            self.spool.outgoing.clear();
        }
        waits
    }

    /// Whether what is next lies in the file and can go to the client as it is. The head is out then.
    fn can_send_file(&self, session: &Session) -> bool {
        let is_next = self.spool.file_has_more() && session.req.response.pending.is_empty();
        is_next
            && self.passes_as_it_is()
            && self.send_throttle.budget().is_none()
            && session.client.raw().is_some_and(Stream::is_socket)
    }

    /// What nginx says of a failed write. With `sendfile` it does not read what lies in the file
    /// (`ngx_linux_sendfile`).
    pub(super) fn write_call(&self, settings: &Settings) -> &'static str {
        if self.sends_file && settings.sendfile {
            "sendfile() failed"
        } else {
            WRITEV_FAILED
        }
    }

    /// Whether the client gets the body's bytes and nothing else.
    pub(super) fn passes_as_it_is(&self) -> bool {
        let plain = !self.client_chunked && self.filters == Filters::None;
        plain && !self.header_only && self.cut.is_none()
    }

    /// Hands on what may be sent next, cut to the part that is wanted; `false` if there is nothing.
    fn refill(&mut self, session: &mut Session) -> Result<bool, io::Error> {
        if self.header_only {
            self.spool.incoming.clear();
            return Ok(false);
        }
        loop {
            if self.filters_have_more {
                let more = filter_on(session, &mut self.spool.outgoing)?;
                self.filters_have_more = more == More::Yes;
            } else if !self.refill_from_spool(session)? {
                return Ok(false);
            }
            if !self.spool.outgoing.is_empty() {
                return Ok(true);
            }
        }
    }

    /// As [`Self::refill`]; cut and filtered it may leave nothing to send.
    fn refill_from_spool(&mut self, session: &mut Session) -> Result<bool, io::Error> {
        let released = self.released();
        let from_file = self.spool.file_has_more();
        let refilled = self.spool.refill(released);
        if !refilled.map_err(|error| error.source)? {
            return Ok(false);
        }
        if !from_file {
            self.handed_on += self.spool.outgoing.len() as u64;
            self.decoder.begin_pass();
        }
        if let Some(cut) = &mut self.cut {
            cut.apply(&mut self.spool.outgoing);
        }
        if self.filters == Filters::Passing {
            let mark = self.mark();
            let more = filter(session, &mut self.spool.outgoing, mark)?;
            self.filters_have_more = more == More::Yes;
        }
        Ok(true)
    }

    /// What nginx's buffers are marked with: unbuffered they are flushed, and others are wanted back while the
    /// upstream sends (`ngx_event_pipe_write_to_downstream`).
    fn mark(&self) -> Flush {
        match (self.buffering, self.upstream) {
            (false, _) => Flush::Now,
            (true, UpstreamEnd::Open) => Flush::Recycled,
            (true, UpstreamEnd::Complete | UpstreamEnd::Cut | UpstreamEnd::Broken) => Flush::No,
        }
    }

    /// Whether nothing is to come that is not in `outgoing`, but for what filters hold back.
    fn is_at_the_end(&self) -> bool {
        self.upstream != UpstreamEnd::Open
            && self.spool.incoming.is_empty()
            && !self.spool.file_has_more()
            && !self.filters_have_more
    }

    /// What the filters still hold: of a body that is cut, what a flush lets go, as in
    /// `ngx_http_upstream_finalize_request`. Where they find fault with the end, what they let go before
    /// (`refilled`) is sent all the same, and the body breaks off behind it.
    fn end_filters(&mut self, session: &mut Session, refilled: bool) -> Result<Vec<u8>, io::Error> {
        let flush = match self.upstream {
            UpstreamEnd::Complete => Flush::End,
            UpstreamEnd::Open | UpstreamEnd::Cut | UpstreamEnd::Broken => Flush::Now,
        };
        self.filters = Filters::Ended;
        let mut tail = Vec::new();
        // Unbuffered, nginx sends a head at once that comes without any of its body.
        let goes_out = refilled || (!self.buffering && self.received == 0);
        match filter(session, &mut tail, flush) {
            Ok(more) => self.filters_have_more = more == More::Yes,
            Err(_) if goes_out => self.upstream = UpstreamEnd::Broken,
            Err(broken) => return Err(broken),
        }
        Ok(tail)
    }

    /// The trailers that follow the body: the upstream's where `proxy_pass_trailers` says so
    /// (`ngx_http_upstream_process_trailers`), then our own.
    fn take_trailers(&self, session: &mut Session, settings: &Settings) {
        let trailers = self.decoder.trailers();
        if settings.upstream.pass_trailers {
            for (name, value) in trailers.iter() {
                if !settings.upstream.hidden.contains(name) {
                    session.req.response.trailers.add(name, value);
                }
            }
        }
        session.req.upstream.trailers = trailers;
        headers::add_trailers(session);
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut Session,
        settings: &Settings,
    ) -> Poll<Event> {
        if !self.writing || self.send_throttle.blocked_until().is_some() {
            return Poll::Pending;
        }
        if self.sends_file {
            return self.poll_send_file(cx, session, settings);
        }
        let pending = &session.req.response.pending;
        let slices: [&[u8]; 4] = [pending, &self.prefix, &self.spool.outgoing, &self.suffix];
        let before = session.req.state.sent;
        let budget = self.send_throttle.budget();
        let sent = &mut session.req.state.sent;
        let result = session
            .client
            .poll_send(cx, &mut self.write, &slices, budget, sent);
        let count = session.req.state.sent - before;
        self.send_throttle.spend(count);
        match result {
            Poll::Ready(Ok(())) => {
                self.send_deadline = None;
                Poll::Ready(Event::Written)
            }
            Poll::Ready(Err(error)) => Poll::Ready(Event::WriteFailed(error)),
            Poll::Pending => {
                if self.send_throttle.blocked_until().is_some() {
                    self.send_deadline = None;
                } else if budget.is_some_and(|budget| count >= budget) {
                    // A new second began meanwhile, and nobody else would wake this task.
                    return Poll::Ready(Event::Resume);
                } else if session.client.times_writes()
                    && (count > 0 || self.send_deadline.is_none())
                {
                    self.send_deadline = Some(clock::now() + settings.send_timeout);
                }
                Poll::Pending
            }
        }
    }

    fn poll_send_file(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut Session,
        settings: &Settings,
    ) -> Poll<Event> {
        let Some(client) = session.client.raw() else {
            return Poll::Pending;
        };
        let mut count = 0;
        let end = loop {
            if !self.spool.file_has_more() {
                break Poll::Ready(Event::Written);
            }
            match client.poll_move_in(cx, |socket| self.spool.send_file(socket)) {
                Poll::Ready(Ok(0)) => {
                    break Poll::Ready(Event::WriteFailed(io::ErrorKind::UnexpectedEof.into()));
                }
                Poll::Ready(Ok(sent)) => count += sent as u64,
                Poll::Ready(Err(error)) => break Poll::Ready(Event::WriteFailed(error)),
                Poll::Pending => break Poll::Pending,
            }
        };
        session.req.state.sent += count;
        if end.is_ready() {
            self.send_deadline = None;
        } else if count > 0 || self.send_deadline.is_none() {
            self.send_deadline = Some(clock::now() + settings.send_timeout);
        }
        end
    }
}
