//! The idle upstream connections of one worker and pool (`ngx_http_upstream_keepalive_module`).

use std::collections::{HashSet, VecDeque};

use weir_conf::Keepalive;

use crate::{AddressId, Now, Peer};

/// Idle connections; the most recently used is taken first, the least recently used gives way.
///
/// What the cache no longer wants it hands back, so that the caller may end TLS before closing.
/// Taking and putting do not allocate once the cache has reached its size. A cache belongs to the
/// pool whose peers it is asked for, from list to list; a reload starts a new one.
#[derive(Debug)]
pub struct IdleCache<C> {
    spec: Keepalive,
    /// The most recently put last, so idle times fall from front to back.
    slots: VecDeque<Slot<C>>,
}

/// A connection taken from the cache.
#[derive(Debug, PartialEq, Eq)]
pub struct Idle<C> {
    /// The connection.
    pub conn: C,
    /// What it has done so far.
    pub meta: IdleMeta,
}

/// What a connection has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdleMeta {
    /// Requests sent on it.
    pub requests: u64,
    /// When it was opened.
    pub opened_at: Now,
}

#[derive(Debug)]
struct Slot<C> {
    address: AddressId,
    scope: usize,
    idle_since: Now,
    idle: Idle<C>,
}

impl<C> IdleCache<C> {
    /// An empty cache of `spec.connections` connections.
    pub fn new(spec: Keepalive) -> Self {
        Self {
            spec,
            slots: VecDeque::new(),
        }
    }

    /// The most recent idle connection to the peer's address. `scope` identifies the location, and
    /// tells connections apart only under `keepalive ... local`.
    ///
    /// As in nginx, ask after the balancer has chosen the peer: idle connections never influence
    /// that choice.
    pub fn take(&mut self, peer: &Peer, scope: usize, now: Now) -> Option<Idle<C>> {
        let (address, scope) = (peer.address_id(), self.scope(scope));
        let found = self
            .slots
            .iter()
            .rposition(|s| s.address == address && s.scope == scope)?;
        if self.expired(&self.slots[found], now) {
            return None;
        }
        self.slots.remove(found).map(|slot| slot.idle)
    }

    /// Keeps a connection. Returns what must be closed instead: the connection itself when it has
    /// served `keepalive_requests` or is older than `keepalive_time`, or else the one idle for
    /// longest when the cache is full.
    #[must_use = "a connection handed back must be closed"]
    pub fn put(
        &mut self,
        peer: &Peer,
        scope: usize,
        conn: C,
        meta: IdleMeta,
        now: Now,
    ) -> Option<C> {
        let age = now.saturating_sub(meta.opened_at);
        if meta.requests >= self.spec.requests || age > self.spec.time || self.spec.connections == 0
        {
            return Some(conn);
        }
        let full = self.slots.len() >= self.spec.connections;
        let evicted = if full { self.slots.pop_front() } else { None };
        self.slots.push_back(Slot {
            address: peer.address_id(),
            scope: self.scope(scope),
            idle_since: now,
            idle: Idle { conn, meta },
        });
        evicted.map(|slot| slot.idle.conn)
    }

    /// Connections whose `keepalive_timeout` has passed, to be closed; dropping the iterator
    /// early leaves the rest for the next call.
    pub fn expire(&mut self, now: Now) -> impl Iterator<Item = C> + '_ {
        std::iter::from_fn(move || {
            let passed = self
                .slots
                .front()
                .is_some_and(|slot| self.expired(slot, now));
            passed
                .then(|| self.slots.pop_front())
                .flatten()
                .map(|slot| slot.idle.conn)
        })
    }

    /// When the next connection expires.
    pub fn next_expiry(&self) -> Option<Now> {
        self.slots
            .front()
            .map(|slot| slot.idle_since.saturating_add(self.spec.timeout))
    }

    /// Drops the connections that `keep` refuses, such as those the reactor reports readable: a
    /// peer has nothing to say on an idle connection but its end.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut C) -> bool) {
        self.slots.retain_mut(|slot| keep(&mut slot.idle.conn));
    }

    /// Takes out the connections to addresses other than these, to be closed.
    pub fn retain_addresses(&mut self, stay: &HashSet<AddressId>) -> Vec<C> {
        let (kept, gone): (Vec<_>, Vec<_>) = self
            .slots
            .drain(..)
            .partition(|slot| stay.contains(&slot.address));
        self.slots = kept.into();
        gone.into_iter().map(|slot| slot.idle.conn).collect()
    }

    /// Empties the cache: a worker that shuts down keeps no idle connections.
    pub fn drain(&mut self) -> impl Iterator<Item = C> + '_ {
        self.slots.drain(..).map(|slot| slot.idle.conn)
    }

    /// Idle connections held now.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether no connection is held.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    fn expired(&self, slot: &Slot<C>, now: Now) -> bool {
        now.saturating_sub(slot.idle_since) >= self.spec.timeout
    }

    fn scope(&self, location: usize) -> usize {
        if self.spec.local { location } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{PeerAddress, PeerSpec, Pool, PoolSpec};

    const NEW: IdleMeta = IdleMeta {
        requests: 1,
        opened_at: Duration::ZERO,
    };

    /// Peers 0 and 1 share an address, peer 2 has its own.
    fn pool() -> Pool {
        let mut spec = PoolSpec::implied("u", []);
        for (port, server) in [(1, "a"), (1, "b"), (2, "c")] {
            let address = PeerAddress::Inet(([127, 0, 0, 1], port).into());
            spec.peers.push(PeerSpec::new(address, server));
        }
        Pool::new(spec, None)
    }

    fn at(second: u64) -> Now {
        Duration::from_secs(second)
    }

    fn taken(idle: Option<Idle<u32>>) -> Option<u32> {
        idle.map(|idle| idle.conn)
    }

    #[test]
    fn the_most_recent_connection_to_the_address_is_taken() {
        let (pool, mut cache) = (pool().list(), IdleCache::new(Keepalive::new(8)));
        for (conn, peer) in [(10, 0), (20, 2), (11, 1), (21, 2)] {
            assert_eq!(cache.put(&pool.peers()[peer], 0, conn, NEW, at(1)), None);
        }
        let mut take = |peer: usize| taken(cache.take(&pool.peers()[peer], 0, at(2)));
        assert_eq!([take(0), take(0), take(1)], [Some(11), Some(10), None]);
        assert_eq!([take(2), take(2), take(2)], [Some(21), Some(20), None]);
    }

    #[test]
    fn a_full_cache_gives_up_what_was_idle_longest() {
        let (pool, mut cache) = (pool().list(), IdleCache::new(Keepalive::new(2)));
        let (peer, other) = (&pool.peers()[0], &pool.peers()[2]);
        assert_eq!(cache.put(peer, 0, 1, NEW, at(1)), None);
        assert_eq!(cache.put(other, 0, 2, NEW, at(2)), None);
        assert_eq!(cache.put(peer, 0, 3, NEW, at(3)), Some(1));
        assert_eq!(cache.put(peer, 0, 4, NEW, at(4)), Some(2));
        assert_eq!(cache.len(), 2);
    }

    #[test]
    fn used_up_and_old_connections_are_not_kept() {
        let mut spec = Keepalive::new(4);
        spec.requests = 3;
        spec.time = at(10);
        let (pool, mut cache) = (pool().list(), IdleCache::new(spec));
        let mut check = |requests, now, returned| {
            let meta = IdleMeta {
                requests,
                opened_at: Duration::ZERO,
            };
            let result = cache.put(&pool.peers()[0], 0, 7, meta, now);
            assert_eq!(result.is_some(), returned, "{requests} requests at {now:?}");
        };
        check(2, at(10), false);
        check(3, at(10), true);
        check(2, at(10) + Duration::from_millis(1), true);
    }

    #[test]
    fn the_count_of_requests_travels_with_the_connection() {
        let (pool, mut cache) = (pool().list(), IdleCache::new(Keepalive::new(4)));
        let meta = IdleMeta {
            requests: 5,
            opened_at: at(3),
        };
        assert_eq!(cache.put(&pool.peers()[0], 0, 1, meta, at(9)), None);
        assert_eq!(
            cache.take(&pool.peers()[0], 0, at(9)),
            Some(Idle { conn: 1, meta })
        );
    }

    #[test]
    fn idle_connections_expire_and_are_not_taken_late() {
        let mut spec = Keepalive::new(4);
        spec.timeout = at(5);
        let (pool, mut cache) = (pool().list(), IdleCache::new(spec));
        let peer = &pool.peers()[0];
        for second in 1..4 {
            assert_eq!(cache.put(peer, 0, second, NEW, at(second)), None);
        }
        assert_eq!(cache.next_expiry(), Some(at(6)));
        assert_eq!(cache.expire(at(7)).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(cache.next_expiry(), Some(at(8)));
        assert!(cache.take(peer, 0, at(8)).is_none());
        assert_eq!(cache.drain().collect::<Vec<_>>(), [3]);
        assert!(cache.is_empty() && cache.next_expiry().is_none());
    }

    #[test]
    fn closed_connections_are_dropped_in_place() {
        let (pool, mut cache) = (pool().list(), IdleCache::new(Keepalive::new(4)));
        for conn in 1..5 {
            assert_eq!(cache.put(&pool.peers()[0], 0, conn, NEW, at(1)), None);
        }
        cache.retain(|conn| *conn % 2 == 0);
        let mut take = || taken(cache.take(&pool.peers()[0], 0, at(2)));
        assert_eq!([take(), take(), take()], [Some(4), Some(2), None]);
    }

    #[test]
    fn locations_are_told_apart_only_when_local() {
        for local in [false, true] {
            let spec = Keepalive {
                local,
                ..Keepalive::new(4)
            };
            let (pool, mut cache) = (pool().list(), IdleCache::new(spec));
            assert_eq!(cache.put(&pool.peers()[0], 1, 9, NEW, at(1)), None);
            assert_eq!(cache.take(&pool.peers()[0], 2, at(1)).is_none(), local);
        }
    }
}
