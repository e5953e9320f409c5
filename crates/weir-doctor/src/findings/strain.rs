//! Limits that are nearly reached, before anything fails.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::case::Case;
use crate::cause::{CONNECTIONS_SCARCE, DESCRIPTORS, PORTS, Severity};
use crate::finding::{Confidence, Finding, Source};
use crate::host;

/// Hundredths of a limit from which on it is said.
const NEAR: u64 = 80;

pub(super) fn all(case: &Case) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(descriptors(case));
    findings.extend(connections(case));
    findings.extend(ports(case));
    for finding in &mut findings {
        // Nothing fails yet.
        finding.severity = Severity::Warning;
        finding.confidence = Confidence::High;
    }
    findings
}

const fn is_near(used: u64, limit: u64) -> bool {
    used * 100 >= limit * NEAR
}

fn descriptors(case: &Case) -> Option<Finding> {
    let strain = case
        .strain
        .filter(|strain| is_near(strain.open, strain.limit))?;
    let mut finding = Finding::of(&DESCRIPTORS);
    "the proxy has nearly all its file descriptors open".clone_into(&mut finding.title);
    let text = format!(
        "a worker has {} of {} descriptors open",
        strain.open, strain.limit
    );
    finding.saw(Source::Host, text);
    Some(finding)
}

/// nginx counts a place for each of a worker's connections, listening sockets among them.
fn connections(case: &Case) -> Option<Finding> {
    const DEFAULT: u64 = 512;
    let strain = case.strain?;
    let written = case.configuration.as_ref().and_then(|configuration| {
        let all = configuration.everywhere("worker_connections");
        all.into_iter().next()
    });
    let places = written
        .and_then(|directive| directive.args.first()?.parse().ok())
        .unwrap_or(DEFAULT);
    // weir's workers are threads of one process: their sockets cannot be told apart.
    let is_nginx = case
        .proxy
        .as_ref()
        .is_some_and(|proxy| proxy.name == "nginx");
    if !is_nginx || !is_near(strain.sockets, places) {
        return None;
    }
    let mut finding = Finding::of(&CONNECTIONS_SCARCE);
    let text = format!(
        "a worker has {} sockets and {places} places",
        strain.sockets
    );
    match written {
        Some(directive) => finding.read(text, &directive.place),
        None => finding.saw(Source::Host, text),
    }
    Some(finding)
}

/// One address that takes nearly all local ports.
fn ports(case: &Case) -> Option<Finding> {
    let (first, last) = host::local_ports()?;
    let all = u64::from(last).saturating_sub(u64::from(first)) + 1;
    let mut towards: HashMap<SocketAddr, u64> = HashMap::new();
    for socket in &case.sockets {
        if (first..=last).contains(&socket.local.port()) && !socket.is_listening() {
            *towards.entry(socket.remote).or_default() += 1;
        }
    }
    let (address, count) = towards.into_iter().max_by_key(|(_, count)| *count)?;
    if !is_near(count, all) {
        return None;
    }
    let mut finding = Finding::of(&PORTS);
    "nearly all local ports are taken by connections to one upstream"
        .clone_into(&mut finding.title);
    let text =
        format!("{count} sockets towards {address}, of {all} local ports ({first} to {last})");
    finding.saw(Source::Host, text);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::strain::Strain;

    #[test]
    fn a_limit_is_told_when_it_is_near() {
        for (open, limit, told) in [(799, 1000, 0), (800, 1000, 1), (1000, 1000, 1)] {
            let case = Case {
                strain: Some(Strain {
                    open,
                    sockets: 3,
                    limit,
                }),
                ..Case::default()
            };
            assert_eq!(all(&case).len(), told, "{open}");
        }
    }
}
