//! Upstream blocks with their names resolved.

use std::net::SocketAddr;

use weir_conf::{BalanceMethod, Upstream, UpstreamAddress, UpstreamServer};
use weir_upstream::{Method, PeerAddress, PeerSpec, PoolSpec};

use super::PlanFault;

pub(super) fn pool_spec(upstream: &Upstream) -> Result<PoolSpec, PlanFault> {
    let mut peers = Vec::new();
    for server in &upstream.servers {
        for address in addresses(upstream, server)? {
            peers.push(PeerSpec {
                name: address.text(),
                address,
                server: server.written.clone(),
                parameters: server.parameters,
            });
        }
    }
    Ok(PoolSpec {
        name: upstream.name.clone(),
        method: match upstream.method {
            BalanceMethod::RoundRobin => Method::RoundRobin,
            BalanceMethod::LeastConn => Method::LeastConn,
            BalanceMethod::IpHash => Method::IpHash,
            BalanceMethod::Hash(_) => Method::Hash,
            BalanceMethod::HashConsistent(_) => Method::HashConsistent,
            BalanceMethod::Random => Method::Random,
            BalanceMethod::RandomTwo => Method::RandomTwo,
            BalanceMethod::RandomTwoLeastConn => Method::RandomTwoLeastConn,
        },
        peers,
        names: Vec::new(),
        keepalive: upstream.keepalive,
    })
}

fn addresses(upstream: &Upstream, server: &UpstreamServer) -> Result<Vec<PeerAddress>, PlanFault> {
    match &server.address {
        UpstreamAddress::Inet(address) => Ok(vec![PeerAddress::Inet(*address)]),
        UpstreamAddress::Unix(path) => Ok(vec![PeerAddress::Unix(path.clone())]),
        UpstreamAddress::Name { host, port } => {
            let found = weir_conf::resolve(host);
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
            // One line may stand for an address once only.
            let mut unique: Vec<PeerAddress> = Vec::new();
            for address in found {
                let address = PeerAddress::Inet(SocketAddr::new(address, *port));
                if !unique.contains(&address) {
                    unique.push(address);
                }
            }
            Ok(unique)
        }
    }
}
