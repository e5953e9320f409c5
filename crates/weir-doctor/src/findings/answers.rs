//! What an upstream answers, or does not in time.

use super::{becomes, of_request};
use crate::case::Case;
use crate::cause::{
    BODY_STALLED, BODY_TOO_LARGE, CLOSED, CONNECT_TIMEOUT, CONNECTIONS, HEADER_SIZE, IDLE_CLOSED,
    LIMIT_CONNECTIONS, LIMIT_REQUESTS, NAME, NAME_TIMEOUT, READ_TIMEOUT, RESET, SEND_BROKEN,
    SEND_TIMEOUT, Severity, UNEXPLAINED,
};
use crate::configuration::Passing;
use crate::finding::{Confidence, Finding, Source};
use crate::logs::errors::Incident;
use crate::patch;

pub(super) fn look(case: &Case, incident: &Incident, leading: &[&Passing], finding: &mut Finding) {
    let cause = incident.cause;
    clocks(case, incident, leading, finding);
    if finding.code == cause.code && [&CLOSED, &RESET, &SEND_BROKEN].contains(&cause) {
        idle(case, incident, finding);
    }
    if cause == &HEADER_SIZE {
        sizes(leading, finding);
    }
    if [&LIMIT_REQUESTS, &LIMIT_CONNECTIONS].contains(&cause) {
        refused(case, finding);
    }
    let decides: &[&str] = if cause == &BODY_TOO_LARGE {
        &["client_max_body_size"]
    } else if cause == &CONNECTIONS {
        &["worker_connections", "worker_rlimit_nofile"]
    } else if [&NAME, &NAME_TIMEOUT].contains(&cause) {
        &["resolver", "resolver_timeout"]
    } else if cause == &LIMIT_REQUESTS {
        &["limit_req", "limit_req_zone"]
    } else if cause == &LIMIT_CONNECTIONS {
        &["limit_conn", "limit_conn_zone"]
    } else {
        &[]
    };
    let met = of_request(case.passing.iter().collect(), incident);
    for name in decides {
        let configuration = case.configuration.as_ref();
        let own = met.first().map(|passing| passing.setting(name, ""));
        if let Some((own, place)) = own.and_then(|own| Some((own.value, own.place?))) {
            finding.read(format!("{name} {own};"), &place);
            continue;
        }
        let written = configuration
            .map(|configuration| configuration.everywhere(name))
            .unwrap_or_default();
        match written.first() {
            Some(directive) => finding.read(
                format!("{name} {};", directive.args.join(" ")),
                &directive.place,
            ),
            None if configuration.is_some() => {
                finding.saw(Source::Config, format!("{name} is not set"))
            }
            None => {}
        }
    }
}

/// The clock that ran out, where it is set, and how long the upstream usually takes.
fn clocks(case: &Case, incident: &Incident, leading: &[&Passing], finding: &mut Finding) {
    let cause = incident.cause;
    let suffix = if [&READ_TIMEOUT, &BODY_STALLED].contains(&cause) {
        "read_timeout"
    } else if cause == &SEND_TIMEOUT {
        "send_timeout"
    } else if cause == &CONNECT_TIMEOUT {
        "connect_timeout"
    } else {
        return;
    };
    let Some(passing) = leading.first() else {
        return;
    };
    let family = passing.directive.trim_end_matches("_pass");
    let name = format!("{family}_{suffix}");
    let setting = passing.setting(&name, "60s");
    match &setting.place {
        Some(place) => finding.read(format!("{name} {};", setting.value), place),
        None => finding.saw(
            Source::Config,
            format!("{name} is {} (the default)", setting.value),
        ),
    }
    let address = incident.address();
    let upstream = case.tries_of(address);
    let Some(upstream) = upstream.filter(|upstream| upstream.times.count() > 0) else {
        return;
    };
    let at = |thousandths| upstream.times.at(thousandths).unwrap_or(0);
    let text = format!(
        "{} tries of {address}: half of them within {} ms, 99 % within {} ms, the longest {} ms",
        upstream.tries,
        at(500),
        at(990),
        upstream.times.longest
    );
    finding.saw(Source::Access, text);
    if let Some(took) = upstream.time_outs.at(500) {
        finding.confidence = Confidence::High;
        finding.saw(
            Source::Access,
            format!(
                "{} of them ended in 504 after {took} ms",
                upstream.time_outs.count()
            ),
        );
    }
}

/// A kept connection that the upstream closed first: failures at once, of an upstream that answers otherwise.
fn idle(case: &Case, incident: &Incident, finding: &mut Finding) {
    let group = case.group_of(&incident.upstream);
    let keeps = group.is_some_and(|group| group.keepalive.is_some());
    if !keeps {
        return;
    }
    let address = incident.address();
    let upstream = case.tries_of(address);
    let is_it = match upstream {
        Some(upstream) if upstream.times.count() > 0 => {
            let answered = upstream.tries.saturating_sub(upstream.failed);
            upstream.failed > 0
                && upstream.failed_at_once * 5 >= upstream.failed * 4
                && answered >= upstream.failed
        }
        _ => incident.not_idempotent == incident.count,
    };
    if !is_it {
        return;
    }
    let confidence = if upstream.is_some() {
        Confidence::High
    } else {
        Confidence::Medium
    };
    becomes(finding, &IDLE_CLOSED, confidence);
    if let Some(upstream) = upstream {
        let text = format!(
            "{} of {} tries of {address} failed, {} of them within 20 ms, {} of those POST, LOCK or PATCH",
            upstream.failed,
            upstream.tries,
            upstream.failed_at_once,
            upstream.failed_at_once_not_idempotent
        );
        finding.saw(Source::Access, text);
    }
    let Some(group) = group else {
        return;
    };
    let timeout = group.keepalive_timeout.as_deref().unwrap_or("60s");
    if let Some(place) = &group.keepalive {
        finding.read(
            format!("idle connections are kept for {timeout} (keepalive_timeout)"),
            place,
        );
        let diff = match group.keepalive_timeout {
            Some(_) => None,
            None => patch::insert_behind(place, &["keepalive_timeout 4s;".to_owned()]),
        };
        finding.cure_first("Where the application's own time cannot be changed, close idle connections before it does:", diff);
    }
}

/// The three sizes, and the smallest that are valid with a larger first one.
fn sizes(leading: &[&Passing], finding: &mut Finding) {
    finding.confidence = Confidence::High;
    let Some(passing) = leading.first() else {
        return;
    };
    let family = passing.directive.trim_end_matches("_pass");
    if !["proxy", "fastcgi", "uwsgi", "scgi"].contains(&family) {
        finding.cure_first(
            format!("Raise {family}_buffer_size: these have no other buffers."),
            None,
        );
        return;
    }
    let size = passing.setting(&format!("{family}_buffer_size"), "4k");
    let buffers = passing.setting(&format!("{family}_buffers"), "8 4k");
    let busy = passing.setting(&format!("{family}_busy_buffers_size"), "8k");
    for setting in [&size, &buffers, &busy] {
        match &setting.place {
            Some(place) => finding.read(format!("{} {};", setting.name, setting.value), place),
            None => finding.saw(
                Source::Config,
                format!("{} is {} (the default)", setting.name, setting.value),
            ),
        }
    }
    let now = weir_conf::parse_size(size.value.as_bytes()).unwrap_or(4096);
    let wanted = (now * 4).max(16 * 1024) / 1024;
    let lines = [
        format!("{family}_buffer_size {wanted}k;"),
        format!("{family}_buffers 8 {wanted}k;"),
        format!("{family}_busy_buffers_size {}k;", wanted * 2),
    ];
    let is_own = |setting: &crate::configuration::Setting| setting.place.is_some();
    if ![&size, &buffers, &busy].into_iter().any(is_own) {
        finding.cure_first(
            "All three together:",
            patch::insert_behind(&passing.place, &lines).filter(|_| !passing.in_if),
        );
    } else {
        finding.cure_first(
            format!("Set all three where they stand: {}", lines.join(" ")),
            None,
        );
    }
}

/// Refusals are not 502: how many of which there are.
fn refused(case: &Case, finding: &mut Finding) {
    finding.confidence = Confidence::High;
    if let Some(log) = &case.access {
        let text = format!(
            "{} answers 503, {} answers 502 in the access log",
            log.statuses[503], log.statuses[502]
        );
        finding.saw(Source::Access, text);
    }
}

/// Answers 5xx that nothing explains.
pub(super) fn unexplained(case: &Case, findings: &[Finding]) -> Option<Finding> {
    let log = case.access.as_ref()?;
    let failed = log.count(500, 599);
    let explained = findings
        .iter()
        .any(|finding| finding.count > 0 && finding.severity > Severity::Note);
    if failed == 0 || explained {
        return None;
    }
    let mut finding = Finding::of(&UNEXPLAINED);
    finding.count = failed;
    finding.saw(
        Source::Access,
        format!("{failed} of {} answers are 5xx", log.lines),
    );
    for (status, count) in (500..600)
        .map(|status| (status, log.statuses[status]))
        .filter(|(_, count)| *count > 0)
    {
        finding.saw(Source::Access, format!("{status}: {count}"));
    }
    let written = case
        .configuration
        .as_ref()
        .map(|configuration| configuration.everywhere("error_log"));
    for directive in written.into_iter().flatten() {
        finding.read(
            format!("error_log {};", directive.args.join(" ")),
            &directive.place,
        );
    }
    Some(finding)
}
