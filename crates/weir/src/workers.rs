//! Worker threads: each a runtime of its own, told by orders what to do.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use weir_io::dial::Dialer;
use weir_log::{Level, emit};
use weir_proxy::Statistics;
use weir_proxy::plan::Plan;
use weir_proxy::serve::host::{Host, Runtime, Surroundings};

use crate::accept::Acceptors;
use crate::privileges;
use crate::sockets::Share;
use crate::system_error::SystemError;

/// What a worker serves.
#[derive(Clone)]
pub(crate) struct Assignment {
    pub(crate) plan: Arc<Plan>,
    pub(crate) shares: Vec<Share>,
}

/// What the main thread tells a worker.
pub(crate) enum Order {
    /// Go on under another configuration, and say so.
    Adopt(Assignment, oneshot::Sender<()>),
    /// Write every waiting access line, and say so.
    FlushLines(oneshot::Sender<()>),
    /// Accept no more, answer what is under way, end; at the latest after this time.
    Drain(Option<Duration>),
    /// As [`Order::Drain`], but idle connections may send one more request: their clients know
    /// nothing of a reload.
    Retire(Option<Duration>),
    /// End at once.
    Stop,
}

/// A worker as the main thread sees it.
#[derive(Debug)]
pub(crate) struct WorkerThread {
    /// Unique in the process.
    pub(crate) id: u64,
    orders: mpsc::UnboundedSender<Order>,
    thread: JoinHandle<()>,
}

/// What all workers of the process share.
#[derive(Clone)]
pub(crate) struct Process {
    /// Counts the connections of the process.
    pub(crate) numbers: Arc<AtomicU64>,
    /// What the workers count.
    pub(crate) statistics: Arc<Statistics>,
    /// Receives the id of a worker that ends.
    pub(crate) ended: mpsc::UnboundedSender<u64>,
}

impl WorkerThread {
    /// Starts a worker and returns once it accepts.
    pub(crate) fn start(
        id: u64,
        assignment: Assignment,
        process: Process,
    ) -> Result<Self, SystemError> {
        let (orders, receiver) = mpsc::unbounded_channel();
        let (ready, started) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new()
            .name(format!("worker {id}"))
            .spawn(move || {
                let _ended = Ended {
                    id,
                    to: process.ended.clone(),
                };
                run(assignment, &process, receiver, &ready);
            })
            .map_err(|error| SystemError::new("pthread_create()", error))?;
        match started.recv() {
            Ok(Ok(())) => Ok(Self { id, orders, thread }),
            Ok(Err(error)) => Err(error),
            // It ended in a panic, which has been logged.
            Err(_) => Err(SystemError::new(
                "worker start",
                nix::errno::Errno::ECANCELED,
            )),
        }
    }

    /// Tells the worker; one that has ended is told in vain.
    pub(crate) fn tell(&self, order: Order) {
        let _ = self.orders.send(order);
    }

    /// As [`Self::tell`], for an order that is confirmed.
    pub(crate) fn order(
        &self,
        order: impl FnOnce(oneshot::Sender<()>) -> Order,
    ) -> oneshot::Receiver<()> {
        let (done, is_done) = oneshot::channel();
        self.tell(order(done));
        is_done
    }

    /// Waits until the thread is gone; `false` if it ended in a panic.
    pub(crate) fn join(self) -> bool {
        self.thread.join().is_ok()
    }
}

/// Reports the end of a worker, however it comes.
struct Ended {
    id: u64,
    to: mpsc::UnboundedSender<u64>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        // Nobody listens only if the process is ending.
        let _ = self.to.send(self.id);
    }
}

type Ready = std::sync::mpsc::Sender<Result<(), SystemError>>;

/// The life of a worker thread.
fn run(
    assignment: Assignment,
    process: &Process,
    orders: mpsc::UnboundedReceiver<Order>,
    ready: &Ready,
) {
    let prepared = privileges::drop_rights()
        .and_then(|()| Runtime::new().map_err(|error| SystemError::new("epoll_create()", error)));
    let runtime = match prepared {
        Ok(runtime) => runtime,
        Err(error) => {
            // The starter waits for this.
            let _ = ready.send(Err(error));
            return;
        }
    };
    runtime.block_on(work(assignment, process, orders, ready));
}

async fn work(
    assignment: Assignment,
    process: &Process,
    orders: mpsc::UnboundedReceiver<Order>,
    ready: &Ready,
) {
    let Assignment { plan, shares } = assignment;
    let around = Surroundings {
        numbers: process.numbers.clone(),
        statistics: process.statistics.clone(),
        ..Surroundings::alone(Dialer::System)
    };
    let host = Rc::new(Host::new(plan.clone(), around));
    let acceptors = Acceptors::new(host.clone(), plan.clone());
    let started = acceptors.adopt(plan, shares);
    let failed = started.is_err();
    // The starter waits for this.
    let _ = ready.send(started);
    if failed {
        return;
    }
    let mut orders = Orders {
        received: orders,
        host,
        acceptors,
        retires: false,
    };
    let limit = orders.obey().await;
    orders.wind_down(limit).await;
}

/// Where a worker's orders arrive, and what obeys them.
struct Orders {
    received: mpsc::UnboundedReceiver<Order>,
    host: Rc<Host>,
    acceptors: Acceptors,
    /// It ends because a reload has made it superfluous.
    retires: bool,
}

/// When a worker that has begun to end must be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Never,
    After(Duration),
    Now,
}

impl Orders {
    /// Obeys until an order to end comes.
    async fn obey(&mut self) -> Limit {
        while let Some(order) = self.received.recv().await {
            match order {
                Order::Adopt(assignment, done) => self.adopt(assignment, done),
                Order::FlushLines(done) => self.flush_lines(done),
                Order::Drain(limit) => return limit.map_or(Limit::Never, Limit::After),
                Order::Retire(limit) => {
                    self.retires = true;
                    return limit.map_or(Limit::Never, Limit::After);
                }
                Order::Stop => return Limit::Now,
            }
        }
        Limit::Now
    }

    /// Ends the worker's connections and waits for that.
    async fn wind_down(mut self, limit: Limit) {
        self.acceptors.close();
        if limit != Limit::Now {
            self.log(Level::Notice, "gracefully shutting down");
            if self.retires {
                self.host.worker().retire();
            } else {
                self.host.worker().drain();
            }
        }
        let host = self.host.clone();
        tokio::select! {
            () = host.idle() => {}
            () = expired(limit) => {}
            () = self.hurry() => {}
        }
        host.end().await;
        self.log(Level::Notice, "exiting");
    }

    /// Obeys while the worker drains; returns when all must end at once. Who may still send one more
    /// request is answered under the newest configuration.
    async fn hurry(&mut self) {
        loop {
            match self.received.recv().await {
                Some(Order::FlushLines(done)) => self.flush_lines(done),
                Some(Order::Drain(_)) => self.host.worker().drain(),
                Some(Order::Adopt(assignment, done)) => self.adopt(assignment, done),
                Some(Order::Retire(_)) => {}
                Some(Order::Stop) | None => return,
            }
        }
    }

    fn adopt(&self, assignment: Assignment, done: oneshot::Sender<()>) {
        self.host.adopt(assignment.plan.clone());
        if let Err(error) = self.acceptors.adopt(assignment.plan, assignment.shares) {
            self.log(Level::Alert, &error.to_string());
        }
        // It fails if nobody waits any more.
        let _ = done.send(());
    }

    fn flush_lines(&self, done: oneshot::Sender<()>) {
        self.host.worker().flush_lines();
        // It fails if nobody waits any more.
        let _ = done.send(());
    }

    fn log(&self, level: Level, text: &str) {
        let plan = self.acceptors.plan();
        emit(plan.main_sinks(), level, None, text.as_bytes());
    }
}

async fn expired(limit: Limit) {
    match limit {
        Limit::Never => std::future::pending().await,
        Limit::After(time) => tokio::time::sleep(time).await,
        Limit::Now => {}
    }
}
