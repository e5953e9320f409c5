//! Who plays the proxy: a weir in this process, or a binary.

use std::io;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

use super::conf::Preamble;
use super::prefix::Prefix;
use super::process::{Binary, Proxy, StartError};
use crate::embedded::Embedded;
use crate::version::Version;

/// A proxy that scenarios can be played against.
#[derive(Clone, Debug)]
pub enum Target {
    /// A weir in this process.
    Embedded,
    /// Another process.
    Binary(Binary),
}

/// What starts a proxy for one run.
pub enum Starter<'a> {
    /// A process.
    Binary(&'a Binary),
    /// The socket that is to be served, until it is.
    Embedded(Mutex<Option<TcpListener>>),
}

/// A started proxy.
pub enum Running {
    /// Another process.
    Process(Proxy),
    /// A weir in this process.
    Embedded(Embedded),
}

impl Target {
    /// The version of nginx that it is, as far as that is known here; None for weir, which
    /// can be any.
    pub fn own_version(&self) -> Option<Version> {
        self.nginx().and_then(Version::parse)
    }

    /// nginx's own version; None for weir.
    pub fn nginx(&self) -> Option<&str> {
        match self {
            Self::Embedded => None,
            Self::Binary(binary) => binary.nginx(),
        }
    }

    /// What its configuration needs besides, to play `version`.
    pub fn preamble(&self, version: Version) -> Preamble {
        match self {
            Self::Embedded => Preamble {
                first: version.compat_directive(),
                http: "",
            },
            Self::Binary(binary) => binary.preamble(version),
        }
    }

    /// What starts it; a process binds by itself, so it gets only the address.
    pub fn starter(&self, listener: TcpListener) -> Starter<'_> {
        match self {
            Self::Embedded => Starter::Embedded(Mutex::new(Some(listener))),
            Self::Binary(binary) => Starter::Binary(binary),
        }
    }
}

impl Starter<'_> {
    /// Starts the proxy and returns once it accepts.
    pub async fn start(&self, prefix: &Prefix) -> Result<Running, StartError> {
        let listener = match self {
            Self::Binary(binary) => return binary.start(prefix).await.map(Running::Process),
            Self::Embedded(listener) => listener,
        };
        let listener = listener
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let listener = listener.ok_or_else(|| io::Error::other("it was started before"))?;
        let text = prefix.conf()?;
        prefix.show_certificates()?;
        Embedded::start(&text, prefix.path(), listener)
            .map(Running::Embedded)
            .map_err(|fault| StartError::Embedded(fault.to_string()))
    }
}

impl Running {
    /// Stops it in order; says how it ended.
    pub async fn stop(self) -> io::Result<String> {
        match self {
            Self::Process(proxy) => proxy.stop().await,
            Self::Embedded(embedded) => {
                let stopped = tokio::task::spawn_blocking(|| embedded.stop()).await?;
                Ok(match stopped {
                    Ok(()) => "exit status: 0".to_owned(),
                    Err(stuck) => stuck.to_string(),
                })
            }
        }
    }
}
