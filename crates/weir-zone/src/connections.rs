//! How many requests with a key are under way (`ngx_http_limit_conn_module`).

use std::sync::Arc;

use crate::nodes::Number;
use crate::shards::Shards;

/// Bytes of a node in nginx, without its key.
const NODE: usize = 36;

/// What nginx keeps for the zone itself: a tree; then its name in messages.
const TREE: usize = 64;
const NAME: usize = 23;

/// A `limit_conn_zone`.
#[derive(Debug)]
pub struct ConnectionZone {
    /// Requests under way.
    shards: Shards<u16>,
}

/// Why a request gets no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPlace {
    /// All are taken.
    Taken,
    /// The zone is full of keys.
    NoRoom,
}

/// A place among the requests with a key; it is free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    zone: Arc<ConnectionZone>,
    shard: u32,
    number: Number,
}

impl ConnectionZone {
    /// A zone of `size` bytes, whose name has `name` bytes.
    pub fn new(size: usize, name: usize) -> Self {
        Self {
            shards: Shards::new(size, [TREE, NAME + name], NODE),
        }
    }

    /// Takes one of `most` places that there are for `key` (`ngx_http_limit_conn_handler`).
    ///
    /// # Errors
    ///
    /// There is none left.
    pub fn enter(self: &Arc<Self>, key: &[u8], most: u16) -> Result<Place, NoPlace> {
        let hash = self.shards.hash(key);
        let shard = self.shards.index(hash);
        let mut nodes = self.shards.lock(shard);
        let number = match nodes.find(hash, key) {
            Some(number) => {
                let taken = nodes.value(number);
                if *taken >= most {
                    return Err(NoPlace::Taken);
                }
                *taken += 1;
                number
            }
            None => nodes
                .add(hash, key, 1, &self.shards.hasher)
                .ok_or(NoPlace::NoRoom)?,
        };
        Ok(Place {
            zone: self.clone(),
            shard,
            number,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let shards = &self.zone.shards;
        let mut nodes = shards.lock(self.shard);
        let taken = nodes.value(self.number);
        *taken -= 1;
        if *taken == 0 {
            nodes.remove(self.number, &shards.hasher);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn keys(zone: &ConnectionZone) -> usize {
        zone.shards.all().map(|nodes| nodes.len()).sum()
    }

    #[test]
    fn places_are_given_back() {
        let zone = Arc::new(ConnectionZone::new(32 * 1024, 1));
        let first = zone.enter(b"a", 2).unwrap();
        let second = zone.enter(b"a", 2).unwrap();
        assert_eq!(zone.enter(b"a", 2).unwrap_err(), NoPlace::Taken);
        let other = zone.enter(b"b", 1).unwrap();
        drop(first);
        assert_eq!(zone.enter(b"a", 1).unwrap_err(), NoPlace::Taken);
        assert_eq!(keys(&zone), 2);
        drop((second, other));
        assert_eq!(keys(&zone), 0);
    }

    #[test]
    fn a_full_zone_forgets_nobody() {
        let zone = Arc::new(ConnectionZone::new(32 * 1024, 1));
        let enter = |number: u32| zone.enter(&number.to_be_bytes(), 1);
        let mut inside: Vec<_> = (0..).map_while(|number| enter(number).ok()).collect();
        // A page holds 64; one serves the zone's name, and one chunk the zone itself.
        assert_eq!(inside.len(), 6 * 64 - 1);
        assert_eq!(enter(1_000_000).unwrap_err(), NoPlace::NoRoom);
        inside.pop();
        assert!(enter(1_000_000).is_ok());
    }

    #[test]
    fn threads_share_places() {
        const MOST: u16 = 3;
        let zone = Arc::new(ConnectionZone::new(4 << 20, 1));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for turn in 0..10_000_u32 {
                        let _held = zone.enter(&(turn % 7).to_be_bytes(), MOST);
                    }
                });
            }
        });
        assert_eq!(keys(&zone), 0);
    }
}
