//! What a request asks of a file's state, and of its bytes.

use std::ops::Range;
use std::time::UNIX_EPOCH;

use weir_wire::KnownField;

use crate::facts::Session;

/// Seconds since 1970 of an HTTP date in `field`; an unreadable date is `Some(None)`.
fn date(session: &Session, field: KnownField) -> Option<Option<u64>> {
    let text = std::str::from_utf8(session.req.field(field)?).ok();
    let time = text.and_then(|text| httpdate::parse_http_date(text).ok());
    let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Some(since.map(|since| since.as_secs()))
}

/// `If-Unmodified-Since` and `If-Match`: whether the answer is 412
/// (`ngx_http_not_modified_header_filter`).
pub(crate) fn fails(session: &Session, modified: u64, etag: Option<&str>) -> bool {
    let since = date(session, KnownField::IfUnmodifiedSince);
    if since.is_some_and(|since| since.is_some_and(|since| since < modified)) {
        return true;
    }
    let Some(wanted) = session.req.field(KnownField::IfMatch) else {
        return false;
    };
    let matches = |etag: &str| {
        let mut tags = wanted.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        tags.any(|tag| tag == etag.as_bytes())
    };
    wanted != b"*" && !etag.is_some_and(matches)
}

/// The bytes that `Range` asks for, of a file of `length` bytes (`ngx_http_range_parse`). `None`:
/// all of them, as also for several ranges; an error: there are none such.
pub(crate) fn range(
    session: &Session,
    length: u64,
    modified: u64,
    etag: Option<&str>,
) -> Option<Result<Range<u64>, ()>> {
    let wanted = session.req.field(KnownField::Range)?;
    if let Some(tag) = session.req.field(KnownField::IfRange) {
        let current = match tag.last() {
            Some(b'"') => etag.is_some_and(|etag| etag.as_bytes() == tag),
            _ => date(session, KnownField::IfRange) == Some(Some(modified)),
        };
        if !current {
            return None;
        }
    }
    let (unit, ranges) = wanted.split_at_checked(6)?;
    if !unit.eq_ignore_ascii_case(b"bytes=") || ranges.contains(&b',') {
        return None;
    }
    Some(single(ranges, length).ok_or(()))
}

/// `FIRST-LAST`, `FIRST-` or `-COUNT`.
fn single(text: &[u8], length: u64) -> Option<Range<u64>> {
    let text = std::str::from_utf8(text).ok()?;
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.trim_matches(' '), last.trim_matches(' '));
    let range = match (first, last) {
        ("", count) => length.saturating_sub(number(count)?)..length,
        (first, "") => number(first)?..length,
        (first, last) => {
            let last = number(last)?;
            number(first)?..length.min(last.saturating_add(1))
        }
    };
    (range.start < range.end).then_some(range)
}

fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::single;

    #[test]
    fn single_ranges_of_eleven_bytes() {
        for (text, expected) in [
            ("1-3", Some(1..4)),
            ("-3", Some(8..11)),
            ("-30", Some(0..11)),
            ("3-", Some(3..11)),
            ("5-100", Some(5..11)),
            ("0-18446744073709551615", Some(0..11)),
            ("50-", None),
            ("-0", None),
            ("-", None),
            ("3-2", None),
            ("a", None),
            ("+1-2", None),
        ] {
            assert_eq!(single(text.as_bytes(), 11), expected, "{text}");
        }
    }
}
