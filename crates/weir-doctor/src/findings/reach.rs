//! Upstreams that are not reached: is somebody there, where, and is it still the right address?

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use super::becomes;
use crate::case::{Case, split};
use crate::cause::{
    ADDRESS_FAMILY, CONNECT_TIMEOUT, NAME, NAME_TIMEOUT, NO_RESOLVER, OTHER_ADDRESS, OWN_LOOPBACK,
    PORTS, REFUSED, STALE_NAME, UNREACHABLE,
};
use crate::configuration::{Directive, Passing, address_of};
use crate::finding::{Confidence, Finding, Source};
use crate::host;
use crate::host::sockets::{TcpSocket, listening, towards};
use crate::logs::errors::Incident;
use crate::patch;
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
    if stale(case, leading, address, finding)
        || own_loopback(case, address, finding)
        || other_address(case, address, finding)
    {
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

/// The proxy has a network of its own, and asks its own loopback address for what listens outside of it.
fn own_loopback(case: &Case, address: SocketAddr, finding: &mut Finding) -> bool {
    if !address.ip().is_loopback() {
        return false;
    }
    let has = |sockets: &[TcpSocket]| {
        listening(sockets)
            .find(|socket| socket.local.port() == address.port())
            .copied()
    };
    if let (None, Some(outside)) = (has(&case.sockets), has(&case.outside)) {
        becomes(finding, &OWN_LOOPBACK, Confidence::High);
        let text = format!(
            "the proxy has a network of its own, where nothing listens on port {}; outside of it, on this machine, {} does",
            address.port(),
            outside.local
        );
        finding.saw(Source::Host, text);
        return true;
    }
    if case.stance.is_other_network() || host::is_container() {
        let text =
            "the proxy runs in a container, or has a network of its own: 127.0.0.1 is itself there";
        finding.saw(Source::Host, text);
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
        let overflows = case.overflows.unwrap_or(0);
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
            ask_the_system_s(directive, finding);
        }
        Err(_) => finding.saw(
            Source::Probe,
            format!("the system does not know {host} either"),
        ),
    }
}

/// The system's own name servers know what the configured one does not: Docker's knows the other containers.
fn ask_the_system_s(resolver: Option<&Directive>, finding: &mut Finding) {
    let servers = host::name_servers();
    let Some(first) = servers.first() else {
        return;
    };
    let whose = match first.to_string() == DOCKER {
        true => " (Docker's)",
        false => "",
    };
    finding.saw(
        Source::Host,
        format!("/etc/resolv.conf names {}{whose}", listed(&servers)),
    );
    let written = match first {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let is_name_server = |arg: &&String| !arg.contains('=');
    match resolver {
        Some(directive) => {
            let own: Vec<&String> = directive.args.iter().filter(is_name_server).collect();
            if own.iter().any(|own| **own == written) {
                return;
            }
            let diff = match &*own {
                [only] => patch::replace(&directive.place, only, &written),
                _ => None,
            };
            let text = "Ask the system's name server, which knows more names (not /etc/hosts):";
            finding.cure_first(text, diff);
        }
        None => finding.cure_first(format!("`resolver {written};` in `http`."), None),
    }
}

/// Where Docker's own name server listens in each container.
const DOCKER: &str = "127.0.0.11";

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
