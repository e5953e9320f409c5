//! How a worker is run: its runtime, its own tasks, those of its connections, and its end. The `weir`
//! command, the tower service, the lab and the tests all run one so.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;
use weir_io::clock;
use weir_io::dial::Dialer;
use weir_io::stream::Stream;

use super::worker::Worker;
use crate::facts::ClientAddress;
use crate::plan::{Generation, Plan};
use crate::pool::Statistics;

/// How long connections may take to end when everything ends at once.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// Threads that hash passwords for a worker: more would take the processors from those who serve.
const HASHERS: usize = 2;

/// The runtime of a worker; lives on the worker's thread.
#[derive(Debug)]
pub struct Runtime(LocalRuntime);

impl Runtime {
    /// # Errors
    ///
    /// What `epoll_create()` and its kin say.
    pub fn new() -> io::Result<Self> {
        Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(HASHERS)
            .on_thread_unpark(clock::refresh)
            .build_local(LocalOptions::default())
            .map(Self)
    }

    /// Runs `work` on this thread, which reads the clock once per turn from now on.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        clock::start_caching();
        self.0.block_on(work)
    }
}

/// Runs `work` in a worker's runtime on a thread of its own.
///
/// # Errors
///
/// The thread or its runtime cannot be started.
pub fn start_thread<W, F>(name: &str, work: W) -> io::Result<JoinHandle<()>>
where
    W: FnOnce() -> F + Send + 'static,
    F: Future<Output = ()>,
{
    let (ready, is_ready) = mpsc::channel();
    let life = move || match Runtime::new() {
        Ok(runtime) => {
            // The starter waits for it.
            let _ = ready.send(Ok(()));
            runtime.block_on(work());
        }
        Err(error) => drop(ready.send(Err(error))),
    };
    let thread = std::thread::Builder::new().name(name.into()).spawn(life)?;
    // It says one of the two before it does anything else.
    is_ready.recv().unwrap_or(Ok(()))?;
    Ok(thread)
}

/// What a worker is given at its start.
#[derive(Clone)]
pub struct Surroundings {
    /// Who opens its upstream connections.
    pub dialer: Dialer,
    /// Counts the connections of the process; the first has the number that stands here.
    pub numbers: Arc<AtomicU64>,
    /// What the workers of the process count.
    pub statistics: Arc<Statistics>,
    /// Who hears of its events; whoever the thread has chosen, if `None`.
    pub subscriber: Option<Dispatch>,
}

impl Surroundings {
    /// Those of a process with one worker.
    pub fn alone(dialer: Dialer) -> Self {
        Self {
            dialer,
            numbers: Arc::new(1.into()),
            statistics: Arc::default(),
            subscriber: None,
        }
    }
}

/// A worker that runs. Lives on one thread, inside a [`Runtime`] or a `LocalSet`.
pub struct Host {
    worker: Rc<Worker>,
    subscriber: Option<Dispatch>,
    live: Rc<Live>,
    keepers: [AbortHandle; 3],
}

/// How many connections there are, counted by their tasks' ends, because tasks end in panics too.
#[derive(Default)]
struct Live {
    count: Cell<usize>,
    none: Notify,
}

/// One counted connection.
struct Counted(Rc<Live>);

impl Host {
    /// A worker that serves `plan`, and the tasks that write its lines and keep its house.
    pub fn new(plan: Arc<Plan>, around: Surroundings) -> Self {
        let Surroundings {
            dialer,
            numbers,
            statistics,
            subscriber,
        } = around;
        let worker = Worker::new(Generation::new(plan), dialer, numbers, &statistics);
        let keepers = [
            spawn(subscriber.as_ref(), worker.clone().run_line_flusher()),
            spawn(subscriber.as_ref(), worker.clone().run_housekeeping()),
            spawn(subscriber.as_ref(), worker.clone().run_duties()),
        ];
        Self {
            worker,
            subscriber,
            live: Rc::default(),
            keepers,
        }
    }

    /// The worker.
    pub fn worker(&self) -> &Rc<Worker> {
        &self.worker
    }

    /// Goes over to `plan`, as [`Worker::adopt`]. What the old generation's buffers hold, their drop
    /// writes.
    pub fn adopt(&self, plan: Arc<Plan>) {
        self.worker.adopt(Generation::new(plan));
    }

    /// Serves a connection in a task of its own, whose panic is nobody else's end.
    pub fn serve(
        &self,
        stream: Stream,
        listen: usize,
        client: ClientAddress,
        local: Option<SocketAddr>,
    ) {
        let counted = Counted::new(&self.live);
        let worker = self.worker.clone();
        let served = worker.serve(stream, listen, client, local, counted);
        spawn(self.subscriber.as_ref(), served);
    }

    /// Waits until no connection is left.
    pub async fn idle(&self) {
        while self.live.count.get() > 0 {
            self.live.none.notified().await;
        }
    }

    /// Ends what is left at once and writes all lines. A task that does not end within a second ends
    /// with the runtime.
    pub async fn end(&self) {
        self.worker.abort();
        // Whether all have ended in time makes no difference.
        let _ = tokio::time::timeout(STOP_LIMIT, self.idle()).await;
        self.worker.flush_lines();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.worker.abort();
        self.keepers.iter().for_each(AbortHandle::abort);
        self.worker.flush_lines();
    }
}

fn spawn(subscriber: Option<&Dispatch>, task: impl Future<Output = ()> + 'static) -> AbortHandle {
    let task = match subscriber {
        Some(subscriber) => tokio::task::spawn_local(task.with_subscriber(subscriber.clone())),
        None => tokio::task::spawn_local(task),
    };
    task.abort_handle()
}

impl Counted {
    fn new(live: &Rc<Live>) -> Self {
        live.count.set(live.count.get() + 1);
        Self(live.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let left = self.0.count.get() - 1;
        self.0.count.set(left);
        if left == 0 {
            self.0.none.notify_one();
        }
    }
}
