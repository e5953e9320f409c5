//! Upstreams that are not reached: is somebody there, where, and is it still the right address?

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use super::becomes;
use crate::case::{Case, split};
use crate::cause::{
    ADDRESS_FAMILY, CONNECT_TIMEOUT, NAME, NAME_TIMEOUT, NO_RESOLVER, OTHER_ADDRESS, PORTS,
    REFUSED, STALE_NAME, UNREACHABLE,
};
use crate::configuration::{Passing, address_of};
use crate::finding::{Confidence, Finding, Source};
use crate::host;
use crate::host::sockets::{listening, towards};
use crate::logs::errors::Incident;
use crate::probe;

pub(super) fn look(case: &Case, incident: &Incident, leading: &[&Passing], finding: &mut Finding) {
    let cause = incident.cause;
    if !case.live {
        return;
    }
    if [&NAME, &NAME_TIMEOUT, &NO_RESOLVER].contains(&cause) {
        name(case, incident, finding);
        return;
    }
    let address = incident.address().parse::<SocketAddr>().ok();
    let Some(address) = address else {
        return;
    };
    if cause == &PORTS {
        ports(case, address, finding);
    }
    if ![&REFUSED, &CONNECT_TIMEOUT, &UNREACHABLE].contains(&cause) {
        return;
    }
    let reached = probe::connect(address);
    finding.saw(
        Source::Probe,
        format!("{address} from here: {}", reached.words()),
    );
    if reached.outcome.is_ok() {
        finding.confidence = Confidence::Low;
        finding.saw(Source::Probe, "so it is over, or comes and goes");
        return;
    }
    if stale(case, leading, address, finding) || other_address(case, address, finding) {
        return;
    }
    if cause == &CONNECT_TIMEOUT {
        queues(case, address, finding);
    }
    finding.confidence = Confidence::High;
}

/// The names that lead to an address, with their ports.
fn names(case: &Case, leading: &[&Passing]) -> BTreeSet<(String, u16)> {
    let mut names = BTreeSet::new();
    for passing in leading.iter().filter(|passing| !passing.is_variable()) {
        let authority = passing.authority();
        let group = case.groups.iter().find(|group| group.name == authority);
        let written: Vec<&str> = match group {
            Some(group) => group
                .servers
                .iter()
                .map(|server| &*server.address)
                .collect(),
            None => vec![authority],
        };
        for written in written {
            let (host, port) = split(written);
            let is_name = host.parse::<IpAddr>().is_err()
                && !host.starts_with('[')
                && !host.starts_with("unix:");
            let port = port
                .and_then(|port| port.parse().ok())
                .unwrap_or_else(|| if passing.is_https() { 443 } else { 80 });
            if is_name {
                names.insert((host.to_owned(), port));
            }
        }
    }
    names
}

/// The address is none of its name's any more, or one of several of which others answer.
fn stale(case: &Case, leading: &[&Passing], address: SocketAddr, finding: &mut Finding) -> bool {
    // Who writes the address means it.
    let is_written = |written: &str| address_of(written) == Some(address);
    let groups = case.groups.iter().flat_map(|group| &group.servers);
    if groups
        .map(|server| &*server.address)
        .chain(case.passing.iter().map(Passing::authority))
        .any(is_written)
    {
        return false;
    }
    for (host, port) in names(case, leading) {
        if port != address.port() {
            continue;
        }
        let Ok(found) = probe::resolve(&host, port) else {
            finding.saw(
                Source::Probe,
                format!("{host} has no address at all now, says the system"),
            );
            continue;
        };
        let list: BTreeSet<String> = found.iter().map(|one| one.ip().to_string()).collect();
        let list: Vec<String> = list.into_iter().collect();
        finding.saw(
            Source::Probe,
            format!("{host} stands for {} now, says the system", list.join(", ")),
        );
        let place = leading.first().map(|passing| passing.place.clone());
        if !found.contains(&address) {
            becomes(finding, &STALE_NAME, Confidence::High);
            if let Some(place) = place {
                finding.read(format!("{host} was looked up when this was read"), &place);
            }
            return true;
        }
        let others = found
            .iter()
            .filter(|one| **one != address && one.is_ipv6() != address.is_ipv6());
        let answers = others
            .copied()
            .find(|other| probe::connect(*other).outcome.is_ok());
        if let Some(other) = answers {
            becomes(finding, &ADDRESS_FAMILY, Confidence::High);
            finding.saw(Source::Probe, format!("{other}, the same name's, answers"));
            return true;
        }
    }
    false
}

/// Somebody listens on the port, but not on this address.
fn other_address(case: &Case, address: SocketAddr, finding: &mut Finding) -> bool {
    // Of another machine's sockets nothing is known here.
    if UdpSocket::bind((address.ip(), 0)).is_err() {
        return false;
    }
    let all: Vec<SocketAddr> = listening(&case.sockets)
        .map(|socket| socket.local)
        .collect();
    let same_port: Vec<&SocketAddr> = all
        .iter()
        .filter(|local| local.port() == address.port())
        .collect();
    if let Some(local) = same_port.first() {
        becomes(finding, &OTHER_ADDRESS, Confidence::High);
        finding.saw(
            Source::Host,
            format!("something listens on {local}, and not on {address}"),
        );
        return true;
    }
    let ports: BTreeSet<u16> = all
        .iter()
        .filter(|local| local.ip() == address.ip() || local.ip().is_unspecified())
        .map(SocketAddr::port)
        .collect();
    let near: Vec<String> = ports.iter().take(12).map(u16::to_string).collect();
    if address.ip().is_loopback() {
        let text = match near.is_empty() {
            true => format!("nothing listens on {} at all", address.ip()),
            false => format!(
                "nothing listens on port {}; on {} these do: {}",
                address.port(),
                address.ip(),
                near.join(", ")
            ),
        };
        finding.saw(Source::Host, text);
    }
    false
}

/// Full accept queues on this machine.
fn queues(case: &Case, address: SocketAddr, finding: &mut Finding) {
    let own = listening(&case.sockets)
        .find(|socket| socket.local.port() == address.port() && socket.waiting > 0);
    if let Some(own) = own {
        let overflows = host::listen_overflows().unwrap_or(0);
        let text = format!(
            "{} connections wait to be accepted on {}; queues have overflowed {overflows} times on this machine",
            own.waiting, own.local
        );
        finding.saw(Source::Host, text);
    }
}

/// Local ports towards the address.
fn ports(case: &Case, address: SocketAddr, finding: &mut Finding) {
    let (all, waiting) = towards(&case.sockets, address);
    let text = format!("{all} sockets towards {address} now, {waiting} of them in TIME_WAIT");
    finding.saw(Source::Host, text);
    if let Some((first, last)) = host::local_ports() {
        let count = u32::from(last).saturating_sub(u32::from(first)) + 1;
        finding.saw(
            Source::Host,
            format!("local ports from {first} to {last}: {count}"),
        );
    }
}

/// The name servers that are asked of one name.
const NAME_SERVERS: usize = 3;

/// What the configured name servers say of the name that was not found, and what the system says.
fn name(case: &Case, incident: &Incident, finding: &mut Finding) {
    let Some(host) = unresolved(&incident.line) else {
        return;
    };
    let directive = case
        .configuration
        .as_ref()
        .and_then(|configuration| configuration.everywhere("resolver").into_iter().next());
    let servers = directive.map(|directive| directive.args.iter().filter(|arg| !arg.contains('=')));
    for server in servers.into_iter().flatten().take(NAME_SERVERS) {
        let address = server
            .parse()
            .or_else(|_| format!("{server}:53").parse::<SocketAddr>());
        let Ok(address) = address else {
            continue;
        };
        let said = match probe::resolver::ask(address, host) {
            Ok(found) => listed(&found),
            Err(words) => words,
        };
        finding.saw(Source::Probe, format!("{address} says of {host}: {said}"));
    }
    match probe::resolve(host, 80) {
        Ok(found) => {
            let found: Vec<IpAddr> = found.iter().map(SocketAddr::ip).collect();
            finding.confidence = Confidence::High;
            let text = format!(
                "the system knows {host}: {}; the resolver is another one",
                listed(&found)
            );
            finding.saw(Source::Probe, text);
        }
        Err(_) => finding.saw(
            Source::Probe,
            format!("the system does not know {host} either"),
        ),
    }
}

/// The name in a line about one that was not found.
fn unresolved(line: &str) -> Option<&str> {
    let said = match line.split_once(" could not be resolved") {
        Some((before, _)) => before.rsplit(' ').next()?,
        None => line
            .split_once("no resolver defined to resolve ")?
            .1
            .split(',')
            .next()?,
    };
    Some(said.trim_end_matches(','))
}

fn listed(addresses: &[IpAddr]) -> String {
    let unique: BTreeSet<String> = addresses.iter().map(IpAddr::to_string).collect();
    unique.into_iter().collect::<Vec<_>>().join(", ")
}
