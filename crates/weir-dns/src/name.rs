//! Names: as they are asked for and kept, and as messages have them.

use crate::told::Told;

/// Labels and pointers of one name; more than the longest name has, and an end to those that point at themselves.
const MOST_STEPS: usize = 128;

/// `name` as it is asked for: in small letters, without a dot at its end (`ngx_resolve_name`).
pub(crate) fn asked(name: &[u8]) -> Box<[u8]> {
    name.strip_suffix(b".")
        .unwrap_or(name)
        .to_ascii_lowercase()
        .into()
}

/// Appends `name` as a question has it; `false`: it is none (`ngx_resolver_create_name_query`). Like nginx it takes
/// labels of up to 255 bytes, at which servers will shake their heads.
pub(crate) fn write(name: &[u8], out: &mut Vec<u8>) -> bool {
    for label in name.split(|&byte| byte == b'.') {
        let Some(length) = u8::try_from(label.len()).ok().filter(|length| *length > 0) else {
            return false;
        };
        out.push(length);
        out.extend_from_slice(label);
    }
    out.push(0);
    true
}

/// Reads the name at `at` of a message, in small letters; the root is empty (`ngx_resolver_copy`).
pub(crate) fn read(message: &[u8], mut at: usize) -> Result<Box<[u8]>, Told> {
    let mut name = Vec::new();
    for _ in 0..MOST_STEPS {
        let length = *message.get(at).ok_or(Told::NameOutside)?;
        at += 1;
        match length {
            0 => {
                name.pop();
                return Ok(name.into());
            }
            1..=0x3f => {
                let end = at + usize::from(length);
                let label = message.get(at..end).ok_or(Told::NameOutside)?;
                name.extend(label.iter().map(u8::to_ascii_lowercase));
                name.push(b'.');
                at = end;
            }
            0xc0.. => {
                let low = *message.get(at).ok_or(Told::NameOutside)?;
                at = usize::from(u16::from_be_bytes([length & 0x3f, low]));
            }
            _ => return Err(Told::LabelType),
        }
    }
    Err(Told::PointerLoop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_asked_for_in_one_way() {
        for (name, kept) in [("A.b.", "a.b"), ("a.b", "a.b"), (".", ""), ("a..", "a.")] {
            assert_eq!(*asked(name.as_bytes()), *kept.as_bytes());
        }
    }

    #[test]
    fn names_are_written_label_by_label() {
        let check = |name: &[u8], expected: Option<&[u8]>| {
            let mut out = Vec::new();
            let written = write(name, &mut out).then_some(out);
            assert_eq!(written.as_deref(), expected, "{name:?}");
        };
        check(b"a.bc", Some(b"\x01a\x02bc\0"));
        check(b"", None);
        check(b"a..b", None);
        check(b".a", None);
        check(&[b'x'; 256], None);
        let longest = [b'x'; 255];
        check(&longest, Some(&[&[255], &longest[..], &[0]].concat()));
    }

    #[test]
    fn names_are_read_over_pointers() {
        let check = |message: &[u8], at: usize, expected: Result<&[u8], Told>| {
            assert_eq!(read(message, at), expected.map(Box::from), "{message:?}");
        };
        check(b"\x01A\x02bC\0", 0, Ok(b"a.bc"));
        check(b"\0", 0, Ok(b""));
        check(b"\x01b\0\x01a\xc0\x00", 3, Ok(b"a.b"));
        check(b"\xc0\x00", 0, Err(Told::PointerLoop));
        check(b"\xc0\x09", 0, Err(Told::NameOutside));
        check(b"\xc0", 0, Err(Told::NameOutside));
        check(b"\x05ab", 0, Err(Told::NameOutside));
        check(b"\x02ab", 0, Err(Told::NameOutside));
        check(b"\x41a\0", 0, Err(Told::LabelType));
        check(b"\x80a\0", 0, Err(Told::LabelType));
    }
}
