//! What a connection allows its peer.

/// Limits and sizes of a connection. `Default` is what nginx has without directives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Streams that may be open at once: `http2_max_concurrent_streams`.
    pub concurrent_streams: u32,
    /// Body bytes of a stream that may come before it is read: `http2_body_preread_size`, at most 2^31-1.
    pub preread: u32,
    /// Octets of one name or value as it is sent: a buffer of `large_client_header_buffers`.
    pub field: u32,
    /// Octets of all decoded names and values of a head: all buffers of `large_client_header_buffers`.
    pub fields: u32,
    /// How often a client may wake a connection without a stream: ten times `keepalive_requests`.
    pub idle_wakes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent_streams: 128,
            preread: 65_536,
            field: 8_192,
            fields: 4 * 8_192,
            idle_wakes: 10_000,
        }
    }
}

/// How much one call may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Payload octets in all.
    pub most: usize,
    /// Payload octets of one DATA frame: `http2_chunk_size`, 8192 by default. The peer's
    /// SETTINGS_MAX_FRAME_SIZE holds, too.
    pub chunk: usize,
}

/// How a stream ended, seen from whoever worked on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Finished, failed or given up: what is not closed is reset.
    Done,
    /// The peer let a deadline pass.
    TimedOut,
}
