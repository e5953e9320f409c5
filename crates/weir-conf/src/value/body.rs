//! Client connections and request bodies.

use std::time::Duration;

use super::{bitset, keywords};

/// A number of buffers of one size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buffers {
    /// How many.
    pub count: usize,
    /// Bytes each.
    pub size: usize,
}

impl Buffers {
    /// Bytes that all of them hold.
    pub fn room(self) -> usize {
        self.count.saturating_mul(self.size)
    }
}

/// `keepalive_timeout TIMEOUT [HEADER]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepaliveTimeout {
    /// From the end of a response to the first byte of the next request; zero = no keep-alive.
    pub timeout: Duration,
    /// Seconds for the `Keep-Alive: timeout=` header; `None` sends no header.
    pub header: Option<u64>,
}

bitset! {
    /// Browsers that get no keep-alive after a POST.
    KeepaliveDisable {
        /// No browser.
        NONE = 1 "none",
        /// Old Internet Explorer.
        MSIE6 = 2 "msie6",
        /// Safari on macOS.
        SAFARI = 3 "safari",
    }
}

keywords! {
    /// Whether unread request data is read before a connection is closed.
    LingeringClose {
        /// Never.
        Off = "off",
        /// When more is expected.
        On = "on",
        /// Always.
        Always = "always",
    }
}

keywords! {
    /// Whether a request body is always written to a file.
    BodyFile {
        /// Only a big one.
        Off = "off",
        /// Always; the file stays.
        On = "on",
        /// Always; the file goes with the request.
        Clean = "clean",
    }
}
