//! The arguments of `resolver`.

use std::sync::Arc;

use super::{Call, Reject};
use crate::address::parse_literal;
use crate::model::UpstreamAddress;
use crate::upstream_url::split_host;
use crate::value::number::parse_seconds;
use crate::value::{NameServer, ResolverRules, ResolverSpec};

/// The port that name servers listen at.
const PORT: u16 = 53;

/// `SERVER… [valid=TIME] [ipv4=on|off] [ipv6=on|off] [status_zone=ZONE]` (`ngx_resolver_create`).
pub(crate) fn resolver(call: &mut Call<'_>) -> Result<Arc<ResolverSpec>, Reject> {
    let mut rules = ResolverRules {
        servers: Vec::new(),
        ipv4: true,
        ipv6: true,
        valid: 0,
    };
    for index in 0..call.args.len() {
        take(call, index, &mut rules)?;
    }
    if !rules.ipv4 && !rules.ipv6 {
        return Err(Reject::message(
            "\"ipv4\" and \"ipv6\" cannot both be \"off\"",
        ));
    }
    if rules.servers.is_empty() {
        return Err(Reject::message("no name servers defined"));
    }
    let spec = Arc::new(ResolverSpec {
        index: call.cx.resolvers.len(),
        rules,
        place: call.place.clone(),
    });
    call.cx.resolvers.push(spec.clone());
    Ok(spec)
}

fn take(call: &mut Call<'_>, index: usize, rules: &mut ResolverRules) -> Result<(), Reject> {
    let text = call.bytes(index);
    let invalid = || Reject::message(format!("invalid parameter: {}", call.text(index)));
    if let Some(time) = text.strip_prefix(b"valid=") {
        rules.valid = parse_seconds(time).ok_or_else(invalid)?;
    } else if let Some(value) = text.strip_prefix(b"ipv4=")
        && call.cx.differences().resolver_ipv4
    {
        rules.ipv4 = on_or_off(value).ok_or_else(invalid)?;
    } else if let Some(value) = text.strip_prefix(b"ipv6=") {
        rules.ipv6 = on_or_off(value).ok_or_else(invalid)?;
    } else if text.starts_with(b"status_zone=") {
        let text = format!(
            "\"resolver\": \"{}\" not obeyed, ignored: no page shows it yet",
            call.text(index)
        );
        call.warn(text);
    } else {
        rules.servers.push(server(call, index)?);
    }
    Ok(())
}

fn on_or_off(value: &[u8]) -> Option<bool> {
    match value {
        b"on" => Some(true),
        b"off" => Some(false),
        _ => None,
    }
}

fn server(call: &Call<'_>, index: usize) -> Result<NameServer, Reject> {
    let written = call.text(index);
    let parts = split_host(call.bytes(index), false)
        .map_err(|fault| Reject::message(format!("{fault} in resolver \"{written}\"")))?;
    if parts.unix {
        let text = format!("name server \"{written}\" is not implemented in weir yet");
        return Err(Reject::message(text));
    }
    let host = String::from_utf8_lossy(parts.host).into_owned();
    let port = parts.port.unwrap_or(PORT);
    let address = match parse_literal(&host, port) {
        Some(address) => UpstreamAddress::Inet(address),
        None => UpstreamAddress::Name { host, port },
    };
    Ok(NameServer { address, written })
}

/// `upstream_start resolved | unresolved`.
pub(crate) fn starts_unresolved(call: &mut Call<'_>) -> Result<bool, Reject> {
    match call.bytes(0) {
        b"resolved" => Ok(false),
        b"unresolved" => Ok(true),
        _ => Err(Reject::message(format!(
            "invalid value \"{}\" in \"upstream_start\" directive, it must be \"resolved\" or \"unresolved\"",
            call.text(0)
        ))),
    }
}
