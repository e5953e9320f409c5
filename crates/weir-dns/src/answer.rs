//! What those who ask are told.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// What came of a look-up.
pub type Outcome = Result<Found, Failure>;

/// An answer, and until when it may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The addresses of a name, in the order in which they are to be tried; at least one.
    Addresses {
        /// The addresses.
        addresses: Arc<[IpAddr]>,
        /// The last second, on the clock of the questions, in which they hold.
        valid_until: u64,
    },
    /// The servers of a service, the most important first; at least one.
    Services {
        /// The servers.
        services: Arc<[Service]>,
        /// As above.
        valid_until: u64,
    },
}

/// A server of a service (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Those with the least are asked first.
    pub priority: u16,
    /// Its share among those of the same priority; at least 1.
    pub weight: u16,
    /// Where it listens.
    pub port: u16,
    /// Its name, in small letters.
    pub name: Box<[u8]>,
}

/// A look-up that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub code: Code,
    /// When it may be asked again, as a second on the clock of the questions; 0 = nothing is known of that.
    pub valid_until: u64,
}

/// Why there is no answer. Displays as in nginx's lines: `3: Host not found`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The server did not understand the question.
    FormatError,
    /// The server has trouble of its own.
    ServerFailure,
    /// There is no such name, or it has nothing of what was asked for.
    HostNotFound,
    /// The server cannot do that.
    Unimplemented,
    /// The server does not want to.
    Refused,
    /// Nobody answered in time.
    TimedOut,
}

impl Code {
    /// The code of an answer (RCODE); `None`: an answer that has nothing to complain of, or a code of
    /// which nginx makes nothing.
    pub(crate) fn of_answer(code: u16) -> Option<Self> {
        Some(match code {
            1 => Self::FormatError,
            2 => Self::ServerFailure,
            3 => Self::HostNotFound,
            4 => Self::Unimplemented,
            5 => Self::Refused,
            _ => return None,
        })
    }

    /// The number that log lines show.
    pub fn number(self) -> u16 {
        match self {
            Self::FormatError => 1,
            Self::ServerFailure => 2,
            Self::HostNotFound => 3,
            Self::Unimplemented => 4,
            Self::Refused => 5,
            Self::TimedOut => 110,
        }
    }

    /// nginx's words (`ngx_resolver_strerror`).
    pub fn words(self) -> &'static str {
        match self {
            Self::FormatError => "Format error",
            Self::ServerFailure => "Server failure",
            Self::HostNotFound => "Host not found",
            Self::Unimplemented => "Unimplemented",
            Self::Refused => "Operation refused",
            Self::TimedOut => "Operation timed out",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.number(), self.words())
    }
}
