//! What a lab is made of, and its start.

use std::collections::BTreeMap;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tempfile::TempDir;
use weir_proxy::io::dial::{Dialer, PeerAddress};

use super::config::{FRAGMENT, Woven, plain, with_logs};
use super::guard::Guarded;
use super::home::BackendsThread;
use super::{Home, InProcess, Lab, Threads};
use crate::backend::Backend;
use crate::bed::names::Names;
use crate::catalogue::{self, UnknownFault};
use crate::embedded::StartError;
use crate::script::{BackendScript, BackendStep, Connect};
use crate::socket::{self, Address, Connector};
use crate::version::Version;

/// A lab that is not started.
#[derive(Debug)]
#[must_use = "a lab does nothing until it is started"]
pub struct Setup<H: Home = Threads> {
    config: String,
    compat: Option<Version>,
    behaviours: Vec<(String, Behaviour)>,
    unused: Vec<String>,
    home: PhantomData<H>,
}

/// What stands behind a name.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// A script.
    Script(BackendScript),
    /// A fault of the catalogue.
    Fault(NamedFault),
    /// A server of one's own, for example the service that is tested.
    Upstream(Address),
}

/// A fault of the catalogue, by name.
#[derive(Clone, Debug)]
pub struct NamedFault(String);

/// The fault of this name in the catalogue; what `weir lab list` lists.
pub fn fault(name: &str) -> NamedFault {
    NamedFault(name.to_owned())
}

impl From<BackendScript> for Behaviour {
    fn from(script: BackendScript) -> Self {
        Self::Script(script)
    }
}

impl From<NamedFault> for Behaviour {
    fn from(fault: NamedFault) -> Self {
        Self::Fault(fault)
    }
}

/// Why a lab cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The configuration is faulty.
    #[error("{message}\n{explanation}")]
    Config {
        /// nginx's message, with the place.
        message: String,
        /// What nginx does not say: the line, and a likely cure.
        explanation: String,
    },
    /// weir cannot start with it: a name without an address, a log that cannot be opened.
    #[error(transparent)]
    Start(StartError),
    /// The catalogue has no such fault.
    #[error(transparent)]
    UnknownFault(#[from] UnknownFault),
    /// A fault of the catalogue that is not one backend's.
    #[error("{0} is a fault of a client, or takes more than one backend")]
    NotOneBackend(String),
    /// A backend that the configuration does not name.
    #[error("the configuration does not name {0}")]
    NotNamed(String),
    /// What cannot be had without sockets.
    #[error("{name} cannot be in memory: {what} needs a socket")]
    NeedsSocket {
        /// The backend.
        name: String,
        /// What it does.
        what: &'static str,
    },
    /// The system does not give what a lab needs.
    #[error("cannot set up {what}")]
    System {
        /// A folder, a thread, a backend.
        what: String,
        /// Why.
        source: io::Error,
    },
}

fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> LabError {
    let what = what.into();
    |source| LabError::System { what, source }
}

impl Setup {
    pub(super) fn new(config: &str) -> Self {
        Self {
            config: config.to_owned(),
            compat: None,
            behaviours: Vec::new(),
            unused: Vec::new(),
            home: PhantomData,
        }
    }

    /// Runs weir in the test's own runtime, with pipes in place of sockets, so that a test on a
    /// paused clock (`#[tokio::test(start_paused = true)]`) sees 60 seconds pass at once. weir
    /// runs while a method of the lab is awaited, or in [`Lab::run`].
    ///
    /// A pipe cannot be reset, has no options, and a backend that closes with bytes unread finishes
    /// in order: such a fault needs sockets.
    pub fn in_memory(self) -> Setup<InProcess> {
        Setup {
            config: self.config,
            compat: self.compat,
            behaviours: self.behaviours,
            unused: self.unused,
            home: PhantomData,
        }
    }

    /// A server that is there already answers under this name.
    pub fn upstream(self, name: &str, address: impl Into<Address>) -> Self {
        self.backend(name, Behaviour::Upstream(address.into()))
    }

    /// Starts backends and weir.
    ///
    /// # Errors
    /// A faulty configuration, a fault that is not in the catalogue, and what the system refuses.
    pub async fn start(self) -> Result<Lab, LabError> {
        let folder = new_folder()?;
        let thread = BackendsThread::start().map_err(system("a thread"))?;
        let mut parts = Parts::default();
        for (name, behaviour) in self.behaviours {
            let (script, fault) = match scripted(behaviour)? {
                Scripted::Backend(script, fault) => (script, fault),
                Scripted::Upstream(address) => {
                    parts.addresses.push((name, address));
                    continue;
                }
            };
            parts.guard(&name, &script, fault, &self.unused);
            let address = free_address(&name, folder.path());
            let start = thread.handle().spawn(Backend::start(address, script));
            let started = start
                .await
                .map_err(io::Error::other)
                .and_then(|started| started);
            let backend = started.map_err(system(&name))?;
            parts.add(name, backend);
        }
        let (names, config) = prepare(&self.config, self.compat, &parts, folder.path())?;
        let home = Threads::start(&config, folder.path()).map_err(LabError::Start)?;
        parts.thread = Some(thread);
        Ok(parts.into_lab(home, names, folder))
    }
}

impl<H: Home> Setup<H> {
    /// A backend: the address that the configuration writes (`app:1`, `unix:app.sock`), and what it
    /// does.
    pub fn backend(mut self, name: &str, behaviour: impl Into<Behaviour>) -> Self {
        self.behaviours.push((name.to_owned(), behaviour.into()));
        self
    }

    /// The test passes even if no request meets the fault of this backend.
    pub fn allow_unused(mut self, name: &str) -> Self {
        self.unused.push(name.to_owned());
        self
    }

    /// Behaves as this version of nginx, as `compat` would say.
    pub fn compat(mut self, version: Version) -> Self {
        self.compat = Some(version);
        self
    }
}

impl Setup<InProcess> {
    /// Starts backends and weir.
    ///
    /// # Errors
    /// As [`Setup::start`] with sockets, and scripts that need them.
    pub async fn start(self) -> Result<Lab<InProcess>, LabError> {
        let folder = new_folder()?;
        let mut parts = Parts::default();
        let mut answers = Vec::new();
        for (index, (name, behaviour)) in self.behaviours.into_iter().enumerate() {
            let needs_socket = |what| LabError::NeedsSocket {
                name: name.clone(),
                what,
            };
            let Scripted::Backend(script, fault) = scripted(behaviour)? else {
                return Err(needs_socket("a server of one's own"));
            };
            if let Some(what) = beyond_pipes(&script) {
                return Err(needs_socket(what));
            }
            parts.guard(&name, &script, fault, &self.unused);
            let address = made_up_address(&name, index, folder.path());
            let connect = script.connect;
            let (connector, listener) = socket::listen();
            answers.push((address.clone(), connect, connector));
            parts.add(name, Backend::serve(address, listener, script));
        }
        let (names, config) = prepare(&self.config, self.compat, &parts, folder.path())?;
        let home = InProcess::start(&config, folder.path(), dialer(answers));
        Ok(parts.into_lab(home.map_err(LabError::Start)?, names, folder))
    }
}

/// A lab as far as it is built.
#[derive(Default)]
struct Parts {
    addresses: Vec<(String, Address)>,
    backends: BTreeMap<String, Backend>,
    guarded: Vec<Guarded>,
    thread: Option<BackendsThread>,
}

impl Parts {
    fn guard(
        &mut self,
        name: &str,
        script: &BackendScript,
        fault: Option<String>,
        unused: &[String],
    ) {
        let misbehaves = script.misbehaves();
        if (misbehaves || fault.is_some()) && !unused.iter().any(|unused| unused == name) {
            self.guarded.push(Guarded {
                name: name.to_owned(),
                fault,
                by_attempt: script.connect != Connect::Accept || !misbehaves,
            });
        }
    }

    fn add(&mut self, name: String, backend: Backend) {
        self.addresses
            .push((name.clone(), backend.address().clone()));
        self.backends.insert(name, backend);
    }

    fn into_lab<H: Home>(self, home: H, names: Names, folder: TempDir) -> Lab<H> {
        Lab {
            home: Some(home),
            backends: self.backends,
            _thread: self.thread,
            names,
            guarded: self.guarded,
            expected: 0.into(),
            folder,
        }
    }
}

/// A behaviour with its fault looked up.
enum Scripted {
    Backend(BackendScript, Option<String>),
    Upstream(Address),
}

fn scripted(behaviour: Behaviour) -> Result<Scripted, LabError> {
    match behaviour {
        Behaviour::Script(script) => Ok(Scripted::Backend(script, None)),
        Behaviour::Upstream(address) => Ok(Scripted::Upstream(address)),
        Behaviour::Fault(NamedFault(name)) => {
            let fault = catalogue::named(&name)?;
            let mut scripts = fault.backend.values();
            match (scripts.next(), scripts.next()) {
                (Some(script), None) if !fault.phase.is_client() => {
                    Ok(Scripted::Backend(script.clone(), Some(name)))
                }
                _ => Err(LabError::NotOneBackend(name)),
            }
        }
    }
}

/// What a script does that no pipe can.
fn beyond_pipes(script: &BackendScript) -> Option<&'static str> {
    if script.any(|step| matches!(step, BackendStep::Reset)) {
        return Some("a reset");
    }
    script.rcvbuf.map(|_| "a receive buffer")
}

fn new_folder() -> Result<TempDir, LabError> {
    let create = || {
        let folder = tempfile::tempdir()?;
        // Where configurations usually put their logs and pages.
        std::fs::create_dir(folder.path().join("logs"))?;
        std::fs::create_dir(folder.path().join("html"))?;
        Ok(folder)
    };
    create().map_err(system("a folder"))
}

/// Where a backend of this name may listen.
fn free_address(name: &str, folder: &Path) -> Address {
    match unix_file(name, folder) {
        Some(path) => Address::Unix(path),
        None => Address::Inet(([127, 0, 0, 1], 0).into()),
    }
}

/// An address that nobody listens at.
fn made_up_address(name: &str, index: usize, folder: &Path) -> Address {
    const FIRST_PORT: u16 = 10_001;
    match unix_file(name, folder) {
        Some(path) => Address::Unix(path),
        None => {
            let port = u16::try_from(index)
                .unwrap_or(u16::MAX)
                .saturating_add(FIRST_PORT);
            Address::Inet(([127, 0, 0, 1], port).into())
        }
    }
}

fn unix_file(name: &str, folder: &Path) -> Option<PathBuf> {
    name.strip_prefix("unix:").map(|file| folder.join(file))
}

/// The configuration with addresses for names and the lab's logs, after it was checked as it is.
fn prepare(
    config: &str,
    compat: Option<Version>,
    parts: &Parts,
    folder: &Path,
) -> Result<(Names, String), LabError> {
    for (name, address) in &parts.addresses {
        let names = Names::of_backends([(name.clone(), address.clone())]);
        if names.resolve(config) == config {
            return Err(LabError::NotNamed(name.clone()));
        }
    }
    let names = Names::of_backends(parts.addresses.iter().cloned());
    let config = names.resolve(config);
    let main = written(plain(&config, compat), folder)?;
    if let Err(faults) = weir_conf::load_str(&main, folder) {
        let prefix = format!("{}/", folder.display());
        let readable = |text: String| names.restore(&text).replace(&prefix, "");
        return Err(LabError::Config {
            message: readable(faults.to_string()),
            explanation: readable(faults.explain()),
        });
    }
    let main = written(with_logs(&config, compat), folder)?;
    Ok((names, main))
}

/// Writes the part that is included; the value is the main part.
fn written(woven: Woven, folder: &Path) -> Result<String, LabError> {
    if let Some(fragment) = woven.fragment {
        let file = folder.join(FRAGMENT);
        std::fs::write(file, fragment).map_err(system("the configuration"))?;
    }
    Ok(woven.main)
}

/// Answers weir's connects.
fn dialer(answers: Vec<(Address, Connect, Connector)>) -> Dialer {
    Dialer::Memory(Rc::new(move |peer: &PeerAddress| {
        let mut answers = answers.iter();
        let found = answers.find(|(address, ..)| is_at(peer, address));
        let Some((address, connect, connector)) = found else {
            return Err(socket::refused());
        };
        match (connect, address) {
            (Connect::Accept, _) => connector.connect(),
            (Connect::Refuse, _) => Err(socket::refused()),
            (Connect::Full, Address::Inet(_)) => Err(socket::in_progress()),
            (Connect::Full, Address::Unix(_)) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }))
}

fn is_at(peer: &PeerAddress, address: &Address) -> bool {
    match (peer, address) {
        (PeerAddress::Inet(peer), Address::Inet(address)) => peer == address,
        (PeerAddress::Unix(peer), Address::Unix(address)) => **peer == **address,
        (PeerAddress::Inet(_), Address::Unix(_)) | (PeerAddress::Unix(_), Address::Inet(_)) => {
            false
        }
    }
}
