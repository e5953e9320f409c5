//! The loop over tries: an attempt, its verdict, the next peer or the answer.

use std::rc::Rc;
use std::time::Duration;

use smallvec::SmallVec;
use weir_conf::Settings;
use weir_upstream::{Key, PeerId, PeerOutcome, Took, Tries};

use super::peers::dial_options;
use super::request_source::RequestSource;
use super::{failure_log, response_head, sticky};
use crate::facts::Attempt;
use crate::facts::CLIENT_GONE;
use crate::facts::Outcome;
use crate::facts::{Action, ClientAddress, Fresh, Session};
use crate::pool::{KeySource, PoolView, Reuse, UpstreamConnection, WorkerPool};
use crate::report::error_log::{self, Message};
use crate::report::variables;
use weir_io::clock::{self, Moment};
use weir_io::dial::DialOptions;
use weir_verdict::{Blame, Class, NoRetry, Rules, Tried};
use weir_verdict::{Cause, Failure, Phase};
use weir_wire::KnownField;

/// A request on its way through a pool.
pub(super) struct Exchange<'a> {
    pub(super) session: &'a mut Session,
    pub(super) settings: &'a Settings,
    pub(super) pool: &'a WorkerPool,
    /// The pool's peers when the last one was chosen.
    pub(super) view: Rc<PoolView>,
    pub(super) source: RequestSource,
    pub(super) tries: Tries,
    pub(super) options: DialOptions,
    /// When the first try began: `proxy_next_upstream_timeout` counts from here.
    started: Moment,
    /// Something of the request may have reached a peer.
    pub(super) request_sent: bool,
    /// The peer that is held, so that it is given back even if the task ends in the middle: a
    /// reload's `worker_shutdown_timeout`, a panic.
    pub(super) picked: Option<PeerId>,
    /// This exchange has pushed an attempt.
    opened: bool,
    /// A peer has been tried in vain, and the request is passed to the next one.
    passed_on: bool,
}

/// A peer that is being tried.
pub(super) struct Held {
    pub(super) peer: PeerId,
    /// Boxed: moved between the try, the relay and the idle connections; 8 bytes instead of 88.
    pub(super) connection: Box<UpstreamConnection>,
}

/// How a try ended without a response head. The peer, if one was picked, is not yet given back.
pub(super) enum TryEnd {
    /// It failed.
    Failed {
        failure: Failure,
        /// The connection had served a request before.
        reused: bool,
    },
    /// The client ended it.
    Client(Outcome),
}

/// What follows a response head.
pub(super) enum Step {
    /// Another try.
    Again,
    /// The exchange is over.
    Over(Outcome),
}

impl<'a> Exchange<'a> {
    pub(super) fn new(
        session: &'a mut Session,
        settings: &'a Settings,
        pool: &'a WorkerPool,
        head: Vec<u8>,
    ) -> Self {
        let started = clock::now();
        let view = pool.view();
        let mut tries = with_key(session, pool, |key| view.peers.begin(key));
        if let Some(budget) = &pool.retry_budget {
            budget.earn(clock::monotonic(started));
        }
        tries.limit_tries(settings.upstream.next_upstream_tries);
        let sticky = pool.sticky.as_ref();
        session.req.upstream.stay = sticky.map(|sticky| sticky::begin(session, sticky));
        let options = dial_options(session, settings);
        let with_body = settings.upstream.pass_request_body
            && settings.upstream.set_body.is_none()
            && !session.req.body.spent;
        Self {
            session,
            settings,
            pool,
            view,
            source: RequestSource::new(head, with_body, settings.tcp_nodelay),
            tries,
            options,
            started,
            request_sent: false,
            picked: None,
            opened: false,
            passed_on: false,
        }
    }

    /// Tries peers until one answers or the verdict is final.
    pub(super) async fn run(&mut self) -> Outcome {
        loop {
            let step = match self.attempt().await {
                Ok(held) => response_head::follow(self, held).await,
                Err(TryEnd::Failed { failure, reused }) => self.fail(&failure, reused),
                Err(TryEnd::Client(outcome)) => {
                    self.close_attempt();
                    self.release(PeerOutcome::Success);
                    Step::Over(outcome)
                }
            };
            match step {
                Step::Again => {
                    self.passed_on = true;
                    self.source.rewind(&self.session.req.body);
                }
                Step::Over(outcome) => return outcome,
            }
        }
    }

    /// Books a failure and decides what follows (`ngx_http_upstream_next`).
    pub(super) fn fail(&mut self, failure: &Failure, reused: bool) -> Step {
        let client_left = self.session.client.has_left();
        if client_left {
            self.session.tell_departure();
        }
        self.session.client.link_mut().action = Action::Exchange(failure.phase);
        if let Some(attempt) = self.session.req.attempts.last_mut() {
            attempt.fail(failure);
        }
        // nginx gives the peer back before it logs a time-out, and after it logs anything else.
        let log_first = !matches!(failure.cause, Cause::TimedOut);
        if log_first {
            failure_log::log(self.session, failure);
        }
        let shop = &self.session.client.link().shop;
        shop.counters.fail(failure.reason(), minute());
        let class = Class::of(&failure.cause);
        // nginx would have had no kept connection here, so that it is no try.
        let is_no_try = reused && class.is_error() && self.pool.reuse == Reuse::WithoutRisk;
        let peer = self.picked;
        self.release(match class.blame {
            Blame::Counted if is_no_try => PeerOutcome::NextNoCount,
            Blame::Counted => PeerOutcome::Failed,
            Blame::PassedOver => PeerOutcome::NextNoCount,
            Blame::None => PeerOutcome::Success,
        });
        if !log_first {
            failure_log::log(self.session, failure);
        }
        self.close_attempt();
        if self.session.req.state.is_behind_gone() || client_left {
            // Whoever gave up is not the upstream.
            if let Some(attempt) = self.session.req.attempts.last_mut() {
                attempt.failure = None;
            }
            return Step::Over(Outcome::Close(CLIENT_GONE));
        }
        if is_no_try {
            self.tries.grant_try();
            self.session.req.upstream.fresh = peer.map_or(Fresh::Needed, Fresh::To);
            self.note(class.status);
            return Step::Again;
        }
        // Only now: of the tries that are left one was used up by giving the peer back.
        let next = class.next(&self.tried(reused), &self.rules());
        if next.extra_try {
            self.tries.grant_try();
        }
        self.note(class.status);
        tracing::debug!(target: "weir", ?class, ?next, reason = failure.reason().token(), "http next upstream");
        let Some(reason) = next.stays else {
            if !next.extra_try {
                self.spend_retry();
            }
            return Step::Again;
        };
        // Where no server was tried there is no other, and the failure says all.
        if reason != NoRetry::NoLivePeer || self.passed_on {
            self.tell_no_retry(reason);
        }
        self.session.client.link_mut().action = Action::Exchange(Phase::SendingToClient);
        Step::Over(Outcome::Status(class.status))
    }

    /// Notes the status that the failure comes to.
    fn note(&mut self, status: u16) {
        if status != 500
            && let Some(attempt) = self.session.req.attempts.last_mut()
        {
            attempt.status = status;
        }
    }

    /// What the verdict needs to know of this request.
    pub(super) fn tried(&self, reused: bool) -> Tried {
        Tried {
            request_sent: self.request_sent,
            idempotent: self.session.req.is_idempotent(),
            body_in_flight: self.session.req.body.streaming,
            reused,
            tries_left: self.tries.tries_left(),
            out_of_time: self
                .next_upstream_ends()
                .is_some_and(|end| clock::now() >= end),
            budget_spent: (self.pool.retry_budget.as_ref())
                .is_some_and(|budget| budget.is_spent(clock::monotonic(clock::now()))),
        }
    }

    /// Whether the request may be sent once more if it meets a kept connection that the peer has closed, and no
    /// connection is anybody's own.
    pub(super) fn survives_a_dead_connection(&self) -> bool {
        let tried = Tried {
            request_sent: true,
            reused: true,
            tries_left: 0,
            out_of_time: false,
            budget_spent: false,
            ..self.tried(true)
        };
        let closed = Class::of(&Cause::Closed);
        // Another method than the client's may be any.
        self.settings.upstream.method.is_none()
            && !self.authenticates_the_connection()
            && closed.next(&tried, &self.rules()).stays.is_none()
    }

    /// Whether the client's credentials hold for a connection, not for a request: NTLM and its kin.
    pub(super) fn authenticates_the_connection(&self) -> bool {
        let sent = self.session.req.field(KnownField::Authorization);
        let scheme = sent.and_then(|value| value.split(|&byte| byte == b' ').next());
        scheme.is_some_and(|scheme| {
            scheme.eq_ignore_ascii_case(b"NTLM") || scheme.eq_ignore_ascii_case(b"Negotiate")
        })
    }

    /// Until when the request may be passed to another peer (`proxy_next_upstream_timeout`).
    fn next_upstream_ends(&self) -> Option<Moment> {
        let limit = self.settings.upstream.next_upstream_timeout;
        (!limit.is_zero()).then(|| self.started + limit)
    }

    /// The same, if it is being passed to another.
    pub(super) fn end_of_retries(&self) -> Option<Moment> {
        self.next_upstream_ends().filter(|_| self.passed_on)
    }

    fn spend_retry(&self) {
        if let Some(budget) = &self.pool.retry_budget {
            budget.spend(clock::monotonic(clock::now()));
        }
    }

    /// `log_not_retried`: why the failure is what the client gets.
    pub(super) fn tell_no_retry(&self, reason: NoRetry) {
        if self.settings.log_not_retried {
            let text = format!("not passed to another server: {reason}");
            error_log::warn(self.session.view(), Message::text(&text));
        }
    }

    pub(super) fn rules(&self) -> Rules {
        Rules {
            next_upstream: self.settings.upstream.next_upstream,
        }
    }

    /// Gives the peer, if one is held, back to the pool, and says so if that takes it out.
    pub(super) fn release(&mut self, outcome: PeerOutcome) {
        let Some(peer) = self.picked.take() else {
            return;
        };
        if outcome == PeerOutcome::Success {
            self.learn_at_end(peer);
        }
        let now = clock::monotonic(clock::now());
        let took = self.took();
        let view = &self.view.peers;
        let released = view.release(&mut self.tries, peer, outcome, took, now);
        if released.disabled {
            error_log::warn(
                self.session.view(),
                Message::text("upstream server temporarily disabled"),
            );
        }
        self.session.req.upstream.peer_is_held = false;
        self.call_next();
    }

    /// A peer was given back: who waits for one may have it.
    fn call_next(&self) {
        if let Some(queue) = &self.pool.queue {
            queue.ring();
        }
    }

    /// Goes over to the peers that the pool has now, between two tries: what has been tried is not tried again.
    /// (nginx ends the request here with "no live upstreams", `rrp->config` in `ngx_http_upstream_get_round_robin_peer`.)
    pub(super) fn follow_changes(&mut self) {
        if self.view.peers.epoch() == self.pool.pool.epoch() {
            return;
        }
        let newer = self.pool.view();
        let limit = self.settings.upstream.next_upstream_tries;
        let (older, tries) = (&self.view.peers, &mut self.tries);
        with_key(self.session, self.pool, |key| {
            newer.peers.follow(older, tries, key, limit)
        });
        self.view = newer;
    }

    /// How long the running try has taken.
    fn took(&self) -> Took {
        let attempt = self.session.req.attempts.last();
        attempt.map_or_else(Took::default, |attempt| Took {
            header: attempt.header_time,
            response: attempt
                .response_time
                .unwrap_or_else(|| clock::now().saturating_duration_since(attempt.started)),
        })
    }

    /// Begins an element of the `$upstream_*` lists.
    pub(super) fn open_attempt(&mut self) {
        let after_redirect = !self.opened && !self.session.req.attempts.is_empty();
        if !self.opened && !after_redirect && self.session.req.state.sought_in_vain {
            self.session.req.attempts.push(Attempt::none());
        }
        self.opened = true;
        self.session.req.upstream.group_is_empty = false;
        self.session.req.attempts.push(Attempt::new(after_redirect));
        self.session.client.link_mut().action = Action::Exchange(Phase::Connecting);
    }

    /// The running element of the `$upstream_*` lists.
    #[inline]
    pub(super) fn current(&mut self) -> &mut Attempt {
        let attempts = &mut self.session.req.attempts;
        if attempts.is_empty() {
            begin_list(attempts);
        }
        let attempts = attempts.as_mut_slice();
        &mut attempts[attempts.len() - 1]
    }

    /// Notes how long the try took, unless that was noted before.
    pub(super) fn close_attempt(&mut self) {
        let now = clock::now();
        let attempt = self.current();
        if attempt.response_time.is_none() {
            let started = attempt.started;
            attempt.response_time = Some(now.saturating_duration_since(started));
        }
    }

    /// Time since the running try began.
    pub(super) fn elapsed(&mut self) -> Duration {
        let now = clock::now();
        now.saturating_duration_since(self.current().started)
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        let body = &mut self.session.req.body;
        if self.request_sent {
            body.spent |= body.streaming;
        } else {
            self.source.give_back(body);
        }
        self.session.req.upstream.request_head = self.source.take_head();
        self.release(PeerOutcome::Success);
    }
}

/// The minute of the workers' clock.
fn minute() -> u64 {
    clock::monotonic(clock::now()).as_secs() / 60
}

#[cold]
fn begin_list(attempts: &mut SmallVec<[Attempt; 1]>) {
    attempts.push(Attempt::new(false));
}

/// Hands over the key that the request is balanced by.
fn with_key<T>(session: &Session, pool: &WorkerPool, take: impl FnOnce(Key<'_>) -> T) -> T {
    match &pool.key {
        KeySource::None => take(Key::None),
        KeySource::Hash(template) => {
            let value = variables::text(session.view(), template);
            take(Key::Hash(&value))
        }
        KeySource::ClientAddress => take(match &session.client.link().address {
            ClientAddress::Inet(address) => Key::ClientAddr(Some(address.ip())),
            ClientAddress::Unix | ClientAddress::None => Key::ClientAddr(None),
        }),
    }
}
