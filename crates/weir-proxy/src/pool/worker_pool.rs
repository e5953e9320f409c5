//! A pool as one worker sees it.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use weir_conf::{BalanceMethod, Template};
use weir_upstream::{IdleCache, Pool, Rotation};

use super::{PeerLabel, UpstreamConnection};

/// What a request is balanced by, settled when the configuration is loaded.
#[derive(Debug, Default)]
pub(crate) enum KeySource {
    /// Nothing.
    #[default]
    None,
    /// `ip_hash`.
    ClientAddress,
    /// `hash`: the value of this.
    Hash(Template),
}

impl KeySource {
    pub(crate) fn of(method: &BalanceMethod) -> Self {
        match method {
            BalanceMethod::Hash(template) | BalanceMethod::HashConsistent(template) => {
                Self::Hash(template.clone())
            }
            BalanceMethod::IpHash => Self::ClientAddress,
            BalanceMethod::RoundRobin
            | BalanceMethod::LeastConn
            | BalanceMethod::Random
            | BalanceMethod::RandomTwo
            | BalanceMethod::RandomTwoLeastConn => Self::None,
        }
    }
}

/// A pool as one worker sees it.
pub(crate) struct WorkerPool {
    pub(crate) pool: Arc<Pool>,
    pub(crate) key: KeySource,
    pub(crate) rotation: Rotation,
    /// The pool's name, for "no live upstreams".
    pub(crate) pool_label: PeerLabel,
    /// The peers' names, by `PeerId::index`.
    pub(crate) labels: Vec<PeerLabel>,
    pub(crate) idle: Option<RefCell<IdleCache<Box<UpstreamConnection>>>>,
    /// The last answer was too long for a short buffer and would have fitted a long one, so the next
    /// one is read through a long one from its first byte on.
    pub(crate) answers_are_long: Cell<bool>,
}

impl WorkerPool {
    /// A pool at the start of its turns, with nothing idle.
    pub(crate) fn new(pool: &Arc<Pool>, key: KeySource) -> Self {
        Self {
            pool: pool.clone(),
            key,
            rotation: Rotation::new(pool),
            pool_label: PeerLabel::Name(pool.name().as_bytes().into()),
            labels: pool
                .peers()
                .iter()
                .map(|peer| PeerLabel::Name(peer.name().into()))
                .collect(),
            idle: pool
                .keepalive()
                .map(|spec| RefCell::new(IdleCache::new(*spec))),
            answers_are_long: Cell::new(false),
        }
    }
}
