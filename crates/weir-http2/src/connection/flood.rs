//! What tells floods from work.

/// How much more a connection may carry beside what is useful: an eighth of all octets must be.
const SLACK: u64 = 1_048_576;
/// Frames in reply that may wait for a client that does not read.
const WAITING: u32 = 10_000;

/// Counters of one connection.
#[derive(Debug, Default)]
pub(crate) struct Flood {
    /// Octets in either direction (nginx's `total_bytes`).
    total: u64,
    /// Octets of heads and bodies (`payload_bytes`).
    payload: u64,
    /// Control frames that wait in the output.
    waiting: u32,
    /// Streams opened since the socket became readable (`new_streams`).
    pub(crate) at_once: u32,
    /// Streams refused (`refused_streams`).
    pub(crate) refused: u32,
    /// How many more PRIORITY frames may come (`priority_limit`).
    pub(crate) priorities: u64,
    /// How often the connection was woken while nothing was going on (`idle`).
    pub(crate) idle: u64,
}

impl Flood {
    pub(crate) fn new(priorities: u64) -> Self {
        Self {
            priorities,
            ..Self::default()
        }
    }

    #[inline]
    pub(crate) fn carried(&mut self, octets: u64) {
        self.total += octets;
    }

    #[inline]
    pub(crate) fn useful(&mut self, octets: u64) {
        self.payload += octets;
    }

    /// A control frame goes to the output, which was empty or not.
    #[inline]
    pub(crate) fn control(&mut self, output_is_empty: bool) {
        if output_is_empty {
            self.waiting = 0;
        }
        self.waiting += 1;
    }

    /// More control frames wait than nginx allocates (ngx_http_v2_get_frame).
    #[inline]
    pub(crate) fn is_stuffed(&self) -> bool {
        self.waiting > WAITING
    }

    /// Hardly anything is useful (ngx_http_v2_read_handler).
    #[inline]
    pub(crate) fn is_chatter(&self) -> bool {
        self.total / 8 > self.payload + SLACK
    }
}
