//! The system's limits on the process, and what `env` sets.

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use weir_conf::Main;

use crate::system_error::SystemError;

/// A limit that could not be set, or that will be met too early. Displays nginx's words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LimitFault {
    /// The system refuses.
    #[error(transparent)]
    System(#[from] SystemError),
    /// A worker may not open as many files as it may have connections.
    #[error("{connections} worker_connections exceed open file resource limit: {files}")]
    TooFewFiles { connections: usize, files: rlim_t },
}

/// Gives each of `workers` as many open files as one of nginx's worker processes has: the limit holds
/// for the process, which all of them share.
pub(crate) fn raise_open_files(main: &Main, workers: usize) -> Result<(), LimitFault> {
    let failed = |call, error| SystemError::new(call, error);
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)
        .map_err(|error| failed("getrlimit(RLIMIT_NOFILE)".to_owned(), error))?;
    let workers = workers as rlim_t;
    match main.worker_rlimit_nofile {
        Some(files) => {
            let wanted = files.saturating_mul(workers);
            let set = |limit| setrlimit(Resource::RLIMIT_NOFILE, limit, limit);
            // Without root's rights the limit cannot grow; what one worker may have still can hold.
            set(wanted)
                .or_else(|_| set(wanted.min(hard).max(files)))
                .map_err(|error| failed(format!("setrlimit(RLIMIT_NOFILE, {files})"), error))?;
        }
        None if workers > 1 => {
            let wanted = soft.saturating_mul(workers).min(hard);
            setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)
                .map_err(|error| failed(format!("setrlimit(RLIMIT_NOFILE, {wanted})"), error))?;
        }
        None => {}
    }
    let files = main.worker_rlimit_nofile.unwrap_or(soft);
    if main.worker_connections as rlim_t > files {
        return Err(LimitFault::TooFewFiles {
            connections: main.worker_connections,
            files,
        });
    }
    Ok(())
}

/// The limits in force, as nginx shows them at the start: `SOFT:HARD`.
pub(crate) fn open_files() -> String {
    let number = |limit: rlim_t| match limit {
        nix::sys::resource::RLIM_INFINITY => "-1".to_owned(),
        limit => limit.to_string(),
    };
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, hard)) => format!("{}:{}", number(soft), number(hard)),
        Err(_) => "unknown".to_owned(),
    }
}

/// Sets the variables that `env NAME=VALUE` gives. Others are kept: weir starts no programs, so
/// nobody sees them. Must run before any thread starts.
pub(crate) fn set_environment(main: &Main) {
    for rule in main.env.iter() {
        if let Some(value) = &rule.value {
            // SAFETY: no other thread exists yet that could read the environment meanwhile.
            #[expect(unsafe_code, reason = "setting a variable races with other threads")]
            #[expect(clippy::disallowed_methods, reason = "there are no other threads yet")]
            unsafe {
                std::env::set_var(&rule.name, value);
            }
        }
    }
}
