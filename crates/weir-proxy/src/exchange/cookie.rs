//! `Set-Cookie` as the client shall see it: `proxy_cookie_domain`, `proxy_cookie_path`,
//! `proxy_cookie_flags`.

use std::borrow::Cow;

use weir_conf::{
    CookieFlags, CookieFlagsRule, CookieMatch, CookieRewrite, MatchFault, Settings, Template,
};

use super::rewrite::replace_match;
use crate::facts::Session;
use crate::report::variables;

/// Rewrites a `Set-Cookie`; `None` leaves it alone, blanks and all
/// (`ngx_http_proxy_rewrite_cookie`).
///
/// # Errors
///
/// The expression of a `proxy_cookie_flags` gave no answer.
pub(super) fn rewrite(
    session: &Session,
    settings: &Settings,
    value: &[u8],
) -> Result<Option<Vec<u8>>, Box<MatchFault>> {
    let rules = (
        &settings.upstream.cookie_domain,
        &settings.upstream.cookie_path,
        &settings.upstream.cookie_flags,
    );
    if rules.0.is_empty() && rules.1.is_empty() && rules.2.is_empty() {
        return Ok(None);
    }
    let mut cookie = Cookie::parse(value);
    if cookie.attributes[0].value.is_none() {
        return Ok(None);
    }
    let mut changed = rewrite_values(session, &mut cookie, rules.0, rules.1);
    let flags = flags_for(session, &cookie.attributes[0].name, rules.2)?;
    if flags != CookieFlags::EMPTY {
        cookie.edit_flags(flags);
        changed = true;
    }
    Ok(changed.then(|| cookie.text()))
}

/// Rewrites every `Domain` and `Path`; whether one was rewritten.
fn rewrite_values(
    session: &Session,
    cookie: &mut Cookie<'_>,
    domains: &[CookieRewrite],
    paths: &[CookieRewrite],
) -> bool {
    let mut changed = false;
    for attribute in cookie.attributes.iter_mut().skip(1) {
        let Some(value) = attribute.value.as_deref() else {
            continue;
        };
        let new = if attribute.is(b"domain") {
            first_that_fits(session, domains, value, replace_domain)
        } else if attribute.is(b"path") {
            first_that_fits(session, paths, value, replace_prefix)
        } else {
            None
        };
        if let Some(new) = new {
            attribute.value = Some(Cow::Owned(new));
            changed = true;
        }
    }
    changed
}

/// What one way of comparing makes of a value, of the text of the rule's left side and of its right
/// side; `None` if they do not fit.
type Replace = fn(&Session, &[u8], &[u8], &Template) -> Option<Vec<u8>>;

/// What the first rule that fits makes of `value`.
fn first_that_fits(
    session: &Session,
    rules: &[CookieRewrite],
    value: &[u8],
    replace: Replace,
) -> Option<Vec<u8>> {
    rules.iter().find_map(|rule| match &rule.from {
        CookieMatch::Text(text) => {
            let text = variables::text(session.view(), text);
            replace(session, value, &text, &rule.to)
        }
        CookieMatch::Pattern(pattern) => replace_match(session, pattern, &rule.to, value),
    })
}

/// A whole domain in any case; the dot of an older cookie stays in front
/// (`ngx_http_proxy_rewrite_domain_handler`).
fn replace_domain(session: &Session, value: &[u8], from: &[u8], to: &Template) -> Option<Vec<u8>> {
    let bare = value.strip_prefix(b".").unwrap_or(value);
    if !bare.eq_ignore_ascii_case(from) {
        return None;
    }
    let mut new = value[..value.len() - bare.len()].to_vec();
    variables::expand(session.view(), to, &mut new);
    Some(new)
}

/// The beginning of a path (`ngx_http_proxy_rewrite_complex_handler`).
fn replace_prefix(session: &Session, value: &[u8], from: &[u8], to: &Template) -> Option<Vec<u8>> {
    let rest = value.strip_prefix(from)?;
    let mut new = variables::text(session.view(), to);
    new.extend_from_slice(rest);
    Some(new)
}

/// What the first rule about the cookie called `name` does to its flags; empty if there is none
/// (`ngx_http_proxy_rewrite_cookie_flags`).
fn flags_for(
    session: &Session,
    name: &[u8],
    rules: &[CookieFlagsRule],
) -> Result<CookieFlags, Box<MatchFault>> {
    for rule in rules {
        if concerns(session, &rule.cookie, name)? {
            let view = session.view();
            let evaluated = rule.evaluated.iter();
            let words = evaluated.map(|word| variables::text(view, word));
            return Ok(words.fold(rule.flags, |all, word| all | CookieFlags::asked_for(&word)));
        }
    }
    Ok(CookieFlags::EMPTY)
}

/// Whether the rule with this left side is about the cookie called `name`.
fn concerns(session: &Session, cookie: &CookieMatch, name: &[u8]) -> Result<bool, Box<MatchFault>> {
    match cookie {
        CookieMatch::Text(text) => {
            Ok(variables::text(session.view(), text).eq_ignore_ascii_case(name))
        }
        CookieMatch::Pattern(pattern) => {
            let groups = pattern.captures(name)?;
            let matched = groups.is_some();
            if let Some(groups) = groups {
                session.req.note_match(&groups, name);
            }
            Ok(matched)
        }
    }
}

/// A cookie taken apart at its semicolons, be they in quotes or not.
struct Cookie<'a> {
    /// Name and value, then the attributes; never empty.
    attributes: Vec<Attribute<'a>>,
}

/// `name` or `name=value`, without the blanks around either.
struct Attribute<'a> {
    name: Cow<'a, [u8]>,
    /// `None` without a `=`.
    value: Option<Cow<'a, [u8]>>,
}

impl<'a> Attribute<'a> {
    fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn has_value(&self, value: &[u8]) -> bool {
        let own = self.value.as_deref().unwrap_or_default();
        own.eq_ignore_ascii_case(value)
    }

    fn new(name: &'a [u8], value: Option<&'a [u8]>) -> Self {
        Self {
            name: Cow::Borrowed(name),
            value: value.map(Cow::Borrowed),
        }
    }
}

/// What is to become of `SameSite`: the flag, and the value it asks for. The first one that is set is
/// the next one to be done.
const SAME_SITE: [(CookieFlags, &[u8]); 3] = [
    (CookieFlags::SAME_SITE_STRICT, b"Strict"),
    (CookieFlags::SAME_SITE_LAX, b"Lax"),
    (CookieFlags::SAME_SITE_NONE, b"None"),
];

impl<'a> Cookie<'a> {
    /// `ngx_http_proxy_parse_cookie`.
    fn parse(text: &'a [u8]) -> Self {
        let parts = text.split(|&byte| byte == b';');
        let attributes = parts.map(|part| match memchr::memchr(b'=', part) {
            Some(equals) => Attribute::new(
                without_blanks(&part[..equals]),
                Some(without_blanks(&part[equals + 1..])),
            ),
            None => Attribute::new(without_blanks(part), None),
        });
        Self {
            attributes: attributes.collect(),
        }
    }

    /// Does what `flags` say, each once for the attributes in their order and then, if it was not
    /// done, at the end (`ngx_http_proxy_edit_cookie_flags`).
    fn edit_flags(&mut self, flags: CookieFlags) {
        let mut to_do = flags;
        let mut place = 0;
        self.attributes.retain_mut(|attribute| {
            place += 1;
            if place == 1 {
                return true;
            }
            if attribute.is(b"secure") {
                keep_flag(&mut to_do, CookieFlags::SECURE, CookieFlags::NO_SECURE)
            } else if attribute.is(b"httponly") {
                keep_flag(
                    &mut to_do,
                    CookieFlags::HTTP_ONLY,
                    CookieFlags::NO_HTTP_ONLY,
                )
            } else if attribute.is(b"samesite") {
                edit_same_site(attribute, &mut to_do)
            } else {
                true
            }
        });
        if to_do.contains(CookieFlags::SECURE) {
            self.attributes.push(Attribute::new(b"Secure", None));
        }
        if to_do.contains(CookieFlags::HTTP_ONLY) {
            self.attributes.push(Attribute::new(b"HttpOnly", None));
        }
        if let Some((_, value)) = SAME_SITE.iter().find(|(flag, _)| to_do.contains(*flag)) {
            self.attributes
                .push(Attribute::new(b"SameSite", Some(value)));
        }
    }

    /// Attributes are set apart by a semicolon and a blank, whatever stood between them.
    fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (index, attribute) in self.attributes.iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(b"; ");
            }
            out.extend_from_slice(&attribute.name);
            if let Some(value) = &attribute.value {
                out.push(b'=');
                out.extend_from_slice(value);
            }
        }
        out
    }
}

/// Whether an attribute without a value stays, and with `on` is as it should be.
fn keep_flag(to_do: &mut CookieFlags, on: CookieFlags, off: CookieFlags) -> bool {
    if to_do.contains(on) {
        *to_do = to_do.without(on);
        return true;
    }
    !to_do.contains(off)
}

/// As [`keep_flag`], for an attribute that may need another value.
fn edit_same_site(attribute: &mut Attribute<'_>, to_do: &mut CookieFlags) -> bool {
    let Some((flag, value)) = SAME_SITE.iter().find(|(flag, _)| to_do.contains(*flag)) else {
        return !to_do.contains(CookieFlags::NO_SAME_SITE);
    };
    *to_do = to_do.without(*flag);
    if !attribute.has_value(value) {
        *attribute = Attribute::new(b"SameSite", Some(value));
    }
    true
}

/// Tabs stay.
fn without_blanks(text: &[u8]) -> &[u8] {
    let Some(start) = text.iter().position(|&byte| byte != b' ') else {
        return &[];
    };
    let end = text.iter().rposition(|&byte| byte != b' ').unwrap_or(start);
    &text[start..=end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(flags: &[CookieFlags], before: &str, after: &str) {
        let mut cookie = Cookie::parse(before.as_bytes());
        let flags = flags.iter().fold(CookieFlags::EMPTY, |all, &one| all | one);
        cookie.edit_flags(flags);
        assert_eq!(String::from_utf8_lossy(&cookie.text()), after, "{before}");
    }

    #[test]
    fn flags_are_added_where_they_are_missing() {
        use CookieFlags as F;
        check(&[F::SECURE], "a=b", "a=b; Secure");
        check(
            &[F::SECURE, F::HTTP_ONLY],
            "a=b; httponly",
            "a=b; httponly; Secure",
        );
        check(&[F::HTTP_ONLY, F::SECURE], "a=b", "a=b; Secure; HttpOnly");
        check(&[F::SECURE], "secure=b", "secure=b; Secure");
        check(
            &[F::SECURE],
            "a=b;SECURE=x; secure",
            "a=b; SECURE=x; secure",
        );
        check(
            &[F::SAME_SITE_LAX],
            "a=b; samesite=LAX",
            "a=b; samesite=LAX",
        );
        check(&[F::SAME_SITE_LAX], "a=b; samesite", "a=b; SameSite=Lax");
        let both = [F::SAME_SITE_LAX, F::SAME_SITE_STRICT];
        check(&both, "a=b", "a=b; SameSite=Strict");
        check(
            &both,
            "a=b; SameSite=None",
            "a=b; SameSite=Strict; SameSite=Lax",
        );
    }

    #[test]
    fn flags_are_taken_away_wherever_they_stand() {
        use CookieFlags as F;
        check(
            &[F::NO_SECURE],
            "a=b; Secure; Path=/; secure=1",
            "a=b; Path=/",
        );
        check(&[F::NO_SAME_SITE], "a=b; SameSite=x", "a=b");
        check(&[F::NO_HTTP_ONLY], "HttpOnly=b; HttpOnly", "HttpOnly=b");
        check(
            &[F::SECURE, F::NO_SECURE],
            "a=b; secure; secure",
            "a=b; secure",
        );
    }

    #[test]
    fn attributes_are_what_stands_between_semicolons() {
        check(
            &[CookieFlags::NO_SECURE],
            "a = \"x;y\" ;; Path = / ;",
            "a=\"x; y\"; ; Path=/; ",
        );
        check(&[CookieFlags::NO_SECURE], "a=;b\t=\tc", "a=; b\t=\tc");
    }
}
