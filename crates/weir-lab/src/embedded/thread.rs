//! A worker on a thread of its own, behind a listening socket.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError, mpsc as blocking};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use weir_io::dial::Dialer;
use weir_io::stream::Stream;
use weir_proxy::plan::Plan;
use weir_proxy::serve::host;
use weir_proxy::serve::service::prepare;

use super::{Site, StartError};

/// How long [`Embedded::stop`] lets requests end, unless `worker_shutdown_timeout` says so.
const GRACE: Duration = Duration::from_secs(3);

/// How long anybody waits for the thread beyond that.
const JOIN_LIMIT: Duration = Duration::from_secs(3);

/// Pause after the process has run out of descriptors.
const PAUSE: Duration = Duration::from_millis(500);

/// A weir in this process. Dropping it ends it at once; its logs are whole then.
#[derive(Debug)]
pub struct Embedded {
    address: SocketAddr,
    orders: mpsc::UnboundedSender<Order>,
    grace: Duration,
    thread: Option<JoinHandle<()>>,
    /// Closed by the thread's end.
    ended: Mutex<Receiver<()>>,
}

enum Order {
    Settle(oneshot::Sender<()>),
    WindDown(Duration),
}

/// The worker did not end in time; its thread was left alone.
#[derive(Debug, thiserror::Error)]
#[error("the worker did not end within {0:?}")]
pub struct Stuck(Duration);

impl Embedded {
    /// Serves the configuration in `text` to whoever connects to `listener`, as the command would
    /// serve its first `listen`, which is not bound. `prefix` is the base of relative paths; the
    /// folders of logs must exist there.
    ///
    /// # Errors
    /// A faulty configuration, or logs and folders that cannot be opened.
    pub fn start(text: &str, prefix: &Path, listener: TcpListener) -> Result<Self, StartError> {
        let plan = prepare(text, prefix)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let grace = plan.config().main.worker_shutdown_timeout.unwrap_or(GRACE);
        let (orders, received) = mpsc::unbounded_channel();
        let (alive, ended) = blocking::channel();
        let (ready, is_ready) = blocking::channel();
        let thread = host::start_thread("weir", move || async move {
            let _alive = alive;
            work(plan, listener, received, &ready).await;
        })?;
        // The thread answers before it serves; if it cannot, the channel's end is the answer.
        is_ready.recv().unwrap_or(Ok(()))?;
        Ok(Self {
            address,
            orders,
            grace,
            thread: Some(thread),
            ended: Mutex::new(ended),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the requests that have been sent so far are over, for a second at most, and
    /// their lines are in the files.
    pub async fn settle(&self) {
        let (done, is_done) = oneshot::channel();
        // A worker that has ended has written its lines.
        let _ended = self.orders.send(Order::Settle(done));
        let _ended = is_done.await;
    }

    /// Accepts no more, lets the requests under way end, writes all lines and waits for that:
    /// `worker_shutdown_timeout`, or 3 s.
    ///
    /// # Errors
    /// The worker does not end.
    pub fn stop(mut self) -> Result<(), Stuck> {
        let limit = self.grace;
        self.end(limit)
    }

    fn end(&mut self, limit: Duration) -> Result<(), Stuck> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        // It fails if the thread has ended.
        let _ended = self.orders.send(Order::WindDown(limit));
        let limit = limit + JOIN_LIMIT;
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        match ended.recv_timeout(limit) {
            Err(RecvTimeoutError::Timeout) => Err(Stuck(limit)),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                // A panic was reported by the thread itself.
                let _panicked = thread.join();
                Ok(())
            }
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // A stuck thread cannot be helped; whoever wants to know calls `stop`.
        let _stuck = self.end(Duration::ZERO);
    }
}

async fn work(
    plan: Arc<Plan>,
    listener: TcpListener,
    mut orders: mpsc::UnboundedReceiver<Order>,
    ready: &blocking::Sender<io::Result<()>>,
) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return drop(ready.send(Err(error))),
    };
    let local = listener.local_addr().ok();
    let site = Rc::new(Site::new(plan, Dialer::System));
    // The starter waits for it.
    let _ = ready.send(Ok(()));
    let limit = loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => site.serve(Stream::Tcp(stream), client, local),
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            order = orders.recv() => match order {
                Some(Order::Settle(done)) => drop(tokio::task::spawn_local(settle(site.clone(), done))),
                Some(Order::WindDown(limit)) => break limit,
                None => break Duration::ZERO,
            },
        }
    };
    drop(listener);
    site.wind_down(limit).await;
}

async fn settle(site: Rc<Site>, done: oneshot::Sender<()>) {
    site.settled().await;
    site.flush();
    // It fails if nobody waits any more.
    let _ = done.send(());
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::socket::{Address, Options, Socket};

    const CONF: &str = "error_log error.log; events {} http { log_format t $status; \
        access_log access.log t; server { listen 80; location / { proxy_pass http://127.0.0.1:9; } } }";

    fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").unwrap()
    }

    async fn answer(address: SocketAddr) -> String {
        let address = Address::Inet(address);
        let socket = Socket::connect(&address, Options::default());
        let socket = socket.await.unwrap();
        let request = b"GET / HTTP/1.0\r\nHost: h\r\n\r\n";
        socket.write_all(request).await.unwrap();
        let mut got = vec![0; 15];
        let read = socket.read(&mut got).await.unwrap();
        String::from_utf8_lossy(&got[..read]).into_owned()
    }

    #[tokio::test]
    async fn it_answers_and_its_logs_are_whole_when_it_has_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let weir = Embedded::start(CONF, folder.path(), listener()).unwrap();
        assert_eq!(answer(weir.address()).await, "HTTP/1.1 502 Ba");
        weir.settle().await;
        let access = || fs::read_to_string(folder.path().join("access.log")).unwrap();
        assert_eq!(access(), "502\n");
        answer(weir.address()).await;
        weir.stop().unwrap();
        assert_eq!(access(), "502\n502\n");
        let errors = fs::read_to_string(folder.path().join("error.log")).unwrap();
        let refused = "connect() failed (111: Connection refused) while connecting to upstream";
        assert_eq!(errors.matches(refused).count(), 2, "{errors}");
    }

    #[tokio::test]
    async fn a_dropped_one_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let weir = Embedded::start(CONF, folder.path(), listener()).unwrap();
        let address = Address::Inet(weir.address());
        let idle = Socket::connect(&address, Options::default()).await;
        drop(weir);
        assert!(Socket::connect(&address, Options::default()).await.is_err());
        assert!(matches!(idle.unwrap().read(&mut [0]).await, Ok(0) | Err(_)));
    }

    #[test]
    fn faults_are_nginxs() {
        let folder = tempfile::tempdir().unwrap();
        let fault = |text| Embedded::start(text, folder.path(), listener()).unwrap_err();
        assert_eq!(
            fault("events {} http { servr {} }").to_string(),
            "[emerg] unknown directive \"servr\" in inline:1"
        );
        assert_eq!(fault("events {}").to_string(), "no server is configured");
    }
}
