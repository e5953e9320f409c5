//! The idle upstream connections of one worker and pool (`ngx_http_upstream_keepalive_module`).

use std::collections::VecDeque;

use crate::{AddressId, KeepaliveSpec, Now, Peer};

/// Idle connections; the most recently used is taken first, the least recently used gives way.
///
/// What the cache no longer wants it hands back, so that the caller may end TLS before closing.
/// Taking and putting do not allocate once the cache has reached its size. A cache belongs to the
/// pool whose peers it is asked for; a reload starts a new one.
#[derive(Debug)]
pub struct IdleCache<C> {
    spec: KeepaliveSpec,
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
    scope: u32,
    idle_since: Now,
    idle: Idle<C>,
}

impl<C> IdleCache<C> {
    /// An empty cache of `spec.connections` places.
    pub fn new(spec: KeepaliveSpec) -> Self {
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
    pub fn take(&mut self, peer: &Peer, scope: u32, now: Now) -> Option<Idle<C>> {
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
    pub fn put(&mut self, peer: &Peer, scope: u32, conn: C, meta: IdleMeta, now: Now) -> Option<C> {
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

    fn scope(&self, location: u32) -> u32 {
        if self.spec.local { location } else { 0 }
    }
}
