//! Which server each session is served by (`ngx_http_upstream_sticky_module`).

use smallvec::SmallVec;

use crate::nodes::{Nodes, Number};
use crate::shards::Shards;

/// Bytes of a node in nginx, without its key.
const NODE: usize = 128;

/// What nginx keeps for the zone itself: two trees; then its name in messages.
const TREES: usize = 128;
const NAME: usize = 27;

/// What stands for a session: the MD5 of its name.
pub type SessionKey = [u8; 16];

/// What requests call a server.
pub type ServerId = SmallVec<[u8; 32]>;

/// Sessions, and the server of each.
#[derive(Debug)]
pub struct SessionZone {
    shards: Shards<Session>,
}

#[derive(Clone, Debug)]
struct Session {
    server: ServerId,
    /// When it was learned last, milliseconds.
    last: u64,
}

/// How long sessions are remembered.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Milliseconds after which a session that was not learned again is forgotten.
    pub timeout: u64,
    /// Milliseconds on the zone's clock.
    pub now: u64,
}

/// What became of a session that was to be learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learned {
    /// It is remembered.
    Yes,
    /// It is remembered, and the one learned longest ago is not any more.
    InPlaceOfAnother,
    /// Nobody knows it, and it was not to be begun.
    Unknown,
    /// The zone has room for none.
    NoRoom,
}

impl SessionZone {
    /// A zone of `size` bytes, whose name has `name` bytes.
    pub fn new(size: usize, name: usize) -> Self {
        Self {
            shards: Shards::new(size, [TREES, NAME + name], NODE),
        }
    }

    /// The server of a session (`ngx_http_upstream_sticky_sess_lookup`).
    pub fn find(&self, key: &SessionKey, memory: Memory) -> Option<ServerId> {
        let hash = self.shards.hash(key);
        let mut nodes = self.shards.lock(self.shards.index(hash));
        let number = nodes.find(hash, key)?;
        let session = nodes.value(number);
        memory.holds(session).then(|| session.server.clone())
    }

    /// Notes which server has served a session; one that is not known is begun only if `begins`
    /// (`ngx_http_upstream_sticky_learn_peer`).
    pub fn learn(&self, key: &SessionKey, server: &[u8], begins: bool, memory: Memory) -> Learned {
        let hash = self.shards.hash(key);
        let mut nodes = self.shards.lock(self.shards.index(hash));
        self.forget(&mut nodes, memory);
        let session = Session {
            server: ServerId::from_slice(server),
            last: memory.now,
        };
        if let Some(number) = nodes.find(hash, key) {
            *nodes.value(number) = session;
            nodes.touch(number);
            return Learned::Yes;
        }
        if !begins {
            return Learned::Unknown;
        }
        let hasher = &self.shards.hasher;
        if nodes.add(hash, key, session.clone(), hasher).is_some() {
            return Learned::Yes;
        }
        if let Some(oldest) = nodes.oldest() {
            nodes.remove(oldest, hasher);
        }
        match nodes.add(hash, key, session, hasher) {
            Some(_) => Learned::InPlaceOfAnother,
            None => Learned::NoRoom,
        }
    }

    /// Forgets the sessions whose time is over (`ngx_http_upstream_sticky_sess_expire`).
    fn forget(&self, nodes: &mut Nodes<Session>, memory: Memory) {
        while let Some(oldest) = self.oldest_over(nodes, memory) {
            nodes.remove(oldest, &self.shards.hasher);
        }
    }

    fn oldest_over(&self, nodes: &mut Nodes<Session>, memory: Memory) -> Option<Number> {
        let oldest = nodes.oldest()?;
        (!memory.holds(nodes.value(oldest))).then_some(oldest)
    }
}

impl Memory {
    fn holds(self, session: &Session) -> bool {
        self.now < session.last.saturating_add(self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: u64 = 1000;

    fn at(now: u64) -> Memory {
        Memory {
            timeout: TIMEOUT,
            now,
        }
    }

    fn key(number: u32) -> SessionKey {
        u128::from(number).to_be_bytes()
    }

    fn found(zone: &SessionZone, number: u32, now: u64) -> Option<String> {
        let server = zone.find(&key(number), at(now))?;
        Some(String::from_utf8_lossy(&server).into_owned())
    }

    #[test]
    fn a_session_moves_to_the_server_that_served_it_last() {
        let zone = SessionZone::new(32 * 1024, 1);
        assert_eq!(
            zone.learn(&key(1), b"a", false, at(0)),
            Learned::Unknown,
            "only an answer begins one"
        );
        assert_eq!(zone.learn(&key(1), b"a", true, at(0)), Learned::Yes);
        assert_eq!(found(&zone, 1, 0).as_deref(), Some("a"));
        assert_eq!(zone.learn(&key(1), b"b", false, at(10)), Learned::Yes);
        assert_eq!(found(&zone, 1, 10).as_deref(), Some("b"));
        assert_eq!(found(&zone, 2, 10), None);
    }

    #[test]
    fn a_session_is_forgotten_when_its_time_is_over_however_often_it_was_looked_up() {
        let zone = SessionZone::new(32 * 1024, 1);
        zone.learn(&key(1), b"a", true, at(0));
        zone.learn(&key(2), b"a", true, at(0));
        zone.learn(&key(2), b"a", false, at(500));
        assert!(found(&zone, 1, TIMEOUT - 1).is_some());
        assert_eq!(found(&zone, 1, TIMEOUT), None);
        assert!(found(&zone, 2, TIMEOUT).is_some());
        zone.learn(&key(3), b"a", true, at(TIMEOUT + 500));
        let left: usize = zone.shards.all().map(|nodes| nodes.len()).sum();
        assert_eq!(left, 1);
    }

    #[test]
    fn in_a_full_zone_the_session_learned_longest_ago_gives_way() {
        let zone = SessionZone::new(32 * 1024, 1);
        let fits = (0..)
            .take_while(|number| zone.learn(&key(*number), b"a", true, at(0)) == Learned::Yes)
            .count() as u32;
        assert_eq!(fits, SESSIONS_IN_32K);
        // The one that did not fit took the place of the first.
        assert_eq!(found(&zone, 0, 0), None);
        assert!(found(&zone, fits, 0).is_some());
        zone.learn(&key(1), b"a", false, at(1));
        assert_eq!(
            zone.learn(&key(fits + 1), b"a", true, at(1)),
            Learned::InPlaceOfAnother
        );
        assert!(found(&zone, 1, 1).is_some());
        assert_eq!(found(&zone, 2, 1), None);
        let over = at(TIMEOUT + 1);
        assert_eq!(
            zone.learn(&key(fits + 2), b"a", true, over),
            Learned::Yes,
            "nobody gives way to whom time makes room"
        );
    }

    /// Measured with nginx 1.31.5.
    const SESSIONS_IN_32K: u32 = 80;
}
