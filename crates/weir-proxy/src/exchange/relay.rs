//! The response body on its way from the upstream to the client.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use tokio::time::Instant;
use weir_conf::Settings;
use weir_http1::chunked::{ChunkRules, LAST_CHUNK, write_chunk_size};
use weir_upstream::Outcome as PeerOutcome;

use super::failure::{Cause, Failure, Phase};
use super::framing::Framing;
use super::peers::log_client_gone;
use super::spool::Spool;
use super::throttle::Throttle;
use super::tries::{Exchange, Held};
use super::{failure_log, response_head};
use crate::client::output::Progress;
use crate::content::dispatch::Outcome;
use crate::io::{buffers, clock};
use crate::report::error_log::{self, Message};
use crate::session::{Action, Ending, Session};

/// Passes the body on (`ngx_http_upstream_send_response`, `ngx_event_pipe`).
pub(super) async fn run(exchange: &mut Exchange<'_>, held: Held) -> Outcome {
    let settings = exchange.settings;
    let mut relay = Relay::new(exchange, held);
    response_head::begin(exchange.session, settings, relay.trailers_expected);
    relay.client_chunked = exchange.session.req.response.chunked;
    relay.header_only = exchange.session.req.response.header_only;
    relay.take_preread(exchange);
    while !relay.over() {
        let event = relay.next_event(exchange).await;
        exchange.session.conn.deadline.clear();
        relay.handle(exchange, event);
    }
    relay.finish(exchange)
}

/// Bytes that a read has room for, however much waits already.
const MIN_READ: usize = 64 * 1024;

/// Bytes that are gathered at most before the client gets some.
const READ_BEFORE_WRITE: usize = 128 * 1024;

/// The state of one relay.
struct Relay {
    held: Option<Held>,
    framing: Framing,
    spool: Spool,
    buffering: bool,
    /// Body bytes as the upstream sent them, framing included.
    received: u64,
    /// Payload bytes that were handed on from `incoming`.
    handed_on: u64,
    /// Payload bytes decoded so far.
    decoded: u64,
    /// The first buffer ends after this many body bytes; the others have `buffer` bytes each.
    first_buffer: u64,
    buffer: u64,
    client_chunked: bool,
    header_only: bool,
    trailers_expected: bool,
    /// Size line before, and line end behind, the chunk that is being written.
    prefix: Vec<u8>,
    suffix: Vec<u8>,
    progress: Progress,
    /// A write is under way: head, prefix, `outgoing`, suffix.
    writing: bool,
    /// Bytes of that write that are out.
    written: u64,
    last_sent: bool,
    upstream: UpstreamEnd,
    client: ClientEnd,
    /// When the running gap between two reads, or writes, is too long.
    read_deadline: Option<Instant>,
    send_deadline: Option<Instant>,
    read_throttle: Throttle,
    send_throttle: Throttle,
}

/// How the upstream's side stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UpstreamEnd {
    /// More is to come.
    Open,
    /// The body is complete.
    Complete,
    /// It broke off; what was read before is still delivered.
    Cut,
    /// What was sent is no body; nothing more is delivered.
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientEnd {
    Open,
    Gone,
}

/// What happened next.
enum Event {
    Read(io::Result<usize>),
    /// A write is complete.
    Written,
    WriteFailed(io::Error),
    ClientGone(Option<io::Error>),
    ReadTimedOut,
    SendTimedOut,
    /// A throttle lets bytes through again.
    Resume,
}

impl Relay {
    fn new(exchange: &mut Exchange<'_>, held: Held) -> Self {
        let settings = exchange.settings;
        let session = &mut *exchange.session;
        let no_head = session.req.response.no_head;
        let trailers = settings.proxy_pass_trailers;
        let rules = ChunkRules {
            strict_line_ends: session.conn.plan.differences().chunk_bare_lf_refused,
            trailers: trailers.then_some(settings.proxy_buffer_size),
        };
        let head = &session.req.upstream.head;
        let framing = Framing::of(head, session.req.is_head(), no_head, rules);
        let head_length = if no_head { 0 } else { head.len };
        let buffering = response_head::is_buffered(session, settings);
        let trailers_expected = trailers
            && head.chunked
            && session
                .req
                .field(weir_http1::KnownField::Te)
                .is_some_and(|te| {
                    te.to_ascii_lowercase()
                        .windows(8)
                        .any(|part| part == b"trailers")
                });
        Self {
            framing,
            spool: Spool::new(settings, buffering),
            buffering,
            received: 0,
            handed_on: 0,
            decoded: 0,
            first_buffer: settings.proxy_buffer_size.saturating_sub(head_length) as u64,
            buffer: settings.proxy_buffers.size.max(1) as u64,
            client_chunked: false,
            header_only: false,
            trailers_expected,
            prefix: Vec::new(),
            suffix: Vec::new(),
            progress: Progress::default(),
            writing: false,
            written: 0,
            last_sent: false,
            upstream: UpstreamEnd::Open,
            client: ClientEnd::Open,
            read_deadline: None,
            send_deadline: None,
            read_throttle: Throttle::upstream(exchange.session, settings, buffering),
            send_throttle: Throttle::client(exchange.session),
            held: Some(held),
        }
    }

    /// Takes the body bytes that came along with the head.
    fn take_preread(&mut self, exchange: &mut Exchange<'_>) {
        let phase = if self.buffering {
            Phase::ReadingBody
        } else {
            Phase::ReadingHead
        };
        exchange.session.conn.action = Action::Exchange(phase);
        let is_head = exchange.session.req.is_head();
        let no_head = exchange.session.req.response.no_head;
        let upstream = &mut exchange.session.req.upstream;
        let start = if no_head { 0 } else { upstream.head.len };
        let count = upstream.bytes.len() - start;
        if count > 0 && !is_head {
            self.spool.incoming = buffers::take_head();
            self.spool
                .incoming
                .extend_from_slice(&upstream.bytes[start..]);
        }
        upstream.bytes.truncate(start);
        if is_head || (self.framing.is_empty() && count == 0) {
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
        exchange.session.conn.action = Action::Exchange(phase);
    }

    /// Decodes what was read behind `from`.
    fn take_read(&mut self, exchange: &mut Exchange<'_>, from: usize, count: usize) {
        self.received += count as u64;
        exchange.current().response_length = self.received;
        match self.framing.take(&mut self.spool.incoming, from) {
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
            Err(fault) => {
                self.spool.incoming.truncate(from);
                self.log_failure(exchange, Cause::InvalidChunk(fault));
                self.upstream_done(exchange, UpstreamEnd::Broken);
            }
        }
    }

    fn warn_surplus(&self, session: &Session) {
        error_log::warn(
            session,
            Message::text(match self.framing {
                Framing::Chunked(_) => "upstream sent data after final chunk",
                Framing::Length(_) | Framing::UntilClose => {
                    "upstream sent more data than specified in \"Content-Length\" header"
                }
            }),
        );
    }

    /// The connection may not be used again.
    fn forget_connection(&mut self) {
        if let Some(held) = &mut self.held {
            held.connection.requests = u64::MAX;
        }
    }

    fn log_failure(&self, exchange: &mut Exchange<'_>, cause: Cause) {
        let phase = match exchange.session.conn.action {
            Action::Exchange(phase) => phase,
            _ => Phase::ReadingBody,
        };
        let failure = Failure::new(phase, cause);
        failure_log::log(exchange.session, &failure);
        exchange.current().failure = Some(failure.reason());
    }

    /// Nothing more comes from the upstream: the try is over for it, however slow the client is.
    fn upstream_done(&mut self, exchange: &mut Exchange<'_>, end: UpstreamEnd) {
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
        exchange.release(held.peer, PeerOutcome::Success);
        let head = &exchange.session.req.upstream.head;
        let reusable = end == UpstreamEnd::Complete
            && !self.framing.ends_by_close()
            && !head.connection_close
            && held.connection.requests != u64::MAX
            && exchange.source.is_done();
        if reusable {
            exchange.keep(held);
        }
    }

    /// How many bytes of `incoming` may go to the client.
    ///
    /// While buffering, nginx hands a buffer on when it is full, or when the body is complete
    /// (`ngx_event_pipe_read_upstream`); pieces of a chunked body go on as they come.
    fn released(&self) -> usize {
        let all = self.spool.incoming.len();
        let chunked = matches!(self.framing, Framing::Chunked(_));
        if !self.buffering || chunked || self.upstream != UpstreamEnd::Open {
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

    fn over(&self) -> bool {
        if self.client == ClientEnd::Gone || self.upstream == UpstreamEnd::Broken {
            return true;
        }
        self.upstream != UpstreamEnd::Open && !self.writing && self.last_sent
    }

    /// Begins the next write if none is under way and there is something to write.
    fn begin_write(&mut self, session: &mut Session) -> Result<(), io::Error> {
        if self.writing || self.last_sent {
            return Ok(());
        }
        self.spool.outgoing.clear();
        let released = self.released();
        let from_file = self.spool.file_has_more();
        let refilled = if self.header_only {
            self.spool.incoming.clear();
            false
        } else {
            self.spool.refill(released).map_err(|error| error.source)?
        };
        if refilled && !from_file {
            self.handed_on += self.spool.outgoing.len() as u64;
        }
        let ended = self.upstream != UpstreamEnd::Open
            && self.spool.incoming.is_empty()
            && !self.spool.file_has_more();
        let flushes = !self.buffering && !session.req.response.pending.is_empty();
        if !refilled && !ended && !flushes {
            return Ok(());
        }
        self.prefix.clear();
        self.suffix.clear();
        if self.client_chunked {
            if refilled {
                write_chunk_size(self.spool.outgoing.len() as u64, &mut self.prefix);
                self.suffix.extend_from_slice(b"\r\n");
            }
            if ended && self.upstream == UpstreamEnd::Complete {
                self.write_end(session);
            }
        }
        self.last_sent = ended;
        self.writing = true;
        Ok(())
    }

    fn write_end(&mut self, session: &mut Session) {
        if !self.trailers_expected {
            self.suffix.extend_from_slice(LAST_CHUNK);
            return;
        }
        self.suffix.extend_from_slice(b"0\r\n");
        let at = self.suffix.len();
        self.framing.write_trailers(&mut self.suffix);
        session.req.response.trailers = self.suffix[at..].to_vec();
        session.req.upstream.trailers = self.suffix[at..].to_vec();
        self.suffix.extend_from_slice(b"\r\n");
    }

    /// Waits for whatever happens first on either side.
    async fn next_event(&mut self, exchange: &mut Exchange<'_>) -> Event {
        let settings = exchange.settings;
        let session = &mut *exchange.session;
        poll_fn(|cx| self.poll_event(cx, session, settings)).await
    }

    fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut Session,
        settings: &Settings,
    ) -> Poll<Event> {
        if !settings.proxy_ignore_client_abort
            && self.upstream == UpstreamEnd::Open
            && let Poll::Ready(gone) = session.poll_client_gone(cx)
        {
            return Poll::Ready(Event::ClientGone(gone));
        }
        // A write under way has its turn before more is read, lest a fast upstream starve the client.
        if let Poll::Ready(event) = self.poll_write(cx, session, settings) {
            return Poll::Ready(event);
        }
        // As nginx, take what is there before the next write begins: fewer and larger writes, and no
        // byte of a piece whose end is broken.
        if let Poll::Ready(event) = self.poll_read(cx, session, settings) {
            return Poll::Ready(event);
        }
        if self.writing {
            return self.poll_clocks(cx, session);
        }
        if let Err(error) = self.begin_write(session) {
            return Poll::Ready(Event::WriteFailed(error));
        }
        if let Poll::Ready(event) = self.poll_write(cx, session, settings) {
            return Poll::Ready(event);
        }
        self.poll_clocks(cx, session)
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut Session,
        settings: &Settings,
    ) -> Poll<Event> {
        if !self.writing || self.send_throttle.blocked_until().is_some() {
            return Poll::Pending;
        }
        let pending = &session.req.response.pending;
        let slices: [&[u8]; 4] = [pending, &self.prefix, &self.spool.outgoing, &self.suffix];
        let before = session.req.sent;
        let budget = self.send_throttle.budget();
        let stream = &mut session.conn.stream;
        let result =
            self.progress
                .poll_write_within(cx, stream, &slices, budget, &mut session.req.sent);
        let count = session.req.sent - before;
        self.written += count;
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
                } else if count > 0 || self.send_deadline.is_none() {
                    self.send_deadline = Some(clock::now() + settings.send_timeout);
                }
                Poll::Pending
            }
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut Session,
        settings: &Settings,
    ) -> Poll<Event> {
        let unsent = self.unsent();
        if self.upstream != UpstreamEnd::Open || self.read_throttle.blocked_until().is_some() {
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
        let limit = self.read_limit(settings);
        let Some(held) = &mut self.held else {
            return Poll::Pending;
        };
        match held
            .connection
            .stream
            .poll_read(cx, &mut self.spool.incoming, limit)
        {
            Poll::Ready(result) => {
                self.read_deadline = None;
                Poll::Ready(Event::Read(result))
            }
            Poll::Pending => {
                session.conn.action = Action::Exchange(Phase::ReadingBody);
                if self.read_deadline.is_none() {
                    self.read_deadline = Some(clock::now() + settings.proxy_read_timeout);
                }
                Poll::Pending
            }
        }
    }

    /// Bytes of `outgoing` that the client has not taken.
    fn unsent(&self) -> usize {
        if self.writing {
            self.spool.outgoing.len()
        } else {
            0
        }
    }

    /// Memory is full: what waits goes to the temporary file.
    fn make_room(
        &mut self,
        session: &Session,
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
        match self.spool.spill(&settings.proxy_temp_path, count) {
            Ok(fresh) => {
                self.handed_on += count as u64;
                if fresh {
                    let text = format!(
                        "an upstream response is buffered to a temporary file {}",
                        self.spool.file_name()
                    );
                    error_log::warn(session, Message::text(&text));
                }
                None
            }
            Err(error) => {
                error_log::crit(session, Message::call(&error.to_string(), &error.source));
                Some(Event::WriteFailed(io::ErrorKind::Other.into()))
            }
        }
    }

    /// Bytes to read at once, so that a read that fills its room ends where a buffer of nginx would.
    fn read_limit(&mut self, settings: &Settings) -> usize {
        if !self.buffering {
            if self.spool.incoming.capacity() == 0 {
                self.spool.incoming = buffers::take_head();
            }
            return self.read_throttle.within(settings.proxy_buffer_size);
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

    fn poll_clocks(&self, cx: &mut Context<'_>, session: &mut Session) -> Poll<Event> {
        let wakes = [
            self.read_deadline,
            self.send_deadline,
            self.read_throttle.blocked_until(),
            self.send_throttle.blocked_until().filter(|_| self.writing),
        ];
        let Some(first) = wakes.into_iter().flatten().min() else {
            session.conn.deadline.clear();
            return Poll::Pending;
        };
        session.conn.deadline.set_at(first);
        if session.conn.deadline.poll_expired(cx).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(if self.read_deadline == Some(first) {
            Event::ReadTimedOut
        } else if self.send_deadline == Some(first) {
            Event::SendTimedOut
        } else {
            Event::Resume
        })
    }

    fn handle(&mut self, exchange: &mut Exchange<'_>, event: Event) {
        match event {
            Event::Resume => {
                self.read_throttle.resume();
                self.send_throttle.resume();
            }
            Event::Written => {
                self.writing = false;
                exchange.session.req.response.pending.clear();
                self.spool.outgoing.clear();
            }
            Event::Read(Ok(0)) => self.read_eof(exchange),
            Event::Read(Ok(count)) => {
                exchange.current().bytes_received += count as u64;
                self.read_throttle.spend(count as u64);
                let from = self.spool.incoming.len() - count;
                self.take_read(exchange, from, count);
            }
            Event::Read(Err(error)) => {
                let call = if self.buffering {
                    "readv() failed"
                } else {
                    "recv() failed"
                };
                self.cut(exchange, Cause::Receive(call, error));
            }
            Event::ReadTimedOut => self.cut(exchange, Cause::TimedOut),
            Event::SendTimedOut => {
                exchange.session.client_write_timed_out();
                self.client = ClientEnd::Gone;
            }
            Event::WriteFailed(error) => {
                if error.kind() != io::ErrorKind::Other {
                    exchange.session.client_write_failed(&error);
                }
                self.client = ClientEnd::Gone;
            }
            Event::ClientGone(error) => {
                log_client_gone(exchange.session, error.as_ref());
                self.client = ClientEnd::Gone;
            }
        }
    }

    fn read_eof(&mut self, exchange: &mut Exchange<'_>) {
        if self.framing.ends_by_close() {
            self.upstream_done(exchange, UpstreamEnd::Complete);
        } else {
            self.log_failure(exchange, Cause::Closed);
            self.upstream_done(exchange, UpstreamEnd::Cut);
        }
    }

    /// The body broke off: what nginx would hold in a buffer that is not full is lost there, too.
    fn cut(&mut self, exchange: &mut Exchange<'_>, cause: Cause) {
        let released = self.released();
        self.spool.incoming.truncate(released);
        self.log_failure(exchange, cause);
        self.upstream_done(exchange, UpstreamEnd::Cut);
    }

    fn finish(mut self, exchange: &mut Exchange<'_>) -> Outcome {
        let left_early = self.held.is_some();
        if left_early {
            let held = self.held.take();
            exchange.close_attempt();
            if let Some(held) = held {
                exchange.release(held.peer, PeerOutcome::Success);
            }
        }
        let req = &mut *exchange.session.req;
        let (ending, whole) = match (self.client, self.upstream) {
            (ClientEnd::Gone, _) | (ClientEnd::Open, UpstreamEnd::Broken | UpstreamEnd::Open) => {
                (Ending::Broken, false)
            }
            (ClientEnd::Open, UpstreamEnd::Cut) => (Ending::Cut, false),
            (ClientEnd::Open, UpstreamEnd::Complete) => (Ending::Complete, true),
        };
        req.ending = ending;
        if !whole {
            req.keepalive = false;
        }
        if self.client == ClientEnd::Gone {
            req.closes_at_once = true;
        }
        exchange.session.conn.action = Action::Exchange(Phase::SendingToClient);
        Outcome::Answered
    }
}
