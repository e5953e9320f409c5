//! What a response head says, and the rules it is read by.

use crate::field::KnownField;
use crate::fields::Fields;
use crate::span::Span;
use crate::version::Version;

/// Where versions of nginx read an upstream's head differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseRules {
    /// Since 1.23: bad, repeated or contradictory lengths and codings are refused, and repeated
    /// single-value fields dropped with a warning. Before, the last of each counts.
    pub strict: bool,
    /// Since 1.29: a 103 is an interim head, not the response.
    pub early_hints: bool,
}

impl ResponseRules {
    /// nginx 1.22.
    pub const V1_22: Self = Self {
        strict: false,
        early_hints: false,
    };
    /// nginx 1.28.
    pub const V1_28: Self = Self {
        strict: true,
        early_hints: false,
    };
    /// nginx 1.31.
    pub const V1_31: Self = Self {
        strict: true,
        early_hints: true,
    };
}

/// One response head over one buffer; spans of parts that are missing are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// Version of the status line.
    pub version: Version,
    /// Three-digit code: 0 to 999.
    pub status: u16,
    /// Code and reason as sent, "200 OK": what is passed on behind the version.
    pub reason_line: Span,
    /// The lines, in order, dropped ones left out; the first of each name counts, or the last if
    /// not strict.
    pub fields: Fields,
    /// Length of the body as announced; `None` if chunked, or if nothing usable was said.
    pub content_length: Option<u64>,
    /// The body is chunked.
    pub chunked: bool,
    /// The upstream will close the connection: HTTP/1.0 and below, or it said so.
    pub connection_close: bool,
    /// Bytes of the buffer up to where the body begins; valid once done.
    pub len: usize,
}

impl Default for ResponseHead {
    fn default() -> Self {
        Self {
            version: Version::HTTP_09,
            status: 0,
            reason_line: Span::default(),
            fields: Fields::default(),
            content_length: None,
            chunked: false,
            connection_close: false,
            len: 0,
        }
    }
}

impl ResponseHead {
    /// An empty head.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Empties it for the next response and keeps the memory.
    pub fn reset(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        *self = Self {
            fields,
            ..Self::default()
        };
    }

    /// Value of the line of this name that counts.
    #[inline]
    #[must_use]
    pub fn value<'a>(&self, known: KnownField, buf: &'a [u8]) -> Option<&'a [u8]> {
        self.fields.value(known, buf)
    }
}
