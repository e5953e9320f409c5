//! Readers of `userid` and its kin.

use super::{Call, Reject, word};
use crate::value::number::parse_seconds;
use crate::value::{Keyword as _, UserIdExpires, UserIdFlags};

/// The number that stands for `max` (`NGX_HTTP_USERID_MAX_EXPIRES`).
const MAX_EXPIRES: u64 = 2_145_916_555;

/// A cookie's domain with what stands before it; `none` is none (`ngx_http_userid_domain`).
pub(crate) fn user_id_domain(call: &mut Call<'_>) -> Result<Box<[u8]>, Reject> {
    Ok(match call.bytes(0) {
        b"none" => Box::default(),
        domain => [b"; domain=", domain].concat().into(),
    })
}

/// A cookie's path with what stands before it (`ngx_http_userid_path`).
pub(crate) fn user_id_path(call: &mut Call<'_>) -> Result<Box<[u8]>, Reject> {
    Ok([b"; path=", call.bytes(0)].concat().into())
}

/// A time, `max` or `off` (`ngx_http_userid_expires`).
pub(crate) fn user_id_expires(call: &mut Call<'_>) -> Result<UserIdExpires, Reject> {
    match call.bytes(0) {
        b"max" => return Ok(UserIdExpires::Max),
        b"off" => return Ok(UserIdExpires::WithBrowser),
        _ => {}
    }
    match parse_seconds(call.bytes(0)) {
        Some(0) => Ok(UserIdExpires::WithBrowser),
        Some(MAX_EXPIRES) => Ok(UserIdExpires::Max),
        Some(seconds) => Ok(UserIdExpires::After(seconds)),
        None => Err(Reject::directive("invalid value")),
    }
}

/// A `P3P` field; `none` is none (`ngx_http_userid_p3p`).
pub(crate) fn user_id_p3p(call: &mut Call<'_>) -> Result<Box<[u8]>, Reject> {
    Ok(match call.bytes(0) {
        b"none" => Box::default(),
        policy => policy.into(),
    })
}

/// A letter, a digit or `=`; `off` is none (`ngx_http_userid_mark`).
pub(crate) fn user_id_mark(call: &mut Call<'_>) -> Result<Option<u8>, Reject> {
    match call.bytes(0) {
        b"off" => Ok(None),
        &[mark] if mark.is_ascii_alphanumeric() || mark == b'=' => Ok(Some(mark)),
        _ => {
            let text = "value must be \"off\" or a single letter, digit or \"=\"";
            Err(Reject::directive(text))
        }
    }
}

/// Flags of which a repeated one is warned of; the first `samesite=…` is the one that counts
/// (`ngx_conf_set_bitmask_slot`, which sees the bit that all of these share).
pub(crate) fn user_id_flags(call: &mut Call<'_>) -> Result<UserIdFlags, Reject> {
    const SAME_SITE: &[u8] = b"samesite";
    let mut all = UserIdFlags::EMPTY;
    for index in 0..call.args.len() {
        let flag = word(call, index, UserIdFlags::of)?;
        let text = call.bytes(index);
        let is_same_site = text
            .get(..SAME_SITE.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(SAME_SITE));
        let repeats = call.repeats(if is_same_site { SAME_SITE } else { text });
        if repeats {
            call.warn(format!("duplicate value \"{}\"", call.text(index)));
        } else {
            all = all | flag;
        }
    }
    Ok(all)
}
