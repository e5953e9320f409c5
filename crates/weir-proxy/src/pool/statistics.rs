//! What the workers of a process count, for whoever asks: `stub_status`, `weir_status`.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use weir_verdict::Reason;

/// What a process has counted, over all of its workers, those that have ended included.
#[derive(Debug, Default)]
pub struct Statistics {
    workers: Mutex<Workers>,
    hour: Mutex<Hour>,
}

/// Failed tries of the last hour, by minute.
#[derive(Debug, Default)]
struct Hour {
    minutes: VecDeque<(u64, [u32; REASONS])>,
}

/// So many minutes are remembered.
const MINUTES: u64 = 60;

impl Hour {
    fn add(&mut self, minute: u64, reason: Reason) {
        if self.minutes.back().is_none_or(|(last, _)| *last < minute) {
            self.forget(minute);
            self.minutes.push_back((minute, [0; REASONS]));
        }
        if let Some((_, counts)) = self.minutes.back_mut() {
            counts[reason as usize] += 1;
        }
    }

    fn forget(&mut self, minute: u64) {
        let first = (minute + 1).saturating_sub(MINUTES);
        self.minutes.retain(|(old, _)| *old >= first);
    }

    fn sums(&mut self, minute: u64) -> [u64; REASONS] {
        self.forget(minute);
        let mut sums = [0; REASONS];
        for (_, counts) in &self.minutes {
            sums.iter_mut()
                .zip(counts)
                .for_each(|(sum, count)| *sum += u64::from(*count));
        }
        sums
    }
}

#[derive(Debug, Default)]
struct Workers {
    running: Vec<Arc<Counters>>,
    ended: Counts,
}

/// Counted by one worker, which alone writes here; two lines of the processor's cache, as it fetches them.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Counters {
    pub(crate) accepted: Counter,
    pub(crate) handled: Counter,
    pub(crate) requests: Counter,
    pub(crate) active: Counter,
    pub(crate) reading: Counter,
    pub(crate) writing: Counter,
    pub(crate) waiting: Counter,
    /// Failed tries, by [`Reason`].
    failures: [Counter; REASONS],
}

/// How many reasons there are.
pub(crate) const REASONS: usize = Reason::ALL.len();

/// A number that one thread changes and others may look at.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

/// A worker's counters, which the process keeps once it has ended.
#[derive(Debug)]
pub(crate) struct Member {
    statistics: Arc<Statistics>,
    counters: Arc<Counters>,
}

/// The numbers at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Connections that were accepted.
    pub(crate) accepted: u64,
    /// Connections that found a place.
    pub(crate) handled: u64,
    /// Requests that have begun.
    pub(crate) requests: u64,
    /// Connections of clients.
    pub(crate) active: u64,
    /// Requests whose head is not there yet.
    pub(crate) reading: u64,
    /// Requests that are worked on.
    pub(crate) writing: u64,
    /// Connections that wait for a request.
    pub(crate) waiting: u64,
    /// Failed tries, by [`Reason::ALL`].
    pub(crate) failures: [u64; REASONS],
}

impl Statistics {
    /// Counters for a worker more.
    pub(crate) fn enter(self: &Arc<Self>) -> Member {
        let counters = Arc::new(Counters::default());
        self.with(|workers| workers.running.push(counters.clone()));
        Member {
            statistics: self.clone(),
            counters,
        }
    }

    fn with<T>(&self, look: impl FnOnce(&mut Workers) -> T) -> T {
        // No panic leaves anything half done.
        look(&mut self.workers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Member {
    /// A try has failed, in this minute of the workers' clock.
    #[cold]
    pub(crate) fn fail(&self, reason: Reason, minute: u64) {
        self.counters.failures[reason as usize].add_one();
        let hour = &self.statistics.hour;
        hour.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(minute, reason);
    }

    /// Failed tries of the last hour, by [`Reason::ALL`].
    pub(crate) fn last_hour(&self, minute: u64) -> [u64; REASONS] {
        let hour = &self.statistics.hour;
        hour.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .sums(minute)
    }

    /// What all workers have counted.
    pub(crate) fn all(&self) -> Counts {
        self.statistics.with(|workers| {
            let running = workers.running.iter().map(|counters| counters.read());
            running.fold(workers.ended, Counts::plus)
        })
    }
}

impl std::ops::Deref for Member {
    type Target = Counters;

    fn deref(&self) -> &Counters {
        &self.counters
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.statistics.with(|workers| {
            let running = &mut workers.running;
            running.retain(|counters| !Arc::ptr_eq(counters, &self.counters));
            workers.ended = workers.ended.plus(self.counters.read());
        });
    }
}

impl Counters {
    fn read(&self) -> Counts {
        Counts {
            accepted: self.accepted.read(),
            handled: self.handled.read(),
            requests: self.requests.read(),
            active: self.active.read(),
            reading: self.reading.read(),
            writing: self.writing.read(),
            waiting: self.waiting.read(),
            failures: self.failures.each_ref().map(Counter::read),
        }
    }
}

impl Counter {
    /// Without a locked instruction, for nobody else writes.
    pub(crate) fn add_one(&self) {
        self.0.store(self.read() + 1, Ordering::Relaxed);
    }

    pub(crate) fn take_one(&self) {
        self.0
            .store(self.read().saturating_sub(1), Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counts {
    fn plus(self, other: Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            handled: self.handled + other.handled,
            requests: self.requests + other.requests,
            active: self.active + other.active,
            reading: self.reading + other.reading,
            writing: self.writing + other.writing,
            waiting: self.waiting + other.waiting,
            failures: std::array::from_fn(|index| self.failures[index] + other.failures[index]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_ends_is_not_forgotten() {
        let statistics = Arc::new(Statistics::default());
        let (first, second) = (statistics.enter(), statistics.enter());
        first.requests.add_one();
        first.requests.add_one();
        first.active.add_one();
        first.active.take_one();
        second.requests.add_one();
        second.waiting.add_one();
        drop(first);
        let expected = Counts {
            requests: 3,
            waiting: 1,
            ..Counts::default()
        };
        assert_eq!(second.all(), expected);
    }

    #[test]
    fn failures_are_remembered_for_an_hour() {
        let statistics = Arc::new(Statistics::default());
        let worker = statistics.enter();
        worker.fail(Reason::ConnectionRefused, 10);
        worker.fail(Reason::ConnectionRefused, 69);
        worker.fail(Reason::HttpStatus, 69);
        let refused = |minute| worker.last_hour(minute)[Reason::ConnectionRefused as usize];
        assert_eq!([refused(69), refused(70), refused(129)], [2, 1, 0]);
        assert_eq!(worker.all().failures[Reason::ConnectionRefused as usize], 2);
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }
}
