//! The loop over tries: an attempt, its verdict, the next peer or the answer.

use std::time::Duration;

use weir_conf::{BalanceMethod, Settings};
use weir_upstream::{Attempts, Key, Outcome as PeerOutcome, PeerId};

use super::peers::dial_options;
use super::request_source::RequestSource;
use super::{failure_log, response_head};
use crate::facts::Attempt;
use crate::facts::Outcome;
use crate::facts::{Action, ClientAddress, Session};
use crate::pool::UpstreamConnection;
use crate::pool::WorkerPool;
use crate::report::error_log::{self, Message};
use crate::report::variables;
use weir_io::clock::{self, Moment};
use weir_io::dial::DialOptions;
use weir_verdict::{Cause, Failure, Phase};
use weir_verdict::{Rules, Tried, verdict};

/// A request on its way through a pool.
pub(super) struct Exchange<'a> {
    pub(super) session: &'a mut Session,
    pub(super) settings: &'a Settings,
    pub(super) pool: &'a WorkerPool,
    pub(super) source: RequestSource,
    pub(super) attempts: Attempts,
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
}

/// A peer that is being tried.
pub(super) struct Held {
    pub(super) peer: PeerId,
    /// It changes hands often, so it stays where it is.
    pub(super) connection: Box<UpstreamConnection>,
}

/// How a try ended without a response head.
pub(super) enum TryEnd {
    /// It failed; the peer, if one was chosen, is not yet given back.
    Failed(Failure, Option<PeerId>, bool),
    /// The client ended it; the peer is not yet given back.
    Client(Outcome, PeerId),
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
        method: Option<&BalanceMethod>,
        head: Vec<u8>,
    ) -> Self {
        let mut attempts = begin(session, pool, method);
        attempts.limit_tries(settings.proxy_next_upstream_tries);
        let options = dial_options(session, settings);
        let with_body = settings.proxy_pass_request_body && settings.proxy_set_body.is_none();
        Self {
            session,
            settings,
            pool,
            source: RequestSource::new(head, with_body, settings.tcp_nodelay),
            attempts,
            options,
            started: clock::now(),
            request_sent: false,
            picked: None,
            opened: false,
        }
    }

    /// Tries peers until one answers or the verdict is final.
    pub(super) async fn run(&mut self) -> Outcome {
        loop {
            let step = match self.attempt().await {
                Ok(held) => response_head::follow(self, held).await,
                Err(TryEnd::Failed(failure, peer, reused)) => self.fail(&failure, peer, reused),
                Err(TryEnd::Client(outcome, peer)) => {
                    self.close_attempt();
                    self.release(peer, PeerOutcome::Success);
                    Step::Over(outcome)
                }
            };
            match step {
                Step::Again => self.source.rewind(&self.session.req.body),
                Step::Over(outcome) => return outcome,
            }
        }
    }

    /// Books a failure and decides what follows (`ngx_http_upstream_next`).
    pub(super) fn fail(&mut self, failure: &Failure, peer: Option<PeerId>, reused: bool) -> Step {
        self.session.client.link_mut().action = Action::Exchange(failure.phase);
        // nginx gives the peer back before it logs a time-out, and after it logs anything else.
        let log_first = !matches!(failure.cause, Cause::TimedOut);
        if log_first {
            failure_log::log(self.session, failure);
        }
        let class = verdict(failure, &self.tried(reused), &self.rules());
        if let Some(peer) = peer {
            let outcome = match (class.counts, class.status) {
                (true, _) => PeerOutcome::Failed,
                (false, 403 | 404) => PeerOutcome::NextNoCount,
                (false, _) => PeerOutcome::Success,
            };
            self.release(peer, outcome);
        }
        if !log_first {
            failure_log::log(self.session, failure);
        }
        self.close_attempt();
        let verdict = verdict(failure, &self.tried(reused), &self.rules());
        if verdict.extra_try {
            self.attempts.grant_try();
        }
        if let Some(attempt) = self.session.req.attempts.last_mut() {
            attempt.failure = Some(failure.reason());
            if verdict.status != 500 {
                attempt.status = verdict.status;
            }
        }
        tracing::debug!(target: "weir", ?verdict, reason = failure.reason().token(), "http next upstream");
        if verdict.retry {
            return Step::Again;
        }
        self.session.client.link_mut().action = Action::Exchange(Phase::SendingToClient);
        Step::Over(Outcome::Status(verdict.status))
    }

    /// What the verdict needs to know of this request.
    pub(super) fn tried(&self, reused: bool) -> Tried {
        let limit = self.settings.proxy_next_upstream_timeout;
        Tried {
            request_sent: self.request_sent,
            idempotent: self.session.req.is_idempotent(),
            body_in_flight: self.session.req.body.streaming,
            reused,
            tries_left: self.attempts.tries_left(),
            out_of_time: !limit.is_zero()
                && clock::now().saturating_duration_since(self.started) >= limit,
        }
    }

    pub(super) fn rules(&self) -> Rules {
        Rules {
            next_upstream: self.settings.proxy_next_upstream,
        }
    }

    /// Gives the peer back to the pool, and says so if that takes it out.
    pub(super) fn release(&mut self, peer: PeerId, outcome: PeerOutcome) {
        self.picked = None;
        let now = clock::monotonic(clock::now());
        let pool = &self.pool.pool;
        let released = pool.release(&self.pool.rotation, &mut self.attempts, peer, outcome, now);
        if released.disabled {
            error_log::warn(
                self.session.view(),
                Message::text("upstream server temporarily disabled"),
            );
        }
        self.session.req.upstream.peer_is_held = false;
    }

    /// Begins an element of the `$upstream_*` lists.
    pub(super) fn open_attempt(&mut self) {
        let after_redirect = !self.opened && !self.session.req.attempts.is_empty();
        self.opened = true;
        self.session.req.upstream.group_is_empty = false;
        self.session.req.attempts.push(Attempt::new(after_redirect));
        self.session.client.link_mut().action = Action::Exchange(Phase::Connecting);
    }

    /// The running element of the `$upstream_*` lists.
    pub(super) fn current(&mut self) -> &mut Attempt {
        let attempts = &mut self.session.req.attempts;
        if attempts.is_empty() {
            attempts.push(Attempt::new(false));
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
        self.session.req.upstream.request_head = self.source.take_head();
        if let Some(peer) = self.picked.take() {
            let now = clock::monotonic(clock::now());
            let pool = self.pool;
            pool.pool.release(
                &pool.rotation,
                &mut self.attempts,
                peer,
                PeerOutcome::Success,
                now,
            );
        }
    }
}

/// Opens the request's turn in the pool, with the key its method hashes by.
fn begin(session: &Session, pool: &WorkerPool, method: Option<&BalanceMethod>) -> Attempts {
    match method {
        Some(BalanceMethod::Hash(template) | BalanceMethod::HashConsistent(template)) => pool
            .pool
            .begin(Key::Hash(&variables::text(session.view(), template))),
        Some(BalanceMethod::IpHash) => match &session.client.link().address {
            ClientAddress::Inet(address) => pool.pool.begin(Key::ClientAddr(Some(address.ip()))),
            ClientAddress::Unix => pool.pool.begin(Key::ClientAddr(None)),
        },
        Some(
            BalanceMethod::RoundRobin
            | BalanceMethod::LeastConn
            | BalanceMethod::Random
            | BalanceMethod::RandomTwo
            | BalanceMethod::RandomTwoLeastConn,
        )
        | None => pool.pool.begin(Key::None),
    }
}
