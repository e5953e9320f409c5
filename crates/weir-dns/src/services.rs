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

/// Most addresses of a service; what a faulty server says beyond that is left out. (In nginx a zone is full much sooner.)
pub const MOST_ADDRESSES: usize = 16 * 1024;

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
        let room = MOST_ADDRESSES - addresses.len();
        addresses.extend(turned.flat_map(Server::each).take(room));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn service(priority: u16, weight: u16, name: &str) -> Service {
        Service {
            priority,
            weight,
            port: 80,
            name: name.as_bytes().into(),
        }
    }

    fn found(last: &[u8]) -> Outcome {
        let addresses = last.iter().map(|last| IpAddr::from([127, 0, 0, *last]));
        Ok(Found::Addresses {
            addresses: addresses.collect(),
            valid_until: 70 + last.len() as u64,
        })
    }

    fn failed(code: Code) -> Outcome {
        Err(Failure {
            code,
            valid_until: 0,
        })
    }

    fn check(services: &[Service], outcomes: &[Outcome], drawn: u32, expected: &str) {
        let services: Arc<[Service]> = services.into();
        let shown = match gather(&services, outcomes, 90, 50, || drawn) {
            Ok(found) => {
                let each = found.addresses.iter();
                let each: Vec<_> = each.map(|one| one.address.ip().to_string()).collect();
                format!("{} until {}", each.join(" "), found.valid_until)
            }
            Err(failure) => format!("{} until {}", failure.code, failure.valid_until),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn names_of_services() {
        let name = |service: &str, host: &str| {
            let name = service_name(service.as_bytes(), host.as_bytes());
            String::from_utf8(name).unwrap()
        };
        assert_eq!(name("http", "a.test."), "_http._tcp.a.test");
        assert_eq!(name("_sip._udp", "a.test"), "_sip._udp.a.test");
    }

    #[test]
    fn servers_come_by_priority_and_are_drawn_by_weight() {
        let three = [service(1, 3, "a"), service(1, 1, "b"), service(2, 1, "c")];
        let each = [found(&[1]), found(&[2, 3]), found(&[4])];
        for (drawn, first) in [
            (0, "127.0.0.1 127.0.0.2 127.0.0.3"),
            (3, "127.0.0.2 127.0.0.3 127.0.0.1"),
        ] {
            check(&three, &each, drawn, &format!("{first} 127.0.0.4 until 71"));
        }
        let some = [
            failed(Code::TimedOut),
            found(&[2]),
            failed(Code::HostNotFound),
        ];
        check(&three, &some, 7, "127.0.0.2 until 71");
    }

    #[test]
    fn that_no_name_has_an_address_is_told_by_the_gravest_word() {
        let two = [service(1, 1, "a"), service(1, 1, "b")];
        let check = |first, second, expected: &str| {
            let expected = format!("{expected} until 50");
            check(&two, &[failed(first), failed(second)], 0, &expected);
        };
        check(
            Code::TimedOut,
            Code::ServerFailure,
            "110: Operation timed out",
        );
        check(Code::TimedOut, Code::HostNotFound, "3: Host not found");
        check(Code::HostNotFound, Code::TimedOut, "3: Host not found");
    }
}
