//! What the workers of a process count, for whoever asks: `stub_status`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What a process has counted, over all of its workers, those that have ended included.
#[derive(Debug, Default)]
pub struct Statistics(Mutex<Workers>);

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
}

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
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Member {
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
}
