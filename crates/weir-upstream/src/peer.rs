//! One peer: its settings, and what all workers share about it.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64};

use weir_conf::ServerParameters;

use crate::health::Health;
use crate::latency::{Latency, Seen};
use crate::list::Lasting;
use crate::times::Times;
use crate::{Now, PeerAddress, PeerHealth, PeerSpec};

/// Names a peer of one [`PeerList`](crate::PeerList): its index among the primaries, then the backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub(crate) u32);

impl PeerId {
    pub(crate) fn new(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// Place in [`PeerList::peers`](crate::PeerList::peers).
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Names a distinct address of one pool: two `server` lines with one address share it, and so
/// share idle connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressId(pub(crate) u32);

/// A peer of a pool.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Of the spec: read by each choice.
    parameters: ServerParameters,
    address_id: AddressId,
    shared: Arc<Shared>,
    spec: Arc<PeerSpec>,
    /// Number of the name, looked up at run time, that the address is of.
    origin: Option<usize>,
}

impl Peer {
    pub(crate) fn new(
        mut spec: PeerSpec,
        address_id: AddressId,
        shared: Arc<Shared>,
        origin: Option<usize>,
    ) -> Self {
        spec.parameters.weight = spec.parameters.weight.max(1);
        Self {
            parameters: spec.parameters,
            address_id,
            shared,
            spec: Arc::new(spec),
            origin,
        }
    }

    /// The peer as configured.
    pub fn spec(&self) -> &PeerSpec {
        &self.spec
    }

    /// What its `server` line says beside the address.
    pub fn parameters(&self) -> &ServerParameters {
        &self.parameters
    }

    /// Number of the name, looked up at run time, that the address is of.
    pub(crate) fn origin(&self) -> Option<usize> {
        self.origin
    }

    /// The same for as long as the peer stays, from list to list.
    pub fn identity(&self) -> usize {
        Arc::as_ptr(&self.shared).addr()
    }

    /// Where to connect.
    pub fn address(&self) -> &PeerAddress {
        &self.spec.address
    }

    /// Text of `$upstream_addr`.
    pub fn name(&self) -> &[u8] {
        &self.spec.name
    }

    /// Which address of the pool this is; the key of [`IdleCache`](crate::IdleCache).
    pub fn address_id(&self) -> AddressId {
        self.address_id
    }

    /// The share of its requests that a peer gets which came back within `slow_start`, of 2^32; `None`: all.
    pub(crate) fn warmth(&self, now: i64) -> Option<u32> {
        let slow_start = i64::try_from(self.parameters.slow_start.as_secs()).unwrap_or(i64::MAX);
        if slow_start == 0 {
            return None;
        }
        let back = now.saturating_sub(self.shared.recovered.load(Relaxed));
        let share = ((i128::from(back) + 1) << 32) / (i128::from(slow_start) + 1);
        (0..slow_start)
            .contains(&back)
            .then(|| u32::try_from(share).unwrap_or(u32::MAX))
    }

    /// Too many failures, whether or not `fail_timeout` has passed: nobody knows yet that it is well.
    pub(crate) fn is_on_trial(&self) -> bool {
        self.parameters.max_fails > 0
            && self.shared.fails.load(Relaxed) >= self.parameters.max_fails
    }

    /// What a status page shows of the peer.
    pub fn status(&self, now: Now) -> PeerStatus {
        let now = seconds(now);
        PeerStatus {
            down: self.parameters.down,
            disabled: self.disabled(now),
            fails: self.shared.fails.load(Relaxed),
            active: self.active(),
            selected: self.selected(),
            failed: self.shared.failed.load(Relaxed),
            since_failure: since(&self.shared.accessed, now),
            health: self.health(),
            since_recovery: since(&self.shared.recovered, now),
        }
    }

    /// How long its answers take.
    pub fn latency(&self) -> Latency {
        let mut all = Latency::default();
        let tallies = self.shared.tallies.iter();
        tallies.for_each(|tally| tally.latency.add_to(&mut all));
        all
    }

    /// An answer has come whole.
    pub(crate) fn answered(&self, tally: usize, took: std::time::Duration) {
        self.shared.tallies[tally].latency.add(took);
    }

    fn selected(&self) -> u64 {
        let tallies = self.shared.tallies.iter();
        tallies.map(|tally| tally.selected.load(Relaxed)).sum()
    }

    /// Requests that hold this peer now.
    pub(crate) fn active(&self) -> u32 {
        let tallies = self.shared.tallies.iter();
        tallies.map(|tally| tally.active.load(Relaxed)).sum()
    }

    /// How long it takes.
    pub(crate) fn times(&self) -> &Times {
        &self.shared.times
    }

    /// How many times since it was looked at last `fail_timeout` has passed.
    pub(crate) fn forgotten(&self, now: i64) -> u32 {
        let idle = now - self.shared.checked.load(Relaxed);
        let times = idle / self.fail_timeout().saturating_add(1);
        match idle > self.fail_timeout() {
            true => u32::try_from(times).unwrap_or(u32::MAX),
            false => 0,
        }
    }

    /// Requests that hold the peer, as methods see it that compare peers by that: their workers count in one place.
    pub(crate) fn load(&self) -> u32 {
        self.shared.tallies[0].active.load(Relaxed)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Whether a balancer may choose the peer: neither down nor drained, not out, below `max_conns`.
    pub(crate) fn eligible(&self, now: i64) -> bool {
        !self.parameters.drain && self.fit(now)
    }

    /// The same in a panic, when it does not matter whether it is out or unhealthy.
    pub(crate) fn eligible_in_panic(&self) -> bool {
        !self.parameters.drain && self.fit_in_panic()
    }

    /// Whether a request that wants the peer may have it, drained or not.
    pub(crate) fn fit(&self, now: i64) -> bool {
        self.is_open() && !self.disabled(now) && self.has_room()
    }

    /// The same in a panic.
    pub(crate) fn fit_in_panic(&self) -> bool {
        self.is_open_in_panic() && self.has_room()
    }

    /// As [`Self::is_open`], in a panic: unhealthy ones are used, but none that has to pass a check first.
    pub(crate) fn is_open_in_panic(&self) -> bool {
        !self.parameters.down && !self.awaits_check()
    }

    /// Neither down nor found unhealthy.
    pub(crate) fn is_open(&self) -> bool {
        !self.parameters.down && self.shared.health.is_up()
    }

    /// Neither marked `down` nor drained: it is meant to serve those who want no certain peer.
    pub(crate) fn is_in_service(&self) -> bool {
        !self.parameters.down && !self.parameters.drain
    }

    pub(crate) fn has_room(&self) -> bool {
        self.parameters.max_conns == 0 || self.active() < self.parameters.max_conns
    }

    /// Too many failures, and `fail_timeout` since the last one or the last check is not over.
    fn disabled(&self, now: i64) -> bool {
        self.parameters.max_fails > 0
            && self.shared.fails.load(Relaxed) >= self.parameters.max_fails
            && now - self.shared.checked.load(Relaxed) <= self.fail_timeout()
    }

    /// Takes one of `max_conns` connections; false if another worker was faster. `tally`: the worker's.
    pub(crate) fn acquire(&self, tally: usize) -> bool {
        let active = self.counter(tally);
        let taken = match self.parameters.max_conns {
            0 => {
                active.fetch_add(1, Relaxed);
                true
            }
            limit => {
                // From before a reload that gave the peer its limit.
                let others = self.shared.tallies[1..].iter();
                let elsewhere: u32 = others.map(|tally| tally.active.load(Relaxed)).sum();
                let one_more = |here: u32| (here + elsewhere < limit).then(|| here + 1);
                active.fetch_update(Relaxed, Relaxed, one_more).is_ok()
            }
        };
        if taken {
            self.shared.tallies[tally].selected.fetch_add(1, Relaxed);
        }
        taken
    }

    /// Where a worker counts the requests that hold the peer. A limit binds all workers, so there
    /// they count in one place.
    fn counter(&self, tally: usize) -> &AtomicU32 {
        let tally = if self.parameters.max_conns == 0 {
            tally
        } else {
            0
        };
        &self.shared.tallies[tally].active
    }

    /// Notes that the peer is being tried again after `fail_timeout`: the next success clears it,
    /// and until then nobody else tries it (`checked` in `ngx_http_upstream_get_peer`).
    pub(crate) fn begin_check(&self, now: i64) {
        if now - self.shared.checked.load(Relaxed) > self.fail_timeout() {
            self.shared.checked.store(now, Relaxed);
        }
    }

    /// Gives the connection back.
    pub(crate) fn leave(&self, tally: usize) {
        let freed = self
            .counter(tally)
            .fetch_update(Relaxed, Relaxed, |n| n.checked_sub(1));
        debug_assert!(
            freed.is_ok(),
            "peer {} released more often than picked",
            self.spec.server
        );
    }

    /// Counts a failure; true if the peer is now disabled.
    pub(crate) fn fail(&self, now: i64) -> bool {
        let fails = self.shared.fails.fetch_add(1, Relaxed).saturating_add(1);
        self.shared.failed.fetch_add(1, Relaxed);
        self.shared.accessed.store(now, Relaxed);
        self.shared.checked.store(now, Relaxed);
        let out = self.parameters.max_fails > 0 && fails >= self.parameters.max_fails;
        if out {
            self.note_taken_out();
        }
        out
    }

    /// It was well before, as far as anybody knew, and gets fewer requests from now on, or none.
    pub(crate) fn note_taken_out(&self) {
        self.shared.taken_out.fetch_add(1, Release);
    }

    /// A failure that the pool does not act on (its only peer): counted for the status page alone.
    pub(crate) fn fail_alone(&self) {
        self.shared.failed.fetch_add(1, Relaxed);
    }

    /// Forgets failures if a check after `fail_timeout` went well. A success before that does not:
    /// nginx counts failures without a sliding window.
    pub(crate) fn succeed(&self, now: Now) {
        if self.shared.accessed.load(Relaxed) < self.shared.checked.load(Relaxed) {
            if self.is_on_trial() {
                self.note_recovery(now);
            }
            self.forgive();
        }
    }

    /// It was out, and gets requests again.
    pub(crate) fn note_recovery(&self, now: Now) {
        self.shared.recovered.store(seconds(now), Relaxed);
    }

    pub(crate) fn forgive(&self) {
        // The plain load keeps the cache line shared between workers in the usual case.
        if self.shared.fails.load(Relaxed) != 0 {
            self.shared.fails.store(0, Relaxed);
        }
    }

    fn fail_timeout(&self) -> i64 {
        i64::try_from(self.parameters.fail_timeout.as_secs()).unwrap_or(i64::MAX)
    }
}

/// A peer as a status page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerStatus {
    /// Marked `down` in the configuration.
    pub down: bool,
    /// Out because of failures.
    pub disabled: bool,
    /// Failures counted towards `max_fails`.
    pub fails: u32,
    /// Requests that hold the peer now.
    pub active: u32,
    /// Times the peer was chosen.
    pub selected: u64,
    /// Times it failed.
    pub failed: u64,
    /// Whole seconds since the last counted failure.
    pub since_failure: Option<u64>,
    /// What checks say of it.
    pub health: PeerHealth,
    /// Whole seconds since it came back, after failures or by a check.
    pub since_recovery: Option<u64>,
}

/// What all workers, and the configurations before and after a reload, share about one peer.
#[derive(Debug)]
pub(crate) struct Shared {
    tallies: [Tally; TALLIES],
    /// Failures since the last success after `fail_timeout`.
    fails: AtomicU32,
    /// Second of the last failure.
    accessed: AtomicI64,
    /// Second of the last failure, or of the last pick after `fail_timeout`.
    checked: AtomicI64,
    failed: AtomicU64,
    /// How often a peer of the pool was taken out.
    taken_out: Arc<AtomicU64>,
    times: Times,
    /// Second in which it was last well again.
    recovered: AtomicI64,
    pub(crate) health: Health,
}

/// Workers that count apart from each other; further ones share.
pub(crate) const TALLIES: usize = 8;

/// What one worker has counted. Each request writes here, and a line that several workers write costs
/// each of them a tenth of a microsecond a time; so each has a line of its own, and who asks adds up.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Tally {
    active: AtomicU32,
    selected: AtomicU64,
    latency: Seen,
}

/// Long before any `now`, yet far enough from the end of the range to subtract.
const NEVER: i64 = -(1 << 40);

impl Shared {
    /// Of a peer that nothing is known of.
    pub(crate) fn new(lasting: &Lasting) -> Self {
        Self {
            tallies: Default::default(),
            fails: AtomicU32::new(0),
            accessed: AtomicI64::new(NEVER),
            checked: AtomicI64::new(NEVER),
            failed: AtomicU64::new(0),
            taken_out: lasting.taken_out.clone(),
            times: Times::default(),
            recovered: AtomicI64::new(NEVER),
            health: Health::awaiting(lasting.awaited),
        }
    }
}

/// Seconds since `second`, if there has been one.
fn since(second: &AtomicI64, now: i64) -> Option<u64> {
    match second.load(Relaxed) {
        NEVER => None,
        at => u64::try_from(now - at).ok(),
    }
}

/// Whole seconds, as nginx's `ngx_time()` counts.
pub(crate) fn seconds(now: Now) -> i64 {
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}
