//! Paths and arguments: normalising, escaping, and the checks on internal redirects.

mod escape;
mod normalise;
mod redirect;

pub use escape::{Escape, Unescape, escape, escape_html, needs_escape, unescape};
pub use normalise::{Normalised, UriFault, normalise};
pub use redirect::{UnsafeUri, parse_unsafe};

/// Bytes of a path that need no second look: not a blank, a control byte, DEL or one of `#%+./?`.
#[inline]
pub(crate) fn is_usual(byte: u8) -> bool {
    USUAL[byte as usize]
}

const USUAL: [bool; 256] = {
    let mut usual = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        usual[byte] = !matches!(
            byte as u8,
            0..=b' ' | 0x7f | b'#' | b'%' | b'+' | b'.' | b'/' | b'?'
        );
        byte += 1;
    }
    usual
};

/// What follows the last dot of the last segment: the extension that `types` looks up. A dot that
/// begins the segment does not count (ngx_http_set_exten).
#[must_use]
pub fn extension(path: &[u8]) -> &[u8] {
    for at in (2..path.len()).rev() {
        match path[at] {
            b'.' if path[at - 1] != b'/' => return &path[at + 1..],
            b'/' => break,
            _ => {}
        }
    }
    &[]
}

/// Splits `path?args` at the first `?` (ngx_http_split_args).
#[must_use]
pub fn split_args(uri: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'?', uri) {
        Some(at) => (&uri[..at], Some(&uri[at + 1..])),
        None => (uri, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions() {
        let check = |path: &str, expected: &str| {
            assert_eq!(extension(path.as_bytes()), expected.as_bytes(), "{path}");
        };
        check("/a.html", "html");
        check("/a.tar.gz", "gz");
        check("/.profile", "");
        check("/.profile.d", "d");
        check("/a.b/c", "");
        check("/a.", "");
        check("/", "");
        check("", "");
    }
}
