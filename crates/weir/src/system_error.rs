//! Failed system calls in nginx's words.

use std::fmt;
use std::io;

use nix::errno::Errno;
use weir_log::ErrorNumber;

/// A system call that failed: `CALL failed (ERRNO: TEXT)`.
#[derive(Debug, thiserror::Error)]
#[error("{call} failed ({})", ErrorNumber(*.errno as i32))]
pub(crate) struct SystemError {
    /// The call and what it was about, as nginx shows it.
    call: String,
    errno: Errno,
}

impl SystemError {
    pub(crate) fn new(call: impl fmt::Display, error: impl Into<SystemCause>) -> Self {
        let SystemCause(errno) = error.into();
        Self {
            call: call.to_string(),
            errno,
        }
    }

    /// The error number.
    pub(crate) fn errno(&self) -> Errno {
        self.errno
    }
}

/// The error number behind either of the two types that report one.
pub(crate) struct SystemCause(Errno);

impl From<Errno> for SystemCause {
    fn from(errno: Errno) -> Self {
        Self(errno)
    }
}

impl From<io::Error> for SystemCause {
    fn from(error: io::Error) -> Self {
        Self(Errno::from_raw(error.raw_os_error().unwrap_or(0)))
    }
}
