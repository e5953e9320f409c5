//! A connection to a peer.

use std::time::Duration;

use super::Slot;
use weir_io::stream::Stream;

/// A connection to a peer, in use or idle.
pub(crate) struct UpstreamConnection {
    pub(crate) stream: Stream,
    /// Requests begun on it.
    pub(crate) requests: u64,
    /// When it was opened, on the worker's monotonic clock.
    pub(crate) opened_at: Duration,
    /// It had served a request before this one.
    pub(crate) reused: bool,
    /// ACKs wait for bytes to travel with, as the dialer has set it.
    pub(crate) delays_acks: bool,
    /// When it fell idle last, in the worker's turns.
    pub(crate) idle_turn: u64,
    pub(crate) _slot: Slot,
}

impl UpstreamConnection {
    /// More is to come than has been read. A peer without TCP_NODELAY may hold it back until it sees
    /// an ACK for what it has sent, and must not have to wait for that.
    pub(crate) fn awaits_more(&mut self) {
        if std::mem::take(&mut self.delays_acks) {
            self.stream.acknowledge_at_once();
        }
    }

    /// Nothing has arrived, so the next request may be sent.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.stream.is_quiet()
    }
}
