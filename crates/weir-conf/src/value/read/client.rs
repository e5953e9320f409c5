//! Readers about clients and their request bodies.

use std::net::IpAddr;
use std::time::Duration;

use super::{Call, Reject};
use crate::address::parse_ip;
use crate::value::number::{parse_number, parse_seconds, parse_time};
use crate::value::{AccessRule, KeepaliveTimeout, Network, RealIpHeader, TempPath};

/// `TIMEOUT [HEADER]` (`ngx_http_core_keepalive`).
pub(crate) fn keepalive_timeout(call: &mut Call<'_>) -> Result<KeepaliveTimeout, Reject> {
    let invalid = || Reject::directive("invalid value");
    let timeout = parse_time(call.bytes(0)).ok_or_else(invalid)?;
    let header = match call.args.get(1) {
        None => None,
        Some(word) => Some(parse_seconds(&word.text).ok_or_else(invalid)?),
    };
    // A header of zero seconds is not sent.
    Ok(KeepaliveTimeout {
        timeout,
        header: header.filter(|seconds| *seconds > 0),
    })
}

/// Digits of a temporary file's number, which levels of folders are named after.
const MOST_DIGITS: u64 = 10;

/// `PATH [LEVEL [LEVEL [LEVEL]]]` (`ngx_conf_set_path_slot`).
pub(crate) fn temp_path(call: &mut Call<'_>) -> Result<TempPath, Reject> {
    let invalid = || Reject::directive("invalid value");
    let name = call.bytes(0);
    let path = call
        .cx
        .under_prefix(name.strip_suffix(b"/").unwrap_or(name));
    let mut levels = Vec::new();
    for word in call.args.iter().skip(1) {
        match parse_number(&word.text) {
            Some(level @ 1..=MOST_DIGITS) => levels.push(level as u8),
            _ => return Err(invalid()),
        }
    }
    if levels.iter().map(|level| u64::from(*level)).sum::<u64>() > MOST_DIGITS {
        return Err(invalid());
    }
    Ok(TempPath { path, levels })
}

/// The argument of `allow` and `deny` (`ngx_http_access_rule`).
pub(crate) fn access_rule(call: &mut Call<'_>, allow: bool) -> Result<AccessRule, Reject> {
    let network = match call.bytes(0) {
        b"all" => Network::All,
        b"unix:" => Network::Unix,
        text => {
            let text = String::from_utf8_lossy(text);
            let (network, exact) = parse_cidr(&text)
                .ok_or_else(|| Reject::message(format!("invalid parameter \"{text}\"")))?;
            if !exact {
                call.warn(format!("low address bits of {text} are meaningless"));
            }
            network
        }
    };
    Ok(AccessRule { allow, network })
}

/// The argument of `set_real_ip_from`; a name stands for all its addresses (`ngx_http_realip_from`).
pub(crate) fn trusted(call: &mut Call<'_>) -> Result<Vec<Network>, Reject> {
    let text = call.text(0);
    if text == "unix:" {
        return Ok(vec![Network::Unix]);
    }
    if let Some((network, exact)) = parse_cidr(&text) {
        if !exact {
            call.warn(format!("low address bits of {text} are meaningless"));
        }
        return Ok(vec![network]);
    }
    let addresses = crate::resolve(&text);
    if addresses.is_empty() {
        let text = format!("host not found in set_real_ip_from \"{text}\"");
        return Err(Reject::message(text));
    }
    let whole = |address: IpAddr| Network::Cidr {
        address,
        prefix: if address.is_ipv4() { 32 } else { 128 },
    };
    Ok(addresses.into_iter().map(whole).collect())
}

/// `ngx_http_realip`.
pub(crate) fn real_ip_header(call: &mut Call<'_>) -> Result<RealIpHeader, Reject> {
    Ok(match call.bytes(0) {
        b"X-Real-IP" => RealIpHeader::RealIp,
        b"X-Forwarded-For" => RealIpHeader::ForwardedFor,
        b"proxy_protocol" => RealIpHeader::ProxyProtocol,
        name => RealIpHeader::Field(name.into()),
    })
}

/// `ADDRESS[/BITS]`, and whether the bits after the mask are zero (`ngx_ptocidr`).
pub(crate) fn parse_cidr(text: &str) -> Option<(Network, bool)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address = parse_ip(address.as_bytes())?;
    let width: u8 = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match bits {
        None => width,
        Some(bits) => u8::try_from(parse_number(bits.as_bytes())?).ok()?,
    };
    if prefix > width {
        return None;
    }
    let masked = mask(address, prefix);
    Some((
        Network::Cidr {
            address: masked,
            prefix,
        },
        masked == address,
    ))
}

fn mask(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

/// A time that is not zero.
pub(crate) fn positive_time(text: &[u8]) -> Option<Duration> {
    parse_time(text).filter(|time| !time.is_zero())
}
