//! Percent-encoding and HTML escapes.

use std::ops::ControlFlow;

/// Which bytes become `%XX` (the types of ngx_escape_uri).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// A path: blanks, control and high bytes, and `"#%<>?\^`{|}`.
    Uri,
    /// Arguments: those of a path, and `&`, `+`, `;`.
    Args,
    /// One component: everything but letters, digits and `-._~`.
    UriComponent,
    /// Inside HTML: those of a path but `?`, and `'`.
    Html,
    /// Inside a refresh: blanks, control and high bytes, and `"'<>\^`{|~`.
    Refresh,
    /// A memcached key: `%`, space and control bytes.
    Memcached,
}

const fn table(kind: Escape) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        let never_in_uris = matches!(byte, 0..=b' ' | 0x7f..=0xff)
            || matches!(
                byte,
                b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
            );
        table[at] = match kind {
            Escape::Uri => never_in_uris || matches!(byte, b'#' | b'%' | b'?'),
            Escape::Args => {
                never_in_uris || matches!(byte, b'#' | b'%' | b'?' | b'&' | b'+' | b';')
            }
            Escape::UriComponent => {
                !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
            }
            Escape::Html => never_in_uris || matches!(byte, b'#' | b'%' | b'\''),
            // nginx's table has `~` where `}` was meant.
            Escape::Refresh => (never_in_uris || matches!(byte, b'\'' | b'~')) && byte != b'}',
            Escape::Memcached => matches!(byte, 0..=b' ' | b'%'),
        };
        at += 1;
    }
    table
}

const TABLES: [[bool; 256]; 6] = [
    table(Escape::Uri),
    table(Escape::Args),
    table(Escape::UriComponent),
    table(Escape::Html),
    table(Escape::Refresh),
    table(Escape::Memcached),
];

/// Appends `src` with `%XX`, upper-case, for the bytes that `kind` names.
pub fn escape(src: &[u8], kind: Escape, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let table = &TABLES[kind as usize];
    out.reserve(src.len());
    for &byte in src {
        if table[usize::from(byte)] {
            out.extend([
                b'%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
        } else {
            out.push(byte);
        }
    }
}

/// Whether [`escape`] would change anything.
#[must_use]
pub fn needs_escape(src: &[u8], kind: Escape) -> bool {
    let table = &TABLES[kind as usize];
    src.iter().any(|&byte| table[usize::from(byte)])
}

/// Appends `src` as HTML text: `&`, `<`, `>` and `"` become entities (ngx_escape_html).
pub fn escape_html(src: &[u8], out: &mut Vec<u8>) {
    for &byte in src {
        match byte {
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            _ => out.push(byte),
        }
    }
}

/// How far [`unescape`] goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unescape {
    /// Every `%XX`.
    All,
    /// As all, but the first `?`, plain or escaped, ends the work.
    Uri,
    /// Only what a redirect may show: bytes between `%` and DEL; a `?` ends the work.
    Redirect,
}

/// Appends `src` decoded, and returns how many bytes of it were read: less than all if a `?` ended
/// the work (ngx_unescape_uri). A `%` that no two hexadecimal digits follow is dropped, as nginx
/// drops it, along with a valid first digit and the byte behind that.
pub fn unescape(src: &[u8], kind: Unescape, out: &mut Vec<u8>) -> usize {
    let mut at = 0;
    while at < src.len() {
        let byte = src[at];
        if byte == b'?' && kind != Unescape::All {
            out.push(byte);
            return at + 1;
        }
        if byte != b'%' {
            out.push(byte);
            at += 1;
            continue;
        }
        let (used, flow) = unescape_one(&src[at..], kind, out);
        at += used;
        if flow.is_break() {
            return at;
        }
    }
    at
}

/// Decodes what follows a `%`; says how many bytes that took and whether the work is over.
fn unescape_one(src: &[u8], kind: Unescape, out: &mut Vec<u8>) -> (usize, ControlFlow<()>) {
    let digit = |at: usize| src.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let Some(high) = digit(1) else {
        out.extend(src.get(1));
        return (src.len().min(2), ControlFlow::Continue(()));
    };
    let Some(low) = digit(2) else {
        return (src.len().min(3), ControlFlow::Continue(()));
    };
    let byte = (high << 4 | low) as u8;
    match kind {
        Unescape::Uri | Unescape::Redirect if byte == b'?' => {
            out.push(byte);
            return (3, ControlFlow::Break(()));
        }
        Unescape::Redirect if !(byte > b'%' && byte < 0x7f) => out.extend_from_slice(&src[..3]),
        _ => out.push(byte),
    }
    (3, ControlFlow::Continue(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes() {
        let all: Vec<u8> = (0x20..0x80).collect();
        let check = |kind, expected: &str| {
            let kept: Vec<u8> = all
                .iter()
                .copied()
                .filter(|byte| needs_escape(&[*byte], kind))
                .collect();
            assert_eq!(String::from_utf8_lossy(&kept), expected, "{kind:?}");
            assert_eq!(
                needs_escape(b"\xe9", kind),
                kind != Escape::Memcached,
                "{kind:?}"
            );
            assert!(needs_escape(b"\x01", kind), "{kind:?}");
        };
        check(Escape::Uri, " \"#%<>?\\^`{|}\u{7f}");
        check(Escape::Args, " \"#%&+;<>?\\^`{|}\u{7f}");
        check(
            Escape::UriComponent,
            " !\"#$%&'()*+,/:;<=>?@[\\]^`{|}\u{7f}",
        );
        check(Escape::Html, " \"#%'<>\\^`{|}\u{7f}");
        check(Escape::Refresh, " \"'<>\\^`{|~\u{7f}");
        check(Escape::Memcached, " %");
        let mut out = Vec::new();
        escape(b"/a b?\xff", Escape::Uri, &mut out);
        assert_eq!(out, b"/a%20b%3F%FF");
    }

    #[test]
    fn unescapes() {
        let check = |src: &str, kind, expected: &str, read: usize| {
            let mut out = Vec::new();
            assert_eq!(unescape(src.as_bytes(), kind, &mut out), read, "{src}");
            assert_eq!(String::from_utf8_lossy(&out), expected, "{src}");
        };
        check("a%20b", Unescape::All, "a b", 5);
        check("a%zzb", Unescape::All, "azzb", 5);
        check("a%2zb", Unescape::All, "ab", 5);
        check("a%", Unescape::All, "a", 2);
        check("a%2", Unescape::All, "a", 3);
        check("a?b%41", Unescape::All, "a?bA", 6);
        check("a?b", Unescape::Uri, "a?", 2);
        check("a%3fb", Unescape::Uri, "a?", 4);
        check("a%20%41", Unescape::Redirect, "a%20A", 7);
    }

    proptest! {
        #[test]
        fn escaped_bytes_come_back(src: Vec<u8>) {
            let (mut escaped, mut back) = (Vec::new(), Vec::new());
            escape(&src, Escape::UriComponent, &mut escaped);
            unescape(&escaped, Unescape::All, &mut back);
            prop_assert_eq!(back, src);
        }
    }
}
