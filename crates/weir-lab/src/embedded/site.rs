//! A configuration and the worker that serves it, wherever that runs.

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;
use tracing_subscriber::layer::SubscriberExt;
use weir_io::dial::Dialer;
use weir_io::stream::Stream;
use weir_log::{DebugLog, LogThread};
use weir_proxy::ClientAddress;
use weir_proxy::plan::{Generation, Plan};
use weir_proxy::serve::worker::Worker;

/// How long a request under way may keep its lines from whoever asks for them.
const SETTLE_LIMIT: Duration = Duration::from_secs(1);

/// Turns of the reactor in which what clients have sent reaches the worker.
const TURNS_TO_ARRIVE: usize = 8;

/// A worker on the current thread, inside a `LocalSet` or a local runtime.
pub(crate) struct Site {
    worker: Rc<Worker>,
    log: LogThread,
    subscriber: Dispatch,
    keepers: [JoinHandle<()>; 2],
}

impl Site {
    /// Starts the worker's own tasks; connections come through [`Site::serve`].
    pub(crate) fn new(plan: Arc<Plan>, log: LogThread, dialer: Dialer) -> Self {
        let generation = Generation::new(plan, &log.handle());
        let worker = Worker::new(generation, dialer, Arc::new(1.into()));
        let subscriber = Dispatch::new(tracing_subscriber::registry().with(DebugLog::layer()));
        let keepers = [
            spawn(&subscriber, worker.clone().run_line_flusher()),
            spawn(&subscriber, worker.clone().run_housekeeping()),
        ];
        Self {
            worker,
            log,
            subscriber,
            keepers,
        }
    }

    /// Serves one client, as if it had come to the configuration's first `listen`.
    pub(crate) fn serve(&self, stream: Stream, client: SocketAddr, local: Option<SocketAddr>) {
        let client = ClientAddress::Inet(client);
        let served = self.worker.clone().serve(stream, 0, client, local);
        spawn(&self.subscriber, served);
    }

    /// Waits until what clients have sent so far is dealt with, or the rest stalls.
    pub(crate) fn settled(&self) -> impl Future<Output = ()> + use<> {
        let worker = self.worker.clone();
        async move {
            for _ in 0..TURNS_TO_ARRIVE {
                tokio::task::yield_now().await;
            }
            let quiet = async {
                while worker.busy_connections() > 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            // Whoever asks while a request is stuck gets the lines there are.
            let _stuck = tokio::time::timeout(SETTLE_LIMIT, quiet).await;
        }
    }

    /// Writes every waiting access line to its file.
    pub(crate) fn flush(&self) {
        self.worker.flush_lines();
        self.log.sync();
    }

    /// Lets connections end after the request they serve, for at most `limit`; what is left ends
    /// with the runtime.
    pub(crate) async fn wind_down(&self, limit: Duration) {
        self.worker.drain();
        let all_gone = || async {
            while self.worker.open_connections() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        if tokio::time::timeout(limit, all_gone()).await.is_err() {
            self.worker.abort();
            // Ends at once unless a task is stuck, and nothing helps that.
            let _stuck = tokio::time::timeout(Duration::from_secs(1), all_gone()).await;
        }
        self.flush();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.worker.abort();
        self.keepers.iter().for_each(JoinHandle::abort);
        self.flush();
    }
}

fn spawn(subscriber: &Dispatch, task: impl Future<Output = ()> + 'static) -> JoinHandle<()> {
    tokio::task::spawn_local(task.with_subscriber(subscriber.clone()))
}
