//! Whether SELinux or AppArmor is what forbids.

use std::net::SocketAddr;

use super::{becomes, redacted};
use crate::case::Case;
use crate::cause::{APPARMOR, FILE_FORBIDDEN, PERMISSION, SELINUX};
use crate::finding::{Confidence, Finding, Source};
use crate::host::confinement::{Confinement, Module};
use crate::logs::errors::Incident;

pub(super) fn look(case: &Case, incident: &Incident, finding: &mut Finding) {
    if ![&PERMISSION, &FILE_FORBIDDEN].contains(&incident.cause) {
        return;
    }
    let Some(confinement) = &case.confinement else {
        return;
    };
    let address = incident.address().parse::<SocketAddr>().ok();
    let cause = match confinement.module {
        Module::SeLinux => &SELINUX,
        Module::AppArmor => &APPARMOR,
    };
    // Modes of files say nothing of TCP: who forbids that is a module, as a rule.
    match (confinement.denials.is_empty(), address) {
        (false, _) => becomes(finding, cause, Confidence::High),
        (true, Some(_)) => becomes(finding, cause, Confidence::Medium),
        (true, None) => {}
    }
    show(confinement, finding);
    if let Some(address) = address
        && confinement.module == Module::SeLinux
        && !confinement.off.is_empty()
    {
        let port = address.port();
        finding.cure_first(
            format!("Allow this one port: `semanage port -a -t http_port_t -p tcp {port}` (`-m` if it has another label)."),
            None,
        );
    }
}

fn show(confinement: &Confinement, finding: &mut Finding) {
    let name = confinement.module.name();
    finding.saw(
        Source::Host,
        format!("{name} enforces; the worker runs as {}", confinement.label),
    );
    for switch in &confinement.off {
        finding.saw(Source::Host, format!("the boolean {switch} is off"));
    }
    for denial in &confinement.denials {
        finding.saw(Source::Host, redacted(denial));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::Since;
    use crate::logs::errors::ErrorLog;

    /// The finding for a connection that was forbidden, on a system that confines so.
    fn found(module: Module, off: Vec<&'static str>, denials: &[&str]) -> Finding {
        let case = Case {
            confinement: Some(Confinement {
                module,
                label: "label".to_owned(),
                off,
                denials: denials.iter().map(|line| (*line).to_owned()).collect(),
            }),
            ..Case::default()
        };
        let line = "2026/11/21 08:41:49 [crit] 1#1: *1 connect() to 10.0.0.5:8081 failed (13: Permission denied) while connecting to \
                    upstream, client: ::1, server: s, request: \"GET / HTTP/1.1\", upstream: \"http://10.0.0.5:8081/\", host: \"h\"";
        let mut log = ErrorLog::default();
        log.take(line.as_bytes(), Since::default());
        let incidents = log.incidents();
        let Some(incident) = incidents.first() else {
            panic!("no incident");
        };
        let mut finding = Finding::of(incident.cause);
        look(&case, incident, &mut finding);
        finding
    }

    #[test]
    fn a_module_that_enforces_is_named_with_what_it_says() {
        let sure = found(
            Module::SeLinux,
            vec!["httpd_can_network_connect"],
            &["avc: denied"],
        );
        assert_eq!(
            (sure.code, sure.confidence),
            (SELINUX.code, Confidence::High)
        );
        let first = sure.cures.first().map(|cure| cure.text.clone());
        assert!(first.is_some_and(|text| text.contains("-p tcp 8081")));
        let likely = found(Module::AppArmor, Vec::new(), &[]);
        assert_eq!(
            (likely.code, likely.confidence),
            (APPARMOR.code, Confidence::Medium)
        );
    }
}
