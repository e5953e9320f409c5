//! URIs that upstreams and configurations name: X-Accel-Redirect and its like.

use super::escape::{Unescape, unescape};
use super::split_args;
use std::borrow::Cow;

/// The URI leads out of the root, is empty, or holds a NUL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unsafe URI \"{}\" was detected", String::from_utf8_lossy(.uri))]
pub struct UnsafeUri {
    /// The URI as nginx logs it: whole if refused as written, else decoded and without arguments.
    pub uri: Vec<u8>,
}

/// Path, decoded if it needs to be, and arguments of an internal redirect's URI
/// (ngx_http_parse_unsafe_uri). Dot segments are refused, not resolved.
///
/// # Errors
///
/// nginx logs the fault at error level and treats the redirect as failed (404).
pub fn parse_unsafe(uri: &[u8]) -> Result<(Cow<'_, [u8]>, &[u8]), UnsafeUri> {
    let (path, args) = split_args(uri);
    if path.is_empty() || is_unsafe(path, args.is_some()) {
        return Err(UnsafeUri { uri: uri.to_vec() });
    }
    let args = args.unwrap_or_default();
    if memchr::memchr(b'%', path).is_none() {
        return Ok((Cow::Borrowed(path), args));
    }
    let mut decoded = Vec::with_capacity(path.len());
    unescape(path, Unescape::All, &mut decoded);
    if is_unsafe(&decoded, false) {
        return Err(UnsafeUri { uri: decoded });
    }
    Ok((Cow::Owned(decoded), args))
}

/// `..` as first segment or behind a slash, or a NUL. `more` says that arguments follow: nginx then
/// does not see `/..` at the very end of the path.
fn is_unsafe(path: &[u8], more: bool) -> bool {
    let leads_up = |rest: &[u8], end_counts: bool| match rest {
        [b'.', b'.'] => end_counts,
        [b'.', b'.', b'/', ..] => true,
        _ => false,
    };
    leads_up(path, !more)
        || memchr::memchr(0, path).is_some()
        || memchr::memchr_iter(b'/', path).any(|at| leads_up(&path[at + 1..], !more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris() {
        let check = |uri: &str, expected: Result<(&str, &str), &str>| {
            let found = parse_unsafe(uri.as_bytes());
            let found = found.map(|(path, args)| (path.into_owned(), args.to_vec()));
            let expected = expected
                .map(|(path, args)| (path.as_bytes().to_vec(), args.as_bytes().to_vec()))
                .map_err(|uri| UnsafeUri {
                    uri: uri.as_bytes().to_vec(),
                });
            assert_eq!(found, expected, "{uri}");
        };
        check("/a", Ok(("/a", "")));
        check("/a?b=c", Ok(("/a", "b=c")));
        check("/a%20b?c%20d", Ok(("/a b", "c%20d")));
        check("/a/..b", Ok(("/a/..b", "")));
        check("@named", Ok(("@named", "")));
        check("", Err(""));
        check("?a", Err("?a"));
        check("..", Err(".."));
        check("../a", Err("../a"));
        check("/../a", Err("/../a"));
        check("/a/..", Err("/a/.."));
        check("/a/..?b", Ok(("/a/..", "b")));
        check("/a/%2e%2e/b?c", Err("/a/../b"));
        check("/a\0b", Err("/a\0b"));
        check("/a%00b", Err("/a\0b"));
    }
}
