//! The parts of what was seen.

use serde::{Deserialize, Serialize};

/// A part of what a run shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// What the client read: [`Client::told`](crate::client::Client::told).
    Responses,
    /// Connections of the backends: `backend`, `conn`, `bytes`, `data`, `nginx_end`.
    BackendSaw,
    /// Lines of the error log, `[level] *1 message`.
    ErrorLog,
    /// Lines of the access log: variables and values.
    Access,
    /// Lines of other logs by the file's name.
    Logs,
    /// How the proxy ended: `exit status: 0`.
    Ended,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Responses,
        Self::BackendSaw,
        Self::ErrorLog,
        Self::Access,
        Self::Logs,
        Self::Ended,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Responses => "responses",
            Self::BackendSaw => "backend_saw",
            Self::ErrorLog => "error_log",
            Self::Access => "access",
            Self::Logs => "logs",
            Self::Ended => "ended",
        }
    }
}
