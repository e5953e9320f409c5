//! A connection to a peer.

use std::time::Duration;

use crate::io::stream::Stream;
use crate::worker::Slot;

/// A connection to a peer, in use or idle.
pub(crate) struct UpstreamConnection {
    pub(crate) stream: Stream,
    /// Requests begun on it.
    pub(crate) requests: u64,
    /// When it was opened, on the worker's monotonic clock.
    pub(crate) opened_at: Duration,
    /// It had served a request before this one.
    pub(crate) reused: bool,
    pub(crate) _slot: Slot,
}

/// What the cache of idle connections holds.
pub(crate) struct IdleConnection {
    pub(crate) connection: UpstreamConnection,
}

impl UpstreamConnection {
    /// Nothing has arrived, so the next request may be sent.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.stream.is_quiet()
    }
}
