//! Keys and what is known of each: found by key, ordered by last use, bounded by the room.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use smallvec::SmallVec;

use crate::room::Room;

/// No node.
const NONE: u32 = u32::MAX;

/// Keys of addresses lie with the rest.
type Key = SmallVec<[u8; 16]>;

/// The number of a node, which is the same as long as it lives.
pub(crate) type Number = u32;

/// Nodes by key.
#[derive(Debug)]
pub(crate) struct Nodes<T> {
    by_key: HashTable<Number>,
    nodes: Vec<Node<T>>,
    /// Head of the list of numbers that may be used again, linked by `older`.
    free: Number,
    newest: Number,
    oldest: Number,
    room: Room,
    /// Bytes of a node in nginx, without its key.
    overhead: usize,
}

#[derive(Debug)]
struct Node<T> {
    key: Key,
    newer: Number,
    older: Number,
    value: T,
}

impl<T> Nodes<T> {
    pub(crate) fn new(room: Room, overhead: usize) -> Self {
        Self {
            by_key: HashTable::new(),
            nodes: Vec::new(),
            free: NONE,
            newest: NONE,
            oldest: NONE,
            room,
            overhead,
        }
    }

    /// The node of `key`, whose hash this is.
    pub(crate) fn find(&self, hash: u64, key: &[u8]) -> Option<Number> {
        let same = |number: &Number| self.nodes[*number as usize].key.as_slice() == key;
        self.by_key.find(hash, same).copied()
    }

    pub(crate) fn value(&mut self, number: Number) -> &mut T {
        &mut self.nodes[number as usize].value
    }

    /// Adds a key that is not there as the one used last; `None` if the room is full.
    pub(crate) fn add(
        &mut self,
        hash: u64,
        key: &[u8],
        value: T,
        hasher: &RandomState,
    ) -> Option<Number> {
        if !self.room.take(self.overhead + key.len()) {
            return None;
        }
        let node = Node {
            key: Key::from_slice(key),
            newer: NONE,
            older: NONE,
            value,
        };
        let number = self.place(node)?;
        let nodes = &self.nodes;
        self.by_key.insert_unique(hash, number, |number| {
            hasher.hash_one(nodes[*number as usize].key.as_slice())
        });
        self.link(number);
        Some(number)
    }

    fn place(&mut self, node: Node<T>) -> Option<Number> {
        if self.free == NONE {
            let number = Number::try_from(self.nodes.len()).ok()?;
            self.nodes.push(node);
            return Some(number);
        }
        let number = self.free;
        let free = &mut self.nodes[number as usize];
        self.free = free.older;
        *free = node;
        Some(number)
    }

    /// The key used longest ago.
    pub(crate) fn oldest(&self) -> Option<Number> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// Notes that the key is used.
    pub(crate) fn touch(&mut self, number: Number) {
        if self.newest != number {
            self.unlink(number);
            self.link(number);
        }
    }

    /// Forgets a key.
    pub(crate) fn remove(&mut self, number: Number, hasher: &RandomState) {
        self.unlink(number);
        let key = std::mem::take(&mut self.nodes[number as usize].key);
        let hash = hasher.hash_one(key.as_slice());
        if let Ok(entry) = self.by_key.find_entry(hash, |known| *known == number) {
            entry.remove();
        }
        self.room.give(self.overhead + key.len());
        self.nodes[number as usize].older = self.free;
        self.free = number;
    }

    fn link(&mut self, number: Number) {
        let older = std::mem::replace(&mut self.newest, number);
        let node = &mut self.nodes[number as usize];
        (node.newer, node.older) = (NONE, older);
        match older {
            NONE => self.oldest = number,
            older => self.nodes[older as usize].newer = number,
        }
    }

    fn unlink(&mut self, number: Number) {
        let Node { newer, older, .. } = self.nodes[number as usize];
        match newer {
            NONE => self.newest = older,
            newer => self.nodes[newer as usize].older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => self.nodes[older as usize].newer = newer,
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Bytes of memory in use.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        let nodes = self.nodes.capacity() * size_of::<Node<T>>();
        let keys = self.nodes.iter().filter(|node| node.key.spilled());
        nodes + self.by_key.allocation_size() + keys.map(|node| node.key.capacity()).sum::<usize>()
    }
}
