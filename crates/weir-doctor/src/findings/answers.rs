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
pub(super) fn sizes(leading: &[&Passing], finding: &mut Finding) {
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
    let head = finding.head;
    if let Some(head) = head.filter(|head| *head > now) {
        finding.saw(
            Source::Probe,
            format!("a head of {head} bytes does not fit {now}"),
        );
    }
    let text = "what must hold: the larger of buffer_size and one buffer ≤ busy_buffers_size < all buffers but one";
    finding.saw(Source::Config, text);
    let trio = Trio::for_head(head.unwrap_or(now * 4 - 1), &buffers.value);
    let lines = trio.lines(family);
    let is_own = |setting: &crate::configuration::Setting| setting.place.is_some();
    let is_default = ![&size, &buffers, &busy].into_iter().any(is_own) && !passing.in_if;
    let diff = is_default
        .then(|| patch::insert_behind(&passing.place, &lines))
        .flatten();
    match diff {
        Some(diff) => finding.cure_first("The smallest that fit each other:", Some(diff)),
        None => finding.cure_first(
            format!("The smallest that fit each other: {}", lines.join(" ")),
            None,
        ),
    }
}

/// Sizes that a head needs, and that go together (`ngx_http_upstream_merge_loc_conf` and its callers): bytes.
struct Trio {
    size: usize,
    buffers: (usize, usize),
    busy: usize,
}

impl Trio {
    /// The smallest for a head of so many bytes; the buffers stay as they are, if they may.
    fn for_head(head: usize, buffers: &str) -> Self {
        const PAGE: usize = 4096;
        let mut words = buffers.split(' ');
        let count = words.next().and_then(|count| count.parse().ok());
        let each = words
            .next()
            .and_then(|size| weir_conf::parse_size(size.as_bytes()));
        let (count, each): (usize, usize) = (count.unwrap_or(8).max(2), each.unwrap_or(PAGE));
        let size = (head + 1).next_power_of_two().max(2 * PAGE);
        let busy = size.max(each);
        let buffers = match busy < (count - 1) * each {
            true => (count, each),
            // Seven of them hold it, and more.
            false => (8, (busy / 4).next_multiple_of(PAGE)),
        };
        Self {
            size,
            buffers,
            busy: busy.max(buffers.1),
        }
    }

    fn lines(&self, family: &str) -> [String; 3] {
        let kilo = |bytes: usize| match bytes.is_multiple_of(1024) {
            true => format!("{}k", bytes / 1024),
            false => bytes.to_string(),
        };
        let (count, each) = self.buffers;
        [
            format!("{family}_buffer_size {};", kilo(self.size)),
            format!("{family}_buffers {count} {};", kilo(each)),
            format!("{family}_busy_buffers_size {};", kilo(self.busy)),
        ]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_sizes_go_together_whatever_the_head() {
        for buffers in ["8 4k", "2 4k", "4 32k", "16 1000", "8 128k", ""] {
            for head in [1, 4095, 4096, 9213, 16_384, 24_000, 70_000, 1 << 20] {
                let Trio {
                    size,
                    buffers: (count, each),
                    busy,
                } = Trio::for_head(head, buffers);
                assert!(size > head, "{head} {buffers}");
                assert!(busy >= size.max(each), "{head} {buffers}");
                assert!(
                    busy < (count - 1) * each,
                    "{head} {buffers}: {busy} {count} {each}"
                );
            }
        }
        let lines = Trio::for_head(9213, "8 4k").lines("proxy");
        assert_eq!(
            lines,
            [
                "proxy_buffer_size 16k;",
                "proxy_buffers 8 4k;",
                "proxy_busy_buffers_size 16k;"
            ]
        );
    }
}
