//! nginx's numbers, sizes and times.

use std::time::Duration;

/// A decimal number that fits nginx's `ngx_int_t` (`ngx_atoi`).
pub(crate) fn parse_number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut value: i64 = 0;
    for byte in text {
        let digit = i64::from(char::from(*byte).to_digit(10)?);
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    u64::try_from(value).ok()
}

/// A size in bytes with `k`, `m` or `g` (`ngx_parse_offset`).
pub fn parse_offset(text: &[u8]) -> Option<u64> {
    parse_scaled(text, true)
}

/// A size in bytes with `k` or `m` (`ngx_parse_size`); there is no `g`.
pub fn parse_size(text: &[u8]) -> Option<usize> {
    usize::try_from(parse_scaled(text, false)?).ok()
}

fn parse_scaled(text: &[u8], giga: bool) -> Option<u64> {
    let (last, head) = text.split_last()?;
    let (digits, scale) = match last {
        b'k' | b'K' => (head, 1 << 10),
        b'm' | b'M' => (head, 1 << 20),
        b'g' | b'G' if giga => (head, 1 << 30),
        _ => (text, 1),
    };
    let value = parse_number(digits)?.checked_mul(scale)?;
    (value <= i64::MAX as u64).then_some(value)
}

/// Units from the greatest to the least, with their milliseconds. Units must fall in a text.
const UNITS: [(&str, u64); 8] = [
    ("y", 365 * 24 * 3_600_000),
    ("M", 30 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];
const WEEKS: usize = 2;
const SECONDS: usize = 6;
const MILLISECONDS: usize = 7;

/// A time of at most weeks, at the finest milliseconds: `75`, `1h30m`, `500ms`, `1m 30s`
/// (`ngx_parse_time`).
pub fn parse_time(text: &[u8]) -> Option<Duration> {
    parse_units(text, WEEKS, MILLISECONDS)
}

/// A time of at most years, in whole seconds (`ngx_parse_time` with `is_sec`).
pub fn parse_seconds(text: &[u8]) -> Option<u64> {
    parse_units(text, 0, SECONDS).map(|time| time.as_secs())
}

fn parse_units(text: &[u8], greatest: usize, least: usize) -> Option<Duration> {
    let mut total: u64 = 0;
    // Index of the greatest unit that may still come.
    let mut next = greatest;
    let mut rest = text;
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let value = parse_number(&rest[..digits])?;
        rest = &rest[digits..];
        let (unit, length) = unit_of(rest)?;
        // A number without unit at the end is seconds, whatever came before.
        if unit > least || (unit < next && !rest.is_empty()) {
            return None;
        }
        // A blank instead of a unit ends the units.
        next = if rest.starts_with(b" ") {
            UNITS.len()
        } else {
            unit + 1
        };
        total = total.checked_add(value.checked_mul(UNITS[unit].1)?)?;
        rest = &rest[length..];
        rest = &rest[rest.iter().take_while(|&&byte| byte == b' ').count()..];
    }
    (total <= i64::MAX as u64).then(|| Duration::from_millis(total))
}

/// Index into [`UNITS`] of the unit at the start of `text`, and its length.
fn unit_of(text: &[u8]) -> Option<(usize, usize)> {
    match text {
        [] | [b' ', ..] => Some((SECONDS, 0)),
        [b'm', b's', ..] => Some((MILLISECONDS, 2)),
        [letter, ..] => {
            let unit = UNITS[..=SECONDS]
                .iter()
                .position(|(name, _)| name.as_bytes() == [*letter]);
            unit.map(|unit| (unit, 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let check = |text: &str, millis: Option<u64>| {
            assert_eq!(
                parse_time(text.as_bytes()),
                millis.map(Duration::from_millis),
                "{text}"
            );
        };
        check("0", Some(0));
        check("75", Some(75_000));
        check("500ms", Some(500));
        check("1h30m", Some(5_400_000));
        check("1m 30s", Some(90_000));
        check("1m 30", Some(90_000));
        check("1w", Some(604_800_000));
        check("1y", None);
        check("1M", None);
        check("1s30", Some(31_000));
        check("1 30", Some(31_000));
        check("1 30s", None);
        check("1s1m", None);
        check("1s1s", None);
        check("", None);
        check("x", None);
        check("-1", None);
        check("1x", None);
        check("99999999999999999999", None);
        check("9223372036854775807", None);
    }

    #[test]
    fn seconds() {
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(parse_seconds(text.as_bytes()), seconds, "{text}");
        };
        check("1y", Some(31_536_000));
        check("1M 1d", Some(31 * 86_400));
        check("10s", Some(10));
        check("10ms", None);
    }

    #[test]
    fn sizes() {
        let check = |text: &str, size: Option<u64>| {
            assert_eq!(parse_offset(text.as_bytes()), size, "{text}");
        };
        check("0", Some(0));
        check("1k", Some(1024));
        check("2M", Some(2 << 20));
        check("1g", Some(1 << 30));
        check("1t", None);
        check("k", None);
        check("", None);
        check("9223372036854775807k", None);
        assert_eq!(parse_size(b"1g"), None);
        assert_eq!(parse_size(b"4k"), Some(4096));
    }
}
