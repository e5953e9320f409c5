//! `If-…` fields: 304 or 412 in place of an answer whose state the client names.

use weir_conf::IfModifiedSince;
use weir_wire::{KnownField, date};

use crate::facts::{Request, Session};

/// Judges an answer of ours by the client's conditions (`ngx_http_not_modified_header_filter`). An
/// error is the status of the page to send instead.
pub(super) fn filter(session: &mut Session) -> Result<(), u16> {
    let response = &session.req.response;
    if response.status != 200 || response.unconditional {
        return Ok(());
    }
    if fails(&session.req) {
        let req = &mut *session.req;
        req.response.clear_head();
        // nginx ends a request that a filter has refused by closing its connection.
        req.state.closes_at_once = true;
        return Err(412);
    }
    if is_unmodified(session) {
        let response = &mut session.req.response;
        response.status = 304;
        response.status_line.clear();
        response.content_type.clear();
        response.content_length = None;
        response.clear_ranges();
        response.fields.remove(KnownField::ContentEncoding);
    }
    Ok(())
}

/// `If-Unmodified-Since` and `If-Match`: whether the client asks for another state than there is.
fn fails(req: &Request) -> bool {
    if let Some(since) = req.field(KnownField::IfUnmodifiedSince)
        && !is_since(date::parse(since), req.response.modified)
    {
        return true;
    }
    req.field(KnownField::IfMatch)
        .is_some_and(|list| !matches_any(list, tag(req), Strength::Strong))
}

/// Whether `modified` is known and not later than the date; an unreadable date is before all others.
fn is_since(date: Option<i64>, modified: Option<i64>) -> bool {
    modified.is_some_and(|modified| date.unwrap_or(UNREADABLE) >= modified)
}

/// What nginx reads an unreadable date as.
const UNREADABLE: i64 = -1;

/// Whether `If-Modified-Since` and `If-None-Match`, as far as the client sent them, both say that it
/// has what would be sent.
fn is_unmodified(session: &Session) -> bool {
    let req = &session.req;
    let since = req.field(KnownField::IfModifiedSince);
    let none_of = req.field(KnownField::IfNoneMatch);
    if since.is_none() && none_of.is_none() {
        return false;
    }
    let dated = since.is_none_or(|since| {
        let rule = session.settings().if_modified_since;
        is_fresh(rule, since, req.response.modified)
    });
    dated && none_of.is_none_or(|list| matches_any(list, tag(req), Strength::Weak))
}

fn is_fresh(rule: IfModifiedSince, since: &[u8], modified: Option<i64>) -> bool {
    let Some(modified) = modified else {
        return false;
    };
    let since = date::parse(since).unwrap_or(UNREADABLE);
    match rule {
        IfModifiedSince::Off => false,
        IfModifiedSince::Exact => since == modified,
        IfModifiedSince::Before => since >= modified,
    }
}

/// The `ETag` of the answer.
fn tag(req: &Request) -> Option<&[u8]> {
    req.response.fields.value(KnownField::Etag)
}

/// How tags are compared: strictly, or without their `W/`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strength {
    Strong,
    Weak,
}

/// Whether `list` is `*` or names `tag` (`ngx_http_test_if_match`).
fn matches_any(list: &[u8], tag: Option<&[u8]>, strength: Strength) -> bool {
    if list == b"*" {
        return true;
    }
    let Some(tag) = tag else {
        return false;
    };
    let tag = strength.of(tag);
    let mut rest = list;
    while !rest.is_empty() {
        rest = strength.of(rest);
        if tag.len() > rest.len() {
            return false;
        }
        if let Some(behind) = rest.strip_prefix(tag) {
            rest = behind.trim_ascii_start();
            if matches!(rest.first(), None | Some(b',')) {
                return true;
            }
        }
        rest = next_tag(rest);
    }
    false
}

impl Strength {
    fn of(self, tag: &[u8]) -> &[u8] {
        match tag {
            [b'W', b'/', rest @ ..] if self == Self::Weak && !rest.is_empty() => rest,
            _ => tag,
        }
    }
}

/// What is behind the next comma, and behind the blanks and commas that follow it.
fn next_tag(list: &[u8]) -> &[u8] {
    let end = list.iter().position(|&byte| byte == b',');
    let rest = &list[end.unwrap_or(list.len())..];
    let separators = rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b','));
    &rest[separators.count()..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: &str, tag: &str, strong: bool, weak: bool) {
        for (strength, expected) in [(Strength::Strong, strong), (Strength::Weak, weak)] {
            let found = matches_any(list.as_bytes(), Some(tag.as_bytes()), strength);
            assert_eq!(found, expected, "{tag} in {list}");
        }
    }

    #[test]
    fn tags_are_found_in_lists() {
        for (list, tag, strong, weak) in [
            ("*", "\"a\"", true, true),
            ("\"a\"", "\"a\"", true, true),
            ("\"b\", \"a\"", "\"a\"", true, true),
            ("\"b\",,\t\"a\" ,\"c\"", "\"a\"", true, true),
            ("\"b\"", "\"a\"", false, false),
            ("\"a\"x", "\"a\"", false, false),
            ("\"a\" x, \"a\"", "\"a\"", true, true),
            ("W/\"a\"", "\"a\"", false, true),
            ("\"a\"", "W/\"a\"", false, true),
            ("W/\"a\"", "W/\"a\"", true, true),
            ("*, \"a\"", "\"a\"", true, true),
            ("* ", "\"a\"", false, false),
            ("", "\"a\"", false, false),
            // nginx gives up where the list is shorter than the tag.
            ("\"b\",\"a\"", "\"aaaa\"", false, false),
            ("W/", "W/", true, true),
        ] {
            check(list, tag, strong, weak);
        }
        assert!(matches_any(b"*", None, Strength::Strong));
        assert!(!matches_any(b"\"a\"", None, Strength::Weak));
    }

    #[test]
    fn dates_are_compared_with_what_is_known() {
        for (rule, since, modified, fresh) in [
            (IfModifiedSince::Exact, 20, Some(20), true),
            (IfModifiedSince::Exact, 21, Some(20), false),
            (IfModifiedSince::Before, 21, Some(20), true),
            (IfModifiedSince::Before, 19, Some(20), false),
            (IfModifiedSince::Off, 20, Some(20), false),
            (IfModifiedSince::Before, 20, None, false),
        ] {
            let mut text = Vec::new();
            date::write(since, &mut text);
            assert_eq!(is_fresh(rule, &text, modified), fresh);
        }
        assert!(!is_since(Some(20), None) && !is_since(None, Some(20)));
        assert!(is_since(Some(20), Some(20)) && is_since(Some(21), Some(20)));
    }
}
