//! `userid`: cookies by which visitors are told apart.

use weir_conf::{UserId, UserIdExpires, UserIdFlags, UserIdMode};
use weir_io::clock;
use weir_wire::{base64, date};

use crate::facts::{Got, Id, Session};
use crate::report::variables::user_id::{self, DIGITS, NoValue};

/// What each flag adds, in this order.
const ATTRIBUTES: [(UserIdFlags, &[u8]); 5] = [
    (UserIdFlags::SECURE, b"; secure"),
    (UserIdFlags::HTTP_ONLY, b"; httponly"),
    (UserIdFlags::SAME_SITE_STRICT, b"; samesite=strict"),
    (UserIdFlags::SAME_SITE_LAX, b"; samesite=lax"),
    (UserIdFlags::SAME_SITE_NONE, b"; samesite=none"),
];

/// Sends a visitor the cookie that is due, if one is (`ngx_http_userid_filter`).
pub(super) fn filter(session: &mut Session) -> Result<(), NoValue> {
    let Some(rules) = &session.settings().userid else {
        return Ok(());
    };
    if rules.mode == UserIdMode::Log {
        return Ok(());
    }
    let rules = rules.clone();
    let view = session.view();
    let got = user_id::sent(view, &rules);
    let Some(id) = user_id::given(view, &rules)? else {
        return Ok(());
    };
    let is_reset = view.req.state.visitor.visitor().is_reset.get();
    let cookie = cookie(
        &rules,
        &id,
        got.filter(|_| !is_reset),
        clock::unix_seconds(),
    );
    let fields = &mut session.req.response.fields;
    fields.add(b"Set-Cookie", &cookie);
    if !rules.p3p.is_empty() {
        fields.add(b"P3P", &rules.p3p);
    }
    Ok(())
}

/// The cookie's text: a new one, or what came with the mark that it lacks
/// (`ngx_http_userid_set_uid`).
fn cookie(rules: &UserId, id: &Id, came: Option<&Got>, now: i64) -> Vec<u8> {
    let mut text = rules.name.to_vec();
    text.push(b'=');
    match came {
        Some(got) => {
            text.extend_from_slice(&got.text[..DIGITS]);
            text.extend(rules.mark);
            text.push(b'=');
        }
        None => {
            base64::encode(id, &mut text);
            if let (Some(mark), [.., first_padding, _]) = (rules.mark, text.as_mut_slice()) {
                *first_padding = mark;
            }
        }
    }
    match rules.expires {
        UserIdExpires::WithBrowser => {}
        UserIdExpires::Max => text.extend_from_slice(b"; expires=Thu, 31-Dec-37 23:55:55 GMT"),
        UserIdExpires::After(seconds) => {
            text.extend_from_slice(b"; expires=");
            let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
            date::write_for_cookie(now.saturating_add(seconds), &mut text);
        }
    }
    text.extend_from_slice(&rules.domain);
    text.extend_from_slice(&rules.path);
    for (flag, attribute) in ATTRIBUTES {
        if rules.flags.contains(flag) {
            text.extend_from_slice(attribute);
        }
    }
    text
}
