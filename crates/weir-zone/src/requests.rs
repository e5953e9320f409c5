//! How often a key has come: the leaky bucket of `limit_req` (`ngx_http_limit_req_module`).
//!
//! Amounts of requests are in thousandths, as nginx has them, and divide as nginx's do.

use crate::nodes::{Nodes, Number};
use crate::shards::Shards;

/// Bytes of a node in nginx, without its key.
const NODE: usize = 80;

/// What nginx keeps for the zone itself: a tree and a queue; then its name in messages.
const TREE: usize = 80;
const NAME: usize = 22;

/// Times beyond this are not believed to be a clock that went back a bit.
const CLOCK_STEPPED: u64 = 60_000;

/// A key that was idle so long may be forgotten if nothing is left in its bucket.
const IDLE: u64 = 60_000;

/// A `limit_req_zone`.
#[derive(Debug)]
pub struct RequestZone {
    shards: Shards<Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Requests beyond the rate, thousandths.
    excess: u64,
    /// When the excess was so, milliseconds.
    last: u64,
    /// Requests that look at further limits before they count.
    holds: u32,
}

/// How fast a bucket empties.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Requests per second, thousandths.
    pub rate: u64,
    /// Milliseconds on the zone's clock.
    pub now: u64,
}

/// What a `limit_req` allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Most requests beyond the rate, thousandths.
    pub burst: u64,
    /// Requests beyond the rate that are not delayed, thousandths.
    pub delay: u64,
}

/// How a request finds the bucket of its key. Excesses are in thousandths, with the request.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival<T> {
    /// It may come.
    Within(T),
    /// It is one too many.
    Beyond(u64),
    /// The zone is full of keys that cannot be forgotten.
    NoRoom,
}

/// A key that is not forgotten until its request counts, or is dropped and does not.
#[derive(Debug)]
pub struct Held<'a> {
    zone: &'a RequestZone,
    shard: u32,
    number: Number,
}

impl RequestZone {
    /// A zone of `size` bytes, whose name has `name` bytes.
    pub fn new(size: usize, name: usize) -> Self {
        Self {
            shards: Shards::new(size, [TREE, NAME + name], NODE),
        }
    }

    /// Counts a request with `key`; the excess if it may come (`ngx_http_limit_req_lookup` for the last
    /// limit).
    pub fn count(&self, key: &[u8], limit: Limit, pace: Pace) -> Arrival<u64> {
        let hash = self.shards.hash(key);
        let mut nodes = self.shards.lock(self.shards.index(hash));
        match nodes.find(hash, key) {
            Some(number) => {
                nodes.touch(number);
                let bucket = nodes.value(number);
                match bucket.with_one_more(pace) {
                    excess if excess > limit.burst => Arrival::Beyond(excess),
                    excess => {
                        bucket.fill(excess, pace.now);
                        Arrival::Within(excess)
                    }
                }
            }
            None => match self.add(&mut nodes, hash, key, Bucket::new(pace.now), pace) {
                Some(_) => Arrival::Within(0),
                None => Arrival::NoRoom,
            },
        }
    }

    /// Looks whether a request with `key` may come, which counts only if it passes further limits
    /// (`ngx_http_limit_req_lookup` for the others).
    pub fn hold(&self, key: &[u8], limit: Limit, pace: Pace) -> Arrival<Held<'_>> {
        let hash = self.shards.hash(key);
        let shard = self.shards.index(hash);
        let mut nodes = self.shards.lock(shard);
        let number = match nodes.find(hash, key) {
            Some(number) => {
                nodes.touch(number);
                let excess = nodes.value(number).with_one_more(pace);
                if excess > limit.burst {
                    return Arrival::Beyond(excess);
                }
                number
            }
            // nginx takes a new key's bucket for one that was last used when the clock began.
            None => match self.add(&mut nodes, hash, key, Bucket::new(0), pace) {
                Some(number) => number,
                None => return Arrival::NoRoom,
            },
        };
        nodes.value(number).holds += 1;
        Arrival::Within(Held {
            zone: self,
            shard,
            number,
        })
    }

    fn add(
        &self,
        nodes: &mut Nodes<Bucket>,
        hash: u64,
        key: &[u8],
        bucket: Bucket,
        pace: Pace,
    ) -> Option<Number> {
        self.forget(nodes, pace, false);
        let hasher = &self.shards.hasher;
        nodes.add(hash, key, bucket, hasher).or_else(|| {
            self.forget(nodes, pace, true);
            nodes.add(hash, key, bucket, hasher)
        })
    }

    /// Forgets up to two of the keys used longest ago whose buckets are empty, and before them, if it is
    /// pressing, one that is not (`ngx_http_limit_req_expire`).
    fn forget(&self, nodes: &mut Nodes<Bucket>, pace: Pace, pressing: bool) {
        let most = if pressing { 3 } else { 2 };
        for turn in 0..most {
            let Some(oldest) = nodes.oldest() else {
                return;
            };
            let bucket = nodes.value(oldest);
            let forced = pressing && turn == 0;
            if bucket.holds > 0 || !(forced || bucket.is_idle(pace)) {
                return;
            }
            nodes.remove(oldest, &self.shards.hasher);
        }
    }
}

impl Bucket {
    fn new(last: u64) -> Self {
        Self {
            excess: 0,
            last,
            holds: 0,
        }
    }

    /// The excess with a request more.
    fn with_one_more(&self, pace: Pace) -> u64 {
        let drained = drained(pace.rate, self.elapsed(pace.now));
        (self.excess + ONE).saturating_sub(drained)
    }

    /// Time since the last request. A clock that went far back makes it begin anew.
    fn elapsed(&self, now: u64) -> u64 {
        match now.checked_sub(self.last) {
            Some(elapsed) => elapsed,
            None if self.last - now > CLOCK_STEPPED => 1,
            None => 0,
        }
    }

    fn fill(&mut self, excess: u64, now: u64) {
        self.excess = excess;
        if self.elapsed(now) > 0 {
            self.last = now;
        }
    }

    /// Whether nothing is left of it, and nobody has asked for a while.
    fn is_idle(&self, pace: Pace) -> bool {
        let elapsed = self.last.abs_diff(pace.now);
        elapsed >= IDLE && self.excess <= drained(pace.rate, elapsed)
    }
}

/// A request, in thousandths.
const ONE: u64 = 1000;

/// Thousandths of requests that a rate takes away in `elapsed` milliseconds.
fn drained(rate: u64, elapsed: u64) -> u64 {
    rate.saturating_mul(elapsed) / 1000
}

impl Held<'_> {
    /// Counts the request after all; its excess (`ngx_http_limit_req_account`).
    pub fn count(self, pace: Pace) -> u64 {
        let mut nodes = self.zone.shards.lock(self.shard);
        let bucket = nodes.value(self.number);
        let excess = bucket.with_one_more(pace);
        bucket.fill(excess, pace.now);
        excess
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut nodes = self.zone.shards.lock(self.shard);
        nodes.value(self.number).holds -= 1;
    }
}

impl Limit {
    /// How long a request of this excess waits, milliseconds (`ngx_http_limit_req_account`).
    pub fn wait(self, excess: u64, rate: u64) -> u64 {
        let beyond = excess.saturating_sub(self.delay);
        beyond.saturating_mul(1000).checked_div(rate).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1000;

    fn limit(burst: u64, delay: u64) -> Limit {
        Limit {
            burst: burst * ONE,
            delay: delay * ONE,
        }
    }

    fn at(now: u64) -> Pace {
        Pace { rate: ONE, now }
    }

    fn keys(zone: &RequestZone) -> usize {
        zone.shards.all().map(|nodes| nodes.len()).sum()
    }

    #[test]
    fn a_bucket_leaks() {
        let zone = RequestZone::new(32 * 1024, 1);
        for (now, expected) in [
            (100_000, Arrival::Within(0)),
            (100_000, Arrival::Within(1000)),
            (100_001, Arrival::Within(1999)),
            (100_001, Arrival::Beyond(2999)),
            // What is refused does not count.
            (101_001, Arrival::Within(1999)),
            (101_001, Arrival::Beyond(2999)),
            // The clock went back a bit, then far.
            (101_000, Arrival::Beyond(2999)),
            (40_000, Arrival::Beyond(2998)),
            (200_000, Arrival::Within(0)),
        ] {
            let found = zone.count(b"key", limit(2, 0), at(now));
            assert_eq!(found, expected, "at {now}");
        }
    }

    #[test]
    fn the_time_to_wait_is_what_the_excess_takes_to_drain() {
        assert_eq!(limit(5, 0).wait(0, ONE), 0);
        assert_eq!(limit(5, 0).wait(2500, ONE), 2500);
        assert_eq!(limit(5, 2).wait(2500, ONE), 500);
        assert_eq!(limit(5, 2).wait(2500, 16), 31_250);
        assert_eq!(limit(5, 3).wait(2500, ONE), 0);
    }

    #[test]
    fn earlier_limits_count_when_the_last_one_passes() {
        let zone = RequestZone::new(32 * 1024, 1);
        let hold = |now| zone.hold(b"key", limit(0, 0), at(now));
        for _ in 0..3 {
            // Nothing came of it.
            assert!(matches!(hold(SECOND), Arrival::Within(_)));
        }
        let Arrival::Within(held) = hold(SECOND) else {
            panic!("nobody was counted");
        };
        assert_eq!(held.count(at(SECOND)), 0);
        assert!(matches!(hold(SECOND), Arrival::Beyond(1000)));
    }

    #[test]
    fn a_full_zone_forgets_the_oldest() {
        let zone = RequestZone::new(32 * 1024, 1);
        let count = |number: u32| zone.count(&number.to_be_bytes(), limit(0, 0), at(SECOND));
        // A page holds 32, one page serves the zone itself.
        let fit = 7 * 32 - 1 - 32;
        for number in 0..fit {
            assert_eq!(count(number), Arrival::Within(0));
        }
        assert_eq!(keys(&zone) as u32, fit);
        assert_eq!(count(0), Arrival::Beyond(1000));
        assert_eq!(count(fit), Arrival::Within(0));
        assert_eq!(count(0), Arrival::Beyond(1000), "it was used");
        assert_eq!(count(1), Arrival::Within(0), "it was the oldest");
    }

    #[test]
    fn idle_keys_make_room_two_by_two() {
        let zone = RequestZone::new(32 * 1024, 1);
        for number in 0..10_u8 {
            zone.count(&[number], limit(0, 0), at(SECOND));
        }
        zone.count(b"new", limit(0, 0), at(SECOND + IDLE - 1));
        assert_eq!(keys(&zone), 11);
        zone.count(b"newer", limit(0, 0), at(SECOND + IDLE));
        assert_eq!(keys(&zone), 10);
    }

    #[test]
    fn a_held_key_is_not_forgotten() {
        let zone = RequestZone::new(32 * 1024, 1);
        let held = zone.hold(b"held", limit(0, 0), at(SECOND));
        let count = |number: u32| zone.count(&number.to_be_bytes(), limit(0, 0), at(SECOND));
        let before = (0..).take_while(|number| count(*number) == Arrival::Within(0));
        assert_eq!(before.count(), 7 * 32 - 1 - 32 - 1);
        assert_eq!(count(100_000), Arrival::NoRoom);
        drop(held);
        assert_eq!(count(100_000), Arrival::Within(0));
    }

    /// 1,000,000 keys against a zone of 1 MB: what is in memory stays below the zone's size, and every
    /// key is served.
    #[test]
    fn no_number_of_keys_takes_more_than_the_zone() {
        const SIZE: usize = 1 << 20;
        let zone = RequestZone::new(SIZE, 1);
        for number in 0..1_000_000_u32 {
            let found = zone.count(&number.to_be_bytes(), limit(0, 0), at(SECOND));
            assert_eq!(found, Arrival::Within(0));
        }
        let bytes: usize = zone.shards.all().map(|nodes| nodes.bytes()).sum();
        assert!(bytes <= SIZE, "{bytes} bytes");
        assert!((7000..8128).contains(&keys(&zone)), "{}", keys(&zone));
    }

    #[test]
    fn long_keys_take_their_room() {
        const SIZE: usize = 1 << 20;
        let zone = RequestZone::new(SIZE, 1);
        for number in 0..10_000_u32 {
            let mut key = vec![b'x'; 65_000];
            key.extend(number.to_be_bytes());
            let found = zone.count(&key, limit(0, 0), at(SECOND));
            assert_eq!(found, Arrival::Within(0));
        }
        let bytes: usize = zone.shards.all().map(|nodes| nodes.bytes()).sum();
        assert!(bytes <= 2 * SIZE, "{bytes} bytes");
    }
}
