//! Whether the proxy runs, and with the configuration that is in the file.

use jiff::Timestamp;
use jiff::tz::TimeZone;

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

/// What kept a proxy from starting before the one that runs now began is over, if the file can be read now; and of a file that
/// cannot, the log says enough.
pub(super) fn forgive_the_past(case: &Case, findings: &mut Vec<Finding>) {
    let starts = |finding: &Finding| finding.code.starts_with("WEIR-START") && finding.count > 0;
    let began = case
        .proxy
        .as_ref()
        .and_then(|proxy| proxy.workers_started.or(proxy.started));
    let parses = case
        .configuration
        .as_ref()
        .is_some_and(|configuration| configuration.faults.is_empty());
    if let Some(began) = began.filter(|_| parses) {
        for finding in findings.iter_mut().filter(|finding| starts(finding)) {
            if finding
                .last
                .as_deref()
                .is_some_and(|last| is_before(last, began))
            {
                finding.severity = Severity::Note;
            }
        }
    }
    let is_told = findings
        .iter()
        .any(|finding| starts(finding) && finding.severity > Severity::Note);
    findings.retain(|finding| {
        !(is_told && finding.code == START_CONFIGURATION.code && finding.count == 0)
    });
}

/// Whether a log's local time is before a second of the epoch.
fn is_before(time: &str, second: u64) -> bool {
    let stamp = i64::try_from(second)
        .ok()
        .and_then(|second| Timestamp::from_second(second).ok());
    let local = stamp.map(|stamp| {
        stamp
            .to_zoned(TimeZone::system())
            .strftime("%Y/%m/%d %H:%M:%S")
            .to_string()
    });
    local.is_some_and(|local| *time < *local)
}
