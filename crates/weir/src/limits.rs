//! How many files may be open, and what `env` sets.
//!
//! nginx's limit is one worker process's. weir's holds for all workers together, and for what the
//! process needs besides, so it is set that much higher: a worker gets as far as nginx's would.

use std::fs::File;
use std::os::fd::AsRawFd;

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use weir_conf::Main;

use crate::system_error::SystemError;

/// Descriptors that one of nginx's workers holds before its first connection: standard streams,
/// two logs, a socket, epoll, the channel.
const NGINX_OWN: rlim_t = 8;

/// Room for what a start opens until [`OpenFiles::settle`] is called.
const START_ROOM: rlim_t = 256;

/// The system's limits, as they were at the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenFiles {
    soft: rlim_t,
    hard: rlim_t,
}

impl OpenFiles {
    pub(crate) fn now() -> Result<Self, SystemError> {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)
            .map_err(|error| SystemError::new("getrlimit(RLIMIT_NOFILE)", error))?;
        Ok(Self { soft, hard })
    }

    /// As nginx shows them: `SOFT:HARD`.
    pub(crate) fn text(self) -> String {
        let number = |limit: rlim_t| match limit {
            nix::sys::resource::RLIM_INFINITY => "-1".to_owned(),
            limit => limit.to_string(),
        };
        format!("{}:{}", number(self.soft), number(self.hard))
    }

    /// nginx's warning if a worker may not open as many files as it may have connections
    /// (`ngx_event_module_init`).
    pub(crate) fn warning(self, main: &Main) -> Option<String> {
        let connections = main.worker_connections;
        let limit = main.worker_rlimit_nofile.unwrap_or(self.soft);
        let too_few = connections as rlim_t > self.soft.max(limit);
        too_few.then(|| {
            format!("{connections} worker_connections exceed open file resource limit: {limit}")
        })
    }

    /// Lets the process open what its workers may, and what a start needs; to be called with root's
    /// rights, if there are any.
    pub(crate) fn make_room(self, main: &Main) -> Result<(), SystemError> {
        let wanted = self.wanted(main).saturating_add(START_ROOM);
        if wanted <= self.soft {
            return Ok(());
        }
        let soft = if main.worker_rlimit_nofile.is_some() {
            wanted
        } else {
            wanted.min(self.hard)
        };
        // Without root's rights the hard limit stays, and is nothing to complain of yet.
        set(soft, self.hard.max(soft)).or_else(|_| set(self.hard, self.hard))
    }

    /// Sets the limit; `own` are the descriptors that the process holds while it serves nobody.
    pub(crate) fn settle(self, main: &Main, own: rlim_t) -> Result<(), SystemError> {
        let fixed = NGINX_OWN.saturating_mul(main.worker_processes as rlim_t);
        let limit = self
            .wanted(main)
            .saturating_add(own)
            .saturating_sub(fixed)
            .max(own);
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)
            .map_err(|error| SystemError::new("getrlimit(RLIMIT_NOFILE)", error))?;
        if main.worker_rlimit_nofile.is_some_and(|files| files > hard) {
            // nginx's worker would complain, too.
            set(limit, limit)?;
        }
        set(limit.min(hard), hard)
    }

    fn wanted(self, main: &Main) -> rlim_t {
        let files = main.worker_rlimit_nofile.unwrap_or(self.soft);
        files.saturating_mul(main.worker_processes as rlim_t)
    }
}

/// Descriptors that are open now: the number that the next one gets, because a limit bounds numbers.
/// Those that were inherited with high numbers do not count.
pub(crate) fn open_now() -> rlim_t {
    let next = File::open("/dev/null").map(|file| file.as_raw_fd());
    next.ok()
        .and_then(|next| next.try_into().ok())
        .unwrap_or(START_ROOM)
}

fn set(soft: rlim_t, hard: rlim_t) -> Result<(), SystemError> {
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard)
        .map_err(|error| SystemError::new(format_args!("setrlimit(RLIMIT_NOFILE, {soft})"), error))
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
