//! A pool: what all workers share of a group of peers, and how its peers change.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::list::Lasting;
use crate::names::{Found, Name, settle};
use crate::panic_threshold::Panic;
use crate::peer::{Shared, TALLIES};
use crate::{AddressId, Method, Peer, PeerAddress, PeerList, PeerSpec, PoolSpec, RetryBudget};

/// A group of peers that requests are balanced over; shared by all workers.
#[derive(Debug)]
pub struct Pool {
    name: String,
    lasting: Lasting,
    keepalive: Option<weir_conf::Keepalive>,
    retry_share: Option<weir_conf::RetryShare>,
    /// The threshold, and whether workers have found a panic.
    panic: Option<(u32, Arc<AtomicBool>)>,
    names: Box<[Name]>,
    /// Of the list in force: what a worker compares with that of its view.
    epoch: AtomicU64,
    current: Mutex<Current>,
    /// Workers that have begun with this pool.
    workers: AtomicUsize,
}

/// The peers in force, and the numbers of their addresses.
#[derive(Debug)]
struct Current {
    list: Arc<PeerList>,
    addresses: Addresses,
}

/// The groups of a list in the making.
#[derive(Debug, Default)]
struct Groups {
    primaries: Vec<Peer>,
    backups: Vec<Peer>,
}

impl Pool {
    /// Builds a pool. Peers that `carried`, the pool of that name before a reload, had under the
    /// same `server` and name keep their failures and active connections; names that are looked up at run
    /// time begin with the addresses that they had (`ngx_http_upstream_zone_preresolve`).
    pub fn new(spec: PoolSpec, carried: Option<&Self>) -> Self {
        let before = carried.map(|pool| (pool, pool.list()));
        let before = before.as_ref().map(|(pool, list)| (*pool, &**list));
        let lasting = Lasting {
            method: spec.method,
            sticky: spec.sticky,
            awaited: spec.awaited,
            taken_out: carried.map_or_else(Arc::default, |pool| pool.lasting.taken_out.clone()),
            forgets_failures: spec.forgets_failures,
        };
        let mut making = Making::new(before.map(|(_, list)| list), &lasting);
        for peer in spec.peers {
            let is_backup = peer.parameters.backup;
            making.add(peer, is_backup, None);
        }
        let names: Box<[Name]> = spec.names.into_iter().map(Name::new).collect();
        if let Some((pool, list)) = before {
            for (number, name) in names.iter().enumerate() {
                making.go_on(number, name, pool, list);
            }
        }
        let list = Arc::new(making.groups.into_list(0, &lasting));
        let addresses = making.addresses;
        Self {
            name: spec.name,
            lasting,
            keepalive: spec.keepalive,
            retry_share: spec.retry_share,
            panic: spec.panic_threshold.map(|percent| {
                let known = carried.and_then(|pool| pool.panic.as_ref());
                (
                    percent,
                    known.map_or_else(Arc::default, |(_, found)| found.clone()),
                )
            }),
            names,
            epoch: AtomicU64::new(0),
            current: Mutex::new(Current { list, addresses }),
            workers: AtomicUsize::new(0),
        }
    }

    /// Which of each peer's tallies a new worker counts in. Methods that compare how many requests
    /// hold each peer read what all workers have counted, which is quicker from one place.
    pub(crate) fn next_tally(&self) -> usize {
        match self.lasting.method {
            Method::LeastConn
            | Method::RandomTwo
            | Method::RandomTwoLeastConn
            | Method::LeastTime(_)
            | Method::RandomTwoLeastTime(_) => 0,
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

    /// The balancing method; it says which [`Key`](crate::Key) to begin with.
    pub fn method(&self) -> Method {
        self.lasting.method
    }

    /// What idle connections to keep.
    pub fn keepalive(&self) -> Option<&weir_conf::Keepalive> {
        self.keepalive.as_ref()
    }

    /// What a worker may spend on retries, from now on; `None`: as much as it likes.
    pub fn retry_budget(&self) -> Option<RetryBudget> {
        self.retry_share.map(RetryBudget::new)
    }

    /// Where a worker finds out about panics.
    pub(crate) fn panic(&self) -> Option<Panic> {
        let (percent, found) = self.panic.as_ref()?;
        Some(Panic::new(*percent, found.clone()))
    }

    /// The names that are looked up at run time, by the numbers that [`Self::set_addresses`] takes.
    pub fn names(&self) -> &[Name] {
        &self.names
    }

    /// Whether the pool may get peers that serve: a name is looked up that is neither marked `down` nor drained.
    pub fn may_grow(&self) -> bool {
        let mut lines = self.names.iter().map(|name| &name.spec().parameters);
        lines.any(|line| !line.down && !line.drain)
    }

    /// Which list of peers is in force. One relaxed load.
    #[inline]
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// The peers in force.
    pub fn list(&self) -> Arc<PeerList> {
        self.lock().list.clone()
    }

    /// Gives the name of this number the addresses of an answer; none, if it does not exist any more. Peers that
    /// stay keep all that is known of them. False if nothing changed.
    pub fn set_addresses(&self, number: usize, found: &[Found]) -> bool {
        let Some(name) = self.names.get(number) else {
            return false;
        };
        let mut current = self.lock();
        let Current { list, addresses } = &mut *current;
        let mut make = |spec: PeerSpec| {
            let id = addresses.id(&spec.address);
            let shared = Arc::new(Shared::new(&self.lasting));
            Peer::new(spec, id, shared, Some(number))
        };
        let mut groups = Groups::of_list(list);
        let (first, rest) = by_priority(name, found);
        let mut changed = false;
        // A service that is a backup, or where there are none, is those of the lowest priority only.
        let (primaries, backups) = match name.spec().parameters.backup {
            true => (Vec::new(), first),
            false => (first, rest),
        };
        for (is_backup, found) in [(false, primaries), (true, backups)] {
            let found = match self.lasting.has_group(name, is_backup) {
                true => found,
                false => Vec::new(),
            };
            changed |= settle(groups.of(is_backup), number, found, &mut make);
        }
        if changed {
            let epoch = list.epoch() + 1;
            *list = Arc::new(groups.into_list(epoch, &self.lasting));
            addresses.retain(list);
            self.epoch.store(epoch, Ordering::Relaxed);
        }
        changed
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        // Whoever changes it puts the new list in its place last.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Groups {
    fn of_list(list: &PeerList) -> Self {
        Self {
            primaries: list.group(false).to_vec(),
            backups: list.group(true).to_vec(),
        }
    }

    fn of(&mut self, backups: bool) -> &mut Vec<Peer> {
        match backups {
            true => &mut self.backups,
            false => &mut self.primaries,
        }
    }

    fn into_list(self, epoch: u64, lasting: &Lasting) -> PeerList {
        PeerList::new(epoch, lasting.clone(), self.primaries, self.backups)
    }
}

/// A pool's first list in the making, with what is known from before a reload.
struct Making {
    known: Known,
    addresses: Addresses,
    groups: Groups,
}

impl Making {
    fn new(before: Option<&PeerList>, lasting: &Lasting) -> Self {
        Self {
            known: Known::of(before, lasting),
            addresses: Addresses::default(),
            groups: Groups::default(),
        }
    }

    fn add(&mut self, peer: PeerSpec, is_backup: bool, origin: Option<usize>) {
        let shared = self.known.take(&peer);
        let id = self.addresses.id(&peer.address);
        let group = self.groups.of(is_backup);
        group.push(Peer::new(peer, id, shared, origin));
    }

    /// Adds the addresses that the name of this number had in `pool`, if it was one of its and is in the same group still.
    fn go_on(&mut self, number: usize, name: &Name, pool: &Pool, list: &PeerList) {
        let Some(same) = pool.names.iter().position(|before| name.goes_on(before)) else {
            return;
        };
        for backups in [false, true] {
            if !self.lasting().has_group(name, backups) {
                continue;
            }
            let peers = list.group(backups).iter();
            let peers = peers.filter(|peer| peer.origin() == Some(same));
            for found in peers.filter_map(|peer| name.found_before(peer)) {
                self.add(name.peer(&found), backups, Some(number));
            }
        }
    }

    fn lasting(&self) -> &Lasting {
        &self.known.lasting
    }
}

/// The peers of an answer: those of the lowest priority, and the others, which are backups.
fn by_priority(name: &Name, found: &[Found]) -> (Vec<PeerSpec>, Vec<PeerSpec>) {
    let priority = |found: &Found| found.service.as_ref().map_or(0, |service| service.priority);
    let lowest = found.iter().map(priority).min().unwrap_or(0);
    let (first, rest): (Vec<&Found>, Vec<&Found>) =
        found.iter().partition(|found| priority(found) == lowest);
    let peers = |found: Vec<&Found>| found.into_iter().map(|found| name.peer(found)).collect();
    (peers(first), peers(rest))
}

/// Numbers of addresses, which stay with them for as long as the pool has them.
#[derive(Debug, Default)]
struct Addresses {
    ids: HashMap<PeerAddress, AddressId>,
    next: u32,
}

impl Addresses {
    fn id(&mut self, address: &PeerAddress) -> AddressId {
        if let Some(id) = self.ids.get(address) {
            return *id;
        }
        let id = AddressId(self.next);
        self.next = self.next.wrapping_add(1);
        self.ids.insert(address.clone(), id);
        id
    }

    /// Forgets the addresses that are not in `list`.
    fn retain(&mut self, list: &PeerList) {
        let peers = list.peers().iter();
        self.ids = peers
            .map(|peer| (peer.address().clone(), peer.address_id()))
            .collect();
    }
}

/// What is known of peers from before a reload, by server and name; each is handed on once, so that two equal
/// `server` lines stay two peers.
struct Known {
    before: HashMap<KnownBy, Vec<Arc<Shared>>>,
    lasting: Lasting,
}

/// Server as written, and name.
type KnownBy = (String, Box<[u8]>);

impl Known {
    fn of(before: Option<&PeerList>, lasting: &Lasting) -> Self {
        let mut known: HashMap<_, Vec<_>> = HashMap::new();
        for peer in before.iter().flat_map(|list| list.peers().iter().rev()) {
            let key = (peer.spec().server.clone(), peer.name().into());
            known.entry(key).or_default().push(peer.shared().clone());
        }
        Self {
            before: known,
            lasting: lasting.clone(),
        }
    }

    fn take(&mut self, spec: &PeerSpec) -> Arc<Shared> {
        let key = (spec.server.clone(), spec.name.clone());
        let known = self.before.get_mut(&key).and_then(Vec::pop);
        known.unwrap_or_else(|| Arc::new(Shared::new(&self.lasting)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Key, Now, PeerId, PeerOutcome, Took, View};

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
        let view = View::new(&old);
        let mut tries = view.begin(Key::None);
        let a = view.pick(&mut tries, NOW).unwrap();
        assert!(
            view.release(&mut tries, a, PeerOutcome::Failed, Took::default(), NOW)
                .disabled
        );
        let b = view.pick(&mut tries, NOW).unwrap();

        let new = Pool::new(
            spec(&[("c", 3), ("b", 2), ("b", 2), ("a", 1), ("a", 9)]),
            Some(&old),
        );
        let known = |pool: &Pool| -> Vec<(u32, u32)> {
            let list = pool.list();
            let statuses = list.peers().iter().map(|p| p.status(NOW));
            statuses.map(|s| (s.fails, s.active)).collect()
        };
        assert_eq!(known(&new), [(0, 0), (0, 1), (0, 0), (1, 0), (0, 0)]);
        view.release(&mut tries, b, PeerOutcome::Success, Took::default(), NOW);
        assert_eq!(known(&new), [(0, 0), (0, 0), (0, 0), (1, 0), (0, 0)]);
    }

    #[test]
    fn a_pool_that_forgets_failures_keeps_them_within_their_request() {
        let forgetful = PoolSpec {
            forgets_failures: true,
            ..spec(&[("a", 1), ("b", 2)])
        };
        let view = View::new(&Pool::new(forgetful, None));
        for _ in 0..3 {
            let mut tries = view.begin(Key::None);
            let mut failed = Vec::new();
            while let Some(peer) = view.pick(&mut tries, NOW) {
                failed.push(peer.index());
                let none = Took::default();
                let released = view.release(&mut tries, peer, PeerOutcome::Failed, none, NOW);
                assert!(released.disabled, "for this request it is out");
            }
            failed.sort_unstable();
            assert_eq!(failed, [0, 1]);
        }
    }

    #[test]
    fn workers_share_failures_but_turn_their_own_weights() {
        let pool = Pool::new(spec(&[("a", 1), ("b", 2)]), None);
        let workers = [View::new(&pool), View::new(&pool)];
        let first = |view: &View| {
            let mut tries = view.begin(Key::None);
            let peer = view.pick(&mut tries, NOW).unwrap();
            (tries, peer)
        };
        let (mut tries, peer) = first(&workers[0]);
        assert_eq!(first(&workers[1]).1, peer);
        workers[0].release(&mut tries, peer, PeerOutcome::Failed, Took::default(), NOW);
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
                let view = View::new(&pool);
                (0..9)
                    .filter(|_| view.pick(&mut view.begin(Key::None), NOW).is_some())
                    .count()
            };
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().map(|w| w.join().unwrap()).sum()
        });
        assert_eq!(picked, 12);
        assert!(
            pool.list()
                .peers()
                .iter()
                .all(|p| p.status(NOW).active == 4)
        );
    }

    #[test]
    fn what_workers_count_apart_is_shown_together_and_binds_a_later_limit() {
        let before = Pool::new(spec(&[("a", 1)]), None);
        let workers: Vec<_> = (0..3).map(|_| View::new(&before)).collect();
        let mut held: Vec<_> = (workers.iter())
            .map(|view| (view, view.begin(Key::None)))
            .collect();
        for (view, tries) in &mut held {
            assert!(view.pick(tries, NOW).is_some());
        }
        let status = before.list().peers()[0].status(NOW);
        assert_eq!((status.active, status.selected), (3, 3));
        let mut limited = spec(&[("a", 1)]);
        limited.peers[0].parameters.max_conns = 4;
        let after = Pool::new(limited, Some(&before));
        let view = View::new(&after);
        let pick = || view.pick(&mut view.begin(Key::None), NOW);
        assert!(pick().is_some());
        assert_eq!(
            pick(),
            None,
            "three of the four connections are held from before"
        );
        for (view, tries) in &mut held {
            view.release(tries, PeerId(0), PeerOutcome::Success, Took::default(), NOW);
        }
        assert!(pick().is_some());
        assert_eq!(after.list().peers()[0].status(NOW).active, 2);
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
            let view = View::new(&pool);
            let mut tries = view.begin(Key::Hash(b"k"));
            assert_eq!(view.pick(&mut tries, NOW), None);
        }
    }

    #[test]
    fn addresses_of_one_server_share_its_points() {
        let mut spec = spec(&[("name", 1), ("name", 2), ("other", 3)]);
        spec.method = Method::HashConsistent;
        let pool = Pool::new(spec, None);
        let view = View::new(&pool);
        let pick = |key: &[u8]| {
            let mut tries = view.begin(Key::Hash(key));
            let peer = view.pick(&mut tries, NOW).unwrap();
            view.release(&mut tries, peer, PeerOutcome::Success, Took::default(), NOW);
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
