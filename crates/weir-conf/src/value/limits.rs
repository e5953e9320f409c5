//! Limits of what clients may ask at a time.

use super::keywords;
use crate::Level;

/// A `limit_req`. Amounts are in thousandths of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimit {
    /// Index in `Http::request_zones`.
    pub zone: usize,
    /// Most requests beyond the rate.
    pub burst: u64,
    /// Requests beyond the rate that are not delayed.
    pub delay: u64,
}

/// A `limit_conn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimit {
    /// Index in `Http::connection_zones`.
    pub zone: usize,
    /// Most requests under way.
    pub most: u16,
}

keywords! {
    /// How grave it is that a request is refused.
    LimitLogLevel {
        /// An event.
        Info = "info",
        /// Worth a look.
        Notice = "notice",
        /// Worth a warning.
        Warn = "warn",
        /// An error.
        Error = "error",
    }
}

impl LimitLogLevel {
    /// Of lines about requests that are refused.
    pub fn level(self) -> Level {
        match self {
            Self::Info => Level::Info,
            Self::Notice => Level::Notice,
            Self::Warn => Level::Warn,
            Self::Error => Level::Error,
        }
    }

    /// Of lines about requests that are delayed: one less grave (`ngx_http_limit_req_merge_conf`).
    pub fn level_of_delays(self) -> Level {
        match self {
            Self::Info | Self::Notice => Level::Info,
            Self::Warn => Level::Notice,
            Self::Error => Level::Warn,
        }
    }
}
