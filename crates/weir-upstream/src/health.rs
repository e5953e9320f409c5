//! Active health checks: when a peer is asked, and what its answers make of it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::{Now, Peer};

// Each check of a pool has a bit.
const _: () = assert!(weir_conf::HealthCheck::MOST == u32::BITS as usize);

/// One of the checks of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CheckId(u32);

impl CheckId {
    /// The check of this number; `None`: there are no more than [`weir_conf::HealthCheck::MOST`].
    pub fn new(number: usize) -> Option<Self> {
        let number = u32::try_from(number).ok()?;
        (number < u32::BITS).then_some(Self(number))
    }

    fn bit(self) -> u32 {
        1 << self.0
    }
}

/// Some of the checks of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CheckSet(u32);

impl CheckSet {
    /// Adds a check.
    pub fn insert(&mut self, check: CheckId) {
        self.0 |= check.bit();
    }
}

/// What the checks say of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerHealth {
    /// All that it is asked, it has answered well; or it is not asked.
    Healthy,
    /// One check at least has failed: it gets no requests.
    Unhealthy,
    /// It gets no requests before it has passed a check.
    Checking,
}

/// What all workers know of a peer's health: one bit for each check that has failed, and one for each that the
/// peer has to pass first.
#[derive(Debug, Default)]
pub(crate) struct Health(AtomicU64);

impl Health {
    /// The health of a peer that has to pass these checks first.
    pub(crate) fn awaiting(checks: CheckSet) -> Self {
        Self(AtomicU64::new(awaited(checks.0)))
    }

    /// Whether it may get requests.
    #[inline]
    pub(crate) fn is_up(&self) -> bool {
        self.0.load(Relaxed) == 0
    }

    /// Whether it has to pass a check first that nobody knows the answer to.
    fn is_awaited(&self) -> bool {
        self.0.load(Relaxed) & awaited(u32::MAX) != 0
    }

    fn of(&self, checks: u32) -> PeerHealth {
        let bits = self.0.load(Relaxed);
        if bits & u64::from(checks) != 0 {
            PeerHealth::Unhealthy
        } else if bits & awaited(checks) != 0 {
            PeerHealth::Checking
        } else {
            PeerHealth::Healthy
        }
    }

    /// One check has failed.
    fn lower(&self, check: CheckId) {
        // First the new reason, so that at no time there is none.
        self.0.fetch_or(u64::from(check.bit()), Relaxed);
        self.0.fetch_and(!awaited(check.bit()), Relaxed);
    }

    /// One check has passed; whether the peer gets requests again.
    fn raise(&self, check: CheckId) -> bool {
        let own = u64::from(check.bit()) | awaited(check.bit());
        let before = self.0.fetch_and(!own, Relaxed);
        before != 0 && before & !own == 0
    }

    /// Checks begin, of which some are to be passed anew; what others said does not count any more.
    fn begin(&self, all: CheckSet, anew: CheckSet) {
        self.0.fetch_and(u64::from(all.0) | awaited(all.0), Relaxed);
        self.0.fetch_or(awaited(anew.0), Relaxed);
    }
}

/// Where the bits of checks stand that are to be passed first.
fn awaited(checks: u32) -> u64 {
    u64::from(checks) << u32::BITS
}

impl Peer {
    /// What all checks say of it.
    pub fn health(&self) -> PeerHealth {
        self.shared().health.of(u32::MAX)
    }

    /// Whether it has to pass a check first that nobody knows the answer to.
    pub(crate) fn awaits_check(&self) -> bool {
        self.shared().health.is_awaited()
    }

    /// What one check says of it.
    pub fn health_by(&self, check: CheckId) -> PeerHealth {
        self.shared().health.of(check.bit())
    }

    /// The checks of a configuration begin: of `all`, it has to pass those in `anew` before it gets more requests.
    /// What it was found to be before a reload still holds in the others.
    pub fn begin_checks(&self, all: CheckSet, anew: CheckSet) {
        self.shared().health.begin(all, anew);
        self.note_taken_out();
    }
}

/// How many answers in a row change a peer's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Failures that make it unhealthy; at least 1.
    pub fails: u32,
    /// Passes that make it healthy again; at least 1.
    pub passes: u32,
}

/// What an answer has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthChange {
    /// Nothing.
    None,
    /// nginx logs `peer is unhealthy` (warn).
    Unhealthy,
    /// nginx logs `peer is healthy` (notice).
    Healthy,
}

/// The latest answers of a peer to one check.
#[derive(Debug, Clone, Copy, Default)]
pub struct Streak {
    fails: u32,
    passes: u32,
}

impl Streak {
    /// Notes an answer. A peer that has to pass first is settled by its first answer, as it promises.
    pub fn note(
        &mut self,
        peer: &Peer,
        check: CheckId,
        patience: Patience,
        passed: bool,
        now: Now,
    ) -> HealthChange {
        *self = match passed {
            true => Self {
                fails: 0,
                passes: self.passes.saturating_add(1),
            },
            false => Self {
                fails: self.fails.saturating_add(1),
                passes: 0,
            },
        };
        let enough = match (peer.health_by(check), passed) {
            (PeerHealth::Checking, _) => true,
            (PeerHealth::Healthy, true) | (PeerHealth::Unhealthy, false) => false,
            (PeerHealth::Healthy, false) => self.fails >= patience.fails,
            (PeerHealth::Unhealthy, true) => self.passes >= patience.passes,
        };
        match (enough, passed) {
            (false, _) => HealthChange::None,
            (true, false) => {
                peer.shared().health.lower(check);
                peer.note_taken_out();
                HealthChange::Unhealthy
            }
            (true, true) => {
                if peer.shared().health.raise(check) {
                    peer.note_recovery(now);
                }
                HealthChange::Healthy
            }
        }
    }
}

/// When a check asks the peers of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// From the end of a check of a peer to the start of the next.
    pub interval: Duration,
    /// By how much more each is delayed at most.
    pub jitter: Duration,
}

/// Between the first checks of two peers for which requests wait.
const STEP: Duration = Duration::from_millis(10);

impl Schedule {
    /// How long after the start the peer at `index` of `count` is asked first: they are spread over the interval,
    /// but those that get no requests before go ahead. `random`: any number.
    pub fn first(&self, index: usize, count: usize, waited_for: bool, random: u64) -> Duration {
        let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let step = self.interval / count;
        match waited_for {
            true => step.min(STEP).saturating_mul(index),
            false => (step.saturating_mul(index)).saturating_add(self.delay(random)),
        }
    }

    /// How long after the end of a check the next one begins.
    pub fn next(&self, random: u64) -> Duration {
        self.interval.saturating_add(self.delay(random))
    }

    /// From nothing up to the jitter.
    fn delay(&self, random: u64) -> Duration {
        let most = u64::try_from(self.jitter.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(random.checked_rem(most.saturating_add(1)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests;
