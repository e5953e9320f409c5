//! Sending the request and reading the response head, each under its clock.

use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::task::Poll;

use weir_wire::response::{ResponseParser, ResponseProgress};

use super::handshake::read_cause;
use super::request_source::Stuck;
use super::tries::{Exchange, Held, TryEnd};
use crate::client::body::BodyEnd;
use crate::facts::Action;
use crate::facts::Outcome;
use crate::pool::UpstreamConnection;
use crate::report::error_log::{self, Message};
use weir_io::buffers;
use weir_io::clock;
use weir_verdict::{Cause, Failure, Phase};

/// What happened next on one of the two connections.
enum Event {
    /// Bytes of the response.
    Read(io::Result<usize>),
    /// The request cannot be sent.
    Stuck(Stuck),
    /// The client left.
    ClientGone(Option<io::Error>),
    /// The running clock ran out.
    TimedOut,
}

/// Which clock runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clock {
    Send,
    Body,
    Read,
}

impl Exchange<'_> {
    /// One try: connect, send, read the head.
    pub(super) async fn attempt(&mut self) -> Result<Held, TryEnd> {
        self.open_attempt();
        let mut held = self.connect().await?;
        if self.needs_handshake(&held) {
            // Boxed, because it would make every exchange larger.
            held = Box::pin(self.shake_hands(held)).await?;
        }
        self.current().connect_time = Some(self.elapsed());
        self.session.client.link_mut().action = Action::Exchange(Phase::Sending);
        self.request_sent = true;
        let mut parser = ResponseParser::new();
        let result = self.exchange_heads(&mut held, &mut parser).await;
        self.session.client.link_mut().deadline.clear();
        result.map(|()| held)
    }

    /// Forgets what the try before has read. That shows in variables until a connection is begun
    /// (`ngx_http_upstream_connect`, `ngx_http_upstream_reinit`).
    pub(super) fn clear_head(&mut self) {
        let upstream = &mut self.session.req.upstream;
        upstream.head.reset();
        upstream.head_read = false;
        upstream.trailers.clear();
        upstream.bytes.clear();
    }

    async fn exchange_heads(
        &mut self,
        held: &mut Held,
        parser: &mut ResponseParser,
    ) -> Result<(), TryEnd> {
        let mut sent = self.current().bytes_sent;
        loop {
            let event = self.next_event(&mut held.connection, &mut sent).await;
            self.current().bytes_sent = sent;
            match event {
                Event::Read(result) => {
                    self.session.client.link_mut().action = Action::Exchange(Phase::ReadingHead);
                    if self.read_some(result, held, parser)? {
                        return Ok(());
                    }
                    if !self.session.req.response.pending.is_empty() {
                        // Boxed, because it is rare and would make every exchange larger.
                        Box::pin(self.flush_early_hints()).await?;
                    }
                }
                Event::Stuck(stuck) => return Err(self.stuck(stuck, held)),
                Event::ClientGone(error) => return Err(self.client_gone(error)),
                Event::TimedOut => {
                    let phase = if self.source.is_done() {
                        Phase::ReadingHead
                    } else {
                        Phase::Sending
                    };
                    return Err(failed(phase, Cause::TimedOut, held));
                }
            }
        }
    }

    /// Interim heads do not wait for the final one.
    async fn flush_early_hints(&mut self) -> Result<(), TryEnd> {
        // The clock of the whole head goes on running.
        let running = self.session.client.link().deadline.at();
        let flushed = self.session.write_all(&[]).await;
        self.session.client.link_mut().deadline.restore(running);
        flushed.map_err(|_| TryEnd::Client(Outcome::Close(499)))
    }

    /// What is next while the request goes out and the head comes in. The order is nginx's, and shows in
    /// `$upstream_bytes_sent`, log lines and retries:
    ///
    /// 1. The first time, the request is sent before anything is read, even where FIN or an answer has
    ///    arrived: `ngx_http_upstream_connect` goes on to `ngx_http_upstream_send_request`.
    /// 2. What has arrived is read before more is sent: an early answer ends the upload
    ///    (`ngx_http_upstream_process_header`; of one epoll event the reading side comes first).
    /// 3. More of the request is sent; what became of that says which clock runs.
    /// 4. The client's leaving (`ngx_http_upstream_rd_check_broken_connection`), unless what it sends is
    ///    the body that is passed on, whose end is its own fault.
    /// 5. The clock, last: `proxy_send_timeout` and `client_body_timeout` begin anew with each byte,
    ///    `proxy_read_timeout` runs once for the whole head.
    async fn next_event(&mut self, upstream: &mut UpstreamConnection, sent: &mut u64) -> Event {
        let settings = self.settings;
        let session = &mut *self.session;
        let source = &mut self.source;
        let watch = !settings.upstream.ignore_client_abort;
        let long = self.pool.answers_are_long.get() && session.req.upstream.bytes.is_empty();
        let limit = match long {
            true => buffers::RELAY_BUFFER,
            false => settings
                .upstream
                .buffer_size
                .saturating_sub(session.req.upstream.bytes.len())
                .clamp(1, buffers::HEAD_BUFFER),
        };
        let mut clock = None;
        let mut send_first = *sent == 0;
        poll_fn(|cx| {
            if std::mem::take(&mut send_first)
                && let Poll::Ready(Err(stuck)) = source.poll_send(cx, session, upstream, sent)
            {
                return Poll::Ready(Event::Stuck(stuck));
            }
            session.req.prefetch_for_answer();
            let read = upstream.poll_fill(cx, &mut session.req.upstream.bytes, limit);
            if let Poll::Ready(read) = read {
                return Poll::Ready(Event::Read(read));
            }
            let before = (*sent, session.req.state.length);
            let running = match source.poll_send(cx, session, upstream, sent) {
                Poll::Ready(Err(stuck)) => return Poll::Ready(Event::Stuck(stuck)),
                Poll::Ready(Ok(())) => Clock::Read,
                Poll::Pending if session.req.body.streaming && source.waits_for_client() => {
                    Clock::Body
                }
                Poll::Pending => Clock::Send,
            };
            let sends_body = session.req.body.streaming && !source.is_done();
            if watch
                && !sends_body
                && let Poll::Ready(gone) = session.client.poll_gone(cx)
            {
                return Poll::Ready(Event::ClientGone(gone));
            }
            let moved = match running {
                Clock::Send => *sent > before.0,
                Clock::Body => session.req.state.length > before.1,
                Clock::Read => false,
            };
            let restart = clock != Some(running) || moved;
            if restart && !(running == Clock::Read && source.read_clock_runs()) {
                session.client.link_mut().deadline.set(match running {
                    Clock::Send => settings.upstream.send_timeout,
                    Clock::Body => settings.client_body_timeout,
                    Clock::Read => settings.upstream.read_timeout,
                });
                if running == Clock::Read {
                    source.start_read_clock();
                }
            }
            clock = Some(running);
            match session.client.link_mut().deadline.poll_expired(cx) {
                Poll::Ready(()) if running == Clock::Body => {
                    Poll::Ready(Event::Stuck(Stuck::Client(BodyEnd::Gone(408))))
                }
                Poll::Ready(()) => Poll::Ready(Event::TimedOut),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Takes what was read; `true` when the head is complete.
    fn read_some(
        &mut self,
        result: io::Result<usize>,
        held: &Held,
        parser: &mut ResponseParser,
    ) -> Result<bool, TryEnd> {
        let phase = Phase::ReadingHead;
        match result {
            Err(error) => return Err(failed(phase, read_cause("recv() failed", error), held)),
            Ok(0) => return Err(failed(phase, Cause::Closed, held)),
            Ok(count) => self.current().bytes_received += count as u64,
        }
        loop {
            let upstream = &mut self.session.req.upstream;
            let rules = self.session.client.link().plan.response_rules();
            // Of what is there, nginx's buffer would hold so much.
            let length = upstream.bytes.len().min(self.settings.upstream.buffer_size);
            let progress = parser.parse(&upstream.bytes[..length], &mut upstream.head, rules);
            self.log_notices(parser);
            match progress {
                Err(fault) => return Err(failed(phase, Cause::InvalidHead(fault), held)),
                Ok(ResponseProgress::Done) => break,
                Ok(ResponseProgress::NotHttp) => {
                    let text = "upstream sent no valid HTTP/1.0 header";
                    error_log::error(self.session.view(), Message::text(text));
                    self.session.req.response.no_head = true;
                    break;
                }
                Ok(ResponseProgress::EarlyHints) => {
                    super::response_head::early_hints(self.session);
                    let upstream = &mut self.session.req.upstream;
                    let end = upstream.head.len;
                    upstream.bytes.drain(..end);
                    upstream.head.reset();
                    parser.reset();
                    self.current().status = EARLY_HINTS;
                    if self.session.req.upstream.bytes.is_empty() {
                        return Ok(false);
                    }
                }
                Ok(ResponseProgress::Partial) => {
                    if length == self.settings.upstream.buffer_size {
                        return Err(failed(phase, Cause::HeadTooBig, held));
                    }
                    return Ok(false);
                }
            }
        }
        let time = self.elapsed();
        self.current().header_time = Some(time);
        if let Some(peer) = self.picked {
            let now = clock::monotonic(clock::now());
            self.view.peers.head_came(&mut self.tries, peer, time, now);
        }
        let upstream = &mut self.session.req.upstream;
        upstream.head_read = !self.session.req.response.no_head;
        let length = upstream.head.content_length.unwrap_or(0);
        self.pool
            .answers_are_long
            .set(LONG_ANSWER.contains(&length));
        Ok(true)
    }

    fn log_notices(&self, parser: &mut ResponseParser) {
        for notice in parser.notices() {
            let mut text = Vec::new();
            notice.write_message(&self.session.req.upstream.bytes, &mut text);
            error_log::warn(self.session.view(), Message::bytes(&text));
        }
    }

    fn stuck(&self, stuck: Stuck, held: &Held) -> TryEnd {
        match stuck {
            Stuck::Upstream(cause) => failed(Phase::Sending, cause, held),
            Stuck::File => TryEnd::Client(Outcome::Status(500)),
            Stuck::Client(BodyEnd::Refused(status)) => TryEnd::Client(Outcome::Status(status)),
            Stuck::Client(BodyEnd::Gone(status)) => TryEnd::Client(Outcome::Close(status)),
        }
    }
}

/// Bodies that fit a long buffer together with their head, but no short one.
const LONG_ANSWER: Range<u64> =
    buffers::HEAD_BUFFER as u64..(buffers::RELAY_BUFFER - buffers::HEAD_BUFFER) as u64;

/// nginx notes an interim status, and leaves it there when the final head comes.
const EARLY_HINTS: u16 = 103;

fn failed(phase: Phase, cause: Cause, held: &Held) -> TryEnd {
    TryEnd::Failed {
        failure: Failure::new(phase, cause),
        reused: held.connection.reused,
    }
}
