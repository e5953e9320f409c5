//! HTTP versions.

/// HTTP version of a request or response line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version {
    /// Number before the dot.
    pub major: u16,
    /// Number after the dot.
    pub minor: u16,
}

impl Version {
    /// No version on the request line, or no status line in the response.
    pub const HTTP_09: Self = Self { major: 0, minor: 9 };
    /// HTTP/1.0.
    pub const HTTP_10: Self = Self { major: 1, minor: 0 };
    /// HTTP/1.1.
    pub const HTTP_11: Self = Self { major: 1, minor: 1 };
    /// HTTP/2.
    pub const HTTP_20: Self = Self { major: 2, minor: 0 };
}
