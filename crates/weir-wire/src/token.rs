//! Look-ups inside field values and arguments.

use crate::search::starts_with_ignore_case;

/// What divides the pairs of a `Cookie` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairDivider {
    /// `;` (since nginx 1.29.6).
    Semicolon,
    /// A pair begins behind `;` and `,`, and ends at `;`.
    SemicolonOrComma,
}

/// Value of `name` among `name=value` pairs in the given lines, such as a cookie in all `Cookie`
/// fields; the name's case does not matter. Ends at a `;` (ngx_http_parse_multi_header_lines,
/// ngx_http_parse_cookie_lines).
pub fn pair_value<'a>(
    lines: impl IntoIterator<Item = &'a [u8]>,
    name: &[u8],
    divider: PairDivider,
) -> Option<&'a [u8]> {
    lines
        .into_iter()
        .find_map(|line| pair_in_line(line, name, divider))
}

fn pair_in_line<'a>(mut rest: &'a [u8], name: &[u8], divider: PairDivider) -> Option<&'a [u8]> {
    while !rest.is_empty() {
        if let Some(behind) = behind_name(rest, name) {
            match behind.split_first()? {
                (b'=', value) => {
                    let value = trim_start(value);
                    let end = memchr::memchr(b';', value).unwrap_or(value.len());
                    return Some(&value[..end]);
                }
                // nginx has read past this byte, so it divides nothing, whatever it is.
                (_, behind) => rest = behind,
            }
        }
        rest = trim_start(&rest[divider.find(rest)? + 1..]);
    }
    None
}

impl PairDivider {
    fn find(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Semicolon => memchr::memchr(b';', bytes),
            Self::SemicolonOrComma => memchr::memchr2(b';', b',', bytes),
        }
    }
}

/// Whether `token` stands alone among the comma-separated parts of the given lines, such as `gzip`
/// in `Accept-Encoding` (ngx_http_parse_multi_header_lines without a value).
pub fn has_token<'a>(lines: impl IntoIterator<Item = &'a [u8]>, token: &[u8]) -> bool {
    lines.into_iter().any(|line| {
        pieces(line).any(|piece| {
            behind_name(piece, token).is_some_and(|rest| rest.is_empty() || rest[0] == b',')
        })
    })
}

/// Value of the cookie `name` in `Set-Cookie` lines, which begin with it
/// (ngx_http_parse_set_cookie_lines).
pub fn set_cookie_value<'a>(
    lines: impl IntoIterator<Item = &'a [u8]>,
    name: &[u8],
) -> Option<&'a [u8]> {
    lines.into_iter().find_map(|line| {
        let rest = trim_start(behind_name(line, name)?.strip_prefix(b"=")?);
        let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
        Some(&rest[..end])
    })
}

/// Value of the argument `name`, as sent: $arg_name. The name's case does not matter, and it must
/// have a `=` (ngx_http_arg).
#[must_use]
pub fn arg<'a>(args: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    if name.is_empty() {
        return None;
    }
    args.split(|&byte| byte == b'&').find_map(|pair| {
        starts_with_ignore_case(pair, name).then(|| pair[name.len()..].strip_prefix(b"="))?
    })
}

/// The line from its beginning and from behind every `;` and `,`, blanks skipped.
fn pieces(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut next = (!line.is_empty()).then_some(line);
    std::iter::from_fn(move || {
        let piece = next?;
        next = PairDivider::SemicolonOrComma
            .find(piece)
            .map(|at| trim_start(&piece[at + 1..]))
            .filter(|rest| !rest.is_empty());
        Some(piece)
    })
}

/// What follows `name` and blanks at the beginning of `piece`.
fn behind_name<'a>(piece: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    starts_with_ignore_case(piece, name).then(|| trim_start(&piece[name.len()..]))
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().take_while(|&&byte| byte == b' ').count();
    &bytes[blanks..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines<'a>(text: &[&'a str]) -> Vec<&'a [u8]> {
        text.iter().map(|line| line.as_bytes()).collect()
    }

    #[test]
    fn cookies() {
        let check = |text: &[&str], name: &str, since: Option<&str>, before: Option<&str>| {
            for (divider, expected) in [
                (PairDivider::Semicolon, since),
                (PairDivider::SemicolonOrComma, before),
            ] {
                let found = pair_value(lines(text), name.as_bytes(), divider);
                assert_eq!(
                    found,
                    expected.map(str::as_bytes),
                    "{text:?} {name} {divider:?}"
                );
            }
        };
        let both = |text: &[&str], name: &str, value| check(text, name, value, value);
        both(&["a=1; b=2"], "b", Some("2"));
        both(&["a=1;b=2"], "B", Some("2"));
        both(&["a=1", "b = 2 ; c=3"], "b", Some("2 "));
        both(&["ab=1; b=2"], "b", Some("2"));
        both(&["a=1,b=2;c"], "a", Some("1,b=2"));
        both(&["b"], "b", None);
        both(&["b="], "b", Some(""));
        both(&[""], "b", None);
        both(&[], "b", None);
        check(&["x, b=2"], "b", None, Some("2"));
        check(&["a=1,b=2;c"], "b", None, Some("2"));
        check(&["a,b=2; b=3"], "b", Some("3"), Some("2"));
        // The byte behind a name without `=` is swallowed.
        check(&["a,a=1;a=2"], "a", Some("2"), Some("2"));
        check(&["a;a=1;a=2"], "a", Some("2"), Some("2"));
        check(&["a;a=1"], "a", None, None);
    }

    #[test]
    fn tokens() {
        let check = |text: &[&str], expected| {
            assert_eq!(has_token(lines(text), b"gzip"), expected, "{text:?}");
        };
        check(&["gzip"], true);
        check(&["deflate, GZIP"], true);
        check(&["deflate", "gzip , br"], true);
        check(&["gzip;q=0"], false);
        check(&["gzipped"], false);
    }

    #[test]
    fn set_cookies() {
        let check = |text: &[&str], expected: Option<&str>| {
            let found = set_cookie_value(lines(text), b"sid");
            assert_eq!(found, expected.map(str::as_bytes), "{text:?}");
        };
        check(&["sid=1; Path=/"], Some("1"));
        check(&["a=b; sid=1", "SID=2"], Some("2"));
        check(&["sid"], None);
    }

    #[test]
    fn arguments() {
        let check = |args: &str, name: &str, expected: Option<&str>| {
            let found = arg(args.as_bytes(), name.as_bytes());
            assert_eq!(found, expected.map(str::as_bytes), "{args} {name}");
        };
        check("a=1&b=2", "b", Some("2"));
        check("A=1", "a", Some("1"));
        check("a=1&a=2", "a", Some("1"));
        check("ba=1&a=", "a", Some(""));
        check("a", "a", None);
        check("a&a=3", "a", Some("3"));
        check("a=b=c", "a", Some("b=c"));
        check("", "a", None);
        check("=1", "", None);
    }
}
