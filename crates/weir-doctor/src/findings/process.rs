//! Whether the proxy runs, and with the configuration that is in the file.

use crate::case::Case;
use crate::cause::{NOT_RELOADED, START_CONFIGURATION, Severity};
use crate::finding::{Confidence, Finding, Source};
use crate::host::processes::changed;

/// Seconds by which the kernel's clock of processes and that of files may differ.
const CLOCKS: u64 = 2;

pub(super) fn all(case: &Case) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(not_reloaded(case));
    findings.extend(broken(case));
    findings
}

/// A file was changed after the workers began.
fn not_reloaded(case: &Case) -> Option<Finding> {
    let proxy = case.proxy.as_ref()?;
    let began = proxy.workers_started.or(proxy.started)?;
    let configuration = case.configuration.as_ref()?;
    let newer = configuration
        .files
        .iter()
        .filter(|file| changed(file).is_some_and(|time| time > began + CLOCKS));
    let newer: Vec<String> = newer.map(|file| file.display().to_string()).collect();
    let first = newer.first()?;
    let mut finding = Finding::of(&NOT_RELOADED);
    finding.confidence = Confidence::High;
    let more = match newer.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let text = format!(
        "{first}{more} was changed after {} (process {}) read its configuration",
        proxy.name, proxy.pid
    );
    finding.saw(Source::Host, text);
    Some(finding)
}

/// The configuration does not load. What only weir lacks is no fault of nginx's.
fn broken(case: &Case) -> Option<Finding> {
    let configuration = case.configuration.as_ref()?;
    let first = configuration.faults.first()?;
    let lacks = first.contains("weir")
        || first.contains("unknown directive")
        || first.contains("is not supported");
    let is_nginx = case
        .proxy
        .as_ref()
        .is_none_or(|proxy| proxy.name == "nginx");
    let mut finding = Finding::of(&START_CONFIGURATION);
    if is_nginx && lacks {
        finding.severity = Severity::Note;
        "weir does not know all directives of this configuration: what it could not check was read as text".clone_into(&mut finding.title);
    }
    finding.saw(Source::Config, first.clone());
    Some(finding)
}
