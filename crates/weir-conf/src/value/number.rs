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

/// Hundredths of a number with at most two decimals (`ngx_atofp`). Of one that is far too large, the most.
pub(crate) fn parse_hundredths(text: &[u8]) -> Option<u32> {
    let dot = memchr::memchr(b'.', text);
    let (whole, decimals) = match dot {
        Some(dot) => (&text[..dot], &text[dot + 1..]),
        None => (text, [].as_slice()),
    };
    if text.is_empty() || decimals.len() > 2 {
        return None;
    }
    let scale = if decimals.len() == 2 {
        1
    } else {
        10_u64.pow(2 - decimals.len() as u32)
    };
    let digits = [b"0", whole, decimals].concat();
    let number = parse_number(&digits)?.checked_mul(scale)?;
    Some(u32::try_from(number).unwrap_or(u32::MAX))
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

/// Ranks of units; in a text they fall. [`START`] and [`BLANK`] are none.
const START: u8 = 0;
const YEARS: u8 = 1;
const MONTHS: u8 = 2;
const WEEKS: u8 = 3;
const DAYS: u8 = 4;
const HOURS: u8 = 5;
const MINUTES: u8 = 6;
const SECONDS: u8 = 7;
const MILLISECONDS: u8 = 8;
const BLANK: u8 = 9;

/// A time of at most weeks, at the finest milliseconds: `75`, `1h30m`, `500ms`, `1m 30s`
/// (`ngx_parse_time`).
pub fn parse_time(text: &[u8]) -> Option<Duration> {
    let millis = parse_units(text, MONTHS, 1000)?;
    Some(Duration::from_millis(millis))
}

/// A time of at most years, in whole seconds (`ngx_parse_time` with `is_sec`).
pub fn parse_seconds(text: &[u8]) -> Option<u64> {
    parse_units(text, START, 1)
}

/// Adds up units below `rank`, with `second` to the second; one without a number counts nothing, so
/// long as there is a number somewhere.
fn parse_units(text: &[u8], mut rank: u8, second: i64) -> Option<u64> {
    let (mut total, mut value) = (0_i64, 0_i64);
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if let Some(digit) = char::from(byte).to_digit(10) {
            value = value.checked_mul(10)?.checked_add(i64::from(digit))?;
            continue;
        }
        let is_millis = byte == b'm' && rest.starts_with(b"s");
        let (unit, scale) = match byte {
            // Nothing is finer than a second where seconds are counted.
            _ if is_millis && second == 1 => return None,
            _ if is_millis => (MILLISECONDS, 1),
            _ => unit(byte, second)?,
        };
        rest = &rest[usize::from(is_millis)..];
        if rank >= unit {
            return None;
        }
        rank = if byte == b' ' { BLANK } else { unit };
        total = total.checked_add(value.checked_mul(scale)?)?;
        value = 0;
        rest = &rest[rest.iter().take_while(|&&byte| byte == b' ').count()..];
    }
    let any = text.iter().any(u8::is_ascii_digit);
    let total = total.checked_add(value.checked_mul(second)?)?;
    any.then(|| u64::try_from(total).ok()).flatten()
}

/// Rank and length of a unit.
fn unit(letter: u8, second: i64) -> Option<(u8, i64)> {
    const DAY: i64 = 24 * 3600;
    let (rank, seconds) = match letter {
        b'y' => (YEARS, 365 * DAY),
        b'M' => (MONTHS, 30 * DAY),
        b'w' => (WEEKS, 7 * DAY),
        b'd' => (DAYS, DAY),
        b'h' => (HOURS, 3600),
        b'm' => (MINUTES, 60),
        // A blank stands for seconds, and ends the units.
        b's' | b' ' => (SECONDS, 1),
        _ => return None,
    };
    Some((rank, seconds * second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hundredths_have_two_decimals_at_most() {
        for (text, expected) in [
            ("1", Some(100)),
            ("0.5", Some(50)),
            (".05", Some(5)),
            ("5.", Some(500)),
            (".", Some(0)),
            ("99999999", Some(u32::MAX)),
            ("", None),
            ("0.005", None),
            ("1.2.3", None),
            ("-1", None),
        ] {
            assert_eq!(parse_hundredths(text.as_bytes()), expected, "{text}");
        }
    }

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
        check("10sms", Some(10_000));
        check("s10", Some(10_000));
        check("ms", None);
        check("10s5", Some(15_000));
        check(" 5", Some(5000));
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
