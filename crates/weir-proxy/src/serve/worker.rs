//! What all connections of one worker thread share.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use weir_io::clock;
use weir_io::deadline::Deadline;
use weir_io::dial::Dialer;
use weir_io::spare;
use weir_io::stream::Stream;

use super::runner::Runner;
use super::{connection, doors};
use crate::facts::h1::Connection;
use crate::facts::{ClientAddress, Idling, Link, Shop};
use crate::phases::run;
use crate::plan::Generation;
use crate::pool::Statistics;

/// Time between two looks at idle upstream connections.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// The same where connections may idle for a shorter time.
const SHORTEST_REST: Duration = Duration::from_millis(10);

/// Runners kept for reuse.
const KEPT_RUNNERS: usize = 512;

/// One worker: lives on one thread, shares nothing but atomics with the others.
pub struct Worker {
    /// What its connections borrow.
    pub(crate) shop: Rc<Shop>,
    runners: RefCell<Vec<Runner>>,
}

impl Worker {
    /// A worker that begins with `generation`. `numbers` counts connections of the whole process,
    /// `statistics` what its workers do.
    pub fn new(
        generation: Generation,
        dialer: Dialer,
        numbers: Arc<AtomicU64>,
        statistics: &Arc<Statistics>,
    ) -> Rc<Self> {
        let counters = statistics.enter();
        let shop = Rc::new(Shop::new(
            generation,
            dialer,
            numbers,
            counters,
            run::serve_sub,
        ));
        let own = Rc::downgrade(&shop);
        spare::set_last_resort(move || own.upgrade().map_or(0, |shop| shop.close_idle_upstreams()));
        Rc::new(Self {
            shop,
            runners: RefCell::default(),
        })
    }

    /// Serves requests that begin from now on under `generation`; idle connections move over, and
    /// the others have `worker_shutdown_timeout` to end. Must be called on the worker's thread.
    pub fn adopt(&self, generation: Generation) {
        let older = self.shop.adopt(Rc::new(generation));
        if let Some(limit) = older.config().main.worker_shutdown_timeout {
            let ends = expire_later(self.shop.clone(), Rc::downgrade(&older), limit);
            tokio::task::spawn_local(ends);
        }
    }

    /// Closes idle connections and lets the others end after their request (SIGQUIT).
    pub fn drain(&self) {
        self.shop.drain();
    }

    /// Takes no more than what its connections still send: each ends with its next answer. For a
    /// worker that a reload makes superfluous, whose clients may be about to send.
    pub fn retire(&self) {
        self.shop.retire();
    }

    /// Ends everything at once (SIGTERM, `worker_shutdown_timeout`).
    pub fn abort(&self) {
        self.shop.abort();
    }

    /// Connections that are open now.
    pub fn open_connections(&self) -> usize {
        self.shop.tasks.open()
    }

    /// Open connections on which a request is served, or its end awaited.
    pub fn busy_connections(&self) -> usize {
        self.shop.tasks.busy()
    }

    /// Closes what is kept for later only, because the process has run out of descriptors; `false` if
    /// there is no such thing.
    pub fn close_spare(&self) -> bool {
        self.shop.close_spare()
    }

    /// Writes every waiting access line, buffered ones too (SIGUSR1, exit).
    pub fn flush_lines(&self) {
        self.shop.flush_lines();
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
        &self,
        stream: Stream,
        listen: usize,
        client: ClientAddress,
        local: Option<SocketAddr>,
    ) -> Box<Connection> {
        let plan = self.shop.generation();
        let action = doors::first_action(&plan, listen);
        Box::new(Connection {
            link: Link {
                plan,
                shop: self.shop.clone(),
                listen,
                address: client,
                local: Cell::new(local),
                number: 0,
                opened: clock::now(),
                requests: 0,
                deadline: Deadline::default(),
                action,
                arrival: None,
                idle: Idling::default(),
                slot: None,
            },
            stream,
            input: Vec::new(),
            input_closed: false,
            nodelay: false,
            pipelined: false,
            used: 0,
        })
    }

    /// Serves one accepted connection until it ends. `listen`: index of the listening socket in the
    /// configuration. Returns at once, with an alert in the log, if no place is free.
    ///
    /// `guard` is dropped when the connection ends, however that comes.
    ///
    /// Not an `async fn`: what idles with the connection is one box, not its parts, twice.
    pub(crate) fn serve(
        self: Rc<Self>,
        stream: Stream,
        listen: usize,
        client: ClientAddress,
        local: Option<SocketAddr>,
        guard: impl Sized,
    ) -> impl Future<Output = ()> {
        self.shop.counters.accepted.add_one();
        let mut conn = self.connection(stream, listen, client, local);
        async move {
            let _guard = guard;
            conn.link.slot = self.shop.acquire_slot().await;
            if conn.link.slot.is_none() {
                return refuse(&self.shop, &conn.link.plan);
            }
            conn.link.number = self.shop.next_number();
            connection::serve(self, conn).await;
        }
    }

    /// Writes access lines when it is time.
    pub async fn run_line_flusher(self: Rc<Self>) {
        self.shop.lines.run().await;
    }

    /// Until the next look at idle connections: they close when their time is up, also those that
    /// fall idle meanwhile.
    fn rest(&self) -> Duration {
        let now = clock::monotonic(clock::now());
        let generation = self.shop.generation();
        let mut rest = HOUSEKEEPING;
        generation.for_each_idle_cache(|spec, idle| {
            let expiry = idle.next_expiry();
            let left = expiry.map_or(spec.timeout, |expiry| expiry.saturating_sub(now));
            rest = rest.min(spec.timeout).min(left);
        });
        rest.max(SHORTEST_REST)
    }

    /// Drops idle upstream connections that are too old or that the peer has closed, and pipes and
    /// files that nobody needs any more.
    pub async fn run_housekeeping(self: Rc<Self>) {
        let mut trimmed = Duration::ZERO;
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.rest()) => {}
                () = self.shop.idle_woken.0.notified() => {}
            }
            let generation = self.shop.generation();
            let now = clock::monotonic(clock::now());
            generation.for_each_idle_cache(|_, idle| {
                drop(idle.expire(now).collect::<Vec<_>>());
                idle.retain(|idle| self.shop.watch_idle(idle));
            });
            if now.saturating_sub(trimmed) >= HOUSEKEEPING {
                trimmed = now;
                spare::close_unneeded();
            }
        }
    }
}

/// Ends, after `limit`, the connections that are still served under an older generation.
async fn expire_later(shop: Rc<Shop>, older: Weak<Generation>, limit: Duration) {
    tokio::time::sleep(limit).await;
    if let Some(older) = older.upgrade() {
        older.expire();
        shop.tasks.wake_all();
    }
}

/// Says that no place is free.
fn refuse(shop: &Shop, plan: &Generation) {
    let count = shop.worker_connections();
    let text = format!("{count} worker_connections are not enough");
    weir_log::emit(
        plan.main_sinks(),
        weir_log::Level::Alert,
        None,
        text.as_bytes(),
    );
}
