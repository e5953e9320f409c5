//! The escaping of `log_format`: `escape=default`, `escape=json`, `escape=none`.
//!
//! A missing value is the caller's matter: `-` by default, nothing with `json` and `none`.

use weir_conf::Escape;

const UPPER_HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Escapes what stands in `out` from `start` on; most values need nothing and stay where they are.
pub fn apply(escape: Escape, out: &mut Vec<u8>, start: usize) {
    let value = &out[start..];
    match escape {
        Escape::Default if any_special(value, is_special, has_special) => {
            let value = out.split_off(start);
            default(out, &value);
        }
        Escape::Json if any_special(value, is_special_in_json, has_special_in_json) => {
            let value = out.split_off(start);
            json(out, &value);
        }
        Escape::Default | Escape::Json | Escape::None => {}
    }
}

/// What stands for a variable without a value.
pub fn missing(escape: Escape) -> &'static [u8] {
    match escape {
        Escape::Default => b"-",
        Escape::Json | Escape::None => b"",
    }
}

/// What [`apply`] has made of a value by default: each `\xXX` is a byte again.
pub fn undo(text: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        let escaped = match rest {
            [b'\\', b'x', high, low, ..] => digit(*high).zip(digit(*low)),
            _ => None,
        };
        rest = match escaped {
            Some((high, low)) => {
                out.push((high << 4 | low) as u8);
                &rest[4..]
            }
            None => {
                out.push(byte);
                behind
            }
        };
    }
    out
}

/// `\xXX`, in upper-case hex, for `"`, `\` and bytes outside 0x20..=0x7e
/// (`ngx_http_log_escape`).
fn default(out: &mut Vec<u8>, value: &[u8]) {
    escape_runs(out, value, is_special, |out, byte| {
        let [high, low] = hex(byte);
        out.extend_from_slice(&[b'\\', b'x', high, low]);
    });
}

/// Backslash escapes for `"`, `\` and control bytes; other bytes, 0x7f and above 0x7f too, stay
/// (`ngx_escape_json`).
fn json(out: &mut Vec<u8>, value: &[u8]) {
    escape_runs(out, value, is_special_in_json, |out, byte| {
        let letter = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            _ => {
                let [high, low] = hex(byte);
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
                return;
            }
        };
        out.extend_from_slice(&[b'\\', letter]);
    });
}

fn is_special(byte: u8) -> bool {
    // Not a range pattern with alternatives: this form has no branches.
    (byte.wrapping_sub(b' ') > b'~' - b' ') | (byte == b'"') | (byte == b'\\')
}

fn is_special_in_json(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

/// Whether any byte of `value` is special. Values are short and nearly always plain, so they are
/// looked at eight bytes at a time.
#[inline(always)]
fn any_special(
    value: &[u8],
    special: impl Fn(u8) -> bool,
    has_special: impl Fn(u64) -> bool,
) -> bool {
    let Some(last) = value.last_chunk::<8>() else {
        return value.iter().any(|&byte| special(byte));
    };
    let (words, _) = value.as_chunks::<8>();
    let mut words = words.iter().chain([last]);
    words.any(|word| has_special(u64::from_le_bytes(*word)))
}

const HIGH_BITS: u64 = every(0x80);

/// A word of eight times `byte`.
const fn every(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// [`is_special`] for any byte of a word.
fn has_special(word: u64) -> bool {
    let controls = word.wrapping_sub(every(b' '));
    (word | controls | equals(word, 0x7f) | quotes(word)) & HIGH_BITS != 0
}

/// [`is_special_in_json`] for any byte of a word.
fn has_special_in_json(word: u64) -> bool {
    let controls = word.wrapping_sub(every(b' ')) & !word;
    (controls | quotes(word)) & HIGH_BITS != 0
}

fn quotes(word: u64) -> u64 {
    equals(word, b'"') | equals(word, b'\\')
}

/// A high bit where a byte is `byte`, and perhaps in bytes above such a one; none if there is none.
fn equals(word: u64, byte: u8) -> u64 {
    let difference = word ^ every(byte);
    difference.wrapping_sub(every(1)) & !difference & HIGH_BITS
}

/// Copies what needs no escape run by run; most values are one run.
fn escape_runs(
    out: &mut Vec<u8>,
    mut value: &[u8],
    special: impl Fn(u8) -> bool,
    escape: impl Fn(&mut Vec<u8>, u8),
) {
    while let Some(at) = value.iter().position(|&byte| special(byte)) {
        out.extend_from_slice(&value[..at]);
        escape(out, value[at]);
        value = &value[at + 1..];
    }
    out.extend_from_slice(value);
}

fn hex(byte: u8) -> [u8; 2] {
    [
        UPPER_HEX[usize::from(byte >> 4)],
        UPPER_HEX[usize::from(byte & 0xf)],
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(escape: Escape, value: &[u8]) -> Vec<u8> {
        let mut out = b"\"before\"".to_vec();
        let start = out.len();
        out.extend_from_slice(value);
        apply(escape, &mut out, start);
        assert_eq!(out[..start], *b"\"before\"");
        out.split_off(start)
    }

    #[test]
    fn words_are_special_as_their_bytes_are() {
        for byte in 0..=u8::MAX {
            for (length, at) in [(8, 0), (8, 7), (9, 8), (17, 12), (3, 1)] {
                let mut value = vec![b'a'; length];
                value[at] = byte;
                let found = any_special(&value, is_special, has_special);
                assert_eq!(found, is_special(byte), "{byte:#x} at {at} of {length}");
                let found = any_special(&value, is_special_in_json, has_special_in_json);
                assert_eq!(
                    found,
                    is_special_in_json(byte),
                    "{byte:#x} at {at} of {length}"
                );
            }
        }
    }

    #[test]
    fn values_are_escaped_as_nginx_does() {
        let check = |value: &[u8], default: &str, json: &[u8]| {
            assert_eq!(escaped(Escape::Default, value), default.as_bytes());
            assert_eq!(escaped(Escape::Json, value), json);
            assert_eq!(escaped(Escape::None, value), value);
        };
        check(b"", "", b"");
        check(b"GET / HTTP/1.1", "GET / HTTP/1.1", b"GET / HTTP/1.1");
        check(b"a\"b\\c", "a\\x22b\\x5Cc", b"a\\\"b\\\\c");
        check(
            b"\n\r\t\x08\x0c",
            "\\x0A\\x0D\\x09\\x08\\x0C",
            b"\\n\\r\\t\\b\\f",
        );
        check(b"\0\x0b\x1f", "\\x00\\x0B\\x1F", b"\\u0000\\u000B\\u001F");
        check(b"~\x7f\x80\xff", "~\\x7F\\x80\\xFF", b"~\x7f\x80\xff");
    }

    proptest! {
        #[test]
        fn default_emits_printable_ascii_that_decodes_to_the_value(value: Vec<u8>) {
            let out = escaped(Escape::Default, &value);
            prop_assert!(out.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b'"'));
            let mut decoded = Vec::new();
            let mut rest = out.as_slice();
            while let Some((&byte, tail)) = rest.split_first() {
                rest = tail;
                if byte == b'\\' {
                    let digits = std::str::from_utf8(&tail[1..3]).unwrap();
                    decoded.push(u8::from_str_radix(digits, 16).unwrap());
                    rest = &tail[3..];
                } else {
                    decoded.push(byte);
                }
            }
            prop_assert_eq!(decoded, value);
        }

        #[test]
        fn json_never_ends_the_string_it_stands_in(value: Vec<u8>) {
            let out = escaped(Escape::Json, &value);
            prop_assert!(out.iter().all(|&byte| byte >= 0x20));
            let mut bytes = out.iter();
            while let Some(&byte) = bytes.next() {
                prop_assert_ne!(byte, b'"');
                if byte == b'\\' {
                    prop_assert!(bytes.next().is_some_and(|b| b"\"\\nrtbfu".contains(b)));
                }
            }
        }
    }
}
