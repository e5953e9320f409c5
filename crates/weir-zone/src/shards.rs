//! Nodes behind locks: the larger a zone, the more of them.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::nodes::Nodes;
use crate::room::Room;

/// Bytes of a zone behind one lock. Where a zone has several, each forgets its own oldest keys when its
/// part is full, and a part of this size is about as full as any other then.
const SHARD: usize = 512 * 1024;

/// Locks that no number of workers makes too few.
const MOST_SHARDS: usize = 32;

/// What every worker finds by key.
#[derive(Debug)]
pub(crate) struct Shards<T> {
    shards: Box<[Shard<T>]>,
    pub(crate) hasher: RandomState,
}

/// In a line of the processor's cache of its own.
#[derive(Debug)]
#[repr(align(64))]
struct Shard<T>(Mutex<Nodes<T>>);

impl<T> Shards<T> {
    /// A zone of `size` bytes, of which nginx takes some for itself, with nodes that take `overhead` bytes
    /// and their key.
    pub(crate) fn new(
        size: usize,
        taken: impl IntoIterator<Item = usize>,
        overhead: usize,
    ) -> Self {
        let mut room = Room::of(size);
        for bytes in taken {
            room.take(bytes);
        }
        let count = (size / SHARD).clamp(1, MOST_SHARDS);
        let shard = |_| {
            let room = match count {
                1 => room.clone(),
                count => room.part(count),
            };
            Shard(Mutex::new(Nodes::new(room, overhead)))
        };
        Self {
            shards: (0..count).map(shard).collect(),
            hasher: RandomState::new(),
        }
    }

    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The number of the part that keys of this hash lie in.
    pub(crate) fn index(&self, hash: u64) -> u32 {
        // The table of a part looks at the lowest and the highest bits.
        ((hash >> 24) % self.shards.len() as u64) as u32
    }

    pub(crate) fn lock(&self, index: u32) -> MutexGuard<'_, Nodes<T>> {
        // Nothing is left half done by a panic: there is none under a lock.
        let Shard(nodes) = &self.shards[index as usize];
        nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn all(&self) -> impl Iterator<Item = MutexGuard<'_, Nodes<T>>> {
        (0..self.shards.len() as u32).map(|index| self.lock(index))
    }
}
