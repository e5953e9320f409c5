//! `sticky`, and what a `server` says for it.

use std::time::Duration;

use super::zones::big_enough;
use super::{Call, Reject};
use crate::Variable;
use crate::model::{
    LONGEST_SERVER_ID, SessionZone, Sticky, StickyCookie, StickyExpires, StickyKind, StickyLearn,
    is_same_site,
};
use crate::value::number::{parse_seconds, parse_size, parse_time};

/// What nginx takes for `expires=max`, in seconds.
const MAX_EXPIRES: u64 = 2_145_916_555;

/// How long a session is remembered that is not used.
const TIMEOUT: Duration = Duration::from_secs(600);

/// The value of `route=` (`ngx_http_upstream_server`).
pub(crate) fn route(value: &[u8]) -> Result<Box<[u8]>, Reject> {
    match value.len() {
        0 => Err(Reject::message("route is empty")),
        1..=LONGEST_SERVER_ID => Ok(value.into()),
        _ => Err(Reject::message(format!(
            "route is longer than {LONGEST_SERVER_ID}"
        ))),
    }
}

/// `cookie NAME …`, `route $VARIABLE…` or `learn …`, in the block `upstream` (`ngx_http_upstream_sticky`).
pub(crate) fn sticky(call: &mut Call<'_>, upstream: &str) -> Result<Sticky, Reject> {
    match call.bytes(0) {
        b"cookie" => cookie(call),
        b"route" => {
            let lookup = (1..call.args.len()).map(|index| {
                let text = call.bytes(index);
                let name = text.strip_prefix(b"$");
                let invalid = || format!("invalid variable name \"{}\"", call.text(index));
                let name = name.ok_or_else(|| Reject::message(invalid()))?;
                variable(call, name)
            });
            Ok(Sticky {
                lookup: lookup.collect::<Result<_, _>>()?,
                kind: StickyKind::Route,
            })
        }
        b"learn" => learn(call, upstream),
        _ => Err(unknown(call, 0)),
    }
}

/// The variable that is called so, without its dollar sign (`ngx_http_get_variable_index`).
fn variable(call: &mut Call<'_>, name: &[u8]) -> Result<Variable, Reject> {
    if name.is_empty() {
        return Err(Reject::message("invalid variable name \"$\""));
    }
    Ok(call.cx.variable(&String::from_utf8_lossy(name), call.place))
}

fn unknown(call: &Call<'_>, index: usize) -> Reject {
    Reject::message(format!("unknown parameter \"{}\"", call.text(index)))
}

/// `cookie NAME PARAMETER…` (`ngx_http_upstream_sticky_cookie`).
fn cookie(call: &mut Call<'_>) -> Result<Sticky, Reject> {
    if call.bytes(1).is_empty() {
        return Err(Reject::directive("empty cookie name"));
    }
    let mut cookie = StickyCookie {
        name: call.bytes(1).into(),
        expires: None,
        domain: None,
        path: Box::default(),
        http_only: false,
        secure: false,
        same_site: None,
    };
    for index in 2..call.args.len() {
        cookie_parameter(call, index, &mut cookie)?;
    }
    let name = [b"cookie_", call.bytes(1)].concat();
    Ok(Sticky {
        lookup: Box::new([variable(call, &name)?]),
        kind: StickyKind::Cookie(Box::new(cookie)),
    })
}

fn cookie_parameter(
    call: &mut Call<'_>,
    index: usize,
    cookie: &mut StickyCookie,
) -> Result<(), Reject> {
    let text = call.bytes(index);
    if let Some(domain) = text.strip_prefix(b"domain=") {
        once("domain", cookie.domain.is_none())?;
        cookie.domain = Some(call.template(some("domain", domain)?)?);
    } else if let Some(path) = text.strip_prefix(b"path=") {
        once("path", cookie.path.is_empty())?;
        cookie.path = [b"; path=", some("path", path)?].concat().into();
    } else if let Some(time) = text.strip_prefix(b"expires=") {
        once("expires", cookie.expires.is_none())?;
        cookie.expires = Some(expires(time)?);
    } else if text == b"httponly" {
        once("httponly", !cookie.http_only)?;
        cookie.http_only = true;
    } else if text == b"secure" {
        once("secure", !cookie.secure)?;
        cookie.secure = true;
    } else if let Some(words) = text.strip_prefix(b"samesite=") {
        once("samesite", cookie.same_site.is_none())?;
        let words = call.template(words)?;
        if words.as_literal().is_some_and(|word| !is_same_site(word)) {
            return Err(Reject::directive("invalid \"samesite\" parameter value"));
        }
        cookie.same_site = Some(words);
    } else {
        return Err(unknown(call, index));
    }
    Ok(())
}

fn once(name: &str, is_first: bool) -> Result<(), Reject> {
    let repeated = || Reject::directive(format!("parameter \"{name}\" is duplicate"));
    is_first.then_some(()).ok_or_else(repeated)
}

fn some<'a>(name: &str, value: &'a [u8]) -> Result<&'a [u8], Reject> {
    let none = || Reject::directive(format!("no value for \"{name}\""));
    (!value.is_empty()).then_some(value).ok_or_else(none)
}

fn expires(text: &[u8]) -> Result<StickyExpires, Reject> {
    if text == b"max" {
        return Ok(StickyExpires::Max);
    }
    match parse_seconds(text) {
        Some(MAX_EXPIRES) => Ok(StickyExpires::Max),
        Some(seconds) => Ok(StickyExpires::After(seconds)),
        None => Err(Reject::directive("invalid \"expires\" parameter value")),
    }
}

/// What a `sticky learn` says.
#[derive(Default)]
struct Learn {
    zone: Option<(String, usize)>,
    timeout: Option<Duration>,
    create: Vec<Variable>,
    lookup: Vec<Variable>,
    after_header: bool,
}

/// `learn create=$VARIABLE… lookup=$VARIABLE… zone=NAME:SIZE …` (`ngx_http_upstream_sticky_learn`).
fn learn(call: &mut Call<'_>, upstream: &str) -> Result<Sticky, Reject> {
    let mut learn = Learn::default();
    for index in 1..call.args.len() {
        learn.take(call, index)?;
    }
    let missing = |name| Reject::directive(format!("\"{name}\" parameter is not specified"));
    if learn.lookup.is_empty() {
        return Err(missing("lookup"));
    }
    if learn.create.is_empty() {
        return Err(missing("create"));
    }
    let (name, size) = learn.zone.ok_or_else(|| missing("zone"))?;
    let zone = call.cx.zones.keep_sessions(SessionZone {
        name,
        size,
        upstream: upstream.to_owned(),
        timeout: learn.timeout.unwrap_or(TIMEOUT),
    })?;
    Ok(Sticky {
        lookup: learn.lookup.into(),
        kind: StickyKind::Learn(StickyLearn {
            create: learn.create.into(),
            zone,
            after_header: learn.after_header,
        }),
    })
}

impl Learn {
    fn take(&mut self, call: &mut Call<'_>, index: usize) -> Result<(), Reject> {
        let text = call.bytes(index);
        if let Some(zone) = text.strip_prefix(b"zone=") {
            free("zone", self.zone.is_none())?;
            self.zone = Some(name_and_size(zone)?);
        } else if let Some(time) = text.strip_prefix(b"timeout=") {
            free("timeout", self.timeout.is_none())?;
            let time = parse_time(time).filter(|time| !time.is_zero());
            self.timeout = Some(time.ok_or_else(|| Reject::directive("invalid timeout"))?);
        } else if let Some(name) = text.strip_prefix(b"create=") {
            self.create.push(asked(call, "create", name)?);
        } else if let Some(name) = text.strip_prefix(b"lookup=") {
            self.lookup.push(asked(call, "lookup", name)?);
        } else if text == b"header" {
            self.after_header = true;
        } else {
            return Err(unknown(call, index));
        }
        Ok(())
    }
}

fn free(name: &str, is_free: bool) -> Result<(), Reject> {
    let taken = || Reject::directive(format!("duplicate {name}"));
    is_free.then_some(()).ok_or_else(taken)
}

fn asked(call: &mut Call<'_>, parameter: &str, text: &[u8]) -> Result<Variable, Reject> {
    let Some(name) = text.strip_prefix(b"$") else {
        return Err(Reject::directive(format!(
            "missing variable in the \"{parameter}\" parameter"
        )));
    };
    variable(call, name)
}

fn name_and_size(text: &[u8]) -> Result<(String, usize), Reject> {
    let Some(colon) = memchr::memchr(b':', text) else {
        return Err(Reject::directive("zone size is not specified"));
    };
    if colon == 0 {
        return Err(Reject::directive("zone name is not specified"));
    }
    let name = String::from_utf8_lossy(&text[..colon]).into_owned();
    let size = parse_size(&text[colon + 1..]);
    let size = size.ok_or_else(|| Reject::directive("invalid zone size"))?;
    let too_small = |_| Reject::directive("zone is too small");
    let size = big_enough(size, &name).map_err(too_small)?;
    Ok((name, size))
}
