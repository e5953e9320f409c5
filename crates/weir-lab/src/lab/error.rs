//! Why a lab cannot start.

use std::io;

use crate::catalogue::UnknownFault;
use crate::embedded::StartError;

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

pub(super) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> LabError {
    let what = what.into();
    |source| LabError::System { what, source }
}
