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

/// The tries of one request in one pool; opened by [`Pool::begin`](crate::Pool::begin).
#[derive(Debug)]
pub struct Tries {
    pub(crate) tried: Tried,
    tries: u32,
    /// Whether the primaries are used up; there is no way back.
    pub(crate) on_backups: bool,
    /// Candidates that a hash or a die chose in vain (`tries` of `ngx_http_upstream_hash_module`).
    pub(crate) misses: u8,
    pub(crate) hashing: Hashing,
}

impl Tries {
    pub(crate) fn new(peers: usize, tries: u32, hashing: Hashing) -> Self {
        Self {
            tried: Tried::new(peers),
            tries,
            on_backups: false,
            misses: 0,
            hashing,
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

    /// One try more, for a reused connection that turned out to be closed
    /// (`ngx_http_upstream_next` with `peer.cached`).
    pub fn grant_try(&mut self) {
        self.tries = self.tries.saturating_add(1);
    }

    pub(crate) fn spend_try(&mut self) {
        self.tries = self.tries.saturating_sub(1);
    }

    pub(crate) fn spend_all(&mut self) {
        self.tries = 0;
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
#[derive(Debug)]
pub(crate) struct Tried {
    first: u64,
    rest: Box<[u64]>,
}

impl Tried {
    fn new(peers: usize) -> Self {
        Self {
            first: 0,
            rest: vec![0; peers.saturating_sub(1) / 64].into_boxed_slice(),
        }
    }

    pub(crate) fn contains(&self, index: usize) -> bool {
        let word = match index / 64 {
            0 => self.first,
            n => self.rest.get(n - 1).copied().unwrap_or(0),
        };
        word & (1 << (index % 64)) != 0
    }

    pub(crate) fn insert(&mut self, index: usize) {
        let word = match index / 64 {
            0 => Some(&mut self.first),
            n => self.rest.get_mut(n - 1),
        };
        if let Some(word) = word {
            *word |= 1 << (index % 64);
        }
    }

    fn clear(&mut self) {
        self.first = 0;
        self.rest.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tried_holds_any_number_of_peers_and_allocates_only_beyond_64() {
        for peers in [1, 63, 64, 65, 128, 129, 1000] {
            let mut tried = Tried::new(peers);
            assert_eq!(tried.rest.is_empty(), peers <= 64, "{peers} peers");
            for index in (0..peers).step_by(7) {
                tried.insert(index);
            }
            let expected: Vec<usize> = (0..peers).filter(|p| p % 7 == 0).collect();
            let actual: Vec<usize> = (0..peers).filter(|p| tried.contains(*p)).collect();
            assert_eq!(actual, expected, "{peers} peers");
            tried.clear();
            assert!((0..peers).all(|p| !tried.contains(p)), "{peers} peers");
        }
    }

    #[test]
    fn a_limit_only_lowers_and_a_granted_try_is_on_top() {
        let mut tries = Tries::new(3, 3, Hashing::Off);
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
