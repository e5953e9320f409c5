//! A pool as one worker sees it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use weir_conf::{BalanceMethod, Template};
use weir_upstream::{IdleCache, PeerId, Pool, Rotation};

use super::{PeerLabel, PeerTls, UpstreamConnection};

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
    /// What is kept of TLS with the peers, by who wants it and `PeerId::index`.
    tls: RefCell<HashMap<(usize, usize), Rc<PeerTls>>>,
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
            tls: RefCell::default(),
            answers_are_long: Cell::new(false),
        }
    }

    /// What is kept of TLS with `peer` for `client`, or what `new` makes of it.
    pub(crate) fn peer_tls<E>(
        &self,
        client: usize,
        peer: PeerId,
        new: impl FnOnce() -> Result<Rc<PeerTls>, E>,
    ) -> Result<Rc<PeerTls>, E> {
        let key = (client, peer.index());
        if let Some(known) = self.tls.borrow().get(&key) {
            return Ok(known.clone());
        }
        let new = new()?;
        self.tls.borrow_mut().insert(key, new.clone());
        Ok(new)
    }
}
