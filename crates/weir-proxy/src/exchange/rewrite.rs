//! `proxy_redirect`, and what it has in common with the rewriting of cookies.

use weir_conf::{Pattern, RedirectFrom, Settings, Template};

use crate::facts::Session;
use crate::report::error_log::{self, Message};
use crate::report::variables;

/// `Location` as the client shall see it; `None` leaves it alone (`ngx_http_proxy_rewrite_redirect`).
pub(super) fn location(session: &Session, settings: &Settings, value: &[u8]) -> Option<Vec<u8>> {
    redirect(session, settings, value)
}

/// `Refresh`, whose URL follows `url=`.
pub(super) fn refresh(session: &Session, settings: &Settings, value: &[u8]) -> Option<Vec<u8>> {
    let at = value
        .to_ascii_lowercase()
        .windows(4)
        .position(|window| window == b"url=")?
        + 4;
    let url = redirect(session, settings, &value[at..])?;
    Some([&value[..at], &url].concat())
}

fn redirect(session: &Session, settings: &Settings, value: &[u8]) -> Option<Vec<u8>> {
    let rules = settings.upstream.redirect.clone();
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
pub(super) fn replace_match(
    session: &Session,
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
    session.req.note_match(&groups, value);
    Some(variables::text(session.view(), to))
}
