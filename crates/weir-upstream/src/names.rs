//! Servers whose names are looked up while the pool is in use (`server NAME resolve`).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use weir_conf::ServerParameters;

use crate::{Now, Peer, PeerAddress, PeerSpec};

/// A server whose addresses change, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameSpec {
    /// The name to look up.
    pub host: String,
    /// `service=`: the SRV record to look up, which says ports, weights and who is a backup.
    pub service: Option<String>,
    /// Port of its addresses; of a service the record's counts.
    pub port: u16,
    /// The server as written.
    pub server: String,
    /// `route=`: what requests call its addresses that want one.
    pub route: Option<Box<[u8]>>,
    /// Who is asked.
    pub source: NameSource,
    /// What else the line says; holds for each address.
    pub parameters: ServerParameters,
}

/// Who is asked for the addresses of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameSource {
    /// The `resolver`, for as long as the pool lives.
    Resolver,
    /// The system, until it has an answer: the name had none when the pool was made.
    System,
}

/// One address in the answer about a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where to connect; the port counts for services only.
    pub address: SocketAddr,
    /// What a service's record says.
    pub service: Option<FoundService>,
}

/// What the record of a service says of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundService {
    /// Name of the host that has the address.
    pub host: String,
    /// Lower ones come first: who has not the lowest is a backup.
    pub priority: u16,
    /// Share of the requests, unless the configuration says another.
    pub weight: u32,
}

/// A name of a pool, and until when its addresses hold.
#[derive(Debug)]
pub struct Name {
    spec: NameSpec,
    /// In whole seconds of the workers' clock.
    valid: AtomicU64,
}

impl Name {
    pub(crate) fn new(spec: NameSpec) -> Self {
        Self {
            spec,
            valid: AtomicU64::new(0),
        }
    }

    /// The name as configured.
    pub fn spec(&self) -> &NameSpec {
        &self.spec
    }

    /// Until when its addresses hold; zero before the first answer.
    pub fn valid(&self) -> Now {
        Duration::from_secs(self.valid.load(Ordering::Relaxed))
    }

    /// Notes until when the last answer holds, in whole seconds.
    pub fn hold_until(&self, valid: Now) {
        self.valid.store(valid.as_secs(), Ordering::Relaxed);
    }

    /// Goes on where `before` left off, if that is the same name.
    pub(crate) fn goes_on(&self, before: &Self) -> bool {
        let (own, other) = (&self.spec, &before.spec);
        let same = own.host == other.host
            && own.service == other.service
            && own.parameters.backup == other.parameters.backup;
        if same {
            self.hold_until(before.valid());
        }
        same
    }

    /// The peer at an address of this name.
    pub(crate) fn peer(&self, found: &Found) -> PeerSpec {
        let spec = &self.spec;
        let mut address = found.address;
        let mut parameters = spec.parameters;
        let server = match &found.service {
            Some(service) => {
                if parameters.weight == 1 {
                    parameters.weight = service.weight;
                }
                service.host.clone()
            }
            None => {
                address.set_port(spec.port);
                spec.server.clone()
            }
        };
        let address = PeerAddress::Inet(address);
        PeerSpec {
            name: address.text(),
            address,
            server,
            route: spec.route.clone(),
            parameters,
        }
    }

    /// The answer that `peer`, an address of this name before, stands for.
    pub(crate) fn found_before(&self, peer: &Peer) -> Option<Found> {
        let PeerAddress::Inet(address) = *peer.address() else {
            return None;
        };
        let service = self.spec.service.is_some().then(|| FoundService {
            host: peer.spec().server.clone(),
            priority: 0,
            weight: peer.parameters().weight,
        });
        Some(Found { address, service })
    }
}

/// Replaces the addresses of the name at `origin` in a group of peers (`ngx_http_upstream_zone_resolve_handler`):
/// those that stay keep their place, those that are new follow at the end. False if nothing changed.
pub(crate) fn settle(
    group: &mut Vec<Peer>,
    origin: usize,
    found: Vec<PeerSpec>,
    mut make: impl FnMut(PeerSpec) -> Peer,
) -> bool {
    let mut wanted: HashMap<_, usize> = HashMap::new();
    for spec in &found {
        *wanted.entry(essence(spec)).or_default() += 1;
    }
    let before = group.len();
    group.retain(|peer| {
        peer.origin() != Some(origin) || wanted.get_mut(&essence(peer.spec())).is_some_and(take_one)
    });
    let mut changed = group.len() < before;
    let new: Vec<bool> = found
        .iter()
        .rev()
        .map(|spec| wanted.get_mut(&essence(spec)).is_some_and(take_one))
        .collect();
    for (spec, is_new) in found.into_iter().zip(new.into_iter().rev()) {
        if is_new {
            group.push(make(spec));
            changed = true;
        }
    }
    changed
}

/// By what a peer is the same as one in the next answer.
fn essence(spec: &PeerSpec) -> (PeerAddress, String, u32) {
    (
        spec.address.clone(),
        spec.server.clone(),
        spec.parameters.weight,
    )
}

fn take_one(count: &mut usize) -> bool {
    let has = *count > 0;
    *count -= usize::from(has);
    has
}
