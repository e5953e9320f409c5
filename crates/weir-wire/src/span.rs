//! Ranges over a head's buffer.

use std::ops::Range;

/// Range `start..end`, in bytes, over the buffer a head was parsed from.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte; never less than `start`.
    pub end: u32,
}

impl Span {
    /// Span of `start..end`. Heads are bounded by configuration far below 4 GiB.
    #[inline]
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    /// The bytes it stands for. `buf` is the buffer that was parsed, possibly grown since.
    ///
    /// # Panics
    ///
    /// If `buf` is shorter than the buffer that was parsed.
    #[inline]
    #[must_use]
    pub fn of(self, buf: &[u8]) -> &[u8] {
        &buf[self.start as usize..self.end as usize]
    }

    /// Length in bytes.
    #[inline]
    #[must_use]
    pub const fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether it covers no byte; also the value of everything that a head lacks.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The same bytes in a copy of `from` that begins at `to`; of nothing there is no copy.
    #[inline]
    #[must_use]
    pub(crate) const fn moved(self, from: Self, to: usize) -> Self {
        if self.is_empty() {
            return self;
        }
        let start = to + (self.start - from.start) as usize;
        Self::new(start, start + self.len())
    }

    /// As a range to index with.
    #[inline]
    #[must_use]
    pub const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}
