//! Why a lab cannot start.

use std::{fmt, io};

use crate::catalogue::UnknownFault;
use crate::embedded::StartError;

/// Why a lab cannot start. `Debug` writes the same as `Display`, because a test shows that of an
/// error that it unwraps.
#[derive(thiserror::Error)]
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
    /// The test's clock stands still, so it would not wait for a weir on a thread.
    #[error("the test's clock is paused, but weir runs on a thread: use .in_memory()")]
    PausedClock,
    /// The system does not give what a lab needs.
    #[error("cannot set up {what}: {source}")]
    System {
        /// A folder, a thread, a backend.
        what: String,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Debug for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pub(super) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> LabError {
    let what = what.into();
    |source| LabError::System { what, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fault: LabError, expected: &str) {
        assert_eq!(format!("{fault:?}"), expected);
        assert_eq!(format!("{fault:#?}"), expected);
    }

    #[test]
    fn what_a_test_unwraps_is_readable() {
        let config = LabError::Config {
            message: "unknown directive \"a\"".to_owned(),
            explanation: "1 | a;\n  | ^".to_owned(),
        };
        check(config, "unknown directive \"a\"\n1 | a;\n  | ^");
        let refused = system("app:1")(io::ErrorKind::AddrInUse.into());
        check(refused, "cannot set up app:1: address in use");
    }
}
