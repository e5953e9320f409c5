//! What a lab is made of, and its start.

use std::collections::BTreeMap;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::behaviour::{Behaviour, Scripted, scripted};
use super::config::{FRAGMENT, Woven, plain, with_logs};
use super::error::{LabError, system};
use super::guard::Guarded;
use super::home::BackendsThread;
use super::memory::{beyond_pipes, dialer, made_up_address};
use super::{Home, InProcess, Lab, Threads};
use crate::backend::Backend;
use crate::bed::names::Names;
use crate::script::{BackendScript, Connect};
use crate::socket::{self, Address};
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
    /// A faulty configuration, a fault that is not in the catalogue, a paused clock, and what the
    /// system refuses.
    pub async fn start(self) -> Result<Lab, LabError> {
        if clock_is_paused() {
            return Err(LabError::PausedClock);
        }
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

/// Whether tokio's clock stands while time passes.
#[expect(
    clippy::disallowed_methods,
    reason = "the cached clock is the one that may be paused"
)]
fn clock_is_paused() -> bool {
    let paused = tokio::time::Instant::now();
    let real = std::time::Instant::now();
    while real.elapsed().is_zero() {
        std::hint::spin_loop();
    }
    paused.elapsed().is_zero()
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

pub(super) fn unix_file(name: &str, folder: &Path) -> Option<PathBuf> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_needs_pipes() {
        let lab = || Lab::new("server { listen 80; }");
        assert!(matches!(lab().start().await, Err(LabError::PausedClock)));
        assert!(lab().in_memory().start().await.is_ok());
        tokio::time::resume();
        assert!(lab().start().await.is_ok());
    }
}
