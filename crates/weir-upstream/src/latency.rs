//! How long a peer's answers take, in buckets.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Buckets of [`Latency`].
pub const BUCKETS: usize = 13;

/// Up to which time an answer belongs to a bucket, in milliseconds; the last has the rest.
pub const BOUNDS: [u64; BUCKETS - 1] = [
    5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
];

/// Answers by how long they took, to their end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    /// How many took no longer than the bound of the same place, and longer than the one before.
    pub buckets: [u64; BUCKETS],
    /// How long all of them took together, in milliseconds.
    pub sum: u64,
}

impl Latency {
    /// How many answers there are.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The bound, in milliseconds, that so many of a thousand answers keep; `None` if there are none, or no bound is
    /// large enough.
    pub fn bound_of(&self, thousandths: u64) -> Option<u64> {
        let wanted = (self.count() * thousandths).div_ceil(1000).max(1);
        let mut seen = 0;
        let found = self.buckets.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found.and_then(|bucket| BOUNDS.get(bucket).copied())
    }
}

/// What one worker has seen; a few increments of its own memory for each answer.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    buckets: [AtomicU32; BUCKETS],
    sum: AtomicU64,
}

impl Seen {
    /// An answer took so long.
    pub(crate) fn add(&self, took: Duration) {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < millis);
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.sum.fetch_add(millis, Relaxed);
    }

    /// Adds it to what others have seen.
    pub(crate) fn add_to(&self, all: &mut Latency) {
        for (sum, own) in all.buckets.iter_mut().zip(&self.buckets) {
            *sum += u64::from(own.load(Relaxed));
        }
        all.sum += self.sum.load(Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_fall_into_buckets() {
        let seen = Seen::default();
        for millis in [0, 5, 6, 400, 400, 70_000] {
            seen.add(Duration::from_millis(millis));
        }
        let mut latency = Latency::default();
        seen.add_to(&mut latency);
        assert_eq!(latency.buckets, [2, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1]);
        assert_eq!((latency.count(), latency.sum), (6, 70_811));
        assert_eq!(
            [100, 500, 800, 990].map(|part| latency.bound_of(part)),
            [Some(5), Some(10), Some(500), None]
        );
        assert_eq!(Latency::default().bound_of(500), None);
    }
}
