//! `slice`: an answer that is put together from parts of a fixed size, each asked for by itself.

use std::ops::Range;

use weir_wire::range::ContentRange;

/// Where an answer stands that is put together from slices (`ngx_http_slice_ctx_t`).
#[derive(Debug)]
pub(crate) struct Slices {
    /// Bytes of a slice: `slice`.
    size: u64,
    /// Offset of the slice that was asked for last.
    asked: u64,
    /// Offset of the next one; until that one has come, the same.
    start: u64,
    /// What the client gets of the whole; known when the first slice has come.
    wanted: Range<u64>,
    /// The client asked for a part of the whole, and is told that it gets one.
    is_part: bool,
    /// The state that all slices have to be of; empty: none was told.
    etag: Vec<u8>,
    /// The slice that was asked for last has come.
    has_come: bool,
}

/// A slice that is none, or not the one that was asked for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum SliceFault {
    #[error("unexpected status code {0} in slice response")]
    Status(u16),
    #[error("etag mismatch in slice response")]
    Etag,
    #[error("invalid range in slice response")]
    Range,
    #[error("no complete length in slice response")]
    Length,
    #[error(
        "unexpected range in slice response: {}-{}, expected: {}-{}",
        came.start, came.end, expected.start, expected.end
    )]
    Unexpected {
        came: Range<u64>,
        expected: Range<u64>,
    },
}

impl Slices {
    /// The first one to ask for, if a client begins to read at `offset`.
    pub(crate) fn from(offset: u64, size: u64) -> Self {
        let start = offset - offset % size;
        Self {
            size,
            asked: start,
            start,
            wanted: 0..0,
            is_part: false,
            etag: Vec::new(),
            has_come: false,
        }
    }

    /// What was asked for last, as `Range` says it.
    pub(crate) fn range(&self) -> String {
        let last = self.asked.saturating_add(self.size - 1);
        format!("bytes={}-{last}", self.asked)
    }

    /// Takes a slice by its head, and goes on to the next; the bytes of the whole that it holds, and the length
    /// of the whole (`ngx_http_slice_header_filter`).
    pub(crate) fn take(
        &mut self,
        status: u16,
        etag: Option<&[u8]>,
        content_range: Option<&[u8]>,
    ) -> Result<(Range<u64>, u64), SliceFault> {
        if status != 206 {
            return Err(SliceFault::Status(status));
        }
        if !self.etag.is_empty() && etag != Some(&self.etag) {
            return Err(SliceFault::Etag);
        }
        if let Some(etag) = etag {
            self.etag = etag.to_vec();
        }
        let told = content_range.and_then(ContentRange::parse);
        // An empty one would be asked for again and again.
        let told = told.filter(|told| told.start < told.end);
        let told = told.ok_or(SliceFault::Range)?;
        let length = told.complete_length.ok_or(SliceFault::Length)?;
        let came = told.start..told.end;
        let end = came.start.saturating_add(self.size).min(length);
        if came.start != self.start || came.end != end {
            let expected = self.start..end;
            return Err(SliceFault::Unexpected { came, expected });
        }
        self.start = end;
        self.has_come = true;
        Ok((came, length))
    }

    /// Of the whole the client gets only this, as a part of it or as all; slices before it are left out.
    pub(crate) fn want(&mut self, wanted: Range<u64>, is_part: bool) {
        self.is_part = is_part;
        if self.start.saturating_add(self.size) <= wanted.start {
            self.start = wanted.start - wanted.start % self.size;
        }
        self.wanted = wanted;
    }

    /// Whether the client asked for a part of the whole.
    pub(crate) fn is_part(&self) -> bool {
        self.is_part
    }

    /// What of a slice goes to the client, as a part of it.
    pub(crate) fn part_of(&self, slice: &Range<u64>) -> Range<u64> {
        let within = |offset: u64| offset.clamp(slice.start, slice.end) - slice.start;
        within(self.wanted.start)..within(self.wanted.end)
    }

    /// Whether another slice is to be asked for.
    pub(crate) fn has_next(&self) -> bool {
        self.start < self.wanted.end
    }

    /// The next one is asked for.
    pub(crate) fn ask(&mut self) {
        self.asked = self.start;
        self.has_come = false;
    }

    /// Whether what was asked for last has come.
    pub(crate) fn has_come(&self) -> bool {
        self.has_come
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_asked_for_until_the_end_that_is_wanted() {
        let mut slices = Slices::from(25, 10);
        assert_eq!(slices.range(), "bytes=20-29");
        let came = slices.take(206, Some(b"a"), Some(b"bytes 20-29/44"));
        assert_eq!(came, Ok((20..30, 44)));
        slices.want(25..42, true);
        assert_eq!(slices.part_of(&(20..30)), 5..10);
        assert!(slices.has_next() && slices.has_come());
        slices.ask();
        assert_eq!(slices.range(), "bytes=30-39");
        assert!(!slices.has_come());
        let came = slices.take(206, Some(b"a"), Some(b"bytes 30-39/44"));
        assert_eq!(came, Ok((30..40, 44)));
        assert_eq!(slices.part_of(&(30..40)), 0..10);
        slices.ask();
        let came = slices.take(206, Some(b"a"), Some(b"bytes 40-43/44"));
        assert_eq!(came, Ok((40..44, 44)));
        assert_eq!(slices.part_of(&(40..44)), 0..2);
        assert!(!slices.has_next());
    }

    #[test]
    fn slices_before_what_is_wanted_are_left_out() {
        let mut slices = Slices::from(0, 10);
        slices.take(206, None, Some(b"bytes 0-9/44")).unwrap();
        slices.want(39..44, true);
        assert_eq!(slices.part_of(&(0..10)), 10..10);
        slices.ask();
        assert_eq!(slices.range(), "bytes=30-39");
    }

    #[test]
    fn a_slice_that_is_none_is_refused() {
        let take = |status, etag: Option<&[u8]>, range: &str| {
            let mut slices = Slices::from(0, 10);
            slices.etag = b"a".to_vec();
            slices.take(status, etag, Some(range.as_bytes()))
        };
        for (status, etag, range, fault) in [
            (
                200,
                Some(&b"a"[..]),
                "bytes 0-9/44",
                SliceFault::Status(200),
            ),
            (206, Some(b"b"), "bytes 0-9/44", SliceFault::Etag),
            (206, None, "bytes 0-9/44", SliceFault::Etag),
            (206, Some(b"a"), "bytes x", SliceFault::Range),
            (
                206,
                Some(b"a"),
                "bytes 0-0/0",
                SliceFault::Unexpected {
                    came: 0..1,
                    expected: 0..0,
                },
            ),
            (206, Some(b"a"), "bytes 10-4/5", SliceFault::Range),
            (206, Some(b"a"), "bytes 10-9/10", SliceFault::Range),
            (206, Some(b"a"), "bytes 0-9/*", SliceFault::Length),
            (
                206,
                Some(b"a"),
                "bytes 0-8/44",
                SliceFault::Unexpected {
                    came: 0..9,
                    expected: 0..10,
                },
            ),
        ] {
            assert_eq!(take(status, etag, range), Err(fault), "{range}");
        }
    }
}
