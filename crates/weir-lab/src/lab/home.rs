//! Where the weir of a lab runs.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::LocalSet;
use weir_io::dial::Dialer;
use weir_io::stream::Stream;
use weir_proxy::serve::service::prepare;

use crate::client::Client;
use crate::embedded::{Embedded, Site, StartError};
use crate::socket::{Address, Connector, Listener, Socket, listen};

/// Where weir runs: [`Threads`] or [`InProcess`]; closed to others.
pub trait Home: sealed::Home {}

impl<H: sealed::Home> Home for H {}

pub(super) mod sealed {
    use std::future::Future;
    use std::path::Path;
    use std::time::Duration;

    use crate::client::Client;

    /// What a lab needs of its home.
    #[expect(unnameable_types, reason = "nobody else makes homes")]
    pub trait Home {
        /// How long to wait for what may never come.
        const PATIENCE: Duration;

        /// Lets weir go on while `future` runs.
        fn drive<T>(&self, future: impl Future<Output = T>) -> impl Future<Output = T>;

        /// Returns once requests under way are over and their lines written, or a second later.
        fn settle(&self) -> impl Future<Output = ()>;

        /// A client without connections.
        fn client(&self, prefix: &Path) -> Client;
    }
}

/// weir on a thread of its own, behind a real socket, and the backends on another.
#[derive(Debug)]
pub struct Threads {
    weir: Embedded,
}

/// weir in the runtime of the test, clients and backends at pipes; runs while the lab is driven.
pub struct InProcess {
    /// Dropped first: its tasks log how they end.
    local: LocalSet,
    site: Rc<Site>,
    connector: Connector,
}

/// A runtime that serves backends even while the test's own does not run.
#[derive(Debug)]
pub(super) struct BackendsThread {
    handle: tokio::runtime::Handle,
    /// Dropping it ends the thread.
    _alive: oneshot::Sender<()>,
}

impl BackendsThread {
    pub(super) fn start() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let (alive, ended) = oneshot::channel();
        let run = move || {
            // Nothing is ever sent; the sender's end is the news.
            let _ended = runtime.block_on(ended);
        };
        std::thread::Builder::new()
            .name("backends".into())
            .spawn(run)?;
        Ok(Self {
            handle,
            _alive: alive,
        })
    }

    pub(super) fn handle(&self) -> &tokio::runtime::Handle {
        &self.handle
    }
}

impl Threads {
    /// Serves `config` behind a port that the system chooses.
    pub(super) fn start(config: &str, prefix: &Path) -> Result<Self, StartError> {
        let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
        Ok(Self {
            weir: Embedded::start(config, prefix, listener)?,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.weir.address()
    }
}

impl sealed::Home for Threads {
    const PATIENCE: Duration = Duration::from_secs(10);

    fn drive<T>(&self, future: impl Future<Output = T>) -> impl Future<Output = T> {
        future
    }

    fn settle(&self) -> impl Future<Output = ()> {
        self.weir.settle()
    }

    fn client(&self, prefix: &Path) -> Client {
        let client = Client::new(Address::Inet(self.weir.address()), prefix.to_owned());
        client.with_patience(Self::PATIENCE)
    }
}

impl InProcess {
    /// Serves `config`; `dialer` answers connects to backends.
    pub(super) fn start(config: &str, prefix: &Path, dialer: Dialer) -> Result<Self, StartError> {
        let plan = prepare(config, prefix)?;
        let local = LocalSet::new();
        let site = {
            let _inside = local.enter();
            Rc::new(Site::new(plan, dialer))
        };
        let (connector, listener) = listen();
        local.spawn_local(accept(listener, site.clone()));
        Ok(Self {
            local,
            site,
            connector,
        })
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }
}

async fn accept(listener: Listener, site: Rc<Site>) {
    // As a system would number them.
    let mut ports = (40_000..=60_000).cycle();
    while let (Ok(Socket::Memory(pipe)), Some(port)) = (listener.accept().await, ports.next()) {
        let client = SocketAddr::from(([127, 0, 0, 1], port));
        site.serve(Stream::Memory(pipe.into_inner()), client, None);
    }
}

impl sealed::Home for InProcess {
    /// Longer than any clock of weir.
    const PATIENCE: Duration = Duration::from_secs(100_000);

    fn drive<T>(&self, future: impl Future<Output = T>) -> impl Future<Output = T> {
        self.local.run_until(future)
    }

    async fn settle(&self) {
        self.local.run_until(self.site.settled()).await;
        self.site.flush();
    }

    fn client(&self, prefix: &Path) -> Client {
        Client::in_process(self.connector.clone(), prefix.to_owned()).with_patience(Self::PATIENCE)
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").finish_non_exhaustive()
    }
}
