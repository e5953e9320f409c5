//! `weir lab serve`.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::backend::{Backend, Played, ProxyEnd};
use crate::catalogue::{Fault, UnknownFault, named};
use crate::script::BackendScript;
use crate::socket::Address;
use crate::text::latin1;

/// Arguments of `weir lab serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Faults of the catalogue
    #[arg(required_unless_present = "file")]
    names: Vec<String>,
    /// A backend script in TOML, played instead of a fault
    #[arg(long, value_name = "SCRIPT.toml", conflicts_with = "names")]
    file: Option<PathBuf>,
    /// Where to listen: ADDRESS:PORT or unix:PATH. Further servers take the ports after it.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = parse_address)]
    listen: Address,
}

#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error("{_0}; {search}", search = super::SEARCH)]
    Unknown(#[from] UnknownFault),
    #[error("{0} is a fault of the client; `weir lab show {0}` has its steps")]
    Client(String),
    #[error("{0} has no server: the address is missing")]
    NoBackend(String),
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is no backend script: {source}", path.display())]
    Parse {
        path: PathBuf,
        source: Box<toml::de::Error>,
    },
    #[error("cannot listen on {address}: {source}")]
    Listen { address: String, source: io::Error },
    #[error("{servers} servers cannot share {address}")]
    OnePath { servers: usize, address: String },
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
}

/// A script to play and what is said about it.
struct Server {
    title: String,
    notes: Vec<String>,
    script: BackendScript,
}

pub(super) fn run(arguments: Arguments) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let served = runtime
        .map_err(ServeError::Start)
        .and_then(|runtime| runtime.block_on(serve(arguments)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => super::complain(&fault),
    }
}

async fn serve(arguments: Arguments) -> Result<(), ServeError> {
    let servers = match &arguments.file {
        Some(path) => vec![from_file(path)?],
        None => from_names(&arguments.names)?,
    };
    let addresses = addresses(&arguments.listen, servers.len())?;
    // Before there is a file that a signal could leave behind.
    let mut terminate = signal(SignalKind::terminate())?;
    let (sender, mut heard) = unbounded_channel();
    let mut backends = Vec::new();
    for (number, (server, address)) in servers.into_iter().zip(addresses).enumerate() {
        backends.push(start(number, server, address, &sender).await?);
    }
    println!("Ctrl-C ends it.\n");
    tokio::select! {
        () = tell(&mut heard, backends.len() > 1) => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    remove_files(&backends);
    Ok(())
}

fn from_file(path: &PathBuf) -> Result<Server, ServeError> {
    let text = std::fs::read_to_string(path).map_err(|source| ServeError::Read {
        path: path.clone(),
        source,
    })?;
    let script = toml::from_str(&text).map_err(|source| ServeError::Parse {
        path: path.clone(),
        source: Box::new(source),
    })?;
    Ok(Server {
        title: path.display().to_string(),
        notes: Vec::new(),
        script,
    })
}

fn from_names(names: &[String]) -> Result<Vec<Server>, ServeError> {
    let mut servers = Vec::new();
    for name in names {
        let fault = named(name)?;
        if fault.phase.is_client() {
            return Err(ServeError::Client(fault.name.clone()));
        }
        if fault.backend.is_empty() {
            return Err(ServeError::NoBackend(fault.name.clone()));
        }
        servers.extend(of_fault(fault));
    }
    Ok(servers)
}

/// A server per script; the notes stand with the first.
fn of_fault(fault: &Fault) -> Vec<Server> {
    let scripts = fault.backend.iter().enumerate();
    scripts
        .map(|(number, (address, script))| Server {
            title: match fault.backend.len() {
                1 => fault.name.clone(),
                _ => format!("{} as {address}", fault.name),
            },
            notes: if number == 0 {
                notes(fault)
            } else {
                Vec::new()
            },
            script: script.clone(),
        })
        .collect()
}

fn notes(fault: &Fault) -> Vec<String> {
    let mut notes = vec![
        format!("plays: {}", fault.summary),
        format!("nginx: {}", fault.answer),
    ];
    notes.extend(
        fault
            .verdict
            .log
            .iter()
            .map(|line| format!("       {line}")),
    );
    let config = &fault.config;
    let pieces = [&config.http, &config.server, &config.location];
    let needs = pieces.into_iter().flatten().chain(&config.locations);
    notes.extend(needs.map(|piece| format!("needs: {}", piece.trim())));
    notes
}

/// One address per server: the same again for port 0, the next ports otherwise.
fn addresses(first: &Address, servers: usize) -> Result<Vec<Address>, ServeError> {
    match first {
        Address::Unix(path) if servers > 1 => Err(ServeError::OnePath {
            servers,
            address: path.display().to_string(),
        }),
        Address::Unix(_) => Ok(vec![first.clone()]),
        Address::Inet(first) => Ok((0..servers)
            .map(|n| {
                let mut address = *first;
                if address.port() != 0 {
                    let n = u16::try_from(n).unwrap_or(u16::MAX);
                    address.set_port(address.port().saturating_add(n));
                }
                Address::Inet(address)
            })
            .collect()),
    }
}

async fn start(
    number: usize,
    server: Server,
    address: Address,
    heard: &UnboundedSender<(usize, Played)>,
) -> Result<Backend, ServeError> {
    let written = display(&address);
    let (watcher, mut played) = unbounded_channel();
    let backend = Backend::start_watched(address, server.script, watcher).await;
    let backend = backend.map_err(|source| ServeError::Listen {
        address: written,
        source,
    })?;
    println!("{} listens on {}", server.title, display(backend.address()));
    for note in server.notes {
        println!("  {note}");
    }
    let heard = heard.clone();
    tokio::spawn(async move {
        while let Some(played) = played.recv().await {
            if heard.send((number + 1, played)).is_err() {
                return;
            }
        }
    });
    Ok(backend)
}

async fn tell(heard: &mut UnboundedReceiver<(usize, Played)>, several: bool) {
    while let Some((server, played)) = heard.recv().await {
        let prefix = if several {
            format!("server {server}, ")
        } else {
            String::new()
        };
        println!("{prefix}{}", line(&played));
    }
}

/// What was read, what was played, how it ended.
fn line(played: &Played) -> String {
    let first: Vec<u8> = played
        .saw
        .data
        .iter()
        .copied()
        .take_while(|&b| b != b'\r')
        .collect();
    let read = match played.saw.bytes {
        0 => "nothing".to_owned(),
        n => format!("{n} bytes ({})", latin1(&first).escape_default()),
    };
    let end = match played.saw.end {
        Some(ProxyEnd::Fin) => "the other side closed",
        Some(ProxyEnd::Rst) => "the other side reset",
        None => "ended here",
    };
    format!(
        "connection {}: read {read}; {}; {end}",
        played.connection + 1,
        if played.steps.is_empty() {
            "played nothing".to_owned()
        } else {
            played.steps.join(", ")
        }
    )
}

/// Sockets stay in the file system unless somebody takes them away.
fn remove_files(backends: &[Backend]) {
    for backend in backends {
        if let Address::Unix(path) = backend.address() {
            // It may be gone already.
            let _gone = std::fs::remove_file(path);
        }
    }
}

fn parse_address(text: &str) -> Result<Address, String> {
    match text.strip_prefix("unix:") {
        Some("") => Err("unix: needs a path".to_owned()),
        Some(path) => Ok(Address::Unix(path.into())),
        None => text
            .parse()
            .map(Address::Inet)
            .map_err(|_| "an address is ADDRESS:PORT or unix:PATH".to_owned()),
    }
}

fn display(address: &Address) -> String {
    match address {
        Address::Inet(address) => address.to_string(),
        Address::Unix(path) => format!("unix:{}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Saw;

    fn check(saw: Saw, steps: &[&str], expected: &str) {
        let played = Played {
            connection: 1,
            saw,
            steps: steps.iter().map(|&step| step.to_owned()).collect(),
        };
        assert_eq!(line(&played), expected);
    }

    #[test]
    fn a_connection_is_told_in_one_line() {
        check(
            Saw {
                bytes: 18,
                data: b"GET / HTTP/1.0\r\n\r\n".to_vec(),
                end: None,
            },
            &["read the head", "reset"],
            "connection 2: read 18 bytes (GET / HTTP/1.0); read the head, reset; ended here",
        );
        check(
            Saw {
                end: Some(ProxyEnd::Fin),
                ..Saw::default()
            },
            &["stalled"],
            "connection 2: read nothing; stalled; the other side closed",
        );
    }

    #[test]
    fn several_servers_take_the_next_ports() {
        let ports = |first: &str| {
            let addresses = addresses(&parse_address(first).unwrap(), 2).unwrap();
            addresses.iter().map(display).collect::<Vec<_>>()
        };
        assert_eq!(ports("127.0.0.1:0"), ["127.0.0.1:0", "127.0.0.1:0"]);
        assert_eq!(ports("127.0.0.1:80"), ["127.0.0.1:80", "127.0.0.1:81"]);
        assert!(addresses(&parse_address("unix:a").unwrap(), 2).is_err());
        assert!(parse_address("unix:").is_err());
    }

    #[test]
    fn names_must_be_known() {
        let wrong = from_names(&["refusd".to_owned()]).err().unwrap();
        assert!(wrong.to_string().contains("did you mean \"refused\""));
    }
}
