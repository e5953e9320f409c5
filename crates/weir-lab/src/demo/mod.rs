//! `weir demo`: the catalogue behind a weir in this process, one location per fault, and an
//! explanation for each error line as it comes.
//!
//! Reading order: `exhibit` (which faults can be shown with curl, and how), `site` (the
//! configuration), `page` (what a browser sees), `table` (what is printed first), `watch` (what is
//! printed later), `explanation` (the words of `docs/failures.md`).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::backend::Backend;
use crate::bed;
use crate::embedded::{Embedded, StartError};
use crate::socket::Address;
use weir_doctor::ink::Ink;

mod exhibit;
mod explanation;
mod page;
mod site;
mod table;
mod watch;

use exhibit::Exhibit;

/// Broken backends of every kind behind a weir, to be tried with curl
#[derive(Debug, Parser)]
#[command(name = "weir demo", bin_name = "weir demo", no_binary_name = true)]
struct Arguments {
    /// Where to listen [default: 127.0.0.1:8080, or any free port if that is taken]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

/// Where it listens unless told otherwise.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// A demonstration that runs until it is dropped.
#[derive(Debug)]
pub struct Demo {
    /// Dropped first, so that no line is written into a folder that is gone.
    weir: Embedded,
    exhibits: Vec<Exhibit>,
    _backends: Vec<Backend>,
    folder: tempfile::TempDir,
}

/// Why there is no demonstration.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A socket or a folder could not be made.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The address that was asked for is not to be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// As asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The proxy did not start.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Runs `weir demo`; `args` are those after `demo`.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = match weir_doctor::command::parse::<Arguments>(args) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(DemoError::Io)
        .and_then(|runtime| runtime.block_on(run(arguments.listen)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read this has seen enough.
        Err(DemoError::Io(fault)) if fault.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("weir demo: {fault}");
            ExitCode::FAILURE
        }
    }
}

async fn run(wanted: Option<SocketAddr>) -> Result<(), DemoError> {
    let listener = match wanted {
        Some(wanted) => listen(wanted)?,
        None => listen_or_elsewhere(DEFAULT)?,
    };
    let demo = Demo::start(listener).await?;
    let mut out = io::stdout();
    let ink = Ink::of_stdout();
    let table = table::text(&demo.exhibits, demo.address(), ink);
    out.write_all(table.as_bytes())?;
    out.flush()?;
    let reader = io::stdout();
    tokio::select! {
        done = watch::run(&demo, &mut out, ink) => done?,
        () = hung_up(reader.as_fd()) => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}

fn listen(address: SocketAddr) -> Result<TcpListener, DemoError> {
    TcpListener::bind(address).map_err(|source| DemoError::Listen { address, source })
}

/// The wanted address, or another port of it if that one is taken.
fn listen_or_elsewhere(wanted: SocketAddr) -> Result<TcpListener, DemoError> {
    match listen(wanted) {
        Err(DemoError::Listen { source, .. }) if source.kind() == ErrorKind::AddrInUse => {
            eprintln!("port {} is taken", wanted.port());
            listen(SocketAddr::new(wanted.ip(), 0))
        }
        bound => bound,
    }
}

/// Returns once nobody can read what is written to `out`. A pipe tells without a write.
async fn hung_up(out: BorrowedFd<'_>) {
    /// Time between two looks.
    const INTERVAL: Duration = Duration::from_millis(100);
    loop {
        let mut state = [PollFd::new(out, PollFlags::empty())];
        // What cannot be polled shows in a write.
        let _unknown = poll(&mut state, PollTimeout::ZERO);
        let gone = PollFlags::POLLERR | PollFlags::POLLHUP;
        if state[0].revents().is_some_and(|seen| seen.intersects(gone)) {
            return;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

impl Demo {
    /// Starts a backend for every fault that can be shown, and the proxy behind `listener`.
    ///
    /// # Errors
    /// An address cannot be bound, or the proxy cannot start.
    pub async fn start(listener: TcpListener) -> Result<Self, DemoError> {
        let folder = bed::directory()?;
        let exhibits = exhibit::all();
        let mut backends = Vec::new();
        let mut addresses = Vec::new();
        for (number, exhibit) in exhibits.iter().enumerate() {
            let mut named = BTreeMap::new();
            for (name, script) in &exhibit.fault.backend {
                let address = match name.strip_prefix("unix:") {
                    Some(socket) => Address::Unix(folder.path().join(format!("{number}-{socket}"))),
                    None => Address::Inet(SocketAddr::from(([127, 0, 0, 1], 0))),
                };
                let backend = Backend::start(address, script.clone()).await?;
                named.insert(name.clone(), backend.address().clone());
                backends.push(backend);
            }
            addresses.push(named);
        }
        std::fs::create_dir(folder.path().join("logs"))?;
        std::fs::create_dir(folder.path().join("html"))?;
        std::fs::write(folder.path().join("html/index.html"), page::html(&exhibits))?;
        let text = site::configuration(&exhibits, addresses, folder.path());
        let weir = Embedded::start(&text, folder.path(), listener)?;
        Ok(Self {
            weir,
            exhibits,
            _backends: backends,
            folder,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.weir.address()
    }

    /// The exhibit that a request line asks for.
    fn exhibit(&self, request: &str) -> Option<&Exhibit> {
        let name = request.split(' ').nth(1)?.strip_prefix('/')?;
        self.exhibits
            .iter()
            .find(|exhibit| exhibit.fault.name == name)
    }

    /// Every URL with what to expect, for people.
    pub fn table(&self) -> String {
        table::text(&self.exhibits, self.address(), Ink::Plain)
    }
}

#[cfg(test)]
mod tests;
