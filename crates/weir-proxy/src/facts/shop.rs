//! What a worker lends to the connections and requests that it serves.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Wake, Waker};

use tokio::sync::Notify;
use weir_io::dial::Dialer;
use weir_io::{clock, spare};

use super::{Request, Serve, Tasks, VisitorNumbers};
use crate::plan::{Generation, WaitingLines};
use crate::pool::{Member, Slot, Slots, UpstreamConnection};

/// Idle connections that make room at once, as in nginx.
const REUSED_AT_ONCE: usize = 32;

/// Turns of the reactor that a connection may take to close.
const TURNS_TO_CLOSE: usize = 4;

/// Subrequests that are kept for the next.
const KEPT_REQUESTS: usize = 64;

/// Places, numbers, lines, the configuration in force, and whether the worker goes on: what is lent.
/// What runs is the worker's.
pub(crate) struct Shop {
    generation: RefCell<Rc<Generation>>,
    /// Generations that connections may still be served under.
    older: RefCell<Vec<Weak<Generation>>>,
    pub(crate) dialer: Dialer,
    /// The places of [`Plan::connection_slots`](crate::plan::Plan).
    slots: Rc<Slots>,
    numbers: Arc<AtomicU64>,
    /// What `stub_status` shows.
    pub(crate) counters: Rc<Member>,
    pub(crate) tasks: Rc<Tasks>,
    /// Connections that wait for a place.
    seekers: Cell<usize>,
    /// When it was last told that places are scarce, in whole seconds.
    reuse_told: Cell<Option<u64>>,
    draining: Cell<bool>,
    /// Tells of another generation, and of the end.
    pub(crate) moved: Notify,
    /// Idle connections are not closed while the worker drains; they end with their next answer.
    retiring: Cell<bool>,
    /// `worker_shutdown_timeout` is over: everything ends now.
    aborting: Cell<bool>,
    pub(crate) lines: WaitingLines,
    pub(crate) visitors: VisitorNumbers,
    /// Takes a subrequest through the phases, which lie above those who need it.
    pub(crate) serve_sub: Serve,
    /// Subrequests that are over, for the next.
    #[expect(clippy::vec_box, reason = "they are large, and lent in their boxes")]
    subrequests: RefCell<Vec<Box<Request>>>,
    /// Something arrived on an idle upstream connection.
    pub(crate) idle_woken: Arc<IdleWoken>,
    idle_waker: Waker,
}

/// Wakes the housekeeping when an idle upstream connection becomes readable.
#[derive(Default)]
pub(crate) struct IdleWoken(pub(crate) Notify);

impl Wake for IdleWoken {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

/// A connection that waits for a place.
struct Seeker<'a>(&'a Cell<usize>);

impl<'a> Seeker<'a> {
    fn new(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Seeker<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Shop {
    /// A shop that begins with `generation`. `numbers` counts connections of the whole process.
    pub(crate) fn new(
        generation: Generation,
        dialer: Dialer,
        numbers: Arc<AtomicU64>,
        counters: Member,
        serve_sub: Serve,
    ) -> Self {
        generation.count_in(&numbers);
        let counters = Rc::new(counters);
        let idle_woken = Arc::new(IdleWoken::default());
        Self {
            idle_waker: idle_woken.clone().into(),
            idle_woken,
            slots: Slots::new(generation.connection_slots(), scarce(&generation)),
            generation: RefCell::new(Rc::new(generation)),
            older: RefCell::default(),
            dialer,
            numbers,
            tasks: Rc::new(Tasks::new(counters.clone())),
            counters,
            seekers: Cell::default(),
            reuse_told: Cell::default(),
            draining: Cell::new(false),
            moved: Notify::new(),
            retiring: Cell::new(false),
            aborting: Cell::new(false),
            lines: WaitingLines::default(),
            visitors: VisitorNumbers::default(),
            serve_sub,
            subrequests: RefCell::default(),
        }
    }

    /// The generation that new requests are served under.
    pub(crate) fn generation(&self) -> Rc<Generation> {
        self.generation.borrow().clone()
    }

    /// Whether new requests are served under `generation`.
    pub(crate) fn serves_under(&self, generation: &Rc<Generation>) -> bool {
        Rc::ptr_eq(&self.generation.borrow(), generation)
    }

    /// Serves requests that begin from now on under `generation`; idle connections move over. The one
    /// before comes back, under which others may still be served.
    pub(crate) fn adopt(&self, generation: Rc<Generation>) -> Rc<Generation> {
        generation.count_in(&self.numbers);
        let older = self.generation.replace(generation.clone());
        self.slots
            .limit_to(generation.connection_slots(), scarce(&generation));
        older.close_idle();
        let mut past = self.older.borrow_mut();
        past.retain(|older| older.strong_count() > 0);
        past.push(Rc::downgrade(&older));
        drop(past);
        // Emptied files may lie in folders that the configuration no longer names.
        spare::close_all();
        self.tasks.wake_all();
        self.moved.notify_waiters();
        older
    }

    /// The generations that are still in use, the newest first.
    fn generations(&self) -> Vec<Rc<Generation>> {
        let older = self.older.borrow();
        std::iter::once(self.generation())
            .chain(older.iter().filter_map(Weak::upgrade))
            .collect()
    }

    /// Closes idle connections and lets the others end after their request (SIGQUIT).
    pub(crate) fn drain(&self) {
        self.retiring.set(false);
        self.begin_to_end();
    }

    /// Takes no more than what its connections still send: each ends with its next answer. For a
    /// worker that a reload makes superfluous, whose clients may be about to send.
    pub(crate) fn retire(&self) {
        self.retiring.set(true);
        self.begin_to_end();
    }

    /// From now on nothing is kept for later.
    fn begin_to_end(&self) {
        self.draining.set(true);
        self.generation.borrow().close_idle();
        self.tasks.wake_all();
        self.moved.notify_waiters();
    }

    /// Whether idle connections close now.
    pub(crate) fn closes_idle(&self) -> bool {
        self.draining.get() && !self.retiring.get()
    }

    /// Ends everything at once (SIGTERM, `worker_shutdown_timeout`).
    pub(crate) fn abort(&self) {
        self.aborting.set(true);
        self.begin_to_end();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    pub(crate) fn is_aborting(&self) -> bool {
        self.aborting.get()
    }

    /// Closes some of the connections that have idled longest, clients' and upstreams', while places
    /// are scarce, and says so once a second (`ngx_drain_connections`). Clients' close when their
    /// tasks run; they count as free here.
    fn reuse_idle(&self, others: usize) {
        // Those that wait for a place already get what was asked back for them.
        let soon = self.tasks.evicted().saturating_sub(others);
        if !self.slots.are_scarce(soon) {
            return;
        }
        let generation = self.generation();
        let mut turns = self.tasks.idle_turns();
        generation.for_each_idle(|idle| turns.push(idle.idle_turn));
        if turns.is_empty() {
            return;
        }
        let count = REUSED_AT_ONCE.min(turns.len() / 8).max(1);
        let (_, &mut last, _) = turns.select_nth_unstable(count - 1);
        self.tell_of_reuse(&generation);
        self.tasks.evict(last);
        generation.retain_idle(|idle| idle.idle_turn > last);
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
        self.reuse_idle(self.seekers.get());
        if let Some(slot) = self.take_slot() {
            return Some(slot);
        }
        let _seeker = Seeker::new(&self.seekers);
        for _ in 0..TURNS_TO_CLOSE {
            tokio::task::yield_now().await;
            if let Some(slot) = self.take_slot() {
                return Some(slot);
            }
            // Meanwhile others may have fallen idle.
            self.reuse_idle(self.seekers.get() - 1);
        }
        None
    }

    /// Closes what is kept for later only, for the process has run out of descriptors: emptied files
    /// and pipes, or else idle upstream connections. `false` if there is no such thing.
    pub(crate) fn close_spare(&self) -> bool {
        spare::close_all() > 0 || self.close_idle_upstreams() > 0
    }

    /// Closes the idle upstream connections; how many is the value.
    pub(crate) fn close_idle_upstreams(&self) -> usize {
        let mut closed = 0;
        self.generation().retain_idle(|_| {
            closed += 1;
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

    /// A request that serves as a subrequest.
    pub(crate) fn take_request(&self) -> Box<Request> {
        let kept = self.subrequests.borrow_mut().pop();
        kept.unwrap_or_else(|| Box::new(Request::new()))
    }

    /// The subrequest is over.
    pub(crate) fn give_back_request(&self, mut req: Box<Request>) {
        let mut kept = self.subrequests.borrow_mut();
        if kept.len() < KEPT_REQUESTS {
            req.release();
            req.reset();
            kept.push(req);
        }
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes every waiting access line, buffered ones too (SIGUSR1, exit).
    pub(crate) fn flush_lines(&self) {
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
    pub(crate) fn watch_idle(&self, idle: &mut UpstreamConnection) -> bool {
        let mut cx = Context::from_waker(&self.idle_waker);
        idle.out().poll_quiet(&mut cx)
    }
}

/// So few free places are too few (`ngx_drain_connections`).
fn scarce(generation: &Generation) -> usize {
    generation.config().main.worker_connections / 16
}
