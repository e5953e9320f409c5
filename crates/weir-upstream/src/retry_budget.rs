//! How many of a pool's requests may be retries, so that a pool that is going down is not pushed.

use std::cell::Cell;

use weir_conf::RetryShare;

use crate::Now;

/// What a worker may still spend on retries in one pool. Each request earns the share of a retry, which is
/// lost if it is not spent within ten seconds; beyond that a few retries a second are free.
///
/// A worker's own, so that nobody waits for another: with several, each grants its part.
#[derive(Debug)]
pub struct RetryBudget {
    rule: RetryShare,
    /// The second that was looked at last.
    second: Cell<u64>,
    /// Retries in it.
    retries: Cell<u32>,
    /// By second, modulo their number: what its requests have earned and nobody has spent, in hundredths of a
    /// retry.
    earned: [Cell<u64>; SECONDS as usize],
}

/// For so long what a request has earned can be spent, its own second included.
const SECONDS: u64 = 10;

/// A retry, in the hundredths that requests earn.
const RETRY: u64 = 100;

impl RetryBudget {
    /// An empty budget.
    pub fn new(rule: RetryShare) -> Self {
        Self {
            rule,
            second: Cell::new(0),
            retries: Cell::new(0),
            earned: Default::default(),
        }
    }

    /// A request begins its first try.
    pub fn earn(&self, now: Now) {
        self.turn_to(now.as_secs());
        let earned = self.of(now.as_secs());
        earned.set(earned.get() + u64::from(self.rule.percent));
    }

    /// Whether a retry would be one too many.
    pub fn is_spent(&self, now: Now) -> bool {
        self.turn_to(now.as_secs());
        let left: u64 = self.earned.iter().map(Cell::get).sum();
        left < RETRY && self.retries.get() >= self.rule.min_per_second
    }

    /// A retry is made. It takes what was earned first; if there is too little, it is one of the free ones.
    pub fn spend(&self, now: Now) {
        self.turn_to(now.as_secs());
        self.retries.set(self.retries.get().saturating_add(1));
        let newest = self.second.get();
        let mut due = RETRY;
        for age in (0..SECONDS).rev() {
            let earned = self.of(newest.wrapping_sub(age));
            let taken = earned.get().min(due);
            earned.set(earned.get() - taken);
            due -= taken;
        }
    }

    /// Forgets what was earned too long ago.
    fn turn_to(&self, second: u64) {
        let before = self.second.get();
        if second <= before {
            return;
        }
        let oldest = before.max(second.saturating_sub(SECONDS));
        (oldest + 1..=second).for_each(|over| self.of(over).set(0));
        self.second.set(second);
        self.retries.set(0);
    }

    fn of(&self, second: u64) -> &Cell<u64> {
        &self.earned[(second % SECONDS) as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn budget(percent: u32, min_per_second: u32) -> RetryBudget {
        RetryBudget::new(RetryShare {
            percent,
            min_per_second,
        })
    }

    /// So many requests in the second, and how many retries are granted after them.
    fn granted(budget: &RetryBudget, second: u64, requests: u32) -> u32 {
        let now = Duration::from_secs(second);
        (0..requests).for_each(|_| budget.earn(now));
        let mut granted = 0;
        while !budget.is_spent(now) && granted < 10_000 {
            budget.spend(now);
            granted += 1;
        }
        granted
    }

    #[test]
    fn requests_earn_their_share_and_some_retries_are_free() {
        for (percent, min, requests, expected) in [
            (20, 0, 100, 20),
            (20, 0, 4, 0),
            (20, 0, 5, 1),
            (20, 3, 0, 3),
            (20, 3, 10, 3),
            (20, 3, 100, 20),
            (0, 0, 1000, 0),
            (0, 2, 1000, 2),
            (100, 0, 7, 7),
        ] {
            let granted = granted(&budget(percent, min), 5, requests);
            assert_eq!(granted, expected, "{percent}% min={min} of {requests}");
        }
    }

    #[test]
    fn what_is_earned_lasts_ten_seconds_and_is_not_spent_twice() {
        let spent_later = |later: u64| {
            let budget = budget(10, 0);
            let now = Duration::from_secs(100);
            (0..50).for_each(|_| budget.earn(now));
            (
                granted(&budget, 100 + later, 0),
                granted(&budget, 101 + later, 0),
            )
        };
        assert_eq!(spent_later(0), (5, 0));
        assert_eq!(spent_later(9), (5, 0));
        assert_eq!(spent_later(10), (0, 0));
        assert_eq!(spent_later(1000), (0, 0));
    }

    #[test]
    fn a_steady_flow_is_granted_its_share_in_each_second() {
        let budget = budget(20, 3);
        assert_eq!(granted(&budget, 1, 100), 20);
        for second in 2..30 {
            assert_eq!(granted(&budget, second, 100), 20, "second {second}");
        }
    }

    proptest! {
        /// Steps: seconds that pass, and whether a request begins or a retry is wished for.
        #[test]
        fn retries_never_exceed_the_share_and_what_is_free(
            percent in 0..=100_u32,
            min in 0..5_u32,
            steps in prop::collection::vec((prop_oneof![9 => Just(0_u64), 1 => 0..15_u64], any::<bool>()), 1..400),
        ) {
            let budget = budget(percent, min);
            let mut now = 1;
            let mut requests: Vec<u64> = Vec::new();
            let mut retries: Vec<u64> = Vec::new();
            for (pause, is_request) in steps {
                now += pause;
                let at = Duration::from_secs(now);
                if is_request {
                    budget.earn(at);
                    requests.push(now);
                    continue;
                }
                let recent = |all: &[u64], span| all.iter().filter(|at| **at + span > now).count() as u64;
                let (asked, again) = (recent(&requests, SECONDS), recent(&retries, SECONDS));
                let is_free = recent(&retries, 1) < u64::from(min);
                if budget.is_spent(at) {
                    prop_assert!(!is_free, "a free retry was refused");
                    prop_assert!((again + 1) * 100 > asked * u64::from(percent), "a retry that was earned was refused");
                    continue;
                }
                budget.spend(at);
                retries.push(now);
                let seconds = retries.iter().collect::<std::collections::BTreeSet<_>>().len() as u64;
                let most = requests.len() as u64 * u64::from(percent) / 100 + seconds * u64::from(min);
                prop_assert!(retries.len() as u64 <= most, "{} of {most}", retries.len());
                prop_assert!(is_free || (asked > 0 && percent > 0));
            }
        }
    }
}
