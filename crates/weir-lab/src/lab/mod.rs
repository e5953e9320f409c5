//! A weir inside a test, between scripted backends and clients.
//!
//! ```
//! use weir_lab::lab::{Lab, fault};
//! use weir_lab::script::BackendScript;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let lab = Lab::new("upstream app { server dead:1; server healthy:1; }
//!                     server { listen 80; location / { proxy_pass http://app; } }")
//!     .backend("dead:1", fault("refused"))
//!     .backend("healthy:1", BackendScript::answers("200 OK", "fine"))
//!     .start().await.unwrap();
//! let answer = lab.get("/").await;
//! assert_eq!((answer.status, answer.text()), (Some(200), "fine"));
//! lab.expect_attempts([("dead:1", 502), ("healthy:1", 200)]).await;
//! # }
//! ```
//!
//! A backend's name is the address that the configuration writes, `app:1` or `unix:app.sock`; the
//! lab puts the real address in its place, and the name back into log lines and answers.
//!
//! Reading order: `setup` with `behaviour` (what a lab is made of), `config` (the configuration with the lab's own
//! logs in it), `home` (where weir runs: on a thread behind a real port, or in the test's own
//! runtime, whose clock may be paused), `memory` (backends at pipes), `answer` and `seen` (what a client and a backend got),
//! `attempts` (what was expected of weir), `guard` (a fault that nobody met fails the test).
//!
//! Invariants:
//! - The configuration means what it means to the command, its logs too; only `listen` is not
//!   bound.
//! - Nothing is shared between two labs of a process.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::DuplexStream;
use weir_log::record::{AccessLine, ErrorLine};

use crate::backend::Backend;
use crate::bed::names::Names;
use crate::client::{ClientError, HOST};
use crate::script::{ClientStep, Payload};

mod answer;
mod attempts;
mod behaviour;
mod config;
mod error;
mod guard;
mod home;
mod memory;
mod seen;
mod setup;

pub use answer::Answer;
pub use behaviour::{Behaviour, NamedFault, fault};
pub use error::LabError;
pub use home::{Home, InProcess, Threads};
pub use seen::{BackendView, SeenRequest};
pub use setup::Setup;

use guard::Guarded;
use home::BackendsThread;

/// How long a client of the lab watches how a connection ends that was to be closed.
const WATCH: Duration = Duration::from_secs(1);

/// A weir in this process with its backends, started.
///
/// Dropping it ends everything at once, and fails the test if a scripted fault was never met.
/// [`Setup::allow_unused`] makes an exception.
#[derive(Debug)]
pub struct Lab<H: Home = Threads> {
    /// None once the lab is dropped.
    home: Option<H>,
    backends: BTreeMap<String, Backend>,
    /// Outlives weir: what weir has sent is still to be played.
    _thread: Option<BackendsThread>,
    names: Names,
    guarded: Vec<Guarded>,
    /// Access lines that expectations have dealt with.
    expected: AtomicUsize,
    folder: TempDir,
}

impl Lab {
    /// A lab with this configuration: directives of an `http` block, or a whole nginx.conf.
    #[expect(clippy::new_ret_no_self, reason = "a lab is built up, then started")]
    pub fn new(config: &str) -> Setup {
        Setup::new(config)
    }

    /// Starts a lab without backends.
    ///
    /// # Errors
    /// A faulty configuration, in nginx's words.
    pub async fn start(config: &str) -> Result<Self, LabError> {
        Self::new(config).start().await
    }

    /// Where weir listens.
    pub fn address(&self) -> SocketAddr {
        self.home().address()
    }

    /// `http://127.0.0.1:PORT`, for clients of any kind.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }
}

impl Lab<InProcess> {
    /// A new connection to weir, for a client of one's own. It moves while the lab is driven.
    ///
    /// # Panics
    /// Never while the lab lives.
    pub fn connect(&self) -> DuplexStream {
        let connected = self.home().connector().connect();
        connected.expect("the lab accepts as long as it lives")
    }

    /// Lets time pass for weir, its backends and its clients. On a paused clock all that is due until
    /// then happens first, and no real time goes by.
    pub async fn pass(&self, time: Duration) {
        self.run(tokio::time::sleep(time)).await;
    }
}

impl<H: Home> Lab<H> {
    /// GETs `path` on a connection of its own.
    ///
    /// # Panics
    /// Nobody accepts, which no configuration can bring about.
    pub async fn get(&self, path: &str) -> Answer {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
        self.ask(head.as_str().into(), WATCH).await
    }

    /// Sends these bytes on a connection of its own and reads one response.
    ///
    /// # Panics
    /// As [`Lab::get`].
    pub async fn send(&self, request: impl Into<Payload>) -> Answer {
        self.ask(request.into(), Duration::ZERO).await
    }

    async fn ask(&self, request: Payload, watch: Duration) -> Answer {
        let steps = [
            ClientStep::Send(request),
            ClientStep::ReceiveThenWatch(watch),
        ];
        let answers = self
            .play(&steps)
            .await
            .unwrap_or_else(|fault| panic!("{fault}"));
        answers.into_iter().next().unwrap_or_default()
    }

    /// Plays a client; its connections are closed at the end. One answer for each response that was
    /// read.
    ///
    /// # Errors
    /// A step that cannot be played: TLS, a backend that is none.
    pub async fn play(&self, steps: &[ClientStep]) -> Result<Vec<Answer>, ClientError> {
        let mut client = self.home().client(self.folder.path());
        let played = client.play(steps, &self.backends);
        self.home().drive(played).await?;
        let received = client.received().iter();
        Ok(received
            .map(|received| Answer::new(received, &self.names))
            .collect())
    }

    /// Drives the lab while `future` runs. Only a lab in memory needs it.
    pub async fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.home().drive(future).await
    }

    /// Waits until a request has met the fault of this backend: for a test that goes on in the
    /// midst of it.
    ///
    /// # Panics
    /// There is no such backend, or nobody meets its fault for 10 seconds (in memory, for a day).
    pub async fn until_met(&self, name: &str) {
        let backend = self.scripted(name);
        let met = tokio::time::timeout(H::PATIENCE, backend.struck());
        if self.home().drive(met).await.is_err() {
            panic!("nobody meets the fault of {name}");
        }
    }

    /// Every request so far, once those under way are over; a request that is stuck is left out
    /// after a second.
    ///
    /// # Panics
    /// The lab's own log cannot be read.
    pub async fn access_lines(&self) -> Vec<AccessLine> {
        self.home().settle().await;
        self.written_access_lines()
    }

    /// Every error line so far, of all levels down to `info`. Settles as [`Lab::access_lines`].
    ///
    /// # Panics
    /// The lab's own log cannot be read.
    pub async fn error_lines(&self) -> Vec<ErrorLine> {
        self.home().settle().await;
        ErrorLine::parse_all(&self.read_log(config::ERROR_LOG))
    }

    /// What reached a scripted backend.
    ///
    /// # Panics
    /// There is no such backend.
    pub fn backend(&self, name: &str) -> BackendView<'_> {
        BackendView::new(self.scripted(name))
    }

    fn scripted(&self, name: &str) -> &Backend {
        match self.backends.get(name) {
            Some(backend) => backend,
            None => {
                let known: Vec<_> = self.backends.keys().collect();
                panic!("no backend on script is called {name:?}, but {known:?} are")
            }
        }
    }

    /// The folder that relative paths of the configuration are under, with its own logs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn written_access_lines(&self) -> Vec<AccessLine> {
        let log = self.read_log(config::ACCESS_LOG);
        let lines = log.lines().map(AccessLine::parse);
        lines
            .map(|line| line.unwrap_or_else(|fault| panic!("{fault}")))
            .collect()
    }

    /// A log with names for addresses.
    fn read_log(&self, name: &str) -> String {
        let log = std::fs::read(self.folder.path().join(name));
        let log = log.unwrap_or_else(|fault| panic!("cannot read the lab's {name}: {fault}"));
        self.names.restore(&String::from_utf8_lossy(&log))
    }

    fn home(&self) -> &H {
        self.home.as_ref().expect("only a drop takes it")
    }
}
