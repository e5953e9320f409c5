//! When a check asks each peer.

use std::time::Duration;

use crate::Now;

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

/// A peer that is asked from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Which of the peers that begin it is.
    pub index: usize,
    /// How many they are.
    pub count: usize,
    /// It gets no requests before it is asked.
    pub waited_for: bool,
    /// When it was to be asked, as noted before.
    pub due: Option<Now>,
}

impl Schedule {
    /// How long from now a peer is asked first: when it was to be asked, so that reloads in quick succession do not
    /// keep it from being asked. Where that is not known, peers are spread over the interval; those for which
    /// requests wait are asked earlier. `random`: any number.
    pub fn first(&self, start: Start, now: Now, random: u64) -> Duration {
        let count = u32::try_from(start.count).unwrap_or(u32::MAX).max(1);
        let index = u32::try_from(start.index).unwrap_or(u32::MAX);
        let step = self.interval / count;
        let soon = step.min(STEP).saturating_mul(index);
        match (self.left(start.due, now), start.waited_for) {
            (Some(left), true) => left.min(soon),
            (Some(left), false) => left,
            (None, true) => soon,
            (None, false) => (step.saturating_mul(index)).saturating_add(self.delay(random)),
        }
    }

    /// How long it is until a check that was noted, which an interval that is new may bring forward; `None`: so long
    /// ago that all peers may be due together.
    fn left(&self, due: Option<Now>, now: Now) -> Option<Duration> {
        let due = due.filter(|due| due.saturating_add(self.interval) > now)?;
        let most = self.interval.saturating_add(self.jitter);
        Some(due.saturating_sub(now).min(most))
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
