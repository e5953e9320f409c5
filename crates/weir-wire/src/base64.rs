//! Base64 as nginx reads it: padding is where it ends, and what follows it counts for nothing.

/// The bytes that `text` stands for (`ngx_decode_base64`); `None` if it is no base64.
#[must_use]
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    decode_with(text, b'+', b'/')
}

/// As [`decode`], with `-` and `_` for `+` and `/` (`ngx_decode_base64url`).
#[must_use]
pub fn decode_url(text: &[u8]) -> Option<Vec<u8>> {
    decode_with(text, b'-', b'_')
}

fn decode_with(text: &[u8], digit_62: u8, digit_63: u8) -> Option<Vec<u8>> {
    let end = memchr::memchr(b'=', text).unwrap_or(text.len());
    let text = &text[..end];
    if text.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for group in text.chunks(4) {
        let mut bits = 0;
        for &digit in group {
            bits = bits << 6 | value(digit, digit_62, digit_63)?;
        }
        // Of a group that is not whole the bits that make no byte are dropped.
        bits <<= 6 * (4 - group.len());
        let [_, whole @ ..] = bits.to_be_bytes();
        bytes.extend_from_slice(&whole[..group.len() - 1]);
    }
    Some(bytes)
}

/// Appends `bytes` in base64 with its padding (`ngx_encode_base64`).
pub fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let byte = |at: usize| group.get(at).map_or(0, |&byte| usize::from(byte));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            out.push(match place <= group.len() {
                true => DIGITS[bits >> (18 - 6 * place) & 63],
                false => b'=',
            });
        }
    }
}

fn value(digit: u8, digit_62: u8, digit_63: u8) -> Option<u32> {
    Some(match digit {
        b'A'..=b'Z' => u32::from(digit - b'A'),
        b'a'..=b'z' => u32::from(digit - b'a') + 26,
        b'0'..=b'9' => u32::from(digit - b'0') + 52,
        _ if digit == digit_62 => 62,
        _ if digit == digit_63 => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_may_be_missing_and_may_be_followed() {
        for (text, bytes) in [
            ("", Some("")),
            ("am9l", Some("joe")),
            ("am9lOg==", Some("joe:")),
            ("am9lOg", Some("joe:")),
            ("am9lOh", Some("joe:")),
            ("am9lOng=more", Some("joe:x")),
            ("=am9l", Some("")),
            ("am9lO", None),
            ("am9l*Onc", None),
            ("am9-", None),
        ] {
            let found = decode(text.as_bytes());
            assert_eq!(found.as_deref(), bytes.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for (bytes, text) in [("", ""), ("j", "ag=="), ("jo", "am8="), ("joe", "am9l")] {
            let mut out = Vec::new();
            encode(bytes.as_bytes(), &mut out);
            assert_eq!(out, text.as_bytes());
            assert_eq!(decode(&out).as_deref(), Some(bytes.as_bytes()));
        }
        let mut out = Vec::new();
        encode(&[0xfb, 0xff, 0xbf], &mut out);
        assert_eq!(out, b"+/+/");
    }

    #[test]
    fn two_digits_are_others_in_a_url() {
        assert_eq!(decode(b"+/+/"), Some(vec![0xfb, 0xff, 0xbf]));
        assert_eq!(decode_url(b"-_-_"), Some(vec![0xfb, 0xff, 0xbf]));
        assert_eq!(decode_url(b"+/+/"), None);
    }
}
