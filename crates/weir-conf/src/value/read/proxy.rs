//! Readers about upstreams.

use super::logs::invalid_parameter;
use super::{Call, ProxyPassSeen, Reject, keyword};
use crate::address::parse_literal;
use crate::pattern::Case;
use crate::value::{
    Bind, CookieFlags, CookieFlagsRule, CookieMatch, CookieRewrite, HttpVersion, LateText,
    Redirect, RedirectFrom, WrittenHeader,
};

/// `1.0` or `1.1`, or `2`, which weir has not got yet.
pub(crate) fn http_version(call: &mut Call<'_>) -> Result<HttpVersion, Reject> {
    if call.bytes(0) == b"2" && call.cx.differences().upstream_http2 {
        return Err(Reject::message(
            "parameter \"2\" is not implemented in weir yet",
        ));
    }
    keyword(call)
}

/// `NAME VALUE`.
pub(crate) fn set_header(call: &mut Call<'_>) -> Result<Vec<WrittenHeader>, Reject> {
    Ok(vec![WrittenHeader {
        name: call.bytes(0).into(),
        value: late(call, 1),
    }])
}

/// A text whose variables nginx finds only when it settles.
pub(crate) fn late_text(call: &mut Call<'_>) -> Result<LateText, Reject> {
    Ok(late(call, 0))
}

fn late(call: &Call<'_>, index: usize) -> LateText {
    LateText {
        text: call.bytes(index).into(),
        place: call.place.clone(),
    }
}

/// `ADDRESS[:PORT] [transparent]` or `off` (`ngx_http_upstream_bind_set_slot`).
pub(crate) fn bind(call: &mut Call<'_>) -> Result<Option<Bind>, Reject> {
    if call.args.len() == 1 && call.bytes(0) == b"off" {
        return Ok(None);
    }
    let text = call.bytes(0);
    let address = call.template(text)?;
    if address.is_literal() && parse_literal(&call.text(0), 0).is_none() {
        return Err(Reject::message(format!(
            "invalid address \"{}\"",
            call.text(0)
        )));
    }
    let transparent = match call.args.get(1) {
        None => false,
        Some(word) if *word.text == *b"transparent" => true,
        Some(_) => return Err(invalid_parameter(call, 1)),
    };
    Ok(Some(Bind {
        address,
        transparent,
    }))
}

/// `off`, `default`, or `FROM TO` (`ngx_http_proxy_redirect`); nothing stands for `off`.
pub(crate) fn redirect(call: &mut Call<'_>) -> Result<Vec<Redirect>, Reject> {
    if call.args.len() == 1 {
        return match call.bytes(0) {
            b"off" => Ok(Vec::new()),
            b"default" => default_redirect(call).map(|written| vec![written]),
            _ => Err(invalid_parameter(call, 0)),
        };
    }
    let from = match call.bytes(0) {
        [b'~', b'*', pattern @ ..] => RedirectFrom::Regex(call.pattern(pattern, Case::Ignored)?),
        [b'~', pattern @ ..] => RedirectFrom::Regex(call.pattern(pattern, Case::Kept)?),
        text => RedirectFrom::Prefix(call.template(text)?),
    };
    let to = call.bytes(1);
    let to = call.template(to)?;
    Ok(vec![Redirect { from, to }])
}

fn default_redirect(call: &Call<'_>) -> Result<Redirect, Reject> {
    match &call.cx.proxy_pass {
        ProxyPassSeen::Fixed(redirect) => Ok((**redirect).clone()),
        ProxyPassSeen::Variable => Err(Reject::message(
            "\"proxy_redirect default\" cannot be used with \"proxy_pass\" directive with variables",
        )),
        ProxyPassSeen::None => Err(Reject::message(
            "\"proxy_redirect default\" should be placed after the \"proxy_pass\" directive",
        )),
    }
}

/// `off` or `FROM TO`, dots in front do not count (`ngx_http_proxy_cookie_domain`).
pub(crate) fn cookie_domain(call: &mut Call<'_>) -> Result<Vec<CookieRewrite>, Reject> {
    if call.args.len() == 1 {
        return off_only(call);
    }
    let to = call.bytes(1);
    let (from, to) = match call.bytes(0) {
        [b'~', pattern @ ..] => (
            CookieMatch::Pattern(call.pattern(pattern, Case::Ignored)?),
            to,
        ),
        text => {
            let text = text.strip_prefix(b".").unwrap_or(text);
            let from = CookieMatch::Text(call.template(text)?);
            (from, to.strip_prefix(b".").unwrap_or(to))
        }
    };
    Ok(vec![CookieRewrite {
        from,
        to: call.template(to)?,
    }])
}

/// `off` or `FROM TO` (`ngx_http_proxy_cookie_path`).
pub(crate) fn cookie_path(call: &mut Call<'_>) -> Result<Vec<CookieRewrite>, Reject> {
    if call.args.len() == 1 {
        return off_only(call);
    }
    let from = match call.bytes(0) {
        [b'~', b'*', pattern @ ..] => CookieMatch::Pattern(call.pattern(pattern, Case::Ignored)?),
        [b'~', pattern @ ..] => CookieMatch::Pattern(call.pattern(pattern, Case::Kept)?),
        text => CookieMatch::Text(call.template(text)?),
    };
    let to = call.bytes(1);
    Ok(vec![CookieRewrite {
        from,
        to: call.template(to)?,
    }])
}

/// `off` or `COOKIE FLAG...` (`ngx_http_proxy_cookie_flags`). As in nginx a word that is no flag is no
/// fault; it shows when a response comes, for those that are variables.
pub(crate) fn cookie_flags(call: &mut Call<'_>) -> Result<Vec<CookieFlagsRule>, Reject> {
    if call.args.len() == 1 {
        return off_only(call);
    }
    let cookie = match call.bytes(0) {
        [b'~', pattern @ ..] => CookieMatch::Pattern(call.pattern(pattern, Case::Ignored)?),
        text => CookieMatch::Text(call.template(text)?),
    };
    let mut flags = CookieFlags::EMPTY;
    let mut evaluated = Vec::new();
    for index in 1..call.args.len() {
        let word = call.template(call.bytes(index))?;
        match word.as_literal() {
            Some(word) => flags = flags | CookieFlags::asked_for(word),
            None => evaluated.push(word),
        }
    }
    Ok(vec![CookieFlagsRule {
        cookie,
        flags,
        evaluated: evaluated.into(),
    }])
}

fn off_only<T>(call: &Call<'_>) -> Result<Vec<T>, Reject> {
    if call.bytes(0) == b"off" {
        Ok(Vec::new())
    } else {
        Err(invalid_parameter(call, 0))
    }
}
