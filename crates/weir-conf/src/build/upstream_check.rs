//! What is wrong with an `upstream` block as a whole.

use super::upstream::does_not_support;
use crate::Fault;
use crate::model::{BalanceMethod, Upstream};
use crate::value::read::Reading;

/// What is wrong with a group as a whole, in nginx's order (`ngx_http_upstream_init_round_robin`, then the other
/// modules' own).
pub(super) fn check(upstream: &Upstream, cx: &Reading) -> Option<Fault> {
    let lacking = without_resolver(upstream).map(|text| Fault::emerg(text, None));
    lacking
        .or_else(|| {
            let none = upstream.explicit
                && upstream
                    .servers
                    .iter()
                    .all(|server| server.parameters.backup);
            let text = format!("no servers in upstream \"{}\"", upstream.name);
            none.then(|| Fault::emerg(text, Some(upstream.place.clone())))
        })
        .or_else(|| cannot_warm(upstream))
        .or_else(|| too_big(upstream, cx).map(|text| Fault::emerg(text, None)))
}

/// Names that are looked up while running need somebody to ask, and memory for the answers.
fn without_resolver(upstream: &Upstream) -> Option<String> {
    let mut servers = upstream.servers.iter();
    servers.find(|server| server.look_up.is_some())?;
    let (name, place) = (&upstream.name, &upstream.place);
    match (upstream.zone.is_some(), &upstream.resolver) {
        (true, Some(_)) => None,
        (true, None) => Some(format!(
            "no resolver defined to resolve names at run time in upstream \"{name}\" in {place}"
        )),
        (false, _) => Some(format!(
            "resolving names at run time requires upstream \"{name}\" in {place} to be in shared memory"
        )),
    }
}

/// A server with `slow_start` whose method was named behind it.
fn cannot_warm(upstream: &Upstream) -> Option<Fault> {
    if upstream.method.has_backups() {
        return None;
    }
    let mut servers = upstream.servers.iter();
    let warming = servers.find(|server| !server.parameters.slow_start.is_zero())?;
    let text = does_not_support("slow_start");
    Some(Fault::emerg(text, Some(warming.place.clone())))
}

/// nginx's words if it could not set aside what the group needs, which hangs on the machine
/// (`ngx_http_upstream_init_keepalive`, `ngx_http_upstream_init_chash`).
fn too_big(upstream: &Upstream, cx: &Reading) -> Option<String> {
    const POINTS: usize = 160;
    const POINT: usize = 16;
    let item = cx.differences().upstream_keepalive_item;
    let idle = upstream.keepalive;
    let idle = idle.map(|keepalive| keepalive.connections.saturating_mul(item));
    let ring = matches!(upstream.method, BalanceMethod::HashConsistent(_)).then(|| {
        let servers = upstream.servers.iter();
        let weights = servers.map(|server| server.parameters.weight as usize);
        (weights.sum::<usize>())
            .saturating_mul(POINTS * POINT)
            .saturating_add(8)
    });
    let refused = |bytes: &usize| Vec::<u8>::new().try_reserve_exact(*bytes).is_err();
    let bytes = ring.into_iter().chain(idle).find(refused)?;
    Some(format!(
        "malloc({bytes}) failed (12: Cannot allocate memory)"
    ))
}
