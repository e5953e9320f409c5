//! What bounds a request head.

use crate::host::HostGrammar;

/// Limits and leniencies of the server block that a request belongs to. The defaults are nginx's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// client_header_buffer_size, in bytes.
    pub first_buffer: usize,
    /// large_client_header_buffers, how many.
    pub large_count: usize,
    /// large_client_header_buffers, bytes each; no line may be longer.
    pub large_size: usize,
    /// max_headers; `usize::MAX` for versions that have no such limit.
    pub max_headers: usize,
    /// ignore_invalid_headers: lines with odd names are dropped, not passed on.
    pub ignore_invalid: bool,
    /// underscores_in_headers: `_` does not make a name odd.
    pub underscores: bool,
    /// merge_slashes.
    pub merge_slashes: bool,
    /// What depends on the version reproduced.
    pub compat: HeadCompat,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self {
            first_buffer: 1024,
            large_count: 4,
            large_size: 8192,
            max_headers: 1000,
            ignore_invalid: true,
            underscores: false,
            merge_slashes: true,
            compat: HeadCompat::V1_31,
        }
    }
}

/// Where versions of nginx read a request head differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadCompat {
    /// `CONNECT host:port` is a request line (answered with 405), not an invalid request (400).
    pub connect_authority: bool,
    /// How the authority and `Host` are checked.
    pub host: HostGrammar,
    /// The authority of HTTP/2 is no `Host`, which must say the same.
    pub authority_apart: bool,
    /// Heads of HTTP/2 have rules of their own: what it has no place for is refused, pseudo-fields behind others
    /// too, and `max_headers` holds.
    pub strict_sections: bool,
}

impl HeadCompat {
    /// nginx 1.22.
    pub const V1_22: Self = Self {
        connect_authority: false,
        host: HostGrammar::Lax,
        authority_apart: false,
        strict_sections: false,
    };
    /// nginx 1.28.
    pub const V1_28: Self = Self {
        authority_apart: true,
        ..Self::V1_22
    };
    /// nginx 1.31.
    pub const V1_31: Self = Self {
        connect_authority: true,
        host: HostGrammar::Rfc3986,
        authority_apart: true,
        strict_sections: true,
    };
}
