//! `health_check` lines, and whether the groups that they are about can be checked.

use std::sync::Arc;

use super::location::LocationDraft;
use crate::model::{
    Handler, HealthCheck, ProxyTarget, Server, Upstream, UpstreamAddress, UpstreamServer,
    checking_locations,
};
use crate::value::number::{parse_number, parse_time};
use crate::value::read::{Call, Reading, Reject};
use crate::{Fault, Place};

/// Reads `health_check PARAMETER...` (`ngx_http_upstream_hc_module`).
pub(super) fn read(call: &mut Call<'_>) -> Result<HealthCheck, Reject> {
    let mut check = HealthCheck::new(call.place.clone());
    for index in 0..call.args.len() {
        let text = call.bytes(index);
        let (name, value) = match memchr::memchr(b'=', text) {
            Some(equals) => text.split_at(equals + 1),
            None => (text, &[][..]),
        };
        let taken = take(call, &mut check, name, value)?;
        if taken.is_none() {
            let text = format!("invalid parameter \"{}\"", call.text(index));
            return Err(Reject::message(text));
        }
    }
    if check.persistent && !check.mandatory {
        return Err(Reject::message(
            "parameter \"persistent\" requires \"mandatory\"",
        ));
    }
    Ok(check)
}

/// Takes a parameter; `None`: there is no such thing, or its value is none.
fn take(
    call: &mut Call<'_>,
    check: &mut HealthCheck,
    name: &[u8],
    value: &[u8],
) -> Result<Option<()>, Reject> {
    let time = || parse_time(value);
    let positive = || {
        let number = parse_number(value).filter(|number| *number > 0)?;
        Some(u32::try_from(number).unwrap_or(u32::MAX))
    };
    Ok(match name {
        b"interval=" => time()
            .filter(|time| !time.is_zero())
            .map(|time| check.interval = time),
        b"jitter=" => time().map(|time| check.jitter = time),
        b"fails=" => positive().map(|fails| check.fails = fails),
        b"passes=" => positive().map(|passes| check.passes = passes),
        b"uri=" if value.iter().any(|&byte| ends_target(byte)) => {
            return Err(Reject::message(
                "parameter \"uri\" of \"health_check\" has a space or a control character: write it as %XX",
            ));
        }
        b"uri=" => value.starts_with(b"/").then(|| check.uri = value.into()),
        b"mandatory" => {
            check.mandatory = true;
            Some(())
        }
        b"persistent" => {
            check.persistent = true;
            Some(())
        }
        b"match=" if !value.is_empty() => {
            let name = String::from_utf8_lossy(value);
            check.tests = Some(call.cx.matches.refer(&name, call.place));
            Some(())
        }
        b"port=" => parse_number(value)
            .and_then(|port| u16::try_from(port).ok())
            .filter(|port| *port > 0)
            .map(|port| check.port = Some(port)),
        b"keepalive_time=" => time().map(|time| {
            check.keepalive_time = Some(time).filter(|time| !time.is_zero());
        }),
        b"type=" if value == b"grpc" => return Err(absent("type=grpc")),
        b"grpc_service=" => return Err(absent("grpc_service")),
        b"grpc_status=" => return Err(absent("grpc_status")),
        _ => None,
    })
}

/// Whether the byte would end what is asked for, or the line that asks.
fn ends_target(byte: u8) -> bool {
    byte == b' ' || byte.is_ascii_control()
}

fn absent(name: &str) -> Reject {
    let text = format!("parameter \"{name}\" of \"health_check\" is not implemented in weir yet");
    Reject::message(text)
}

/// Notes what keeps the location from checking: a group that workers share is passed to, by name.
pub(super) fn verify(draft: &LocationDraft, upstreams: &[Upstream], cx: &mut Reading) {
    let Some(check) = &draft.health_check else {
        return;
    };
    let fault = match draft.target() {
        None => about(
            check,
            "\"health_check\" requires \"proxy_pass\" to an upstream in the same location",
            "add `proxy_pass http://NAME;` beside it, where NAME is an `upstream` block",
        ),
        Some(ProxyTarget::Variable(_)) => about(
            check,
            "\"health_check\" cannot be used with variables in \"proxy_pass\"",
            "name the `upstream` block in `proxy_pass`; an internal location will do, if requests come by another",
        ),
        Some(ProxyTarget::Fixed { upstream, .. }) => match upstreams.get(*upstream) {
            Some(group) if group.explicit && group.zone.is_some() => {
                return warn_of_port(check, group, cx);
            }
            Some(group) if group.explicit => about(
                check,
                &format!(
                    "\"health_check\" requires upstream \"{}\" to be in shared memory",
                    group.name
                ),
                "add `zone NAME 64k;` to the `upstream` block",
            ),
            Some(_) | None => about(
                check,
                "\"health_check\" requires \"proxy_pass\" to name an upstream",
                "put the server into an `upstream` block with a `zone`, and name that in `proxy_pass`",
            ),
        },
    };
    cx.faults.push(fault);
}

/// Sockets of the file system have no ports.
fn warn_of_port(check: &HealthCheck, group: &Upstream, cx: &mut Reading) {
    let unix = |server: &&UpstreamServer| matches!(server.address, UpstreamAddress::Unix(_));
    let server = group.servers.iter().find(unix);
    if let (Some(port), Some(server)) = (check.port, server) {
        let (server, name) = (&server.written, &group.name);
        let text = format!(
            "\"port={port}\" of \"health_check\" has no effect on server \"{server}\" of upstream \"{name}\""
        );
        cx.warn(text, &check.place);
    }
}

/// Notes the first check of a group beyond [`HealthCheck::MOST`].
pub(super) fn count(servers: &[Arc<Server>], upstreams: &[Upstream], cx: &mut Reading) {
    let mut counts = vec![0; upstreams.len()];
    for (_, location) in checking_locations(servers) {
        let (Some(check), Handler::Proxy(pass)) = (&location.health_check, &location.handler)
        else {
            continue;
        };
        let ProxyTarget::Fixed { upstream, .. } = &pass.target else {
            continue;
        };
        let (Some(count), Some(group)) = (counts.get_mut(*upstream), upstreams.get(*upstream))
        else {
            continue;
        };
        *count += 1;
        if *count == HealthCheck::MOST + 1 {
            let text = format!("too many health checks of upstream \"{}\"", group.name);
            let cure =
                "32 are the most; one location's check is enough for all that pass to the upstream";
            cx.faults.push(about(check, &text, cure));
        }
    }
}

fn about(check: &HealthCheck, text: &str, cure: &str) -> Fault {
    let place: Place = check.place.clone();
    Fault::emerg(text, Some(place)).with_hint(cure.to_owned())
}
