//! The peers of a pool at one moment: an immutable list, which a change replaces whole.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::consistent::Ring;
use crate::loads::Loads;
use crate::server_ids::ServerIds;
use crate::turns::MANY;
use crate::{CheckSet, Method, Name, Peer};

/// What all lists of a pool have in common.
#[derive(Debug, Clone)]
pub(crate) struct Lasting {
    pub(crate) method: Method,
    /// Whether requests may want a certain peer.
    pub(crate) sticky: bool,
    /// Checks that a new peer has to pass before it gets requests.
    pub(crate) awaited: CheckSet,
    /// How often a peer was taken out; goes on over a reload, as the peers do.
    pub(crate) taken_out: Arc<AtomicU64>,
    /// Failures count within their request only.
    pub(crate) forgets_failures: bool,
}

impl Lasting {
    /// Whether addresses of a name may be in the group: a service has backups where the method has.
    pub(crate) fn has_group(&self, name: &Name, backups: bool) -> bool {
        let spec = name.spec();
        match backups {
            false => !spec.parameters.backup,
            true => spec.parameters.backup || spec.service.is_some() && self.method.has_backups(),
        }
    }
}

/// All peers of a pool: primaries, then backups, each in the order written, those of names that are
/// looked up at run time behind them.
#[derive(Debug)]
pub struct PeerList {
    /// Which of the pool's lists this is, by the order of their making.
    epoch: u64,
    lasting: Lasting,
    peers: Box<[Peer]>,
    primaries: usize,
    /// By place of a primary: the weights of all up to and including it, down or not. Hashes are taken
    /// modulo the last.
    points: Box<[u64]>,
    tries: u32,
    /// Whether peers that come back get their share little by little.
    warms: bool,
    ring: Ring,
    /// Where there are many peers that are chosen by what they have to do.
    loads: Option<Loads>,
    /// What requests call the peers, where they may want a certain one.
    ids: Option<ServerIds>,
}

impl PeerList {
    pub(crate) fn new(
        epoch: u64,
        lasting: Lasting,
        primaries: Vec<Peer>,
        backups: Vec<Peer>,
    ) -> Self {
        let count = primaries.len();
        let peers: Box<[Peer]> = primaries.into_iter().chain(backups).collect();
        let tries = peers.iter().filter(|peer| peer.is_in_service()).count();
        let mut sum = 0;
        let points = peers[..count].iter().map(|peer| {
            sum += u64::from(peer.parameters().weight);
            sum
        });
        Self {
            epoch,
            points: points.collect(),
            primaries: count,
            tries: u32::try_from(tries).unwrap_or(u32::MAX),
            warms: lasting.method.warms()
                && peers
                    .iter()
                    .any(|peer| !peer.parameters().slow_start.is_zero()),
            loads: (lasting.method == Method::LeastConn && count >= MANY)
                .then(|| Loads::new(&peers[..count])),
            ring: match lasting.method {
                Method::HashConsistent => Ring::new(&peers[..count]),
                _ => Ring::default(),
            },
            ids: (lasting.sticky).then(|| ServerIds::new(&peers, count)),
            peers,
            lasting,
        }
    }

    /// How often a peer of the pool was taken out: as long as it stays, all are as well as they were, or better.
    pub(crate) fn failures(&self) -> u64 {
        // Who sees the count sees what was counted.
        self.lasting.taken_out.load(Ordering::Acquire)
    }

    /// Whether failures count within their request only.
    pub(crate) fn forgets_failures(&self) -> bool {
        self.lasting.forgets_failures
    }

    /// Which of the pool's lists this is.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The balancing method.
    pub fn method(&self) -> Method {
        self.lasting.method
    }

    /// All peers: primaries, then backups.
    pub fn peers(&self) -> &[Peer] {
        &self.peers
    }

    /// The primaries, or the backups.
    pub(crate) fn group(&self, backups: bool) -> &[Peer] {
        let (primaries, backup_peers) = self.peers.split_at(self.primaries);
        if backups { backup_peers } else { primaries }
    }

    /// How many of the first peers are primaries.
    pub fn primary_count(&self) -> usize {
        self.primaries
    }

    /// Where a group begins among [`Self::peers`].
    pub(crate) fn offset(&self, backups: bool) -> usize {
        if backups { self.primaries } else { 0 }
    }

    /// Whether there are backups.
    pub(crate) fn has_backups(&self) -> bool {
        self.primaries < self.peers.len()
    }

    /// Whether there is exactly one peer, backups included: nginx never disables it.
    pub fn single(&self) -> bool {
        self.peers.len() == 1 && self.primaries == 1
    }

    /// Tries that a request begins with: peers that are neither down nor drained, backups included.
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// Whether there are peers that only those get who want them.
    pub fn has_drained(&self) -> bool {
        let mut parameters = self.peers.iter().map(Peer::parameters);
        parameters.any(|peer| peer.drain && !peer.down)
    }

    /// Weight of all primaries, down or not.
    pub(crate) fn primary_weight(&self) -> u64 {
        self.points.last().copied().unwrap_or(0)
    }

    /// The primary that owns the `point`-th unit of weight.
    pub(crate) fn by_weight(&self, point: u64) -> usize {
        let owner = self.points.partition_point(|sum| *sum <= point);
        owner.min(self.primaries.saturating_sub(1))
    }

    pub(crate) fn server_ids(&self) -> Option<&ServerIds> {
        self.ids.as_ref()
    }

    /// Whether peers that come back get their share little by little.
    pub(crate) fn warms(&self) -> bool {
        self.warms
    }

    pub(crate) fn loads(&self) -> Option<&Loads> {
        self.loads.as_ref()
    }

    pub(crate) fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Where the peers of `older` stand here, by their places there; `None`: they are gone.
    pub(crate) fn places_of(&self, older: &Self) -> Vec<Option<usize>> {
        let here: HashMap<_, _> = self.peers.iter().map(Peer::identity).zip(0..).collect();
        let places = older
            .peers
            .iter()
            .map(|peer| here.get(&peer.identity()).copied());
        places.collect()
    }
}
