//! Readers of `limit_req` and `limit_conn`.

use super::plain::between;
use super::zones::{Usage, no_zone};
use super::{Call, Reject};
use crate::value::number::parse_number;
use crate::value::{ConnectionLimit, RequestLimit};

/// `nodelay`: more than ever comes.
const ALL: u64 = i64::MAX as u64 / 1000 * 1000;

/// `zone=NAME [burst=NUMBER] [nodelay | delay=NUMBER]` (`ngx_http_limit_req`).
pub(crate) fn limit_req(call: &mut Call<'_>) -> Result<Vec<RequestLimit>, Reject> {
    let mut named = None;
    let mut limit = RequestLimit {
        zone: 0,
        burst: 0,
        delay: 0,
    };
    for index in 0..call.args.len() {
        let text = call.bytes(index);
        if let Some(name) = text.strip_prefix(b"zone=") {
            let name = String::from_utf8_lossy(name).into_owned();
            limit.zone = call.cx.zones.share(&name, 0, Usage::Requests)?;
            named = Some(name);
        } else if let Some(number) = text.strip_prefix(b"burst=") {
            limit.burst = thousands(number).ok_or_else(|| invalid(call, "burst value", index))?;
        } else if let Some(number) = text.strip_prefix(b"delay=") {
            limit.delay = thousands(number).ok_or_else(|| invalid(call, "delay value", index))?;
        } else if text == b"nodelay" {
            limit.delay = ALL;
        } else {
            return Err(invalid(call, "parameter", index));
        }
    }
    let name = named.ok_or_else(|| no_zone(call))?;
    once(call, name)?;
    Ok(vec![limit])
}

/// `ZONE NUMBER` (`ngx_http_limit_conn`).
pub(crate) fn limit_conn(call: &mut Call<'_>) -> Result<Vec<ConnectionLimit>, Reject> {
    let name = call.text(0);
    let zone = call.cx.zones.share(&name, 0, Usage::Connections)?;
    once(call, name)?;
    let number = parse_number(call.bytes(1))
        .filter(|number| *number > 0)
        .ok_or_else(|| invalid(call, "number of connections", 1))?;
    let most = u16::try_from(number)
        .map_err(|_| Reject::message("connection limit must be less 65536"))?;
    Ok(vec![ConnectionLimit { zone, most }])
}

/// The status of a request that is refused.
pub(crate) fn status_of_refusal(call: &mut Call<'_>) -> Result<u16, Reject> {
    between(call, 400, 599)
}

/// A block limits by a zone once only.
fn once(call: &mut Call<'_>, zone: String) -> Result<(), Reject> {
    let zones = call.words();
    if zones.contains(&zone) {
        return Err(Reject::directive("is duplicate"));
    }
    zones.push(zone);
    Ok(())
}

fn thousands(number: &[u8]) -> Option<u64> {
    let number = parse_number(number).filter(|number| *number > 0)?;
    Some(number.saturating_mul(1000))
}

fn invalid(call: &Call<'_>, what: &str, index: usize) -> Reject {
    Reject::message(format!("invalid {what} \"{}\"", call.text(index)))
}
