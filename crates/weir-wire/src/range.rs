//! What a `Range` field asks for.

use std::ops::Range;

/// Offsets end here, as nginx's `off_t` does.
const MAX: u64 = i64::MAX as u64;

/// Room that several ranges may take beyond the body they are cut from, and what each is taken to
/// cost beside its bytes.
const SLACK: u64 = 4096;
const PER_RANGE: u64 = 256;

/// How many ranges are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeLimits {
    /// Of so many ranges, all are served; of more, none.
    pub max: u64,
    /// Several small ranges may not make the answer much larger than the body.
    pub weighed: bool,
}

/// Which parts of a body are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The field means nothing: the whole body is sent.
    Whole,
    /// One part; never empty, inside the body.
    Part(Range<u64>),
    /// Several, in the order in which they were asked for.
    Parts(Vec<Range<u64>>),
    /// There is nothing where they point, or the field cannot be read.
    Unsatisfiable,
}

/// Whether `value` is a list of byte ranges at all: what is too short, or of another unit, is not
/// (`ngx_http_range_header_filter`).
#[must_use]
pub fn is_bytes(value: &[u8]) -> bool {
    value.len() >= 7 && value[..6].eq_ignore_ascii_case(b"bytes=")
}

/// Reads `bytes=…` for a body of `length` bytes (`ngx_http_range_parse`).
#[must_use]
pub fn parse(value: &[u8], length: u64, limits: RangeLimits) -> Wanted {
    if !is_bytes(value) {
        return Wanted::Whole;
    }
    let mut text = Text(&value[6..]);
    let mut found = Found::None;
    let mut size: u64 = 0;
    let mut left = limits.max;
    loop {
        let Some(range) = text.range(length) else {
            return Wanted::Unsatisfiable;
        };
        if range.start < range.end {
            size = size.saturating_add(range.end - range.start);
            if size > MAX {
                return Wanted::Unsatisfiable;
            }
            if left == 0 {
                return Wanted::Whole;
            }
            left -= 1;
            found.add(range);
        } else if range.start == 0 {
            // Only an empty body has nothing where it begins.
            return Wanted::Whole;
        }
        if text.byte() != Some(b',') {
            break;
        }
    }
    match found {
        Found::None => Wanted::Unsatisfiable,
        Found::One(range) => Wanted::Part(range),
        Found::Several(ranges) => {
            let cost = size + ranges.len() as u64 * PER_RANGE;
            if size > length || (limits.weighed && cost > length + SLACK) {
                return Wanted::Whole;
            }
            Wanted::Parts(ranges)
        }
    }
}

enum Found {
    None,
    One(Range<u64>),
    Several(Vec<Range<u64>>),
}

impl Found {
    fn add(&mut self, range: Range<u64>) {
        *self = match std::mem::replace(self, Self::None) {
            Self::None => Self::One(range),
            Self::One(first) => Self::Several(vec![first, range]),
            Self::Several(mut ranges) => {
                ranges.push(range);
                Self::Several(ranges)
            }
        };
    }
}

/// What a `Content-Range` says of the part that it describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// Offset of its first byte.
    pub start: u64,
    /// Offset behind its last byte.
    pub end: u64,
    /// Length of the whole, if it is told.
    pub complete_length: Option<u64>,
}

impl ContentRange {
    /// Reads `bytes FIRST-LAST/LENGTH` (`ngx_http_slice_parse_content_range`).
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        if value.len() < 7 {
            return None;
        }
        let mut text = Text(value.strip_prefix(b"bytes ")?);
        let start = text.number_in_blanks()?;
        (text.byte() == Some(b'-')).then_some(())?;
        let end = text.number_in_blanks()?.saturating_add(1);
        (text.byte() == Some(b'/')).then_some(())?;
        text.skip_blanks();
        let complete_length = match text.0.first() {
            Some(b'*') => {
                text.byte();
                None
            }
            _ => Some(text.number()?),
        };
        text.skip_blanks();
        text.0.is_empty().then_some(Self {
            start,
            end,
            complete_length,
        })
    }
}

/// Where a client that sends this `Range` begins to read, if it asks for one part and says from where; else 0
/// (`ngx_http_slice_get_start`).
#[must_use]
pub fn first_offset(value: &[u8]) -> u64 {
    if !is_bytes(value) || value.contains(&b',') {
        return 0;
    }
    let mut text = Text(&value[6..]);
    text.skip_blanks();
    text.number().unwrap_or(0)
}

/// What is left to read of the field.
struct Text<'a>(&'a [u8]);

impl Text<'_> {
    /// The next range and the blanks around it, cut to `length`; `None` if there is none, or something
    /// else behind it.
    fn range(&mut self, length: u64) -> Option<Range<u64>> {
        self.skip_blanks();
        let range = if self.0.first() == Some(&b'-') {
            self.byte();
            let count = self.number()?;
            length.saturating_sub(count)..length
        } else {
            let start = self.number()?;
            self.skip_blanks();
            if self.byte() != Some(b'-') {
                return None;
            }
            self.skip_blanks();
            if matches!(self.0.first(), None | Some(b',')) {
                return Some(start..length);
            }
            start..self.number()?.saturating_add(1).min(length)
        };
        self.skip_blanks();
        matches!(self.0.first(), None | Some(b',')).then_some(range)
    }

    fn number_in_blanks(&mut self) -> Option<u64> {
        self.skip_blanks();
        let number = self.number();
        self.skip_blanks();
        number
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn skip_blanks(&mut self) {
        let blanks = self.0.iter().take_while(|&&byte| byte == b' ').count();
        self.0 = &self.0[blanks..];
    }

    /// Digits, at least one, up to [`MAX`].
    fn number(&mut self) -> Option<u64> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit());
        let digits = digits.count();
        if digits == 0 {
            return None;
        }
        let (text, rest) = self.0.split_at(digits);
        self.0 = rest;
        text.iter().try_fold(0_u64, |number, digit| {
            let next = number
                .checked_mul(10)?
                .checked_add(u64::from(digit - b'0'))?;
            (next <= MAX).then_some(next)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: RangeLimits = RangeLimits {
        max: i32::MAX as u64,
        weighed: true,
    };

    /// Ranges of a body of 20 bytes: `whole`, `none`, or the parts as FIRST-END.
    fn check(limits: RangeLimits, length: u64, value: &str, expected: &str) {
        let shown = match parse(value.as_bytes(), length, limits) {
            Wanted::Whole => "whole".to_owned(),
            Wanted::Unsatisfiable => "none".to_owned(),
            Wanted::Part(range) => format!("{range:?}"),
            Wanted::Parts(ranges) => format!("{ranges:?}"),
        };
        assert_eq!(shown, expected, "{value} of {length}");
    }

    #[test]
    fn ranges_of_twenty_bytes() {
        for (value, expected) in [
            ("bytes=1-3", "1..4"),
            ("BYTES=1-3", "1..4"),
            ("bytes= 1 - 3 ", "1..4"),
            ("bytes=-3", "17..20"),
            ("bytes=-30", "0..20"),
            ("bytes=3-", "3..20"),
            ("bytes=3- ,", "none"),
            ("bytes=5-100", "5..20"),
            ("bytes=0-9223372036854775807", "0..20"),
            ("bytes=0-9223372036854775808", "none"),
            ("bytes=9223372036854775808-", "none"),
            ("bytes=0-18446744073709551616", "none"),
            ("bytes=50-", "none"),
            ("bytes=20-", "none"),
            ("bytes=-0", "none"),
            ("bytes=-", "none"),
            ("bytes=3-2", "none"),
            ("bytes=0-0", "0..1"),
            ("bytes=1-0", "none"),
            ("bytes=a", "none"),
            ("bytes=+1-2", "none"),
            ("bytes=1-2x", "none"),
            ("bytes=1\t-2", "none"),
            ("bytes=", "whole"),
            ("bytes", "whole"),
            ("bytes =1-2", "whole"),
            ("lines=1-2", "whole"),
            ("bytes=0-4,", "none"),
            ("bytes=,0-4", "none"),
            ("bytes=0-4,,6-7", "none"),
            ("bytes=0-4,6-7", "[0..5, 6..8]"),
            ("bytes=6-7, 0-4", "[6..8, 0..5]"),
            ("bytes=0-4,100-200", "0..5"),
            ("bytes=100-200,-1", "19..20"),
            ("bytes=0-14,5-9", "[0..15, 5..10]"),
            ("bytes=0-14,5-10", "whole"),
            ("bytes=0-,0-", "whole"),
        ] {
            check(LIMITS, 20, value, expected);
        }
    }

    #[test]
    fn an_empty_body_has_no_ranges() {
        for (value, expected) in [
            ("bytes=0-", "whole"),
            ("bytes=0-99", "whole"),
            ("bytes=-1", "whole"),
            ("bytes=1-", "none"),
            ("bytes=1-,0-", "whole"),
        ] {
            check(LIMITS, 0, value, expected);
        }
    }

    #[test]
    fn more_than_the_limit_are_none() {
        for (max, value, expected) in [
            (0, "bytes=0-1", "whole"),
            (1, "bytes=0-1", "0..2"),
            (1, "bytes=0-1,3-4", "whole"),
            (1, "bytes=0-1,50-", "0..2"),
            (2, "bytes=0-1,3-4", "[0..2, 3..5]"),
            (2, "bytes=0-1,3-4,6-6", "whole"),
        ] {
            check(RangeLimits { max, ..LIMITS }, 20, value, expected);
        }
    }

    #[test]
    fn many_small_ranges_weigh_more_than_their_bytes() {
        let many: Vec<_> = (0..16).map(|at| format!("{at}-{at}")).collect();
        let sixteen = format!("bytes={}", many.join(","));
        let seventeen = format!("{sixteen},16-16");
        let light = RangeLimits {
            weighed: false,
            ..LIMITS
        };
        for (limits, value, whole) in [
            (LIMITS, &sixteen, false),
            (LIMITS, &seventeen, true),
            (light, &seventeen, false),
        ] {
            let wanted = parse(value.as_bytes(), 20, limits);
            assert_eq!(wanted == Wanted::Whole, whole, "{value}");
        }
    }

    #[test]
    fn parts_that_are_described() {
        for (value, expected) in [
            ("bytes 0-9/100", Some((0, 10, Some(100)))),
            ("bytes  0 - 9 / 100 ", Some((0, 10, Some(100)))),
            ("bytes 0-9/*", Some((0, 10, None))),
            ("bytes 9-0/1", Some((9, 1, Some(1)))),
            ("bytes 0-9/9223372036854775807", Some((0, 10, Some(MAX)))),
            ("bytes 0-9/9223372036854775808", None),
            ("Bytes 0-9/100", None),
            ("bytes=0-9/100", None),
            ("bytes */100", None),
            ("bytes 0-9", None),
            ("bytes 0-/9", None),
            ("bytes 0-9/", None),
            ("bytes 0-9/1x", None),
            ("bytes ", None),
        ] {
            let told = ContentRange::parse(value.as_bytes());
            let told = told.map(|told| (told.start, told.end, told.complete_length));
            assert_eq!(told, expected, "{value}");
        }
    }

    #[test]
    fn offsets_that_clients_begin_at() {
        for (value, expected) in [
            ("bytes=25-", 25),
            ("bytes= 25-30", 25),
            ("bytes=25", 25),
            ("bytes=-25", 0),
            ("bytes=25-30,40-50", 0),
            ("bytes=9223372036854775807-", MAX),
            ("bytes=9223372036854775808-", 0),
            ("lines=25-", 0),
            ("bytes=", 0),
        ] {
            assert_eq!(first_offset(value.as_bytes()), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn parts_lie_inside_the_body(value in "bytes=[0-9, -]{0,20}", length in 0..200_u64) {
            let inside = |range: &Range<u64>| range.start < range.end && range.end <= length;
            match parse(value.as_bytes(), length, LIMITS) {
                Wanted::Whole | Wanted::Unsatisfiable => {}
                Wanted::Part(range) => prop_assert!(inside(&range)),
                Wanted::Parts(ranges) => {
                    prop_assert!(ranges.len() > 1 && ranges.iter().all(inside));
                }
            }
        }
    }
}
