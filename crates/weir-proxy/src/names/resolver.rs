//! One worker's side of a `resolver`: what it has asked, its sockets, and who waits.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use weir_dns::{Kind, NotSent, Outcome, Questions, Ticket, Told, Transport, Wire};
use weir_io::clock;
use weir_log::{ErrorSinks, Level};

use super::lookup::Lookup;
use super::shared::SharedResolver;
use super::sockets::{Caller, Sockets};
use super::tell;

/// One worker's side of a `resolver`.
///
/// Its tasks are few, whatever the number of those who ask: one that asks again when it is time, and one for each socket.
#[derive(Debug)]
pub(crate) struct Resolver {
    own: Weak<Self>,
    shared: Arc<SharedResolver>,
    sinks: Arc<ErrorSinks>,
    /// Counts connections of the whole process.
    numbers: Arc<AtomicU64>,
    state: RefCell<State>,
    /// When questions are to be sent again has changed.
    changed: Rc<Notify>,
    keeper: RefCell<Option<AbortHandle>>,
}

#[derive(Debug)]
struct State {
    questions: Questions,
    /// By server.
    sockets: Vec<Sockets>,
    seats: HashMap<Ticket, Seat>,
}

/// Someone who waits.
#[derive(Debug)]
enum Seat {
    Waits(Option<Waker>),
    Told(Outcome),
}

impl Resolver {
    /// A worker's side of `shared`, whose lines go to `sinks` and whose connections are numbered from `numbers`.
    pub(crate) fn new(
        shared: Arc<SharedResolver>,
        sinks: Arc<ErrorSinks>,
        numbers: Arc<AtomicU64>,
    ) -> Rc<Self> {
        let questions = Questions::new(shared.rules.clone(), shared.cache.clone());
        let sockets = shared.servers.iter().map(|_| Sockets::default());
        let state = State {
            questions,
            sockets: sockets.collect(),
            seats: HashMap::new(),
        };
        Rc::new_cyclic(|own| Self {
            own: own.clone(),
            shared,
            sinks,
            numbers,
            state: RefCell::new(state),
            changed: Rc::default(),
            keeper: RefCell::default(),
        })
    }

    /// Asks about `name`. Who drops the look-up asks no longer.
    pub(crate) fn ask(self: &Rc<Self>, kind: Kind, name: &[u8]) -> Lookup {
        self.start_keeper();
        let mut asked = None;
        self.with(|questions, wire, seats| {
            let ticket = questions.ask(kind, name, now(), wire);
            seats.insert(ticket, Seat::Waits(None));
            asked = Some(ticket);
        });
        Lookup::new(self.clone(), asked)
    }

    /// The outcome, once it is there.
    pub(super) fn poll(&self, ticket: Ticket, cx: &Context<'_>) -> Poll<Option<Outcome>> {
        let seats = &mut self.state.borrow_mut().seats;
        match seats.get_mut(&ticket) {
            Some(Seat::Waits(waker)) => {
                *waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Some(Seat::Told(_)) | None => {}
        }
        match seats.remove(&ticket) {
            Some(Seat::Told(outcome)) => Poll::Ready(Some(outcome)),
            Some(Seat::Waits(_)) | None => Poll::Ready(None),
        }
    }

    /// Nobody waits for the outcome any more.
    pub(super) fn forget(&self, ticket: Ticket) {
        let state = &mut *self.state.borrow_mut();
        if state.seats.remove(&ticket).is_some() {
            state.questions.forget(ticket, now());
        }
    }

    /// A server has sent something.
    pub(super) fn received(&self, message: &[u8], way: Transport) {
        self.with(|questions, wire, _| questions.receive(message, way, now(), wire));
    }

    /// A socket is of no use any more.
    pub(super) fn lost(&self, server: usize, way: Transport, call: &[u8], error: &io::Error) {
        if let Some(known) = self.shared.servers.get(server) {
            let level = tell::level_of(error);
            tell::call_failed(&self.sinks, level, call, error, &known.text);
        }
        self.left(server, way);
    }

    /// A connection is over.
    pub(super) fn left(&self, server: usize, way: Transport) {
        if let Some(sockets) = self.state.borrow_mut().sockets.get_mut(server) {
            sockets.close(way);
        }
    }

    /// When a failure may be asked again about, for want of anything that says so.
    pub(super) fn failure_until(&self) -> u64 {
        self.shared.rules.failure_until(now())
    }

    /// Lets `act` change what has been asked, and tells those who have waited for it.
    fn with(&self, act: impl FnOnce(&mut Questions, &mut Line<'_>, &mut HashMap<Ticket, Seat>)) {
        let mut wakers = Vec::new();
        let before;
        let after;
        {
            let state = &mut *self.state.borrow_mut();
            before = state.questions.resend_at();
            let mut line = Line {
                resolver: self,
                sockets: &mut state.sockets,
            };
            act(&mut state.questions, &mut line, &mut state.seats);
            for (ticket, outcome) in state.questions.outcomes() {
                if let Some(seat) = state.seats.get_mut(&ticket)
                    && let Seat::Waits(waker) = std::mem::replace(seat, Seat::Told(outcome))
                {
                    wakers.extend(waker);
                }
            }
            after = state.questions.resend_at();
        }
        if before != after {
            self.changed.notify_one();
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    fn start_keeper(&self) {
        self.keeper.borrow_mut().get_or_insert_with(|| {
            let keeper = keep_asking(self.own.clone(), self.changed.clone());
            tokio::task::spawn_local(keeper).abort_handle()
        });
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.get_mut() {
            keeper.abort();
        }
    }
}

/// Sends questions again when it is time.
async fn keep_asking(resolver: Weak<Resolver>, changed: Rc<Notify>) {
    loop {
        let at = match resolver.upgrade() {
            Some(resolver) => resolver.state.borrow().questions.resend_at(),
            None => return,
        };
        let Some(at) = at else {
            changed.notified().await;
            continue;
        };
        let left = at.saturating_sub(now());
        tokio::select! {
            () = changed.notified() => {}
            () = tokio::time::sleep(left) => {
                let Some(resolver) = resolver.upgrade() else {
                    return;
                };
                clock::refresh();
                resolver.with(|questions, wire, _| questions.resend(now(), wire));
            }
        }
    }
}

/// The clock of the questions: seconds since the beginning of all moments.
fn now() -> Duration {
    clock::monotonic(clock::now())
}

/// What the rules see of the world.
struct Line<'a> {
    resolver: &'a Resolver,
    sockets: &'a mut [Sockets],
}

impl Wire for Line<'_> {
    fn send(&mut self, server: usize, way: Transport, question: &[u8]) -> Result<(), NotSent> {
        let resolver = self.resolver;
        let known = resolver.shared.servers.get(server);
        let (Some(known), Some(sockets)) = (known, self.sockets.get_mut(server)) else {
            return Err(NotSent);
        };
        let caller = Caller {
            resolver: &resolver.own,
            sinks: &resolver.sinks,
            numbers: &resolver.numbers,
            index: server,
            server: known,
        };
        sockets.send(&caller, way, question)
    }

    fn random(&mut self) -> u32 {
        random()
    }

    fn tell(&mut self, told: Told) {
        weir_log::emit(&self.resolver.sinks, Level::Error, None, &*told.text());
    }
}

/// The system's own randomness. If it has none, which no system that runs does, the clock's nanoseconds must do.
pub(super) fn random() -> u32 {
    getrandom::u32().unwrap_or_else(|_| now().subsec_nanos())
}
