//! A pool: begin a request's tries, pick its next peer, release the peer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::consistent::Ring;
use crate::peer::{Shared, TALLIES, seconds};
use crate::tries::Hashing;
use crate::{
    AddressId, Key, Method, Now, Peer, PeerAddress, PeerId, PeerSpec, PoolSpec, Rotation, Tries,
    consistent, hash, ip_hash, least_conn, random, round_robin,
};

/// A group of peers that requests are balanced over; shared by all workers.
#[derive(Debug)]
pub struct Pool {
    name: String,
    method: Method,
    keepalive: Option<weir_conf::Keepalive>,
    /// Primaries, then backups, each in the order written.
    peers: Box<[Peer]>,
    primaries: usize,
    /// Weight of all primaries, down or not: what hashes are taken modulo.
    primary_weight: u64,
    tries: u32,
    ring: Ring,
    /// Workers that have begun with this pool.
    workers: AtomicUsize,
}

/// How an exchange with a peer ended, as far as balancing is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerOutcome {
    /// The peer answered, or the exchange ended for reasons that are not the peer's.
    Success,
    /// The peer failed, and that counts towards `max_fails`.
    Failed,
    /// The request goes to the next peer without blame on this one (403 and 404 listed in
    /// `proxy_next_upstream`).
    NextNoCount,
}

/// What a release caused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// nginx now logs `upstream server temporarily disabled` (warn).
    pub disabled: bool,
}

impl Pool {
    /// Builds a pool. Peers that `carried`, the pool of that name before a reload, had under the
    /// same `server` and name keep their failures and active connections.
    pub fn new(spec: PoolSpec, carried: Option<&Self>) -> Self {
        let (backups, primaries): (Vec<_>, Vec<_>) =
            spec.peers.into_iter().partition(|p| p.parameters.backup);
        let primary_count = primaries.len();
        let tries = primaries
            .iter()
            .chain(&backups)
            .filter(|p| !p.parameters.down)
            .count();
        let mut before: Vec<&Peer> = carried
            .map(|c| c.peers.iter().collect())
            .unwrap_or_default();
        let mut addresses: Vec<PeerAddress> = Vec::new();
        let mut build = |spec: PeerSpec| {
            let id = AddressId(place_of(&mut addresses, &spec.address));
            let shared = carry_over(&mut before, &spec);
            Peer::new(spec, id, shared)
        };
        let peers: Box<[Peer]> = primaries
            .into_iter()
            .chain(backups)
            .map(&mut build)
            .collect();
        let ring = match spec.method {
            Method::HashConsistent => Ring::new(&peers[..primary_count]),
            _ => Ring::default(),
        };
        Self {
            name: spec.name,
            method: spec.method,
            keepalive: spec.keepalive,
            primary_weight: peers[..primary_count]
                .iter()
                .map(|p| u64::from(p.spec().parameters.weight))
                .sum(),
            primaries: primary_count,
            tries: u32::try_from(tries).unwrap_or(u32::MAX),
            peers,
            ring,
            workers: AtomicUsize::new(0),
        }
    }

    /// Which of each peer's tallies a new worker counts in. Methods that compare how many requests
    /// hold each peer read what all workers have counted, which is quicker from one place.
    pub(crate) fn next_tally(&self) -> usize {
        match self.method {
            Method::LeastConn | Method::RandomTwo | Method::RandomTwoLeastConn => 0,
            Method::RoundRobin
            | Method::IpHash
            | Method::Hash
            | Method::HashConsistent
            | Method::Random => self.workers.fetch_add(1, Ordering::Relaxed) % TALLIES,
        }
    }

    /// Name of the `upstream` block.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The balancing method; it says which [`Key`] to begin with.
    pub fn method(&self) -> Method {
        self.method
    }

    /// What idle connections to keep.
    pub fn keepalive(&self) -> Option<&weir_conf::Keepalive> {
        self.keepalive.as_ref()
    }

    /// All peers: primaries, then backups.
    pub fn peers(&self) -> &[Peer] {
        &self.peers
    }

    /// The peer that [`Pool::pick`] named. The id must be of this pool.
    pub fn peer(&self, id: PeerId) -> &Peer {
        &self.peers[id.index()]
    }

    /// Whether there is exactly one peer, backups included: nginx never disables it.
    pub fn single(&self) -> bool {
        self.peers.len() == 1 && self.primaries == 1
    }

    /// Tries that a request begins with: peers that are not down, backups included.
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// Opens the tries of one request (`ngx_http_upstream_init_round_robin_peer` and the
    /// balancers' own). No allocation for up to 64 peers.
    pub fn begin(&self, key: Key<'_>) -> Tries {
        let hashing = match (self.method, key) {
            (Method::IpHash, Key::ClientAddr(address)) => Hashing::of_address(address),
            (Method::IpHash, _) => Hashing::of_address(None),
            (Method::Hash, Key::Hash(key)) => Hashing::of_key(key),
            (Method::HashConsistent, Key::Hash(key)) => self.ring.place(key),
            _ => Hashing::Off,
        };
        Tries::new(
            self.primaries.max(self.peers.len() - self.primaries),
            self.tries,
            hashing,
        )
    }

    /// The next peer to try, one of its connections taken; `None` is nginx's "no live upstreams".
    pub fn pick(&self, rot: &Rotation, att: &mut Tries, now: Now) -> Option<PeerId> {
        let now = seconds(now);
        if self.single() {
            return self.pick_only_peer(rot);
        }
        loop {
            let turn = Turn {
                pool: self,
                rot,
                now,
                peers: self.group(att.on_backups),
            };
            match turn.choose(att) {
                // Losing the last connection to another worker makes the peer ineligible: choose anew.
                Some(index) if !turn.peers[index].acquire(rot.tally()) => {}
                Some(index) => {
                    att.tried.insert(index);
                    turn.peers[index].begin_check(now);
                    return Some(PeerId::new(turn.offset(att) + index));
                }
                None if att.on_backups || self.primaries == self.peers.len() => return None,
                None => att.turn_to_backups(),
            }
        }
    }

    /// Gives a picked peer back (`ngx_http_upstream_free_round_robin_peer`) and uses up a try.
    pub fn release(
        &self,
        rot: &Rotation,
        att: &mut Tries,
        peer: PeerId,
        outcome: PeerOutcome,
        now: Now,
    ) -> Released {
        let id = peer.index();
        let peer = self.peer(peer);
        peer.leave(rot.tally());
        if self.single() {
            att.spend_all();
            peer.forgive();
            if outcome == PeerOutcome::Failed {
                peer.fail_alone();
            }
            return Released { disabled: false };
        }
        att.spend_try();
        match outcome {
            PeerOutcome::Success | PeerOutcome::NextNoCount => {
                peer.succeed();
                Released { disabled: false }
            }
            PeerOutcome::Failed => {
                rot.weights(id).penalize(peer.spec().parameters.max_fails);
                Released {
                    disabled: peer.fail(seconds(now)),
                }
            }
        }
    }

    /// A pool of one ignores failures; only `down` and `max_conns` stop it.
    fn pick_only_peer(&self, rot: &Rotation) -> Option<PeerId> {
        let peer = self.peers.first()?;
        (!peer.spec().parameters.down && peer.acquire(rot.tally())).then_some(PeerId(0))
    }

    fn group(&self, backups: bool) -> &[Peer] {
        let (primaries, backup_peers) = self.peers.split_at(self.primaries);
        if backups { backup_peers } else { primaries }
    }

    pub(crate) fn primary_weight(&self) -> u64 {
        self.primary_weight
    }

    pub(crate) fn ring(&self) -> &Ring {
        &self.ring
    }
}

/// One choice: what a balancing method sees.
pub(crate) struct Turn<'a> {
    pub(crate) pool: &'a Pool,
    pub(crate) rot: &'a Rotation,
    pub(crate) now: i64,
    /// The primaries, or the backups once the primaries are used up.
    pub(crate) peers: &'a [Peer],
}

impl Turn<'_> {
    /// The index, in `peers`, of the peer to try.
    fn choose(&self, att: &mut Tries) -> Option<usize> {
        let guessed = match self.pool.method {
            Method::LeastConn => return least_conn::choose(self, att),
            // nginx allows no backups with these methods; round robin serves an embedder's.
            _ if att.on_backups || !att.may_guess() || self.peers.len() < 2 => None,
            Method::RoundRobin => None,
            Method::IpHash => ip_hash::choose(self, att),
            Method::Hash => hash::choose(self, att),
            Method::HashConsistent => consistent::choose(self, att),
            Method::Random => random::choose(self, att),
            Method::RandomTwo | Method::RandomTwoLeastConn => random::choose_of_two(self, att),
        };
        guessed.or_else(|| round_robin::choose(self, att))
    }

    /// Whether the peer at `index` may be chosen by this request now.
    pub(crate) fn eligible(&self, att: &Tries, index: usize) -> bool {
        !att.tried.contains(index) && self.peers[index].eligible(self.now)
    }

    pub(crate) fn weights(&self, att: &Tries, index: usize) -> &crate::rotation::Weights {
        self.rot.weights(self.offset(att) + index)
    }

    /// The primary that owns the `point`-th unit of weight.
    pub(crate) fn by_weight(&self, mut point: u64) -> usize {
        for (index, peer) in self.peers.iter().enumerate() {
            match point.checked_sub(u64::from(peer.spec().parameters.weight)) {
                Some(rest) => point = rest,
                None => return index,
            }
        }
        self.peers.len().saturating_sub(1)
    }

    fn offset(&self, att: &Tries) -> usize {
        if att.on_backups {
            self.pool.primaries
        } else {
            0
        }
    }
}

fn place_of(addresses: &mut Vec<PeerAddress>, address: &PeerAddress) -> u32 {
    let index = addresses
        .iter()
        .position(|a| a == address)
        .unwrap_or_else(|| {
            addresses.push(address.clone());
            addresses.len() - 1
        });
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The shared state of the same peer before a reload; each is handed on once, so that two equal
/// `server` lines stay two peers.
fn carry_over(before: &mut Vec<&Peer>, spec: &PeerSpec) -> Option<Arc<Shared>> {
    let same = |p: &&Peer| p.spec().server == spec.server && p.spec().name == spec.name;
    let index = before.iter().position(same)?;
    Some(before.remove(index).shared().clone())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Now = Duration::from_secs(5);

    fn spec(servers: &[(&str, u16)]) -> PoolSpec {
        let mut spec = PoolSpec::implied("u", []);
        for &(server, port) in servers {
            let address = PeerAddress::Inet(([127, 0, 0, 1], port).into());
            spec.peers.push(PeerSpec::new(address, server));
        }
        spec
    }

    #[test]
    fn a_reload_keeps_what_is_known_of_peers_that_stay() {
        let old = Pool::new(spec(&[("a", 1), ("b", 2), ("b", 2)]), None);
        let rot = Rotation::new(&old);
        let mut tries = old.begin(Key::None);
        let a = old.pick(&rot, &mut tries, NOW).unwrap();
        assert!(
            old.release(&rot, &mut tries, a, PeerOutcome::Failed, NOW)
                .disabled
        );
        let b = old.pick(&rot, &mut tries, NOW).unwrap();

        let new = Pool::new(
            spec(&[("c", 3), ("b", 2), ("b", 2), ("a", 1), ("a", 9)]),
            Some(&old),
        );
        let known = |pool: &Pool| -> Vec<(u32, u32)> {
            let statuses = pool.peers().iter().map(|p| p.status(NOW));
            statuses.map(|s| (s.fails, s.active)).collect()
        };
        assert_eq!(known(&new), [(0, 0), (0, 1), (0, 0), (1, 0), (0, 0)]);
        old.release(&rot, &mut tries, b, PeerOutcome::Success, NOW);
        assert_eq!(known(&new), [(0, 0), (0, 0), (0, 0), (1, 0), (0, 0)]);
    }

    #[test]
    fn workers_share_failures_but_turn_their_own_weights() {
        let pool = Pool::new(spec(&[("a", 1), ("b", 2)]), None);
        let workers = [Rotation::new(&pool), Rotation::new(&pool)];
        let first = |rot| {
            let mut tries = pool.begin(Key::None);
            let peer = pool.pick(rot, &mut tries, NOW).unwrap();
            (tries, peer)
        };
        let (mut tries, peer) = first(&workers[0]);
        assert_eq!(first(&workers[1]).1, peer);
        pool.release(&workers[0], &mut tries, peer, PeerOutcome::Failed, NOW);
        assert_eq!(
            [first(&workers[0]).1.index(), first(&workers[1]).1.index()],
            [1, 1]
        );
    }

    #[test]
    fn max_conns_holds_between_threads() {
        let mut spec = spec(&[("a", 1), ("b", 2), ("c", 3)]);
        spec.peers
            .iter_mut()
            .for_each(|peer| peer.parameters.max_conns = 4);
        let pool = Pool::new(spec, None);
        let picked: usize = std::thread::scope(|scope| {
            let worker = || {
                let rot = Rotation::new(&pool);
                (0..9)
                    .filter(|_| pool.pick(&rot, &mut pool.begin(Key::None), NOW).is_some())
                    .count()
            };
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().map(|w| w.join().unwrap()).sum()
        });
        assert_eq!(picked, 12);
        assert!(pool.peers().iter().all(|p| p.status(NOW).active == 4));
    }

    #[test]
    fn what_workers_count_apart_is_shown_together_and_binds_a_later_limit() {
        let before = Pool::new(spec(&[("a", 1)]), None);
        let workers: Vec<_> = (0..3).map(|_| Rotation::new(&before)).collect();
        let mut held: Vec<_> = (workers.iter())
            .map(|rot| (rot, before.begin(Key::None)))
            .collect();
        for (rot, tries) in &mut held {
            assert!(before.pick(rot, tries, NOW).is_some());
        }
        let status = before.peers()[0].status(NOW);
        assert_eq!((status.active, status.selected), (3, 3));
        let mut limited = spec(&[("a", 1)]);
        limited.peers[0].parameters.max_conns = 4;
        let after = Pool::new(limited, Some(&before));
        let rot = Rotation::new(&after);
        let pick = || after.pick(&rot, &mut after.begin(Key::None), NOW);
        assert!(pick().is_some());
        assert_eq!(
            pick(),
            None,
            "three of the four connections are held from before"
        );
        for (rot, tries) in &mut held {
            before.release(rot, tries, PeerId(0), PeerOutcome::Success, NOW);
        }
        assert!(pick().is_some());
        assert_eq!(after.peers()[0].status(NOW).active, 2);
    }

    #[test]
    fn a_pool_without_peers_has_no_live_ones() {
        for method in [
            Method::RoundRobin,
            Method::LeastConn,
            Method::HashConsistent,
            Method::Random,
        ] {
            let pool = Pool::new(
                PoolSpec {
                    method,
                    ..spec(&[])
                },
                None,
            );
            let mut tries = pool.begin(Key::Hash(b"k"));
            assert_eq!(pool.pick(&Rotation::new(&pool), &mut tries, NOW), None);
        }
    }

    #[test]
    fn addresses_of_one_server_share_its_points() {
        let mut spec = spec(&[("name", 1), ("name", 2), ("other", 3)]);
        spec.method = Method::HashConsistent;
        let pool = Pool::new(spec, None);
        let rot = Rotation::new(&pool);
        let pick = |key: &[u8]| {
            let mut tries = pool.begin(Key::Hash(key));
            let peer = pool.pick(&rot, &mut tries, NOW).unwrap();
            pool.release(&rot, &mut tries, peer, PeerOutcome::Success, NOW);
            peer.index()
        };
        for key in 0..50_u8 {
            let (one, next) = (pick(&[key]), pick(&[key]));
            assert!(
                matches!((one, next), (0, 1) | (1, 0) | (2, 2)),
                "{key}: {one} {next}"
            );
        }
    }
}
