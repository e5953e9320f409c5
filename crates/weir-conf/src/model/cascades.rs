//! What keeps a group of servers from being pushed over: retries, panics, waiting requests.

use std::time::Duration;

/// The directives of an `upstream` block against cascades of failures; without one nothing changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cascades {
    /// `retry_budget`.
    pub retry_share: Option<RetryShare>,
    /// `panic_threshold`, in percent.
    pub panic_threshold: Option<u32>,
    /// `queue`.
    pub queue: Option<QueueRules>,
}

/// `retry_budget SHARE% [min=NUMBER]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryShare {
    /// So many retries for a hundred requests.
    pub percent: u32,
    /// So many a second whatever the requests.
    pub min_per_second: u32,
}

/// `queue NUMBER [timeout=TIME]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueRules {
    /// Requests that may wait at once, over all workers.
    pub length: usize,
    /// How long one waits.
    pub timeout: Duration,
}
