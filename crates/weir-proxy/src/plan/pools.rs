//! Upstream blocks with their names resolved.

use weir_conf::{BalanceMethod, LookUp, TimedUntil, Upstream, UpstreamAddress, UpstreamServer};
use weir_upstream::{
    CheckSet, Measure, Method, NameSource, NameSpec, PeerAddress, PeerSpec, PoolSpec, Until,
};

use super::PlanFault;
use super::names::look_up;

/// The pool of a group, and what there is to warn of.
pub(super) fn pool_spec(
    upstream: &Upstream,
    awaited: CheckSet,
) -> Result<(PoolSpec, Vec<String>), PlanFault> {
    let mut spec = PoolSpec {
        name: upstream.name.clone(),
        method: method(&upstream.method),
        peers: Vec::new(),
        names: Vec::new(),
        sticky: upstream.sticky.is_some(),
        awaited,
        keepalive: upstream.keepalive,
        retry_share: upstream.cascades.retry_share,
        panic_threshold: upstream.cascades.panic_threshold,
        forgets_failures: false,
    };
    let mut warnings = Vec::new();
    for server in &upstream.servers {
        if server.look_up.is_some() {
            spec.names.extend(name(server, NameSource::Resolver));
            continue;
        }
        match addresses(upstream, server) {
            Ok(addresses) => {
                let peers = addresses.into_iter().map(|address| peer(server, address));
                spec.peers.extend(peers);
            }
            Err(fault) if upstream.starts_unresolved => {
                warnings.push(format!("{fault}: the server is down until it is found"));
                spec.names.extend(name(server, NameSource::System));
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok((spec, warnings))
}

fn method(method: &BalanceMethod) -> Method {
    match method {
        BalanceMethod::RoundRobin => Method::RoundRobin,
        BalanceMethod::LeastConn => Method::LeastConn,
        BalanceMethod::IpHash => Method::IpHash,
        BalanceMethod::Hash(_) => Method::Hash,
        BalanceMethod::HashConsistent(_) => Method::HashConsistent,
        BalanceMethod::Random => Method::Random,
        BalanceMethod::RandomTwo => Method::RandomTwo,
        BalanceMethod::RandomTwoLeastConn => Method::RandomTwoLeastConn,
        BalanceMethod::RandomTwoLeastTime(timed) => Method::RandomTwoLeastTime(until(*timed)),
        BalanceMethod::LeastTime {
            until: timed,
            inflight,
        } => Method::LeastTime(Measure {
            until: until(*timed),
            inflight: *inflight,
        }),
    }
}

fn until(timed: TimedUntil) -> Until {
    match timed {
        TimedUntil::Header => Until::Header,
        TimedUntil::LastByte => Until::LastByte,
    }
}

fn peer(server: &UpstreamServer, address: PeerAddress) -> PeerSpec {
    PeerSpec {
        name: address.text(),
        address,
        server: server.written.clone(),
        route: server.route.clone(),
        parameters: server.parameters,
    }
}

/// The server as a name whose addresses change; an address is none.
fn name(server: &UpstreamServer, source: NameSource) -> Option<NameSpec> {
    let UpstreamAddress::Name { host, port } = &server.address else {
        return None;
    };
    Some(NameSpec {
        host: host.clone(),
        service: match &server.look_up {
            Some(LookUp::Service(service)) => Some(service.clone()),
            Some(LookUp::Addresses) | None => None,
        },
        port: *port,
        server: server.written.clone(),
        route: server.route.clone(),
        source,
        parameters: server.parameters,
    })
}

fn addresses(upstream: &Upstream, server: &UpstreamServer) -> Result<Vec<PeerAddress>, PlanFault> {
    match &server.address {
        UpstreamAddress::Inet(address) => Ok(vec![PeerAddress::Inet(*address)]),
        UpstreamAddress::Unix(path) => Ok(vec![PeerAddress::Unix(path.clone())]),
        UpstreamAddress::Name { host, port } => {
            let found = look_up(host, *port);
            if found.is_empty() {
                let name = if upstream.explicit {
                    server.written.clone()
                } else {
                    host.clone()
                };
                return Err(PlanFault::HostNotFound {
                    name,
                    place: server.place.clone(),
                });
            }
            Ok(found.into_iter().map(PeerAddress::Inet).collect())
        }
    }
}
