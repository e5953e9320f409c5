//! The response body on its way from the upstream to the client: `reading` is the upstream's half,
//! `writing` the client's; here they meet in one poll. `short_answer` is the short way of short answers,
//! `splicing` that of long ones.

mod reading;
mod short_answer;
mod splicing;
mod stream_cut;
mod writing;

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use weir_conf::Settings;
use weir_upstream::PeerOutcome;
use weir_wire::chunked::ChunkRules;

use self::splicing::Splice;
use self::stream_cut::StreamCut;
use crate::answer::{additions, send};
use crate::client::departure::log_client_gone;
use crate::client::output::WRITEV_FAILED;
use crate::client::throttle::Throttle;
use crate::exchange::body_decoder::{BodyDecoder, Passes};
use crate::exchange::handshake::read_cause;
use crate::exchange::spool::Spool;
use crate::exchange::tries::{Exchange, Held};
use crate::exchange::{failure_log, response_head};
use crate::facts::Outcome;
use crate::facts::{Action, Cut, Ending, Response, Session};
use crate::report::error_log::{self, Message};
use weir_io::buffers;
use weir_io::clock::Moment;
use weir_io::gathered_write::GatheredWrite;
use weir_verdict::{Cause, Failure, NoRetry, Phase};

/// Passes the body on (`ngx_http_upstream_send_response`, `ngx_event_pipe`).
pub(in crate::exchange) async fn run(exchange: &mut Exchange<'_>, held: Held) -> Outcome {
    if let Some(length) = short_answer::length(exchange) {
        return short_answer::pass(exchange, held, length).await;
    }
    if let Err(outcome) = send::begin(exchange.session) {
        return refused(exchange, outcome);
    }
    if exchange.session.req.response.additions.is_some()
        && let Err(outcome) = Box::pin(put_before(exchange)).await
    {
        return outcome;
    }
    let mut relay = Relay::new(exchange, held);
    relay.cut = match std::mem::take(&mut exchange.session.req.response.cut) {
        Cut::Whole => None,
        Cut::Part(range) => Some(Box::new(StreamCut::new(range))),
        Cut::Parts(_) => return relay.cannot_cut(exchange),
    };
    relay.take_preread(exchange);
    while !relay.over() {
        let event = relay.next_event(exchange).await;
        exchange.session.client.link_mut().deadline.clear();
        relay.handle(exchange, event);
    }
    relay.finish(exchange)
}

/// Sends what comes before the upstream's body, which waits meanwhile.
async fn put_before(exchange: &mut Exchange<'_>) -> Result<(), Outcome> {
    if !response_head::is_buffered(exchange.session, exchange.settings) {
        // No limit holds for what is not gathered.
        exchange.session.req.response.limit_rate = Some(0);
    }
    let put = additions::before(exchange.session).await;
    if put.is_err() {
        exchange.close_attempt();
        exchange.release(PeerOutcome::Success);
    }
    put
}

/// By which rules chunks are read; `trailers`: so many bytes of them are kept.
pub(in crate::exchange) fn chunk_rules(session: &Session, trailers: Option<usize>) -> ChunkRules {
    let plan = &session.client.link().plan;
    ChunkRules {
        strict_line_ends: plan.differences().chunk_bare_lf_refused,
        trailers,
    }
}

/// What nginx's buffers hold of a body that it gathers: all `proxy_buffers`, and what the head leaves of
/// the first one, which is one more of them afterwards.
fn passes(settings: &Settings, buffering: bool, first_buffer: u64) -> Passes {
    if !buffering {
        return Passes::new(0, 0);
    }
    let buffers = settings.upstream.buffers.room() as u64;
    let first = settings.upstream.buffer_size as u64;
    Passes::new(
        first_buffer.saturating_add(buffers),
        first.saturating_add(buffers),
    )
}

/// The answer is not sent: a page stands in for it (`ngx_http_upstream_finalize_request`).
fn refused(exchange: &mut Exchange<'_>, outcome: Outcome) -> Outcome {
    exchange.close_attempt();
    exchange.release(PeerOutcome::Success);
    exchange.session.client.link_mut().action = Action::Exchange(Phase::SendingToClient);
    outcome
}

/// The state of one relay.
struct Relay {
    held: Option<Held>,
    decoder: BodyDecoder,
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
    filters: Filters,
    /// They make more of what they have been given.
    filters_have_more: bool,
    /// The part of the body that the client asked for.
    /// Boxed: 8 bytes instead of 32 in the future of every request.
    cut: Option<Box<StreamCut>>,
    /// Size line before, and line end behind, the chunk that is being written.
    prefix: Vec<u8>,
    suffix: Vec<u8>,
    write: GatheredWrite,
    /// A write is under way: head, prefix, `outgoing`, suffix.
    writing: bool,
    /// The write under way moves the file's bytes inside the kernel, and nothing else.
    sends_file: bool,
    last_sent: bool,
    upstream: UpstreamEnd,
    client: ClientEnd,
    /// When the running gap between two reads, or writes, is too long.
    read_deadline: Option<Moment>,
    send_deadline: Option<Moment>,
    read_throttle: Throttle,
    send_throttle: Throttle,
    /// Nothing came from the upstream when it was looked for last.
    waits_for_upstream: bool,
    splice: Splice,
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

/// What filters do with the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filters {
    None,
    Passing,
    /// They have been told that it ends.
    Ended,
}

impl Filters {
    fn of(response: &Response) -> Self {
        match response.filters.is_some() && !response.header_only {
            true => Self::Passing,
            false => Self::None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientEnd {
    Open,
    Gone,
}

/// What happened next.
enum Event {
    Read(io::Result<usize>),
    /// So many bytes have come into the pipe.
    Spliced(usize),
    /// The client takes nothing from the pipe.
    OutOfPatience,
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
        let trailers = settings.upstream.pass_trailers;
        let trailers = trailers.then_some(settings.upstream.buffer_size);
        let rules = chunk_rules(session, trailers);
        let head = &session.req.upstream.head;
        let asked_head = session.req.upstream.asked_head;
        let head_length = if no_head { 0 } else { head.len };
        let first_buffer = settings.upstream.buffer_size.saturating_sub(head_length) as u64;
        let buffering = response_head::is_buffered(session, settings);
        let passes = passes(settings, buffering, first_buffer);
        let decoder = BodyDecoder::of(head, asked_head, no_head, rules, passes);
        if !buffering {
            session.client.send_at_once(settings.tcp_nodelay);
        }
        Self {
            decoder,
            spool: Spool::new(settings, buffering),
            buffering,
            received: 0,
            handed_on: 0,
            decoded: 0,
            first_buffer,
            buffer: settings.upstream.buffers.size.max(1) as u64,
            client_chunked: session.req.response.chunked,
            header_only: session.req.response.header_only,
            filters: Filters::of(&session.req.response),
            filters_have_more: false,
            cut: None,
            prefix: Vec::new(),
            suffix: Vec::new(),
            write: GatheredWrite::default(),
            writing: false,
            sends_file: false,
            last_sent: false,
            upstream: UpstreamEnd::Open,
            client: ClientEnd::Open,
            read_deadline: None,
            send_deadline: None,
            read_throttle: Throttle::upstream(exchange.session, settings, buffering),
            send_throttle: Throttle::client(exchange.session, buffering),
            held: Some(held),
            waits_for_upstream: false,
            splice: Splice::Off,
        }
    }

    /// Of several ranges nginx sends none that a single buffer does not hold
    /// (`ngx_http_range_test_overlapped`).
    fn cannot_cut(mut self, exchange: &mut Exchange<'_>) -> Outcome {
        error_log::alert(
            exchange.session.view(),
            Message::text("range in overlapped buffers"),
        );
        self.client = ClientEnd::Gone;
        self.finish(exchange)
    }

    fn log_failure(&self, exchange: &mut Exchange<'_>, cause: Cause) {
        let phase = match exchange.session.client.link().action {
            Action::Exchange(phase) => phase,
            _ => Phase::ReadingBody,
        };
        let failure = Failure::new(phase, cause);
        exchange.current().fail(&failure);
        failure_log::log(exchange.session, &failure);
        exchange.tell_no_retry(NoRetry::ResponseBegun);
    }

    fn over(&self) -> bool {
        if self.client == ClientEnd::Gone || self.upstream == UpstreamEnd::Broken {
            return !self.breaks_off();
        }
        self.upstream != UpstreamEnd::Open && !self.writing && self.last_sent
    }

    /// The body is broken, but nginx would have written some of what was read with the fault.
    fn breaks_off(&self) -> bool {
        self.upstream == UpstreamEnd::Broken
            && self.client == ClientEnd::Open
            && !self.writing
            && (!self.spool.incoming.is_empty() || self.filters_have_more)
    }

    fn write_is_done(&mut self, session: &mut Session) {
        self.writing = false;
        self.sends_file = false;
        session.req.response.pending.clear();
        buffers::give_back(std::mem::take(&mut self.spool.outgoing));
    }

    /// Writes of that what the client takes at once, and ends.
    fn break_off(&mut self, cx: &mut Context<'_>, session: &mut Session, settings: &Settings) {
        while self.breaks_off() && self.begin_write(session, settings).is_ok() {
            match self.poll_write(cx, session, settings) {
                Poll::Ready(Event::Written) => self.write_is_done(session),
                Poll::Ready(_) | Poll::Pending => break,
            }
        }
        self.spool.incoming.clear();
        self.filters_have_more = false;
    }

    /// Waits for whatever happens first on either side.
    async fn next_event(&mut self, exchange: &mut Exchange<'_>) -> Event {
        let settings = exchange.settings;
        let session = &mut *exchange.session;
        poll_fn(|cx| self.poll_event(cx, session, settings)).await
    }

    /// What is next. The order is nginx's, and shows in bytes and log lines:
    ///
    /// 1. A body that has broken off: what was read a pass before goes out, and nothing else happens
    ///    (`ngx_event_pipe` returns NGX_ABORT).
    /// 2. The client's leaving: nginx handles the reading side of an event before the writing side, so
    ///    that "client prematurely closed connection" comes before a failed write. Of an upstream that
    ///    is done with it asks only while it writes (`ngx_http_test_reading`); see 8.
    /// 3. The splice, which replaces 4 to 7 while it lasts; whatever else happens ends it.
    /// 4. A write under way goes on before more is read, lest a fast upstream starve the client.
    /// 5. What the upstream has sent is read before the next write begins: fewer and larger writes, and
    ///    no byte of a piece whose end is broken (`ngx_event_pipe_read_upstream` comes before
    ///    `ngx_event_pipe_write_to_downstream`).
    /// 6. The next write begins, and goes as far as it can; or the last of the body waits for what other bodies
    ///    follow it, and the relay is over.
    /// 7. The client did not take all, or was given nothing: the upstream is read on, into memory and then a file.
    /// 8. With the upstream done, and nothing more to read, the client's leaving.
    /// 9. The clocks, last: who has done something in time is not late.
    fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut Session,
        settings: &Settings,
    ) -> Poll<Event> {
        if self.breaks_off() {
            self.break_off(cx, session, settings);
            return Poll::Ready(Event::Resume);
        }
        let watches_client = match self.upstream {
            UpstreamEnd::Open => !settings.upstream.ignore_client_abort,
            UpstreamEnd::Complete | UpstreamEnd::Cut | UpstreamEnd::Broken => self.writing,
        };
        if watches_client && let Poll::Ready(gone) = session.client.poll_gone(cx) {
            return Poll::Ready(Event::ClientGone(gone));
        }
        self.consider_splicing(session);
        if self.splice.is_on() {
            if let Poll::Ready(event) = self.poll_splice(cx, session, settings) {
                return Poll::Ready(event);
            }
            if self.splice.is_on() {
                return self.poll_clocks(cx, session);
            }
        }
        if let Poll::Ready(event) = self.poll_write(cx, session, settings) {
            return Poll::Ready(event);
        }
        if let Poll::Ready(event) = self.poll_read(cx, session, settings) {
            return Poll::Ready(event);
        }
        if self.writing {
            return self.poll_clocks(cx, session);
        }
        if let Err(error) = self.begin_write(session, settings) {
            return Poll::Ready(Event::WriteFailed(error));
        }
        if self.last_sent && !self.writing {
            // Nothing of the body is to be written, and the head waits for what follows.
            return Poll::Ready(Event::Resume);
        }
        if let Poll::Ready(event) = self.poll_write(cx, session, settings) {
            return Poll::Ready(event);
        }
        // Step 5 may have been left out, where what had been gathered was to be written first.
        self.splice.end_flush();
        // Whether a write began or not: where filters gave nothing, there is room again.
        if let Poll::Ready(event) = self.poll_read(cx, session, settings) {
            return Poll::Ready(event);
        }
        if self.upstream != UpstreamEnd::Open
            && let Poll::Ready(gone) = session.client.poll_gone(cx)
        {
            return Poll::Ready(Event::ClientGone(gone));
        }
        self.poll_clocks(cx, session)
    }

    fn poll_clocks(&self, cx: &mut Context<'_>, session: &mut Session) -> Poll<Event> {
        let wakes = [
            self.read_deadline,
            self.send_deadline,
            self.read_throttle.blocked_until(),
            self.send_throttle.blocked_until().filter(|_| self.writing),
            self.splice.patient_until(),
        ];
        let Some(first) = wakes.into_iter().flatten().min() else {
            session.client.link_mut().deadline.clear();
            return Poll::Pending;
        };
        session.client.link_mut().deadline.set_at(first);
        if session
            .client
            .link_mut()
            .deadline
            .poll_expired(cx)
            .is_pending()
        {
            return Poll::Pending;
        }
        Poll::Ready(if self.splice.patient_until() == Some(first) {
            Event::OutOfPatience
        } else if self.read_deadline == Some(first) {
            Event::ReadTimedOut
        } else if self.send_deadline == Some(first) {
            Event::SendTimedOut
        } else {
            Event::Resume
        })
    }

    fn handle(&mut self, exchange: &mut Exchange<'_>, event: Event) {
        if !matches!(event, Event::Spliced(_))
            && let Err(error) = self.stop_splicing()
        {
            // What is in the pipe cannot reach the client any more.
            self.client = ClientEnd::Gone;
            exchange.session.client_write_failed(WRITEV_FAILED, &error);
            return;
        }
        match event {
            Event::Spliced(count) => self.take_spliced(exchange, count),
            Event::OutOfPatience => {}
            Event::Resume => {
                self.read_throttle.resume();
                self.send_throttle.resume();
            }
            Event::Written => self.write_is_done(exchange.session),
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
                self.cut(exchange, read_cause(call, error));
            }
            Event::ReadTimedOut => {
                self.upstream_turn(exchange.session);
                self.cut(exchange, Cause::TimedOut);
            }
            Event::SendTimedOut => {
                exchange.session.client_write_timed_out();
                self.client = ClientEnd::Gone;
            }
            Event::WriteFailed(error) => {
                if error.kind() != io::ErrorKind::Other {
                    let call = self.write_call(exchange.settings);
                    exchange.session.client_write_failed(call, &error);
                }
                self.client = ClientEnd::Gone;
            }
            Event::ClientGone(error) => {
                if self.upstream == UpstreamEnd::Open {
                    log_client_gone(exchange.session, error.as_ref());
                    exchange.session.req.book_client_gone();
                } else {
                    exchange.session.client_left(error.as_ref());
                }
                self.client = ClientEnd::Gone;
            }
        }
    }

    fn finish(mut self, exchange: &mut Exchange<'_>) -> Outcome {
        let left_early = self.held.is_some();
        if left_early {
            self.held = None;
            exchange.close_attempt();
            exchange.release(PeerOutcome::Success);
        }
        let req = &mut *exchange.session.req;
        let is_short =
            !self.header_only && self.cut.as_ref().is_some_and(|cut| !cut.is_satisfied());
        let (ending, whole) = match (self.client, self.upstream) {
            (ClientEnd::Gone, _) | (ClientEnd::Open, UpstreamEnd::Broken | UpstreamEnd::Open) => {
                (Ending::Broken, false)
            }
            (ClientEnd::Open, UpstreamEnd::Cut) => (Ending::Cut, false),
            // It said what it would hold: nobody else makes up for the rest.
            (ClientEnd::Open, UpstreamEnd::Complete) if is_short => (Ending::Cut, false),
            (ClientEnd::Open, UpstreamEnd::Complete) => (Ending::Complete, true),
        };
        req.state.ending = ending;
        if self.client == ClientEnd::Gone {
            req.state.closes_at_once = true;
        } else if !whole {
            req.state.keepalive = false;
        }
        exchange.session.client.link_mut().action = Action::Exchange(Phase::SendingToClient);
        Outcome::Answered
    }
}
