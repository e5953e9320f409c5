//! A configuration and the worker that serves it, wherever that runs.

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt;
use weir_io::dial::Dialer;
use weir_io::stream::Stream;
use weir_log::DebugLog;
use weir_proxy::ClientAddress;
use weir_proxy::plan::Plan;
use weir_proxy::serve::host::{Host, Surroundings};

/// How long a request under way may keep its lines from whoever asks for them.
const SETTLE_LIMIT: Duration = Duration::from_secs(1);

/// Turns of the reactor in which what clients have sent reaches the worker.
const TURNS_TO_ARRIVE: usize = 8;

/// A worker on the current thread, inside a `LocalSet` or a local runtime.
pub(crate) struct Site {
    host: Rc<Host>,
}

impl Site {
    /// Starts the worker; connections come through [`Site::serve`].
    pub(crate) fn new(plan: Arc<Plan>, dialer: Dialer) -> Self {
        let subscriber = Dispatch::new(tracing_subscriber::registry().with(DebugLog::layer()));
        let around = Surroundings {
            subscriber: Some(subscriber),
            ..Surroundings::alone(dialer)
        };
        Self {
            host: Rc::new(Host::new(plan, around)),
        }
    }

    /// Serves one client, as if it had come to the configuration's first `listen`.
    pub(crate) fn serve(&self, stream: Stream, client: SocketAddr, local: Option<SocketAddr>) {
        self.host
            .serve(stream, 0, ClientAddress::Inet(client), local);
    }

    /// Waits until what clients have sent so far is dealt with, or the rest stalls.
    pub(crate) fn settled(&self) -> impl Future<Output = ()> + use<> {
        let host = self.host.clone();
        async move {
            for _ in 0..TURNS_TO_ARRIVE {
                tokio::task::yield_now().await;
            }
            let quiet = async {
                while host.worker().busy_connections() > 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            // Whoever asks while a request is stuck gets the lines there are.
            let _stuck = tokio::time::timeout(SETTLE_LIMIT, quiet).await;
        }
    }

    /// Writes every waiting access line to its file.
    pub(crate) fn flush(&self) {
        self.host.worker().flush_lines();
    }

    /// Lets connections end after the request they serve, for at most `limit`; what is left ends
    /// with the runtime.
    pub(crate) async fn wind_down(&self, limit: Duration) {
        self.host.worker().drain();
        if tokio::time::timeout(limit, self.host.idle()).await.is_err() {
            self.host.end().await;
        }
        self.flush();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.host.worker().abort();
        self.flush();
    }
}
