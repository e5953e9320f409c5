//! From the path as received to the path that locations match.

use std::ops::Range;

/// The path cannot be decoded, or leads above the root: nginx answers 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid URI")]
pub struct UriFault;

/// What [`normalise`] saw besides the path it wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Normalised {
    /// Length of the raw path: up to the `?` or `#`.
    pub path_len: usize,
    /// Where in the raw URI the arguments are, without a fragment; `None` without `?`.
    pub args: Option<Range<usize>>,
    /// There was a `%XX` in the path.
    pub quoted: bool,
    /// There was a `+` in the path, or an escaped one.
    pub plus: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Usual,
    Slash,
    Dot,
    DotDot,
}

/// Appends the decoded path to `out`, dot segments resolved, and, if asked, repeated slashes
/// merged (ngx_http_parse_complex_uri). An escaped `/` or `.` counts as if written plainly; an
/// escaped `?`, `#` or `%` is an ordinary byte. `raw` may have arguments and a fragment. If it
/// does not begin with a slash, one is put before it.
///
/// # Errors
///
/// A malformed `%XX`, `%00`, or `..` above the root; `out` is of no use then.
pub fn normalise(
    raw: &[u8],
    merge_slashes: bool,
    out: &mut Vec<u8>,
) -> Result<Normalised, UriFault> {
    let base = out.len();
    let mut seen = Normalised::default();
    let mut stage = Stage::Usual;
    if raw.first() != Some(&b'/') {
        out.push(b'/');
        stage = Stage::Slash;
    }
    let mut at = 0;
    while at < raw.len() {
        let byte = match raw[at] {
            b'?' => {
                seen.args = Some(args(raw, at + 1));
                break;
            }
            b'#' => break,
            b'%' => {
                seen.quoted = true;
                let byte = decode(raw, at)?;
                at += 3;
                if matches!(byte, b'%' | b'#' | b'?') {
                    out.push(byte);
                    stage = Stage::Usual;
                    continue;
                }
                byte
            }
            byte => {
                at += 1;
                byte
            }
        };
        seen.plus |= byte == b'+';
        stage = put(byte, stage, merge_slashes, base, out)?;
    }
    seen.path_len = at;
    end_segment(stage, base, out)?;
    Ok(seen)
}

/// Appends one decoded byte, and resolves the segment that a slash ends.
#[inline]
fn put(
    byte: u8,
    stage: Stage,
    merge_slashes: bool,
    base: usize,
    out: &mut Vec<u8>,
) -> Result<Stage, UriFault> {
    let next = match (stage, byte) {
        (Stage::Slash, b'/') if merge_slashes => return Ok(Stage::Slash),
        (Stage::Dot | Stage::DotDot, b'/') => {
            end_segment(stage, base, out)?;
            return Ok(Stage::Slash);
        }
        (_, b'/') => Stage::Slash,
        (Stage::Slash, b'.') => Stage::Dot,
        (Stage::Dot, b'.') => Stage::DotDot,
        _ => Stage::Usual,
    };
    out.push(byte);
    Ok(next)
}

/// Takes back `.`, or `..` with the segment before it.
fn end_segment(stage: Stage, base: usize, out: &mut Vec<u8>) -> Result<(), UriFault> {
    match stage {
        Stage::Usual | Stage::Slash => {}
        Stage::Dot => {
            out.pop();
        }
        Stage::DotDot => {
            // Behind "/..": the slash before the segment that is left.
            let before = out
                .len()
                .checked_sub(3)
                .filter(|end| *end > base)
                .ok_or(UriFault)?;
            let parent = memchr::memrchr(b'/', &out[base..before]).ok_or(UriFault)?;
            out.truncate(base + parent + 1);
        }
    }
    Ok(())
}

fn decode(raw: &[u8], at: usize) -> Result<u8, UriFault> {
    let digit = |offset: usize| {
        let digit = char::from(*raw.get(at + offset)?).to_digit(16)?;
        u8::try_from(digit).ok()
    };
    match (digit(1), digit(2)) {
        (Some(0), Some(0)) | (None, _) | (_, None) => Err(UriFault),
        (Some(high), Some(low)) => Ok((high << 4) | low),
    }
}

/// Arguments up to a fragment.
fn args(raw: &[u8], start: usize) -> Range<usize> {
    let end = memchr::memchr(b'#', &raw[start..]).map_or(raw.len(), |len| start + len);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(raw: &[u8], merge_slashes: bool) -> Option<(Vec<u8>, Normalised)> {
        let mut out = Vec::new();
        let seen = normalise(raw, merge_slashes, &mut out).ok()?;
        Some((out, seen))
    }

    #[test]
    fn paths() {
        let check = |raw: &str, expected: Option<&str>| {
            let path = run(raw.as_bytes(), true).map(|(path, _)| path);
            assert_eq!(path.as_deref(), expected.map(str::as_bytes), "{raw}");
        };
        check("/", Some("/"));
        check("/a/b", Some("/a/b"));
        check("/a//b///c", Some("/a/b/c"));
        check("//", Some("/"));
        check("/./a", Some("/a"));
        check("/a/.", Some("/a/"));
        check("/a/./b", Some("/a/b"));
        check("/a/..", Some("/"));
        check("/a/../b", Some("/b"));
        check("/a/b/../../c", Some("/c"));
        check("/a/b/..?x", Some("/a/"));
        check("/a/b/..#x", Some("/a/"));
        check("/a/.?x", Some("/a/"));
        check("/...", Some("/..."));
        check("/.a", Some("/.a"));
        check("/..a", Some("/..a"));
        check("/..", None);
        check("/../x", None);
        check("/a/../../b", None);
        check("/%61", Some("/a"));
        check("/%2e%2E/x", None);
        check("/a%2f..%2Fb", Some("/b"));
        check("/a%2f%2fb", Some("/a/b"));
        check("/%3Fa%23b%25c", Some("/?a#b%c"));
        check("/%25", Some("/%"));
        check("/.%3f/x", Some("/.?/x"));
        check("/%00", None);
        check("/%zz", None);
        check("/%4", None);
        check("/%", None);
        check("/a#b", Some("/a"));
        check("?x=1", Some("/"));
        check("", Some("/"));
    }

    #[test]
    fn slashes_are_kept_on_demand() {
        let check = |raw: &str, expected: &str| {
            assert_eq!(
                run(raw.as_bytes(), false).expect(raw).0,
                expected.as_bytes(),
                "{raw}"
            );
        };
        check("//a//b", "//a//b");
        check("//..", "/");
        check("/a//../b", "/a/b");
    }

    #[test]
    fn arguments() {
        let check = |raw: &str, expected: Option<&str>| {
            let seen = run(raw.as_bytes(), true).expect(raw).1;
            assert_eq!(seen.args.map(|args| &raw[args]), expected, "{raw}");
        };
        check("/a", None);
        check("/a?", Some(""));
        check("/a?b=c?d", Some("b=c?d"));
        check("/a?b#c", Some("b"));
        check("/a#b?c", None);
        check("/%3f?b%20c", Some("b%20c"));
    }

    #[test]
    fn flags() {
        let check = |raw: &str, quoted: bool, plus: bool| {
            let seen = run(raw.as_bytes(), true).expect(raw).1;
            assert_eq!((seen.quoted, seen.plus), (quoted, plus), "{raw}");
        };
        check("/a", false, false);
        check("/a+b", false, true);
        check("/a%2bb", true, true);
        check("/a?b+%20", false, false);
    }

    proptest! {
        #[test]
        fn output_is_rooted_and_without_dot_segments(raw in "/[a%./?#2eE0-9f+]{0,40}", merge: bool) {
            if let Some((path, seen)) = run(raw.as_bytes(), merge) {
                prop_assert_eq!(path[0], b'/');
                let text = String::from_utf8_lossy(&path).into_owned();
                prop_assert!(!text.split('/').any(|segment| segment == ".."), "{}", text);
                prop_assert!(!text.split('/').any(|segment| segment == "."), "{}", text);
                prop_assert!(!(merge && text.contains("//")), "{}", text);
                prop_assert!(seen.path_len <= raw.len());
            }
        }

        #[test]
        fn any_bytes(raw: Vec<u8>, merge: bool) {
            let _ = run(&raw, merge);
        }
    }
}
