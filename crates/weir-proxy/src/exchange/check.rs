//! A health check: one request of weir's own to one peer, sent and read as those of clients are.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use weir_conf::{HealthCheck, MatchFault, ProxyPass, ResponseMatch, Settings, StatusTest};
use weir_upstream::PeerOutcome;
use weir_verdict::{Blame, Cause, Class, Failure, Phase};

use super::body_decoder::{BodyDecoder, Passes, Taken};
use super::handshake::read_cause;
use super::tries::{Exchange, Held, TryEnd};
use super::{failure_log, relay, request_head, target};
use crate::facts::{Action, Session};
use crate::pool::WorkerPool;
use crate::report::error_log::{self, Message};
use crate::report::variables;
use weir_io::buffers;

/// So much of a body is looked at, as in nginx Plus.
const EXAMINED: usize = 256 * 1024;

/// What is asked, and what the answer is to be.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) rules: &'a HealthCheck,
    pub(crate) tests: Option<&'a ResponseMatch>,
    /// Where the location passes requests to.
    pub(crate) pass: &'a ProxyPass,
}

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckEnd {
    /// The answer passes all tests.
    Passes,
    /// It does not, or there is none.
    Fails,
    /// Nobody could be asked, for reasons that are this side's: that says nothing of the peer.
    Unasked,
}

/// Asks the only peer of `pool`. The session says from then on what was done last, and knows the answer as variables
/// tell it.
pub(crate) async fn ask(
    session: &mut Session,
    pool: &WorkerPool,
    question: Question<'_>,
) -> CheckEnd {
    let Some(location) = session.req.state.location.clone() else {
        return CheckEnd::Unasked;
    };
    let settings: &Settings = &location.settings;
    target::aim(session, question.pass, &question.rules.uri);
    let head = request_head::write_check(session, settings);
    let mut exchange = Exchange::new(session, settings, pool, head);
    let held = match exchange.first_answer().await {
        Ok(held) => held,
        Err(end) => return end,
    };
    match exchange.judge(held, question.tests).await {
        true => CheckEnd::Passes,
        false => CheckEnd::Fails,
    }
}

impl Exchange<'_> {
    /// The head of an answer. Of a failure the log is told; that of a kept connection is not the peer's, which may have
    /// closed it meanwhile.
    async fn first_answer(&mut self) -> Result<Held, CheckEnd> {
        loop {
            match self.attempt().await {
                Ok(held) => return Ok(held),
                Err(TryEnd::Failed { reused: true, .. }) => {
                    self.release(PeerOutcome::Success);
                    self.source.rewind(&self.session.req.body);
                }
                Err(TryEnd::Failed { failure, .. }) => {
                    self.fail_check(&failure);
                    return Err(match Class::of(&failure.cause).blame {
                        Blame::Counted | Blame::PassedOver => CheckEnd::Fails,
                        Blame::None => CheckEnd::Unasked,
                    });
                }
                Err(TryEnd::Client(_)) => return Err(CheckEnd::Unasked),
            }
        }
    }

    fn fail_check(&mut self, failure: &Failure) {
        self.session.client.link_mut().action = Action::Exchange(failure.phase);
        failure_log::log(self.session, failure);
        self.release(PeerOutcome::Success);
        self.close_attempt();
    }

    /// Whether the answer passes all tests, in the order in which it comes.
    async fn judge(&mut self, held: Held, tests: Option<&ResponseMatch>) -> bool {
        if self.session.req.response.no_head {
            return false;
        }
        let status = self.session.req.upstream.head.status;
        self.current().status = status;
        let mut passes = match tests {
            Some(tests) => self.passes_head(status, tests),
            None => {
                self.session.client.link_mut().action = Action::CheckingStatus;
                StatusTest::usual(status)
            }
        };
        let examines = passes && tests.is_some_and(|tests| !tests.bodies.is_empty());
        if examines || self.pool.idle.is_some() {
            let read = self.read_answer(held).await;
            if let Some(tests) = tests.filter(|_| examines) {
                passes = match read {
                    Ok(body) => self.passes_body(&body, tests),
                    Err(cause) => {
                        self.fail_check(&Failure::new(Phase::ReadingBody, cause));
                        false
                    }
                };
            }
        }
        self.close_attempt();
        self.release(PeerOutcome::Success);
        match tests {
            Some(tests) if passes => self.has_required(tests),
            Some(_) | None => passes,
        }
    }

    fn passes_head(&mut self, status: u16, tests: &ResponseMatch) -> bool {
        if let Some(test) = &tests.status {
            self.session.client.link_mut().action = Action::CheckingStatus;
            if !test.passes(status) {
                return false;
            }
        }
        if !tests.headers.is_empty() {
            self.session.client.link_mut().action = Action::CheckingHeader;
        }
        let upstream = &self.session.req.upstream;
        tests.headers.iter().all(|test| {
            let fields = upstream.head.fields.iter().map(|field| {
                let name = field.name.of(&upstream.bytes);
                (name, field.value.of(&upstream.bytes))
            });
            let own = fields.filter(|(name, _)| name.eq_ignore_ascii_case(&test.name));
            self.found(test.passes(own.map(|(_, value)| value)))
        })
    }

    fn passes_body(&mut self, body: &[u8], tests: &ResponseMatch) -> bool {
        self.session.client.link_mut().action = Action::CheckingBody;
        tests
            .bodies
            .iter()
            .all(|test| self.found(test.passes(body)))
    }

    /// Whether each variable has a value other than 0.
    fn has_required(&mut self, tests: &ResponseMatch) -> bool {
        if tests.required.is_empty() {
            return true;
        }
        self.session.client.link_mut().action = Action::CheckingVariables;
        tests.required.iter().all(|variable| {
            let value = variables::text(self.session.view(), variable);
            !value.is_empty() && value != b"0"
        })
    }

    /// What a regular expression has found; it finds nothing if PCRE gives up, and the log is told.
    fn found(&self, found: Result<bool, Box<MatchFault>>) -> bool {
        found.unwrap_or_else(|fault| {
            error_log::alert(self.session.view(), Message::bytes(&fault.line()));
            false
        })
    }

    /// The body, as far as it is looked at. A connection on which all of it has come may be kept. All of it has the time
    /// that a request's has from one piece to the next: a body that never ends must not keep a peer from being asked.
    async fn read_answer(&mut self, held: Held) -> Result<Vec<u8>, Cause> {
        let timeout = self.settings.upstream.read_timeout;
        self.session.client.link_mut().deadline.set(timeout);
        let read = self.read_body(held).await;
        self.session.client.link_mut().deadline.clear();
        read
    }

    async fn read_body(&mut self, mut held: Held) -> Result<Vec<u8>, Cause> {
        let rules = relay::chunk_rules(self.session, None);
        let upstream = &mut self.session.req.upstream;
        let nothing_waits = Passes::new(0, 0);
        let mut decoder = BodyDecoder::of(&upstream.head, false, false, rules, nothing_waits);
        let mut body = upstream.bytes.split_off(upstream.head.len);
        let mut taken = take(&mut decoder, &mut body, 0)?;
        while !taken.complete && body.len() < EXAMINED {
            let from = body.len();
            let read = self.read_more(&mut held, &mut body).await?;
            taken = match read {
                0 if decoder.ends_by_close() => {
                    held.connection.reusable = false;
                    break;
                }
                0 => return Err(Cause::Closed),
                _ => take(&mut decoder, &mut body, from)?,
            };
        }
        if taken.complete && !taken.surplus {
            self.keep(held);
        }
        body.truncate(EXAMINED);
        Ok(body)
    }

    async fn read_more(&mut self, held: &mut Held, body: &mut Vec<u8>) -> Result<usize, Cause> {
        let deadline = &mut self.session.client.link_mut().deadline;
        let read: Option<io::Result<usize>> = poll_fn(|cx| {
            let read = (held.connection).poll_read(cx, body, buffers::RELAY_BUFFER);
            match read {
                Poll::Ready(read) => Poll::Ready(Some(read)),
                Poll::Pending => deadline.poll_expired(cx).map(|()| None),
            }
        })
        .await;
        match read {
            Some(read) => read.map_err(|error| read_cause("recv() failed", error)),
            None => Err(Cause::TimedOut),
        }
    }
}

fn take(decoder: &mut BodyDecoder, body: &mut Vec<u8>, from: usize) -> Result<Taken, Cause> {
    let taken = decoder.take(body, from);
    taken.map_err(|broken| Cause::InvalidChunk(broken.fault))
}
