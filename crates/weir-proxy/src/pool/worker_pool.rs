//! A pool as one worker sees it.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use weir_conf::{BalanceMethod, Keepalive, Sticky, Template};
use weir_upstream::{AddressId, IdleCache, Peer, Pool, PoolSpec, RetryBudget, View};

use super::{PeerLabel, PeerTls, Queue, UpstreamConnection};

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
            | BalanceMethod::RandomTwoLeastConn
            | BalanceMethod::RandomTwoLeastTime(_)
            | BalanceMethod::LeastTime { .. } => Self::None,
        }
    }
}

/// The peers of a pool, as one worker has seen them last.
#[derive(Debug)]
pub(crate) struct PoolView {
    pub(crate) peers: View,
    /// The peers' names, by `PeerId::index`.
    pub(crate) labels: Vec<PeerLabel>,
}

impl PoolView {
    fn of(peers: View) -> Rc<Self> {
        let names = peers.list().peers().iter().map(Peer::name);
        let labels = names.map(|name| PeerLabel::Name(name.into())).collect();
        Rc::new(Self { peers, labels })
    }
}

/// Connections that wait for a request.
pub(crate) type IdleConnections = IdleCache<Box<UpstreamConnection>>;

/// Idle connections to the peers of a pool that came out of variables, as `upstream` has by default.
const KEPT_CONNECTIONS: usize = 32;

/// What of one request is there for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// Nothing: the pool is the request's own.
    Nothing,
    /// What the configuration says.
    AsInNginx,
    /// Connections, which nginx would not keep here, are there for requests that a dead one cannot harm.
    WithoutRisk,
}

/// A pool as one worker sees it.
pub(crate) struct WorkerPool {
    pub(crate) pool: Arc<Pool>,
    pub(crate) key: KeySource,
    /// How requests stay with a peer, if they do.
    pub(crate) sticky: Option<Sticky>,
    view: RefCell<Rc<PoolView>>,
    /// The pool's name, for "no live upstreams".
    pub(crate) pool_label: PeerLabel,
    pub(crate) idle: Option<RefCell<IdleConnections>>,
    /// What of one request is there for the next.
    pub(crate) reuse: Reuse,
    /// What is kept of TLS with the peers, by who wants it and their address.
    tls: RefCell<HashMap<(usize, AddressId), Rc<PeerTls>>>,
    /// The last answer was too long for a short buffer and would have fitted a long one, so the next
    /// one is read through a long one from its first byte on.
    pub(crate) answers_are_long: Cell<bool>,
    /// What may be spent on retries.
    pub(crate) retry_budget: Option<RetryBudget>,
    /// Where requests wait for a peer.
    pub(crate) queue: Option<Arc<Queue>>,
}

impl WorkerPool {
    /// A pool at the start of its turns, with nothing idle.
    pub(crate) fn new(pool: &Arc<Pool>, key: KeySource) -> Self {
        Self {
            pool: pool.clone(),
            key,
            sticky: None,
            view: RefCell::new(PoolView::of(View::new(pool))),
            pool_label: PeerLabel::Name(pool.name().as_bytes().into()),
            idle: pool
                .keepalive()
                .map(|spec| RefCell::new(IdleCache::new(*spec))),
            reuse: Reuse::AsInNginx,
            tls: RefCell::default(),
            answers_are_long: Cell::new(false),
            retry_budget: pool.retry_budget(),
            queue: None,
        }
    }

    /// The same, whose requests stay with a peer.
    pub(crate) fn with_sticky(self, sticky: Option<Sticky>) -> Self {
        Self { sticky, ..self }
    }

    /// The same, with the line in which requests wait.
    pub(crate) fn with_queue(self, queue: Option<Arc<Queue>>) -> Self {
        Self { queue, ..self }
    }

    /// The pool of one request, whose peers came out of variables. It begins with none of them out, and no connection
    /// and no session of TLS outlives it (`ngx_http_upstream_create_round_robin_peer`).
    pub(crate) fn of_request(spec: PoolSpec) -> Rc<Self> {
        let pool = Arc::new(Pool::new(spec, None));
        Rc::new(Self {
            reuse: Reuse::Nothing,
            ..Self::new(&pool, KeySource::None)
        })
    }

    /// The same for all requests whose variables say the same: connections and sessions of TLS are kept, and each
    /// request begins with none of the peers out, as with a pool of its own.
    pub(crate) fn kept(spec: PoolSpec) -> Rc<Self> {
        let spec = PoolSpec {
            keepalive: Some(Keepalive::new(KEPT_CONNECTIONS)),
            forgets_failures: true,
            ..spec
        };
        let pool = Arc::new(Pool::new(spec, None));
        Rc::new(Self {
            reuse: Reuse::WithoutRisk,
            ..Self::new(&pool, KeySource::None)
        })
    }

    /// The peers as they are now. What is kept for those that are gone is given up.
    #[inline]
    pub(crate) fn view(&self) -> Rc<PoolView> {
        let view = self.view.borrow();
        if view.peers.epoch() == self.pool.epoch() {
            return view.clone();
        }
        drop(view);
        self.renew()
    }

    #[cold]
    fn renew(&self) -> Rc<PoolView> {
        let newer = PoolView::of(self.view.borrow().peers.renewed(&self.pool));
        self.view.replace(newer.clone());
        let stay = newer.peers.list().peers().iter();
        let stay: HashSet<AddressId> = stay.map(Peer::address_id).collect();
        let gone = self
            .idle
            .as_ref()
            .map(|idle| idle.borrow_mut().retain_addresses(&stay));
        drop(gone);
        self.tls
            .borrow_mut()
            .retain(|(_, address), _| stay.contains(address));
        newer
    }

    /// What is kept of TLS with the peer at this address for `client`, or what `new` makes of it.
    pub(crate) fn peer_tls<E>(
        &self,
        client: usize,
        peer: AddressId,
        new: impl FnOnce() -> Result<Rc<PeerTls>, E>,
    ) -> Result<Rc<PeerTls>, E> {
        let key = (client, peer);
        if let Some(known) = self.tls.borrow().get(&key) {
            return Ok(known.clone());
        }
        let new = new()?;
        self.tls.borrow_mut().insert(key, new.clone());
        Ok(new)
    }
}
