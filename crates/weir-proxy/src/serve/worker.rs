//! What all connections of one worker thread share.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use tokio::sync::Notify;

use super::connection;
use super::runner::Runner;
use super::tasks::{Registration, Tasks};
use crate::facts::h1::Connection;
use crate::facts::{Action, ClientAddress, IdleTimes, Link};
use crate::plan::{Generation, WaitingLines};
use crate::pool::{Slot, Slots, UpstreamConnection};
use weir_io::clock;
use weir_io::deadline::Deadline;
use weir_io::dial::Dialer;
use weir_io::spare;
use weir_io::stream::Stream;

/// Time between two looks at idle upstream connections.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// The same where connections may idle for a shorter time.
const SHORTEST_REST: Duration = Duration::from_millis(10);

/// Idle connections that make room at once, as in nginx.
const REUSED_AT_ONCE: usize = 32;

/// Turns of the reactor that a connection may take to close.
const TURNS_TO_CLOSE: usize = 4;

/// Runners kept for reuse.
const KEPT_RUNNERS: usize = 512;

/// One worker: lives on one thread, shares nothing but atomics with the others.
pub struct Worker {
    generation: RefCell<Rc<Generation>>,
    /// Generations that connections may still be served under.
    older: RefCell<Vec<Weak<Generation>>>,
    pub(crate) dialer: Dialer,
    /// The places of [`Plan::connection_slots`](crate::plan::Plan).
    slots: Rc<Slots>,
    numbers: Arc<AtomicU64>,
    tasks: Rc<Tasks>,
    /// When it was last told that places are scarce, in whole seconds.
    reuse_told: Cell<Option<u64>>,
    draining: Cell<bool>,
    /// Idle connections are not closed while the worker drains; they end with their next answer.
    retiring: Cell<bool>,
    /// `worker_shutdown_timeout` is over: everything ends now.
    aborting: Cell<bool>,
    runners: RefCell<Vec<Runner>>,
    pub(crate) lines: WaitingLines,
    /// Something arrived on an idle upstream connection.
    idle_woken: Arc<IdleWoken>,
    idle_waker: Waker,
}

/// Wakes the housekeeping when an idle upstream connection becomes readable.
#[derive(Default)]
struct IdleWoken(Notify);

impl Wake for IdleWoken {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

impl Worker {
    /// A worker that begins with `generation`. `numbers` counts connections of the whole process.
    pub fn new(generation: Generation, dialer: Dialer, numbers: Arc<AtomicU64>) -> Rc<Self> {
        let idle_woken = Arc::new(IdleWoken::default());
        Rc::new(Self {
            idle_waker: idle_woken.clone().into(),
            idle_woken,
            slots: Slots::new(generation.connection_slots(), scarce(&generation)),
            generation: RefCell::new(Rc::new(generation)),
            older: RefCell::default(),
            dialer,
            numbers,
            tasks: Rc::default(),
            reuse_told: Cell::default(),
            draining: Cell::new(false),
            retiring: Cell::new(false),
            aborting: Cell::new(false),
            runners: RefCell::default(),
            lines: WaitingLines::default(),
        })
    }

    /// The generation that new requests are served under.
    pub(crate) fn generation(&self) -> Rc<Generation> {
        self.generation.borrow().clone()
    }

    /// Whether new requests are served under `generation`.
    pub(crate) fn serves_under(&self, generation: &Rc<Generation>) -> bool {
        Rc::ptr_eq(&self.generation.borrow(), generation)
    }

    /// Serves requests that begin from now on under `generation`; idle connections move over, and
    /// the others have `worker_shutdown_timeout` to end. Must be called on the worker's thread.
    pub fn adopt(self: &Rc<Self>, generation: Generation) {
        let generation = Rc::new(generation);
        let older = self.generation.replace(generation.clone());
        self.slots
            .limit_to(generation.connection_slots(), scarce(&generation));
        older.close_idle();
        let limit = older.config().main.worker_shutdown_timeout;
        let mut past = self.older.borrow_mut();
        past.retain(|older| older.strong_count() > 0);
        past.push(Rc::downgrade(&older));
        drop(past);
        if let Some(limit) = limit {
            tokio::task::spawn_local(self.clone().expire_later(Rc::downgrade(&older), limit));
        }
        drop(older);
        // Emptied files may lie in folders that the configuration no longer names.
        spare::close_all();
        self.wake_all();
    }

    /// Ends, after `limit`, the connections that are still served under an older generation.
    async fn expire_later(self: Rc<Self>, older: Weak<Generation>, limit: Duration) {
        tokio::time::sleep(limit).await;
        if let Some(older) = older.upgrade() {
            older.expire();
            self.wake_all();
        }
    }

    /// The generations that are still in use, the newest first.
    fn generations(&self) -> Vec<Rc<Generation>> {
        let older = self.older.borrow();
        std::iter::once(self.generation())
            .chain(older.iter().filter_map(Weak::upgrade))
            .collect()
    }

    /// Closes idle connections and lets the others end after their request (SIGQUIT).
    pub fn drain(&self) {
        self.retiring.set(false);
        self.begin_to_end();
    }

    /// Takes no more than what its connections still send: each ends with its next answer. For a
    /// worker that a reload makes superfluous, whose clients may be about to send.
    pub fn retire(&self) {
        self.retiring.set(true);
        self.begin_to_end();
    }

    /// From now on nothing is kept for later.
    fn begin_to_end(&self) {
        self.draining.set(true);
        self.generation.borrow().close_idle();
        self.wake_all();
    }

    /// Whether idle connections close now.
    pub(crate) fn closes_idle(&self) -> bool {
        self.draining.get() && !self.retiring.get() || self.aborting.get()
    }

    /// Ends everything at once (SIGTERM, `worker_shutdown_timeout`).
    pub fn abort(&self) {
        self.aborting.set(true);
        self.begin_to_end();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    pub(crate) fn is_aborting(&self) -> bool {
        self.aborting.get()
    }

    /// Connections that are open now.
    pub fn open_connections(&self) -> usize {
        self.tasks.open()
    }

    /// Open connections on which a request is served, or its end awaited.
    pub fn busy_connections(&self) -> usize {
        self.tasks.busy()
    }

    fn wake_all(&self) {
        self.tasks.wake_all();
    }

    /// Enters the running task into the list.
    pub(super) fn register(&self, waker: Waker) -> Registration {
        self.tasks.register(waker)
    }

    /// Closes some of the connections that have idled longest, clients' and upstreams', while places
    /// are scarce, and says so once a second (`ngx_drain_connections`). Clients' close when their
    /// tasks run; they count as free here.
    fn reuse_idle(&self) {
        if !self.slots.are_scarce(self.tasks.evicted()) {
            return;
        }
        let generation = self.generation();
        let mut turns = self.tasks.idle_turns();
        generation.for_each_idle(|idle| turns.push(idle.idle_turn));
        turns.sort_unstable();
        let count = REUSED_AT_ONCE.min(turns.len() / 8).max(1);
        let Some(last) = turns.get(count - 1) else {
            return;
        };
        self.tell_of_reuse(&generation);
        self.tasks.evict(*last);
        generation.retain_idle(|idle| idle.idle_turn > *last);
    }

    fn tell_of_reuse(&self, generation: &Generation) {
        let second = clock::monotonic(clock::now()).as_secs();
        if self.reuse_told.replace(Some(second)) == Some(second) {
            return;
        }
        let text = format!(
            "{} worker_connections are not enough, reusing connections",
            self.worker_connections()
        );
        weir_log::emit(
            generation.main_sinks(),
            weir_log::Level::Warn,
            None,
            text.as_bytes(),
        );
    }

    /// A place of `worker_connections`, if need be that of an idle connection; `None` if all serve.
    pub(crate) async fn acquire_slot(&self) -> Option<Slot> {
        self.reuse_idle();
        if let Some(slot) = self.take_slot() {
            return Some(slot);
        }
        for _ in 0..TURNS_TO_CLOSE {
            tokio::task::yield_now().await;
            if let Some(slot) = self.take_slot() {
                return Some(slot);
            }
        }
        None
    }

    /// Closes what is kept for later only, for the process has run out of descriptors: emptied files
    /// and pipes, or else idle upstream connections. `false` if there is no such thing.
    pub fn close_spare(&self) -> bool {
        if spare::close_all() > 0 {
            return true;
        }
        let mut closed = false;
        self.generation().retain_idle(|_| {
            closed = true;
            false
        });
        closed
    }

    /// Notes that an upstream connection falls idle, and lets the reactor report whatever arrives on
    /// it; `false` if something has, so that it must not be kept.
    pub(crate) fn fall_idle(&self, upstream: &mut UpstreamConnection) -> bool {
        upstream.idle_turn = self.tasks.next_turn();
        self.watch_idle(upstream)
    }

    /// Takes a place of `worker_connections`; `None` if all are taken.
    pub(crate) fn take_slot(&self) -> Option<Slot> {
        self.slots.take()
    }

    /// `worker_connections` as configured.
    pub(crate) fn worker_connections(&self) -> usize {
        self.generation.borrow().config().main.worker_connections
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Asks for the memory of the runner that [`Self::take_runner`] would give.
    pub(crate) fn prefetch_runner(&self) {
        if let Some(runner) = self.runners.borrow().last() {
            runner.prefetch();
        }
    }

    pub(crate) fn take_runner(&self) -> Runner {
        self.runners.borrow_mut().pop().unwrap_or_else(Runner::new)
    }

    pub(crate) fn give_back_runner(&self, runner: Runner) {
        let mut runners = self.runners.borrow_mut();
        if runners.len() < KEPT_RUNNERS {
            runners.push(runner);
        }
    }

    /// A connection on which nothing has happened yet.
    pub(crate) fn connection(
        self: Rc<Self>,
        stream: Stream,
        listen: usize,
        client: ClientAddress,
        local: Option<SocketAddr>,
    ) -> Box<Connection> {
        Box::new(Connection {
            link: Link {
                plan: self.generation(),
                worker: self,
                listen,
                address: client,
                local: Cell::new(local),
                number: 0,
                opened: clock::now(),
                requests: 0,
                deadline: Deadline::default(),
                action: Action::WaitingForRequest,
                idle: IdleTimes::default(),
                slot: None,
            },
            stream,
            input: Vec::new(),
            input_closed: false,
        })
    }

    /// Serves one accepted connection until it ends. `listen`: index of the listening socket in the
    /// configuration. Returns at once, with an alert in the log, if no place is free.
    ///
    /// Not an `async fn`: what idles with the connection is one box, not its parts, twice.
    pub fn serve(
        self: Rc<Self>,
        stream: Stream,
        listen: usize,
        client: ClientAddress,
        local: Option<SocketAddr>,
    ) -> impl Future<Output = ()> {
        let mut conn = self.connection(stream, listen, client, local);
        async move {
            conn.link.slot = conn.link.worker.acquire_slot().await;
            if conn.link.slot.is_none() {
                return conn.link.worker.refuse(&conn.link.plan);
            }
            conn.link.number = conn.link.worker.next_number();
            connection::serve(conn).await;
        }
    }

    /// Says that no place is free.
    fn refuse(&self, plan: &Generation) {
        let count = self.worker_connections();
        let text = format!("{count} worker_connections are not enough");
        weir_log::emit(
            plan.main_sinks(),
            weir_log::Level::Alert,
            None,
            text.as_bytes(),
        );
    }

    /// Writes access lines when it is time.
    pub async fn run_line_flusher(self: Rc<Self>) {
        self.lines.run().await;
    }

    /// Writes every waiting access line, buffered ones too (SIGUSR1, exit).
    pub fn flush_lines(&self) {
        for line in self
            .generations()
            .iter()
            .flat_map(|generation| &generation.lines)
        {
            line.borrow_mut().flush();
        }
    }

    /// Lets the reactor report whatever arrives on an idle upstream connection; `false` if
    /// something has, so that it must not be kept.
    fn watch_idle(&self, idle: &mut UpstreamConnection) -> bool {
        let mut cx = Context::from_waker(&self.idle_waker);
        idle.stream.poll_quiet(&mut cx)
    }

    /// Until the next look at idle connections: they close when their time is up, also those that
    /// fall idle meanwhile.
    fn rest(&self) -> Duration {
        let now = clock::monotonic(clock::now());
        let generation = self.generation();
        let mut rest = HOUSEKEEPING;
        for pool in &generation.pools {
            if let (Some(idle), Some(spec)) = (&pool.idle, pool.pool.keepalive()) {
                let expiry = idle.borrow().next_expiry();
                let left = expiry.map_or(spec.timeout, |expiry| expiry.saturating_sub(now));
                rest = rest.min(spec.timeout).min(left);
            }
        }
        rest.max(SHORTEST_REST)
    }

    /// Drops idle upstream connections that are too old or that the peer has closed, and pipes and
    /// files that nobody needs any more.
    pub async fn run_housekeeping(self: Rc<Self>) {
        let mut trimmed = Duration::ZERO;
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.rest()) => {}
                () = self.idle_woken.0.notified() => {}
            }
            let generation = self.generation();
            let now = clock::monotonic(clock::now());
            for pool in &generation.pools {
                if let Some(idle) = &pool.idle {
                    let mut idle = idle.borrow_mut();
                    drop(idle.expire(now).collect::<Vec<_>>());
                    idle.retain(|idle| self.watch_idle(idle));
                }
            }
            if now.saturating_sub(trimmed) >= HOUSEKEEPING {
                trimmed = now;
                spare::close_unneeded();
            }
        }
    }
}

/// So few free places are too few (`ngx_drain_connections`).
fn scarce(generation: &Generation) -> usize {
    generation.config().main.worker_connections / 16
}
