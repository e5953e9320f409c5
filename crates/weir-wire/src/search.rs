//! Searches that do not look at the case of ASCII letters.

/// Whether `haystack` begins with `needle`.
#[inline]
pub(crate) fn starts_with_ignore_case(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .get(..needle.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(needle))
}

/// First position from `at` on whose byte is not `ordinary`, or the end. The one inner loop of the
/// head parsers.
#[inline(always)]
pub(crate) fn skip(buf: &[u8], at: usize, ordinary: impl Fn(u8) -> bool) -> usize {
    let rest = &buf[at..];
    at + rest
        .iter()
        .position(|&byte| !ordinary(byte))
        .unwrap_or(rest.len())
}

/// First position from `at` on of a CR, LF or NUL, or the end: eight bytes at a time, because most
/// values are too short to repay the set-up of a vectorised search.
#[inline]
pub(crate) fn line_control(buf: &[u8], at: usize) -> usize {
    /// One above CR, in every byte.
    const LIMIT: u64 = 0x0e0e_0e0e_0e0e_0e0e;
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let is_control = |byte: u8| matches!(byte, b'\r' | b'\n' | 0);
    let mut at = at;
    while let Some(chunk) = buf.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        // A byte below the limit borrows; the first such byte is told exactly.
        let low = word.wrapping_sub(LIMIT) & !word & HIGH_BITS;
        if low == 0 {
            at += 8;
            continue;
        }
        at += low.trailing_zeros() as usize / 8;
        if is_control(buf[at]) {
            return at;
        }
        at += 1;
    }
    skip(buf, at.min(buf.len()), |byte| !is_control(byte))
}

/// Whether `needle` (not empty, lower case) occurs anywhere in `haystack` (ngx_strlcasestrn).
#[inline]
pub(crate) fn contains_ignore_case(haystack: &[u8], needle: &[u8]) -> bool {
    let Some(last) = haystack.len().checked_sub(needle.len()) else {
        return false;
    };
    let first = needle[0];
    (0..=last).any(|at| {
        haystack[at].to_ascii_lowercase() == first
            && haystack[at..at + needle.len()].eq_ignore_ascii_case(needle)
    })
}

/// Value of a decimal number that fits a positive i64, as ngx_atoof reads it.
#[inline]
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    const MAX: u64 = i64::MAX as u64;
    if digits.is_empty() {
        return None;
    }
    let mut value: u64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value
            .checked_mul(10)?
            .checked_add(u64::from(digit - b'0'))?;
        if value > MAX {
            return None;
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contains() {
        let check = |haystack: &str, expected| {
            assert_eq!(
                contains_ignore_case(haystack.as_bytes(), b"close"),
                expected,
                "{haystack}"
            );
        };
        check("close", true);
        check("keep-alive, CLOSE", true);
        check("disclosed", true);
        check("clos", false);
        check("", false);
    }

    #[test]
    fn line_controls() {
        let text = b"0123456\t9abcdef\x0b0123\x7f\xff\r\n\0";
        for from in 0..=text.len() {
            let plain = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
            let expected = text[from..].iter().position(plain);
            let expected = expected.map_or(text.len(), |at| from + at);
            assert_eq!(line_control(text, from), expected, "{from}");
        }
        assert_eq!(line_control(b"", 0), 0);
    }

    #[test]
    fn decimals() {
        let check = |digits: &str, expected| {
            assert_eq!(decimal(digits.as_bytes()), expected, "{digits}");
        };
        check("0", Some(0));
        check("007", Some(7));
        check("9223372036854775807", Some(i64::MAX as u64));
        check("9223372036854775808", None);
        check("99999999999999999999999", None);
        check("", None);
        check("-1", None);
        check("2, 2", None);
    }
}
