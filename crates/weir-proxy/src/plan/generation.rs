//! What one worker keeps for one plan.

use crate::names::Resolver;
use crate::pool::{IdleConnections, KeptPools, KeySource, UpstreamConnection, WorkerPool};
use std::cell::{Cell, OnceCell, RefCell};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use weir_conf::{Keepalive, Location, ResolverSpec, Server};
use weir_log::{LineBuffer, NamedLog};

use super::Plan;
use super::lines::{Lines, SharedLines};

/// A worker's own hold on part of the configuration, which it shares with the other workers: who
/// counts in it touches no memory of theirs, as an `Arc` would for each request.
pub(crate) type Own<T> = Rc<Arc<T>>;

/// What one worker keeps for one plan.
pub struct Generation {
    plan: Arc<Plan>,
    servers: Vec<Own<Server>>,
    /// By `Location::index`; those that a request has found.
    locations: RefCell<Vec<Option<Own<Location>>>>,
    pub(crate) pools: Vec<WorkerPool>,
    /// Those that came out of variables, unless weir is to be like nginx in this, too.
    pub(crate) kept_pools: Option<KeptPools>,
    /// By `ResolverSpec::index`; those that have been asked.
    resolvers: Vec<OnceCell<Rc<Resolver>>>,
    /// Counts connections of the whole process; those to name servers, too.
    numbers: OnceCell<Arc<AtomicU64>>,
    pub(crate) lines: Vec<SharedLines>,
    /// Files of access lines whose names the requests decide.
    pub(crate) named_files: Vec<RefCell<NamedLog>>,
    /// `worker_shutdown_timeout` has passed since a newer generation took over.
    expired: Cell<bool>,
}

impl Generation {
    /// Begins to serve `plan` in a worker.
    pub fn new(plan: Arc<Plan>) -> Self {
        let upstreams = plan.config().http.iter().flat_map(|http| &http.upstreams);
        let pools = plan.pools.iter().zip(upstreams);
        let pools = pools
            .zip(&plan.queues)
            .map(|((pool, upstream), queue)| {
                let pool = WorkerPool::new(pool, KeySource::of(&upstream.method));
                pool.with_sticky(upstream.sticky.clone())
                    .with_queue(queue.clone())
            })
            .collect();
        let lines = plan
            .lines
            .iter()
            .map(|line| {
                let main = plan.main_sinks.clone();
                let buffer = LineBuffer::new(line.file.clone(), line.buffering, main);
                Rc::new(RefCell::new(Lines::new(buffer, plan.clone())))
            })
            .collect();
        let named_files = plan
            .named_logs
            .iter()
            .map(|rules| RefCell::new(NamedLog::new(*rules)));
        let named_files = named_files.collect();
        let http = plan.config().http.as_ref();
        let servers = http.map_or(Vec::new(), |http| {
            http.servers.iter().cloned().map(Rc::new).collect()
        });
        Self {
            numbers: OnceCell::new(),
            servers,
            resolvers: plan.resolvers.iter().map(|_| OnceCell::new()).collect(),
            locations: RefCell::new(vec![None; plan.location_logs.len()]),
            kept_pools: (!plan.config().compat_is_written).then(KeptPools::new),
            plan,
            pools,
            lines,
            named_files,
            expired: Cell::new(false),
        }
    }

    /// Who is asked for names where `spec` holds.
    pub(crate) fn resolver(&self, spec: &ResolverSpec) -> &Rc<Resolver> {
        self.resolvers[spec.index].get_or_init(|| {
            let shared = self.plan.resolvers[spec.index].clone();
            let numbers = self.numbers.get().cloned().unwrap_or_default();
            Resolver::new(shared, self.plan.main_sinks.clone(), numbers)
        })
    }

    /// Numbers the connections that it opens by itself from `numbers`.
    pub(crate) fn count_in(&self, numbers: &Arc<AtomicU64>) {
        self.numbers.get_or_init(|| numbers.clone());
    }

    /// The server at `index` of `Http::servers`.
    pub(crate) fn own_server(&self, index: usize) -> Own<Server> {
        self.servers[index].clone()
    }

    pub(crate) fn own_location(&self, location: &Arc<Location>) -> Own<Location> {
        let mut locations = self.locations.borrow_mut();
        locations[location.index]
            .get_or_insert_with(|| Rc::new(location.clone()))
            .clone()
    }
}

impl Generation {
    /// Closes the idle upstream connections (`ngx_close_idle_connections`). Requests still served
    /// under a generation that a newer one has followed put none back.
    pub(crate) fn close_idle(&self) {
        self.for_each_idle_cache(|_, idle| idle.drain().for_each(drop));
    }

    /// Closes the idle upstream connections that `keep` refuses.
    pub(crate) fn retain_idle(&self, mut keep: impl FnMut(&mut UpstreamConnection) -> bool) {
        self.for_each_idle_cache(|_, idle| idle.retain(|idle| keep(idle)));
    }

    /// Shows the idle connections of every pool that keeps some, and how it keeps them.
    pub(crate) fn for_each_idle_cache(
        &self,
        mut look: impl FnMut(&Keepalive, &mut IdleConnections),
    ) {
        let mut look = |pool: &WorkerPool| {
            if let (Some(idle), Some(spec)) = (&pool.idle, pool.pool.keepalive()) {
                look(spec, &mut idle.borrow_mut());
            }
        };
        self.pools.iter().for_each(&mut look);
        if let Some(kept) = &self.kept_pools {
            kept.for_each(look);
        }
    }

    pub(crate) fn for_each_idle(&self, mut look: impl FnMut(&UpstreamConnection)) {
        self.retain_idle(|idle| {
            look(idle);
            true
        });
    }

    /// Ends what is still served under this generation.
    pub(crate) fn expire(&self) {
        self.expired.set(true);
    }

    pub(crate) fn is_expired(&self) -> bool {
        self.expired.get()
    }
}

impl Deref for Generation {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.plan
    }
}
