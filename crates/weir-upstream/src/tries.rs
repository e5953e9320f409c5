//! What one request remembers of its tries.

use std::net::IpAddr;

use crc32fast::Hasher;

/// What the request is hashed by; methods that do not hash ignore it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key<'a> {
    /// Nothing: right for methods that do not hash.
    None,
    /// The client's address, for `ip_hash`; `None` for a client on a Unix socket.
    ClientAddr(Option<IpAddr>),
    /// The value of the `hash` directive's key.
    Hash(&'a [u8]),
}

/// The tries of one request in one pool; opened by [`View::begin`](crate::View::begin).
#[derive(Debug)]
pub struct Tries {
    pub(crate) tried: Tried,
    tries: u32,
    /// Whether the primaries are used up; there is no way back.
    pub(crate) on_backups: bool,
    /// Candidates that a hash or a die chose in vain (`tries` of `ngx_http_upstream_hash_module`).
    pub(crate) misses: u8,
    pub(crate) hashing: Hashing,
    /// The peer counts the request among those that it has not answered yet (`inflight` of `least_time`).
    pub(crate) under_way: bool,
}

impl Tries {
    pub(crate) fn new(tries: u32, hashing: Hashing) -> Self {
        Self {
            tried: Tried::default(),
            tries,
            on_backups: false,
            misses: 0,
            hashing,
            under_way: false,
        }
    }

    /// Tries left, the running one included; a failure with none left is final.
    pub fn tries_left(&self) -> u32 {
        self.tries
    }

    /// `proxy_next_upstream_tries`: at most `limit` tries; 0 is no limit.
    pub fn limit_tries(&mut self, limit: u32) {
        if limit > 0 {
            self.tries = self.tries.min(limit);
        }
    }

    /// Whether a peer has been tried that may not be chosen again.
    pub fn has_tried(&self) -> bool {
        self.on_backups || self.tried.places().next().is_some()
    }

    /// One try more, for a reused connection that turned out to be closed
    /// (`ngx_http_upstream_next` with `peer.cached`).
    pub fn grant_try(&mut self) {
        self.tries = self.tries.saturating_add(1);
    }

    /// There were so many tries at first, and would be so many now.
    pub(crate) fn renew(&mut self, before: u32, now: u32, limit: u32) {
        let limit = if limit == 0 { u32::MAX } else { limit };
        let spent = before.min(limit).saturating_sub(self.tries);
        let left = now.min(limit).saturating_sub(spent);
        // Who was to try once more may do so.
        self.tries = left.max(self.tries.min(1));
    }

    pub(crate) fn spend_try(&mut self) {
        self.tries = self.tries.saturating_sub(1);
    }

    pub(crate) fn spend_all(&mut self) {
        self.tries = 0;
    }

    /// What a pick changes: for a request that asks again if it finds no peer, and then is to be treated as if it had
    /// not asked before.
    pub fn stand(&self) -> Stand {
        Stand {
            tried: self.tried.clone(),
            on_backups: self.on_backups,
            misses: self.misses,
            hashing: self.hashing,
        }
    }

    /// Takes back what a pick that found no peer has changed.
    pub fn restore(&mut self, stand: Stand) {
        self.tried = stand.tried;
        self.on_backups = stand.on_backups;
        self.misses = stand.misses;
        self.hashing = stand.hashing;
    }

    pub(crate) fn turn_to_backups(&mut self) {
        self.on_backups = true;
        self.tried.clear();
    }

    /// Counts a candidate chosen in vain; true while another may be looked for. After 20 of them
    /// nginx falls back to round robin for the rest of the request.
    pub(crate) fn miss(&mut self) -> bool {
        self.misses = self.misses.saturating_add(1);
        self.may_guess()
    }

    pub(crate) fn may_guess(&self) -> bool {
        self.misses <= 20
    }
}

/// Where a request's search for a peer stands.
#[derive(Debug)]
pub struct Stand {
    tried: Tried,
    on_backups: bool,
    misses: u8,
    hashing: Hashing,
}

/// Where the hash of a request stands, from try to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hashing {
    /// No key, or an empty one: round robin.
    Off,
    /// `ip_hash`: the bytes that count, and the hash so far.
    Address { bytes: [u8; 16], len: u8, hash: u32 },
    /// `hash`: the key's checksum and length, so that the key itself need not be kept.
    Key {
        crc: u32,
        len: u64,
        hash: u32,
        rehash: u32,
    },
    /// `hash ... consistent`: the place on the ring.
    Point(usize),
}

impl Hashing {
    /// IPv4 counts with its first three bytes, IPv6 with all, a Unix socket as three zeros.
    pub(crate) fn of_address(address: Option<IpAddr>) -> Self {
        let mut bytes = [0; 16];
        let len = match address {
            Some(IpAddr::V6(address)) => {
                bytes = address.octets();
                16
            }
            Some(IpAddr::V4(address)) => {
                bytes[..4].copy_from_slice(&address.octets());
                3
            }
            None => 3,
        };
        Self::Address {
            bytes,
            len,
            hash: 89,
        }
    }

    pub(crate) fn of_key(key: &[u8]) -> Self {
        if key.is_empty() {
            return Self::Off;
        }
        let mut hasher = Hasher::new();
        hasher.update(key);
        Self::Key {
            crc: hasher.finalize(),
            len: key.len() as u64,
            hash: 0,
            rehash: 0,
        }
    }
}

/// The set of peers tried, by index in their group; one word for up to 64 peers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tried {
    first: u64,
    /// Once a peer behind the first 64 has been tried. Boxed, for it is rare, and each request has room for it.
    rest: Option<Box<Further>>,
}

#[derive(Debug, Clone, Default)]
struct Further {
    words: Vec<u64>,
}

impl Tried {
    pub(crate) fn contains(&self, index: usize) -> bool {
        let word = match index / 64 {
            0 => self.first,
            n => self.further().get(n - 1).copied().unwrap_or(0),
        };
        word & (1 << (index % 64)) != 0
    }

    pub(crate) fn insert(&mut self, index: usize) {
        let word = match index / 64 {
            0 => &mut self.first,
            n => {
                let words = &mut self.rest.get_or_insert_default().words;
                if words.len() < n {
                    words.resize(n, 0);
                }
                &mut words[n - 1]
            }
        };
        *word |= 1 << (index % 64);
    }

    /// The places of those tried, which rise.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> + '_ {
        (0..64 * (1 + self.further().len())).filter(|index| self.contains(*index))
    }

    fn clear(&mut self) {
        self.first = 0;
        self.rest = None;
    }

    fn further(&self) -> &[u64] {
        self.rest.as_ref().map_or(&[], |rest| &rest.words)
    }
}

impl FromIterator<usize> for Tried {
    fn from_iter<T: IntoIterator<Item = usize>>(places: T) -> Self {
        let mut tried = Self::default();
        places.into_iter().for_each(|index| tried.insert(index));
        tried
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tried_holds_any_number_of_peers_and_allocates_only_beyond_64() {
        for peers in [1, 63, 64, 65, 128, 129, 1000] {
            let mut tried: Tried = (0..peers).step_by(7).collect();
            assert!(tried.rest.is_none() || peers > 64, "{peers} peers");
            let expected: Vec<usize> = (0..peers).filter(|p| p % 7 == 0).collect();
            assert_eq!(
                tried.places().collect::<Vec<_>>(),
                expected,
                "{peers} peers"
            );
            tried.clear();
            assert!((0..peers).all(|p| !tried.contains(p)), "{peers} peers");
        }
    }

    #[test]
    fn a_limit_only_lowers_and_a_granted_try_is_on_top() {
        let mut tries = Tries::new(3, Hashing::Off);
        tries.limit_tries(0);
        assert_eq!(tries.tries_left(), 3);
        tries.limit_tries(9);
        assert_eq!(tries.tries_left(), 3);
        tries.limit_tries(1);
        tries.spend_try();
        tries.grant_try();
        assert_eq!(tries.tries_left(), 1);
    }
}
