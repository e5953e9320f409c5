//! The listening sockets of the process (`ngx_open_listening_sockets`).
//!
//! With several workers an address has a socket for each of them (`SO_REUSEPORT`), so that the kernel
//! spreads connections and no worker wakes in vain. The first one is bound without that option: an
//! address that somebody else listens on is refused, as nginx's users expect. Sockets outlive
//! reloads: connections that wait in the queue of one that is closed would be reset.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use socket2::Socket;
use weir_conf::{Listen, ListenAddress};
use weir_log::Level;

use crate::socket_options;
use crate::system_error::SystemError;

/// Tries to bind an address that is in use, and the pause between two of them.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(500);

/// Receives a log line.
pub(crate) type Report<'a> = &'a dyn Fn(Level, &str);

/// Listening failed. Displays nginx's words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenFault {
    /// A system call failed.
    #[error(transparent)]
    System(#[from] SystemError),
    /// Addresses stayed in use.
    #[error("still could not bind()")]
    StillInUse,
}

/// One listening socket.
#[derive(Debug)]
pub(crate) struct ListenSocket {
    /// Unique in the process; workers know by it which sockets they have.
    pub(crate) id: u64,
    pub(crate) address: ListenAddress,
    pub(crate) socket: Socket,
}

/// Which `listen` of the configuration a connection came by.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// The `listen` that the socket was made for.
    listen: usize,
    /// Those of the same port whose addresses have no socket of their own.
    others: Vec<(IpAddr, usize)>,
}

/// A socket for one worker to accept from.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    pub(crate) socket: Arc<ListenSocket>,
    pub(crate) route: Route,
}

/// All listening sockets.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    groups: Vec<Group>,
}

/// The sockets of one address.
#[derive(Debug)]
struct Group {
    address: ListenAddress,
    route: Route,
    sockets: Vec<Arc<ListenSocket>>,
}

impl Sockets {
    /// Opens what `listens` asks for, for as many workers; sockets of `previous` are taken over
    /// where the address stays. Waits while an address is in use.
    pub(crate) fn open(
        listens: &[Listen],
        workers: usize,
        previous: Option<&Self>,
        report: Report<'_>,
    ) -> Result<Self, ListenFault> {
        let routes = routes(listens);
        let mut groups: Vec<Option<Group>> = routes
            .iter()
            .map(|route| previous.and_then(|old| old.taken_over(&listens[route.listen], route)))
            .collect();
        let opened = open_missing(&mut groups, &routes, listens, report);
        let groups = groups.into_iter().flatten().collect();
        let mut sockets = Self { groups };
        if let Err(fault) = opened {
            sockets.remove_paths(previous, report);
            return Err(fault);
        }
        for group in &mut sockets.groups {
            let listen = &listens[group.route.listen];
            group.grow(listen, workers);
            for socket in &group.sockets {
                socket_options::configure(&socket.socket, listen, report);
            }
        }
        Ok(sockets)
    }

    /// Makes sure that the sockets could be opened (`-t`); an address in use is taken for one of a
    /// weir that runs.
    pub(crate) fn probe(listens: &[Listen], report: Report<'_>) -> Result<(), ListenFault> {
        for route in routes(listens) {
            match Group::bound(&listens[route.listen], None) {
                Ok(_) => remove_path(&listens[route.listen].address, report),
                Err(error) if error.errno() == Errno::EADDRINUSE => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// What worker number `worker` of `workers` accepts from. Every socket has a worker, whatever
    /// their numbers are.
    pub(crate) fn share(&self, worker: usize, workers: usize) -> Vec<Share> {
        let shares = self.groups.iter().flat_map(|group| {
            let count = group.sockets.len();
            let own = (0..count).filter(move |socket| socket % workers == worker);
            let borrowed = (worker >= count).then(|| worker % count);
            own.chain(borrowed).map(|socket| Share {
                socket: group.sockets[socket].clone(),
                route: group.route.clone(),
            })
        });
        shares.collect()
    }

    /// Removes the paths of unix sockets that `kept` does not have.
    pub(crate) fn remove_paths(&self, kept: Option<&Self>, report: Report<'_>) {
        for group in &self.groups {
            if kept.is_none_or(|kept| kept.group(&group.address).is_none()) {
                remove_path(&group.address, report);
            }
        }
    }

    fn group(&self, address: &ListenAddress) -> Option<&Group> {
        self.groups.iter().find(|group| group.address == *address)
    }

    fn taken_over(&self, listen: &Listen, route: &Route) -> Option<Group> {
        let old = self.group(&listen.address)?;
        let sockets = old.sockets.clone();
        Some(Group {
            address: old.address.clone(),
            route: route.clone(),
            sockets,
        })
    }
}

impl Route {
    /// The `listen` for a connection to `local`, which is asked for only if it matters.
    pub(crate) fn listen(&self, local: impl FnOnce() -> Option<SocketAddr>) -> usize {
        if self.others.is_empty() {
            return self.listen;
        }
        let ip = local().map(|address| address.ip());
        let other = self.others.iter().find(|(other, _)| Some(*other) == ip);
        other.map_or(self.listen, |(_, listen)| *listen)
    }
}

impl Group {
    /// `None`: the address is in use.
    fn open(
        listen: &Listen,
        route: &Route,
        report: Report<'_>,
    ) -> Result<Option<Self>, SystemError> {
        match Self::bound(listen, None) {
            Ok(socket) => {
                let sockets = vec![ListenSocket::new(listen, socket)];
                Ok(Some(Self {
                    address: listen.address.clone(),
                    route: route.clone(),
                    sockets,
                }))
            }
            Err(error) if error.errno() == Errno::EADDRINUSE => {
                report(Level::Emerg, &error.to_string());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A new socket that listens; with a `sibling`, on the same port as that one.
    fn bound(listen: &Listen, sibling: Option<&Socket>) -> Result<Socket, SystemError> {
        let address = &listen.address;
        let socket = socket_options::new_socket(listen)?;
        if sibling.is_some() {
            socket
                .set_reuse_port(true)
                .map_err(|error| failed("setsockopt(SO_REUSEPORT)", address, error))?;
        }
        socket_options::bind(&socket, listen)?;
        Ok(socket)
    }

    /// Opens sockets until each worker has one. If the kernel refuses, because the user has changed
    /// since or the address knows no such thing, workers share those that are there.
    fn grow(&mut self, listen: &Listen, workers: usize) {
        if matches!(self.address, ListenAddress::Unix(_)) {
            return;
        }
        while self.sockets.len() < workers {
            let first = &self.sockets[0].socket;
            if first.set_reuse_port(true).is_err() {
                return;
            }
            let Ok(socket) = Self::bound(listen, Some(first)) else {
                return;
            };
            self.sockets.push(ListenSocket::new(listen, socket));
        }
    }
}

impl ListenSocket {
    fn new(listen: &Listen, socket: Socket) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            id,
            address: listen.address.clone(),
            socket,
        })
    }
}

/// Opens the groups that are not there yet; those of addresses in use may still be missing after an
/// error.
fn open_missing(
    groups: &mut [Option<Group>],
    routes: &[Route],
    listens: &[Listen],
    report: Report<'_>,
) -> Result<(), ListenFault> {
    for tries_left in (0..TRIES).rev() {
        for (group, route) in groups.iter_mut().zip(routes) {
            if group.is_none() {
                *group = Group::open(&listens[route.listen], route, report)?;
            }
        }
        if groups.iter().all(Option::is_some) {
            return Ok(());
        }
        // nginx pauses after the last try too, but nothing depends on it.
        if tries_left > 0 {
            report(Level::Notice, "try again to bind() after 500ms");
            #[expect(clippy::disallowed_methods, reason = "this thread serves nobody")]
            std::thread::sleep(PAUSE);
        }
    }
    Err(ListenFault::StillInUse)
}

/// A call about a listening address that failed.
pub(crate) fn failed(call: &str, address: &ListenAddress, error: std::io::Error) -> SystemError {
    SystemError::new(format_args!("{call} {address}"), error)
}

/// One entry per address that gets a socket. A wildcard address serves the others of its port,
/// unless they ask for a socket of their own, which then comes first (`ngx_http_init_listening`).
fn routes(listens: &[Listen]) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    for (index, listen) in listens.iter().enumerate() {
        if listen.served_by(listens).is_none() {
            routes.push(Route {
                listen: index,
                others: Vec::new(),
            });
        }
    }
    routes.sort_by_key(|route| place_of(listens, &listens[route.listen]));
    for (index, listen) in listens.iter().enumerate() {
        let ListenAddress::Inet(address) = listen.address else {
            continue;
        };
        if let Some(wildcard) = listen.served_by(listens)
            && let Some(route) = routes.iter_mut().find(|route| route.listen == wildcard)
        {
            route.others.push((address.ip(), index));
        }
    }
    routes
}

/// Ports in the order of their first addresses, of each its wildcard last.
fn place_of(listens: &[Listen], listen: &Listen) -> (usize, bool) {
    let port = |address: &ListenAddress| match address {
        ListenAddress::Inet(address) => Some((address.is_ipv4(), address.port())),
        // nginx has one port for all of them.
        ListenAddress::Unix(_) => None,
    };
    let own = port(&listen.address);
    let first = listens.iter().position(|other| port(&other.address) == own);
    let wildcard = matches!(listen.address, ListenAddress::Inet(own) if own.ip().is_unspecified());
    (first.unwrap_or(0), wildcard)
}

fn remove_path(address: &ListenAddress, report: Report<'_>) {
    if let ListenAddress::Unix(path) = address
        && let Err(error) = std::fs::remove_file(path)
    {
        let error = SystemError::new(format_args!("unlink() {}", path.display()), error);
        report(Level::Emerg, &error.to_string());
    }
}
