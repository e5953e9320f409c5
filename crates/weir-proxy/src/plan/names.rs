//! Names that are looked up when a plan is made, and resolvers with the names of their servers.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use weir_conf::{Http, NameServer, ResolverSpec, UpstreamAddress};
use weir_upstream::PeerAddress;

use super::PlanFault;
use crate::names::{NameServerAddress, SharedResolver};

/// Makes the resolvers of `http` ready. One that says what one of `previous` has said goes on with what that knows.
pub(super) fn resolvers(
    http: &Http,
    previous: &[Arc<SharedResolver>],
) -> Result<Vec<Arc<SharedResolver>>, PlanFault> {
    let mut taken = HashSet::new();
    let ready = http.resolvers.iter().map(|spec| {
        let mut known = previous.iter().enumerate();
        let same = known.find(|(index, known)| known.says(&spec.rules) && taken.insert(*index));
        let servers = servers(spec)?;
        let same = same.map(|(_, same)| &**same);
        let shared = SharedResolver::new(spec.rules.clone(), servers, same);
        Ok(Arc::new(shared))
    });
    ready.collect()
}

fn servers(spec: &ResolverSpec) -> Result<Vec<NameServerAddress>, PlanFault> {
    let mut servers = Vec::new();
    for server in &spec.rules.servers {
        let addresses = addresses(server);
        if addresses.is_empty() {
            return Err(PlanFault::NameServer {
                name: server.written.clone(),
                place: spec.place.clone(),
            });
        }
        servers.extend(addresses.into_iter().map(|address| NameServerAddress {
            text: PeerAddress::Inet(address).text(),
            address,
        }));
    }
    Ok(servers)
}

fn addresses(server: &NameServer) -> Vec<SocketAddr> {
    match &server.address {
        UpstreamAddress::Inet(address) => vec![*address],
        UpstreamAddress::Name { host, port } => look_up(host, *port),
        UpstreamAddress::Unix(_) => Vec::new(),
    }
}

/// The addresses that the system knows of a name, each once (`ngx_inet_resolve_host`).
pub(super) fn look_up(host: &str, port: u16) -> Vec<SocketAddr> {
    let mut unique = Vec::new();
    for address in weir_conf::resolve(host) {
        let address = SocketAddr::new(address, port);
        if !unique.contains(&address) {
            unique.push(address);
        }
    }
    unique
}
