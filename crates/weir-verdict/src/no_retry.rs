//! Why a failed request is not passed to another peer, for whoever asks the log.

use std::fmt;

/// Why a failed request is not passed to another peer; displays the words of the error line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRetry {
    /// The failure lies on this machine, whoever is asked.
    OwnFault,
    /// There is nobody else to ask.
    NoLivePeer,
    /// Nothing that `proxy_next_upstream` may list.
    NotListable,
    /// `proxy_next_upstream` does not list it.
    NotListed,
    /// It was sent, and its method may not be repeated.
    NotIdempotent,
    /// Part of its body was passed on, and is not there any more.
    BodyOnItsWay,
    /// The client has got part of the answer.
    ResponseBegun,
    /// `proxy_next_upstream_tries` are used up, or all servers have been tried.
    NoTriesLeft,
    /// `proxy_next_upstream_timeout` is over.
    OutOfTime,
    /// Too many requests of the last seconds were retries: `retry_budget`.
    BudgetSpent,
}

impl NoRetry {
    /// The words that tell an operator which directive, or which fact, it was.
    pub const fn words(self) -> &'static str {
        match self {
            Self::OwnFault => "the failure is of this machine",
            Self::NoLivePeer => "no other server is live",
            Self::NotListable => "no directive sends this failure on",
            Self::NotListed => "proxy_next_upstream does not list it",
            Self::NotIdempotent => "it was sent and is not idempotent",
            Self::BodyOnItsWay => "its body was on its way",
            Self::ResponseBegun => "the response had begun",
            Self::NoTriesLeft => "no tries are left",
            Self::OutOfTime => "proxy_next_upstream_timeout is over",
            Self::BudgetSpent => "the retry budget is spent",
        }
    }
}

impl fmt::Display for NoRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
