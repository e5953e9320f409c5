//! SRV: the name that a service is asked for by, and the addresses behind the answer.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::answer::{Code, Failure, Found, Outcome, Service};

/// The name that stands for `service` at `host`: `service.host`, or `_service._tcp.host` if the service is a single
/// word (`ngx_resolve_name`).
pub fn service_name(service: &[u8], host: &[u8]) -> Vec<u8> {
    let host = host.strip_suffix(b".").unwrap_or(host);
    match service.contains(&b'.') {
        true => [service, b".", host].concat(),
        false => [b"_", service, b"._tcp.", host].concat(),
    }
}

/// One address of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAddress {
    /// Where it listens.
    pub address: SocketAddr,
    /// The server's name, in small letters.
    pub name: Box<[u8]>,
    /// Those with the least are asked first.
    pub priority: u16,
    /// Its share; at least 1.
    pub weight: u16,
}

/// The addresses of a service; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAddresses {
    /// By priority; which server of a priority comes first is drawn by weight.
    pub addresses: Vec<ServiceAddress>,
    /// The last second, on the clock of the questions, in which all of them hold.
    pub valid_until: u64,
}

/// What the look-ups of the names of `services`, in their order, come to (`ngx_resolver_report_srv`). The services
/// hold until `valid_until`, a failure until `failure_until`.
///
/// # Errors
///
/// No name has an address.
pub fn gather(
    services: &Arc<[Service]>,
    outcomes: &[Outcome],
    valid_until: u64,
    failure_until: u64,
    mut random: impl FnMut() -> u32,
) -> Result<ServiceAddresses, Failure> {
    let found: Vec<Server<'_>> = services
        .iter()
        .zip(outcomes)
        .map(|(service, outcome)| Server::of(service, outcome))
        .collect();
    if found.iter().all(|server| server.addresses.is_empty()) {
        return Err(Failure {
            code: failure_of(outcomes),
            valid_until: failure_until,
        });
    }
    let valid_until = found
        .iter()
        .filter_map(|server| server.valid_until)
        .fold(valid_until, u64::min);
    let mut addresses = Vec::new();
    for equals in found.chunk_by(|a, b| a.service.priority == b.service.priority) {
        let first = draw(equals, &mut random);
        let turned = equals[first..].iter().chain(&equals[..first]);
        addresses.extend(turned.flat_map(Server::each));
    }
    Ok(ServiceAddresses {
        addresses,
        valid_until,
    })
}

/// A server with the addresses of its name.
struct Server<'a> {
    service: &'a Service,
    addresses: &'a [IpAddr],
    valid_until: Option<u64>,
}

impl<'a> Server<'a> {
    fn of(service: &'a Service, outcome: &'a Outcome) -> Self {
        let (addresses, valid_until) = match outcome {
            Ok(Found::Addresses {
                addresses,
                valid_until,
            }) => (&**addresses, Some(*valid_until)),
            Ok(Found::Services { .. }) | Err(_) => (&[][..], None),
        };
        Self {
            service,
            addresses,
            valid_until,
        }
    }

    fn share(&self) -> usize {
        self.addresses.len() * usize::from(self.service.weight)
    }

    fn each(&self) -> impl Iterator<Item = ServiceAddress> {
        let Service {
            priority,
            weight,
            port,
            name,
        } = self.service;
        self.addresses.iter().map(|ip| ServiceAddress {
            address: SocketAddr::new(*ip, *port),
            name: name.clone(),
            priority: *priority,
            weight: *weight,
        })
    }
}

/// Which of them comes first.
fn draw(equals: &[Server<'_>], random: &mut impl FnMut() -> u32) -> usize {
    let all: usize = equals.iter().map(Server::share).sum();
    if all == 0 {
        return 0;
    }
    let mut drawn = random() as usize % all;
    for (index, server) in equals.iter().enumerate() {
        if drawn < server.share() {
            return index;
        }
        drawn -= server.share();
    }
    0
}

/// That there is no such name, if that was said of any; else what was said of the first.
fn failure_of(outcomes: &[Outcome]) -> Code {
    let mut codes = outcomes
        .iter()
        .filter_map(|outcome| outcome.as_ref().err().map(|failure| failure.code));
    let first = codes.next().unwrap_or(Code::HostNotFound);
    match codes.any(|code| code == Code::HostNotFound) {
        true => Code::HostNotFound,
        false => first,
    }
}
