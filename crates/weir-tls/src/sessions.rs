//! Sessions that clients come back to: kept here, or by the clients, encrypted.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::Error;
use rustls::pki_types::UnixTime;
use rustls::server::{ProducesTickets, StoresServerSessions};

use crate::backend::Ticketer;

/// Bytes that nginx's zones hold for each session: some 4000 in a megabyte.
const SESSION: usize = 256;

/// A zone of sessions, which servers share, and all workers: those that are kept, and the keys of those
/// that clients keep.
pub struct SessionZone {
    store: Arc<Store>,
    tickets: Arc<dyn ProducesTickets>,
}

impl SessionZone {
    /// A zone of `size` bytes.
    pub fn of_size(size: usize) -> Result<Self, Error> {
        Self::of_count(size / SESSION)
    }

    /// A zone of `count` sessions.
    pub(crate) fn of_count(count: usize) -> Result<Self, Error> {
        Ok(Self {
            store: Arc::new(Store {
                most: count,
                kept: Mutex::default(),
            }),
            tickets: Ticketer::new()?,
        })
    }

    /// What a server keeps here, for as long as it says; good for servers of the same `context` only.
    pub(crate) fn store(
        &self,
        lifetime: Duration,
        context: [u8; 8],
    ) -> Arc<dyn StoresServerSessions> {
        Arc::new(Lease {
            store: self.store.clone(),
            lifetime: lifetime.as_secs(),
            context,
        })
    }

    /// What a server's clients keep, for as long as it says; good for servers of the same `context` only.
    pub(crate) fn tickets(&self, lifetime: Duration, context: [u8; 8]) -> Arc<dyn ProducesTickets> {
        dated(self.tickets.clone(), lifetime, context)
    }
}

/// What clients keep, by keys of `inner`, for as long as it says; good for servers of the same `context` only.
pub(crate) fn dated(
    inner: Arc<dyn ProducesTickets>,
    lifetime: Duration,
    context: [u8; 8],
) -> Arc<dyn ProducesTickets> {
    Arc::new(Dated {
        inner,
        lifetime: u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX),
        context,
    })
}

impl fmt::Debug for SessionZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionZone").finish_non_exhaustive()
    }
}

/// Sessions by their keys; the oldest go first.
#[derive(Debug)]
struct Store {
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    sessions: HashMap<Vec<u8>, Session>,
    order: VecDeque<Vec<u8>>,
}

#[derive(Debug)]
struct Session {
    ends: u64,
    value: Vec<u8>,
}

impl Kept {
    fn put(&mut self, most: usize, key: Vec<u8>, session: Session) {
        if self.sessions.insert(key.clone(), session).is_none() {
            self.order.push_back(key);
        }
        // Of those that clients have come back to only the key is left.
        while self.sessions.len() > most || self.order.len() > most.saturating_mul(2) {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            self.sessions.remove(&oldest);
        }
    }
}

/// A server's use of a store.
#[derive(Debug)]
struct Lease {
    store: Arc<Store>,
    lifetime: u64,
    context: [u8; 8],
}

impl Lease {
    fn with<T>(&self, act: impl FnOnce(&mut Kept) -> T) -> T {
        // A thread that panicked has left whole sessions.
        let kept = self.store.kept.lock();
        act(&mut kept.unwrap_or_else(PoisonError::into_inner))
    }

    /// What was kept, if it is still good, and good here.
    fn fitting(&self, session: &Session) -> Option<Vec<u8>> {
        let value = session.value.strip_prefix(&self.context)?;
        (session.ends >= now()).then(|| value.to_vec())
    }
}

impl StoresServerSessions for Lease {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let ends = now() + self.lifetime;
        let most = self.store.most;
        let value = [&self.context, value.as_slice()].concat();
        self.with(|kept| kept.put(most, key, Session { ends, value }));
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.with(|kept| {
            let session = kept.sessions.get(key)?;
            self.fitting(session)
        })
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.with(|kept| {
            let session = kept.sessions.remove(key)?;
            self.fitting(&session)
        })
    }

    fn can_cache(&self) -> bool {
        self.store.most > 0
    }
}

/// Tickets with the time that they were made at.
#[derive(Debug)]
struct Dated {
    inner: Arc<dyn ProducesTickets>,
    lifetime: u32,
    context: [u8; 8],
}

impl ProducesTickets for Dated {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.lifetime
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let made = now().to_be_bytes();
        self.inner
            .encrypt(&[&self.context, &made[..], plain].concat())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let plain = self.inner.decrypt(cipher)?;
        let (made, rest) = plain.strip_prefix(&self.context)?.split_first_chunk()?;
        let ends = u64::from_be_bytes(*made).saturating_add(self.lifetime.into());
        (ends >= now()).then(|| rest.to_vec())
    }
}

fn now() -> u64 {
    UnixTime::now().as_secs()
}

/// Seconds since 1970.
pub(crate) fn now_signed() -> i64 {
    i64::try_from(now()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_sessions_go_first() {
        let zone = SessionZone::of_count(2).expect("random bytes");
        let store = zone.store(Duration::from_secs(60), [0; 8]);
        for key in 1..=3 {
            assert!(store.put(vec![key], vec![key]));
        }
        assert_eq!(store.get(&[1]), None);
        assert_eq!(store.take(&[2]), Some(vec![2]));
        assert_eq!(store.take(&[2]), None);
        assert!(store.put(vec![4], vec![4]));
        assert_eq!(store.get(&[3]), Some(vec![3]));
    }

    #[test]
    fn tickets_are_the_zones() {
        let zone = SessionZone::of_count(2).expect("random bytes");
        let other = SessionZone::of_count(2).expect("random bytes");
        let lifetime = Duration::from_secs(60);
        let ticket = zone
            .tickets(lifetime, [1; 8])
            .encrypt(b"session")
            .expect("a ticket");
        let read = |zone: &SessionZone, context| zone.tickets(lifetime, context).decrypt(&ticket);
        assert_eq!(read(&zone, [1; 8]).as_deref(), Some(&b"session"[..]));
        assert_eq!(read(&zone, [2; 8]), None);
        assert_eq!(read(&other, [1; 8]), None);
    }
}
