//! Active health checks: what the answers of a peer make of it, and, in `schedule`, when it is asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Now, Peer};

mod schedule;

pub use schedule::{Schedule, Start};

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

    /// Those of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The first check that is not among them.
    pub fn first_missing(self) -> Option<CheckId> {
        let number = self.0.trailing_ones();
        (number < u32::BITS).then_some(CheckId(number))
    }

    fn contains(self, check: CheckId) -> bool {
        self.0 & check.bit() != 0
    }
}

/// The checks with which a configuration begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Beginning {
    /// All of them.
    pub all: CheckSet,
    /// Those that were there before a reload, under the same number: what they have found still holds.
    pub known: CheckSet,
    /// Those that a new peer has to pass before it gets requests.
    pub awaited: CheckSet,
    /// Those that every peer has to pass before it gets more requests.
    pub anew: CheckSet,
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

/// What all workers know of a peer's health.
#[derive(Debug)]
pub(crate) struct Health {
    /// One bit for each check that has failed, and one for each that the peer has to pass first.
    bits: AtomicU64,
    /// The checks that have a say: a worker may still ask by one that a reload has removed.
    in_force: AtomicU32,
    /// When each check is to ask next.
    due: Mutex<HashMap<CheckId, Now>>,
}

impl Health {
    /// The health of a peer that has to pass these checks first.
    pub(crate) fn awaiting(checks: CheckSet) -> Self {
        Self {
            bits: AtomicU64::new(awaited(checks.0)),
            in_force: AtomicU32::new(u32::MAX),
            due: Mutex::default(),
        }
    }

    /// Whether it may get requests.
    #[inline]
    pub(crate) fn is_up(&self) -> bool {
        self.bits.load(Relaxed) == 0
    }

    /// Whether it has to pass a check first that nobody knows the answer to.
    fn is_awaited(&self) -> bool {
        self.bits.load(Relaxed) & awaited(u32::MAX) != 0
    }

    fn of(&self, checks: u32) -> PeerHealth {
        let bits = self.bits.load(Relaxed);
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
        self.bits.fetch_or(u64::from(check.bit()), Relaxed);
        self.bits.fetch_and(!awaited(check.bit()), Relaxed);
    }

    /// One check has passed; whether the peer gets requests again.
    fn raise(&self, check: CheckId) -> bool {
        let own = u64::from(check.bit()) | awaited(check.bit());
        let before = self.bits.fetch_and(!own, Relaxed);
        before != 0 && before & !own == 0
    }

    /// Whether what the check finds counts.
    fn heeds(&self, check: CheckId) -> bool {
        CheckSet(self.in_force.load(Relaxed)).contains(check)
    }

    /// Checks begin; what others said does not count any more.
    fn begin(&self, checks: &Beginning) {
        self.in_force.store(checks.all.0, Relaxed);
        let known = checks.known;
        // A new peer waits for new checks, too.
        let may_wait = known.union(checks.awaited);
        (self.bits).fetch_and(u64::from(known.0) | awaited(may_wait.0), Relaxed);
        self.bits.fetch_or(awaited(checks.anew.0), Relaxed);
        self.due().retain(|check, _| known.contains(*check));
    }

    fn due(&self) -> MutexGuard<'_, HashMap<CheckId, Now>> {
        // Times of checks, each of which stands alone.
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// When the check is to ask next, if that has been noted.
    pub fn due(&self, check: CheckId) -> Option<Now> {
        self.shared().health.due().get(&check).copied()
    }

    /// Notes when the check is to ask next, so that whoever goes on with it after a reload does not begin anew.
    pub fn note_due(&self, check: CheckId, due: Now) {
        let health = &self.shared().health;
        if health.heeds(check) {
            health.due().insert(check, due);
        }
    }

    /// The checks of a configuration begin. What others found does not matter any more.
    pub fn begin_checks(&self, checks: &Beginning) {
        self.shared().health.begin(checks);
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
        if !peer.shared().health.heeds(check) {
            return HealthChange::None;
        }
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

#[cfg(test)]
mod tests;
