//! `proxy_redirect`, `proxy_cookie_domain`, `proxy_cookie_path`, `proxy_cookie_flags`.

use weir_conf::{CookieFlags, CookieMatch, MatchFault, Pattern, RedirectFrom, Settings, Template};

use crate::facts::Session;
use crate::report::error_log::{self, Message};
use crate::report::variables;

/// `Location` as the client shall see it; `None` leaves it alone (`ngx_http_proxy_rewrite_redirect`).
pub(super) fn location(
    session: &mut Session,
    settings: &Settings,
    value: &[u8],
) -> Option<Vec<u8>> {
    redirect(session, settings, value)
}

/// `Refresh`, whose URL follows `url=`.
pub(super) fn refresh(session: &mut Session, settings: &Settings, value: &[u8]) -> Option<Vec<u8>> {
    let at = value
        .to_ascii_lowercase()
        .windows(4)
        .position(|window| window == b"url=")?
        + 4;
    let url = redirect(session, settings, &value[at..])?;
    Some([&value[..at], &url].concat())
}

fn redirect(session: &mut Session, settings: &Settings, value: &[u8]) -> Option<Vec<u8>> {
    let rules = settings.proxy_redirect.clone();
    rules.iter().find_map(|rule| match &rule.from {
        RedirectFrom::Prefix(prefix) => {
            let prefix = variables::text(session.view(), prefix);
            let rest = value.strip_prefix(prefix.as_slice())?;
            Some([variables::text(session.view(), &rule.to), rest.to_vec()].concat())
        }
        RedirectFrom::Regex(pattern) => replace_match(session, pattern, &rule.to, value),
    })
}

/// The text that replaces all of `value` if `pattern` matches it
/// (`ngx_http_proxy_rewrite_regex_handler`).
fn replace_match(
    session: &mut Session,
    pattern: &Pattern,
    to: &Template,
    value: &[u8],
) -> Option<Vec<u8>> {
    let groups = match pattern.captures(value) {
        Ok(groups) => groups?,
        Err(fault) => {
            error_log::alert(session.view(), Message::bytes(&fault.line()));
            return None;
        }
    };
    session.req.note_match(groups, value.to_vec());
    Some(variables::text(session.view(), to))
}

/// `Set-Cookie` as the client shall see it; `None` leaves it alone (`ngx_http_proxy_rewrite_cookie`).
///
/// # Errors
///
/// The expression of a `proxy_cookie_flags` gave no answer.
pub(super) fn cookie(
    session: &mut Session,
    settings: &Settings,
    value: &[u8],
) -> Result<Option<Vec<u8>>, Box<MatchFault>> {
    let domains = settings.proxy_cookie_domain.clone();
    let paths = settings.proxy_cookie_path.clone();
    let flags = settings.proxy_cookie_flags.clone();
    if domains.is_empty() && paths.is_empty() && flags.is_empty() {
        return Ok(None);
    }
    let mut parts: Vec<Vec<u8>> = value
        .split(|&byte| byte == b';')
        .map(|part| part.trim_ascii().to_vec())
        .collect();
    let name = parts
        .first()
        .map_or(&[][..], |part| attribute_name(part))
        .to_vec();
    for part in parts.iter_mut().skip(1) {
        if let Some(new) = attribute(session, part, b"domain", &domains) {
            *part = new;
        } else if let Some(new) = attribute(session, part, b"path", &paths) {
            *part = new;
        }
    }
    for rule in flags.iter() {
        if concerns(session, &rule.cookie, &name)? {
            apply_flags(&mut parts, rule.flags);
            break;
        }
    }
    Ok(Some(parts.join(&b"; "[..])))
}

/// Whether the rule with this left side is about the cookie called `name`.
fn concerns(
    session: &mut Session,
    cookie: &CookieMatch,
    name: &[u8],
) -> Result<bool, Box<MatchFault>> {
    match cookie {
        CookieMatch::Text(text) => {
            Ok(variables::text(session.view(), text).eq_ignore_ascii_case(name))
        }
        CookieMatch::Pattern(pattern) => {
            let groups = pattern.captures(name)?;
            let matched = groups.is_some();
            if let Some(groups) = groups {
                session.req.note_match(groups, name.to_vec());
            }
            Ok(matched)
        }
    }
}

fn attribute(
    session: &mut Session,
    part: &[u8],
    name: &[u8],
    rules: &[weir_conf::CookieRewrite],
) -> Option<Vec<u8>> {
    let equals = part.iter().position(|&byte| byte == b'=')?;
    if !part[..equals].eq_ignore_ascii_case(name) {
        return None;
    }
    let value = &part[equals + 1..];
    let is_domain = name == b"domain";
    let new = rules.iter().find_map(|rule| match &rule.from {
        CookieMatch::Text(text) => {
            let text = variables::text(session.view(), text);
            if is_domain {
                // The dot of an older cookie stays (`ngx_http_proxy_rewrite_domain_handler`).
                let bare = value.strip_prefix(b".").unwrap_or(value);
                let dot = &value[..value.len() - bare.len()];
                let wanted = text.strip_prefix(b".").unwrap_or(&text);
                bare.eq_ignore_ascii_case(wanted)
                    .then(|| [dot, &variables::text(session.view(), &rule.to)].concat())
            } else {
                let rest = value.strip_prefix(text.as_slice())?;
                Some([variables::text(session.view(), &rule.to), rest.to_vec()].concat())
            }
        }
        CookieMatch::Pattern(pattern) => replace_match(session, pattern, &rule.to, value),
    })?;
    Some([&part[..=equals], &new].concat())
}

fn apply_flags(parts: &mut Vec<Vec<u8>>, flags: CookieFlags) {
    let mut set = |on: CookieFlags, off: CookieFlags, name: &[u8], text: &[u8]| {
        if flags.contains(on) || flags.contains(off) {
            parts.retain(|part| !attribute_name(part).eq_ignore_ascii_case(name));
        }
        if flags.contains(on) {
            parts.push(text.to_vec());
        }
    };
    set(
        CookieFlags::SECURE,
        CookieFlags::NO_SECURE,
        b"secure",
        b"Secure",
    );
    set(
        CookieFlags::HTTP_ONLY,
        CookieFlags::NO_HTTP_ONLY,
        b"httponly",
        b"HttpOnly",
    );
    let never = CookieFlags::NO_SAME_SITE;
    set(
        CookieFlags::SAME_SITE_STRICT,
        never,
        b"samesite",
        b"SameSite=Strict",
    );
    set(
        CookieFlags::SAME_SITE_LAX,
        never,
        b"samesite",
        b"SameSite=Lax",
    );
    set(
        CookieFlags::SAME_SITE_NONE,
        never,
        b"samesite",
        b"SameSite=None",
    );
}

fn attribute_name(part: &[u8]) -> &[u8] {
    part.split(|&byte| byte == b'=').next().unwrap_or_default()
}
