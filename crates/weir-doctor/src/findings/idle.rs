//! How long upstreams keep idle connections, measured where that is wanted.

use std::time::Duration;

use super::asked::targets;
use crate::case::Case;
use crate::cause::{ANSWERS, IDLE_CLOSED, Severity};
use crate::configuration::{Client, Group, Passing, Sent, sent};
use crate::finding::{Confidence, Finding, Source};
use crate::patch;
use crate::probe::Target;
use crate::probe::http::{self, Idle};

/// An upstream that connections are kept to.
struct Kept<'a> {
    group: &'a Group,
    target: Target,
    sent: Sent,
}

/// A finding for each server that closes idle connections before the proxy does; of the others, a note.
pub(super) fn measured(case: &Case) -> Vec<Finding> {
    let Some(most) = case.idle else {
        return Vec::new();
    };
    let kept = kept(case);
    let measured: Vec<Idle> = std::thread::scope(|scope| {
        let running: Vec<_> = kept
            .iter()
            .map(|one| scope.spawn(move || http::idle(&one.target, &one.sent.speech, most)))
            .collect();
        let ended = running.into_iter().map(std::thread::ScopedJoinHandle::join);
        ended.map(|idle| idle.unwrap_or(Idle::NeverKept)).collect()
    });
    kept.iter()
        .zip(measured)
        .map(|(one, idle)| told(one, idle))
        .collect()
}

/// Upstreams are asked one after the other; so many at most.
const MOST: usize = 32;

/// The servers of groups with `keepalive`, each by the first location that leads there and does not ask for the end.
fn kept(case: &Case) -> Vec<Kept<'_>> {
    let Some(configuration) = &case.configuration else {
        return Vec::new();
    };
    let client = |passing: &Passing| {
        let host = passing.server.clone();
        (host, passing.mapped("/"))
    };
    let mut found: Vec<Kept<'_>> = Vec::new();
    for passing in &case.passing {
        let group = case
            .groups
            .iter()
            .find(|group| group.name == passing.authority());
        let Some(group) = group.filter(|group| group.keepalive.is_some()) else {
            continue;
        };
        let (host, path) = client(passing);
        let client = Client {
            newest: case.speaks_http_11(),
            host: &host,
            path: &path,
        };
        for target in targets(case, passing) {
            if found.len() < MOST && !found.iter().any(|one| one.target == target) {
                let sent = sent(configuration, passing, client);
                found.push(Kept {
                    group,
                    target,
                    sent,
                });
            }
        }
    }
    found
}

fn told(one: &Kept<'_>, idle: Idle) -> Finding {
    let written = one.group.keepalive_timeout.as_deref().unwrap_or("60s");
    let own = weir_conf::parse_time(written.as_bytes()).unwrap_or(Duration::from_secs(60));
    let Idle::Closed(after) = idle else {
        let mut finding = Finding::of(&ANSWERS);
        let words = match idle {
            Idle::Kept(time) => format!("keeps an idle connection for more than {time:.1?}"),
            Idle::Closed(_) | Idle::NeverKept => {
                "keeps no connection, or does not answer".to_owned()
            }
        };
        "how long the upstream keeps idle connections".clone_into(&mut finding.title);
        finding.saw(Source::Probe, format!("{} {words}", one.target));
        return finding;
    };
    let mut finding = Finding::of(&IDLE_CLOSED);
    finding.confidence = Confidence::High;
    finding.severity = Severity::Warning;
    finding.saw(
        Source::Probe,
        format!("{} closes an idle connection after {after:.1?}", one.target),
    );
    if after >= own {
        finding.severity = Severity::Note;
    }
    if let Some(place) = &one.group.keepalive {
        finding.read(
            format!("the proxy keeps it for {written} (keepalive_timeout)"),
            place,
        );
        let shorter = after.mul_f64(0.8).as_millis().max(1);
        let line = match shorter {
            1000.. => format!("keepalive_timeout {}s;", shorter / 1000),
            _ => format!("keepalive_timeout {shorter}ms;"),
        };
        let diff = match one.group.keepalive_timeout {
            Some(_) => None,
            None => patch::insert_behind(place, std::slice::from_ref(&line)),
        };
        match diff {
            Some(diff) => finding.cure_first(
                "Close idle connections before the upstream does:",
                Some(diff),
            ),
            None => finding.cure_first(
                format!("Close idle connections before the upstream does: `{line}`"),
                None,
            ),
        }
    }
    finding
}
