//! What is kept of answers. Workers share it.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Kind;
use crate::answer::Service;

/// Most records of all names together, each name counting as one more.
const MOST_RECORDS: usize = 65_536;

/// Seconds after which a name that nobody asks for is forgotten, however long it holds (`ngx_resolver_create`).
const UNUSED: u64 = 30;

/// Names that are forgotten at once: the work is spread over those who ask (`ngx_resolver_expire`).
const FORGOTTEN_AT_ONCE: usize = 2;

/// What a look-up is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    /// In small letters.
    pub(crate) name: Box<[u8]>,
}

/// What is known of a name.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    /// Its addresses, those of IPv4 first.
    Addresses(Arc<[IpAddr]>),
    Services(Arc<[Service]>),
    /// It is another name for this one.
    Alias(Box<[u8]>),
}

/// Answers, by name, for as long as they hold. Those that say that there is nothing are not kept.
#[derive(Debug, Default)]
pub struct Cache(Mutex<Names>);

#[derive(Debug, Default)]
struct Names {
    entries: HashMap<Arc<Key>, Entry>,
    /// By last use, the oldest first.
    turns: BTreeMap<u64, Arc<Key>>,
    next_turn: u64,
    records: usize,
}

#[derive(Debug)]
struct Entry {
    known: Known,
    /// The last second in which it holds.
    valid_until: u64,
    /// The last second in which it is kept without being used.
    kept_until: u64,
    turn: u64,
}

impl Cache {
    /// What holds of `key` in second `now`, and until when; it counts as used.
    pub(crate) fn find(&self, key: &Key, now: u64) -> Option<(Known, u64)> {
        self.lock().find(key, now)
    }

    /// Keeps `known`, which holds until the end of second `valid_until`.
    pub(crate) fn keep(&self, key: Key, known: Known, valid_until: u64, now: u64) {
        let mut names = self.lock();
        names.forget(&key);
        let kept_until = now.saturating_add(UNUSED);
        names.insert(Arc::new(key), known, valid_until, kept_until);
        while names.records > MOST_RECORDS {
            names.forget_oldest();
        }
    }

    /// Forgets a few names that nobody has asked for lately.
    pub(crate) fn expire(&self, now: u64) {
        let mut names = self.lock();
        for _ in 0..FORGOTTEN_AT_ONCE {
            if !names.oldest_is_unused(now) {
                return;
            }
            names.forget_oldest();
        }
    }

    /// A worker that panicked has left nothing half done.
    fn lock(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Names {
    fn find(&mut self, key: &Key, now: u64) -> Option<(Known, u64)> {
        let entry = self.entries.get_mut(key)?;
        if entry.valid_until < now {
            return None;
        }
        entry.kept_until = now.saturating_add(UNUSED);
        let shared = self.turns.remove(&entry.turn);
        entry.turn = self.next_turn;
        self.next_turn += 1;
        let found = (entry.known.clone(), entry.valid_until);
        if let Some(shared) = shared {
            self.turns.insert(self.next_turn - 1, shared);
        }
        Some(found)
    }

    fn insert(&mut self, key: Arc<Key>, known: Known, valid_until: u64, kept_until: u64) {
        let turn = self.next_turn;
        self.next_turn += 1;
        self.records += known.records();
        self.turns.insert(turn, key.clone());
        let entry = Entry {
            known,
            valid_until,
            kept_until,
            turn,
        };
        self.entries.insert(key, entry);
    }

    fn forget(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.records -= entry.known.records();
            self.turns.remove(&entry.turn);
        }
    }

    fn oldest_is_unused(&self, now: u64) -> bool {
        let oldest = self.turns.first_key_value();
        let entry = oldest.and_then(|(_, key)| self.entries.get(key));
        entry.is_some_and(|entry| entry.kept_until < now)
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.turns.pop_first() {
            self.forget(&key);
        }
    }
}

impl Known {
    /// What it counts for.
    fn records(&self) -> usize {
        1 + match self {
            Self::Addresses(addresses) => addresses.len(),
            Self::Services(services) => services.len(),
            Self::Alias(_) => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key {
            kind: Kind::Addresses,
            name: name.as_bytes().into(),
        }
    }

    fn holds(cache: &Cache, name: &str, now: u64) -> bool {
        cache.find(&key(name), now).is_some()
    }

    fn one() -> Known {
        Known::Addresses([IpAddr::from([127, 0, 0, 1])].into())
    }

    #[test]
    fn answers_hold_through_their_last_second() {
        let cache = Cache::default();
        cache.keep(key("a"), one(), 10, 10);
        assert!(holds(&cache, "a", 10));
        assert!(!holds(&cache, "a", 11));
        assert!(!holds(&cache, "b", 10));
    }

    #[test]
    fn unused_names_are_forgotten_two_at_a_time() {
        let cache = Cache::default();
        for name in ["a", "b", "c", "d"] {
            cache.keep(key(name), one(), 1000, 10);
        }
        assert!(holds(&cache, "a", 20));
        cache.expire(40);
        assert_eq!(cache.lock().entries.len(), 4);
        cache.expire(41);
        assert_eq!(cache.lock().entries.len(), 2);
        cache.expire(41);
        assert_eq!(cache.lock().entries.len(), 1);
        assert!(holds(&cache, "a", 41));
    }

    #[test]
    fn room_is_bounded_by_records() {
        let cache = Cache::default();
        let many = Known::Addresses(vec![IpAddr::from([127, 0, 0, 1]); 4095].into());
        for name in 0..100 {
            cache.keep(key(&name.to_string()), many.clone(), 1000, 10);
        }
        let names = cache.lock();
        assert_eq!((names.entries.len(), names.turns.len()), (16, 16));
        assert_eq!(names.records, MOST_RECORDS);
    }
}
