//! Leaving the terminal (`ngx_daemon`, `ngx_log_redirect_stderr`).

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::sys::stat::{Mode, umask};
use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};

use crate::system_error::SystemError;

/// Which of the two processes this is after [`detach`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The one that was started; it has nothing left to do.
    Parent,
    /// The daemon.
    Daemon,
}

/// Forks, and lets the child lead a session without a terminal. Must run before any thread starts.
pub(crate) fn detach() -> Result<Side, SystemError> {
    // SAFETY: no other thread exists yet, so the child finds no lock held.
    #[expect(unsafe_code, reason = "fork is unsafe in a process with threads")]
    let forked = unsafe { fork() }.map_err(|error| SystemError::new("fork()", error))?;
    if let ForkResult::Parent { .. } = forked {
        return Ok(Side::Parent);
    }
    setsid().map_err(|error| SystemError::new("setsid()", error))?;
    umask(Mode::empty());
    let null = OpenOptions::new().read(true).write(true).open("/dev/null");
    let null = null.map_err(|error| SystemError::new("open(\"/dev/null\")", error))?;
    dup2_stdin(&null).map_err(|error| SystemError::new("dup2(STDIN)", error))?;
    dup2_stdout(&null).map_err(|error| SystemError::new("dup2(STDOUT)", error))?;
    Ok(Side::Daemon)
}

/// Lets what is written to stderr from now on go into the error log.
pub(crate) fn redirect_stderr(error_log: &Path) -> Result<(), SystemError> {
    let failed = |error| SystemError::new("dup2(STDERR)", error);
    let log: File = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o644)
        .open(error_log)
        .map_err(|error| {
            SystemError::new(format_args!("open() \"{}\"", error_log.display()), error)
        })?;
    dup2_stderr(&log).map_err(failed)
}
