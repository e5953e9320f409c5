//! A worker's accept loops (`ngx_event_accept`).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, getrlimit, rlim_t};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::AbortHandle;
use weir_conf::ListenAddress;
use weir_io::stream::Stream;
use weir_log::{Level, emit};
use weir_proxy::ClientAddress;
use weir_proxy::plan::Plan;
use weir_proxy::serve::host::Host;

use crate::sockets::{ListenSocket, Route, Share};
use crate::system_error::SystemError;

/// Connections accepted before those that are served get a turn. Where descriptors run out it is one,
/// as in nginx: those let in need descriptors too.
const BATCH: u32 = 16;

/// Descriptors left when they begin to run out: one batch, and as many to upstreams.
const FEW: rlim_t = 2 * BATCH as rlim_t;

/// Pause after the process has run out of descriptors (nginx's `accept_mutex_delay`).
const PAUSE: Duration = Duration::from_millis(500);

/// The sockets that one worker accepts from.
pub(crate) struct Acceptors {
    host: Rc<Host>,
    plan: Rc<RefCell<Arc<Plan>>>,
    by_socket: RefCell<HashMap<u64, Acceptor>>,
    /// Descriptors that the process may have.
    limit: Rc<Cell<rlim_t>>,
}

/// One accept loop.
struct Acceptor {
    task: AbortHandle,
    /// `None` once the configuration no longer has the socket.
    route: Rc<RefCell<Option<Route>>>,
}

impl Acceptors {
    pub(crate) fn new(host: Rc<Host>, plan: Arc<Plan>) -> Self {
        Self {
            host,
            plan: Rc::new(RefCell::new(plan)),
            by_socket: RefCell::default(),
            limit: Rc::default(),
        }
    }

    /// Accepts from `shares`, and from nothing else, under `plan`. Loops that go on do so without a
    /// break. The worker must adopt the plan in the same breath.
    pub(crate) fn adopt(&self, plan: Arc<Plan>, shares: Vec<Share>) -> Result<(), SystemError> {
        self.plan.replace(plan);
        let limit = getrlimit(Resource::RLIMIT_NOFILE);
        self.limit.set(limit.map_or(rlim_t::MAX, |(soft, _)| soft));
        let mut by_socket = self.by_socket.borrow_mut();
        let mut old = std::mem::take(&mut *by_socket);
        let mut result = Ok(());
        for Share { socket, route } in shares {
            let acceptor = match old.remove(&socket.id) {
                Some(acceptor) => {
                    acceptor.route.replace(Some(route));
                    Ok(acceptor)
                }
                None => self.start(&socket, route),
            };
            match acceptor {
                Ok(acceptor) => drop(by_socket.insert(socket.id, acceptor)),
                Err(error) => {
                    let call = format!("epoll_ctl() {}", socket.address);
                    result = Err(SystemError::new(call, error));
                }
            }
        }
        old.into_values().for_each(Acceptor::stop);
        result
    }

    /// The configuration in force.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        self.plan.borrow().clone()
    }

    /// Stops accepting. Whoever was let in before is served.
    pub(crate) fn close(&self) {
        self.by_socket
            .take()
            .into_values()
            .for_each(|acceptor| acceptor.task.abort());
    }

    fn start(&self, socket: &ListenSocket, route: Route) -> io::Result<Acceptor> {
        let route = Rc::new(RefCell::new(Some(route)));
        let fd = OwnedFd::from(socket.socket.try_clone()?);
        let entrance = Entrance {
            host: self.host.clone(),
            plan: self.plan.clone(),
            route: route.clone(),
            limit: self.limit.clone(),
        };
        let task = match &socket.address {
            ListenAddress::Inet(address) => {
                let listener = TcpListener::from_std(fd.into())?;
                let local = (!address.ip().is_unspecified()).then_some(*address);
                tokio::task::spawn_local(entrance.accept_tcp(listener, local))
            }
            ListenAddress::Unix(_) => {
                let listener = UnixListener::from_std(fd.into())?;
                tokio::task::spawn_local(entrance.accept_unix(listener))
            }
        };
        Ok(Acceptor {
            task: task.abort_handle(),
            route,
        })
    }
}

impl Acceptor {
    /// The configuration in force has no servers for those who were let in and not yet served.
    fn stop(self) {
        self.route.take();
        self.task.abort();
    }
}

/// What one accept loop needs.
struct Entrance {
    host: Rc<Host>,
    plan: Rc<RefCell<Arc<Plan>>>,
    route: Rc<RefCell<Option<Route>>>,
    limit: Rc<Cell<rlim_t>>,
}

impl Entrance {
    /// `local`: the socket's address, unless it is a wildcard.
    async fn accept_tcp(self, listener: TcpListener, local: Option<SocketAddr>) {
        let mut accepted = 0;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    accepted += self.weight(&stream);
                    self.enter(Stream::accepted(stream), ClientAddress::Inet(peer), local)
                }
                Err(error) => self.refused(error, &listener).await,
            }
            breathe(&mut accepted).await;
        }
    }

    async fn accept_unix(self, listener: UnixListener) {
        let mut accepted = 0;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    accepted += self.weight(&stream);
                    self.enter(Stream::accepted(stream), ClientAddress::Unix, None)
                }
                Err(error) => self.refused(error, &listener).await,
            }
            breathe(&mut accepted).await;
        }
    }

    /// What `accepted` adds to a batch. The kernel gives the lowest free number.
    fn weight(&self, accepted: &impl AsRawFd) -> u32 {
        let number = rlim_t::try_from(accepted.as_raw_fd()).unwrap_or(0);
        match number.saturating_add(FEW) < self.limit.get() {
            true => 1,
            false => BATCH,
        }
    }

    /// Serves a connection, unless its socket has left the configuration.
    fn enter(&self, stream: Stream, client: ClientAddress, local: Option<SocketAddr>) {
        let Some(listen) =
            (self.route.borrow().as_ref()).map(|route| route.listen(|| local_of(&stream)))
        else {
            return;
        };
        self.host.serve(stream, listen, client, local);
    }

    /// `accept4()` has failed. Where descriptors have run out, what is only kept for later gives way
    /// first.
    async fn refused(&self, error: io::Error, listener: &impl AsFd) {
        let errno = Errno::from_raw(error.raw_os_error().unwrap_or(0));
        let exhausted = matches!(errno, Errno::EMFILE | Errno::ENFILE);
        let level = match errno {
            Errno::ECONNABORTED => Level::Error,
            _ if exhausted => Level::Crit,
            _ => Level::Alert,
        };
        // The kernel looks for a descriptor before it looks for a connection; nginx asks only when
        // there is one, so that nobody is told of one that nobody wants.
        if !exhausted || somebody_waits(listener) {
            if exhausted && self.host.worker().close_spare() {
                return;
            }
            let text = SystemError::new("accept4()", errno).to_string();
            let sinks = self.plan.borrow().main_sinks().clone();
            emit(&sinks, level, None, text.as_bytes());
        }
        if errno != Errno::ECONNABORTED {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn somebody_waits(listener: &impl AsFd) -> bool {
    let mut asked = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    poll(&mut asked, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

/// Lets other tasks run after each batch.
async fn breathe(accepted: &mut u32) {
    if *accepted >= BATCH {
        *accepted = 0;
        tokio::task::yield_now().await;
    }
}

fn local_of(stream: &Stream) -> Option<SocketAddr> {
    match stream {
        Stream::Tcp(stream) => stream.local_addr().ok(),
        Stream::Unix(_) | Stream::Memory(_) | Stream::Tls(_) => None,
    }
}
