//! Failures that follow from others are told with them.

use std::collections::HashMap;

use super::Found;
use crate::case::Case;
use crate::cause::{DISABLED, NO_LIVE, Severity};
use crate::finding::{Confidence, Finding, Source};

/// The findings, with "no live upstreams" and "temporarily disabled" told by the failures that they follow from.
pub(super) fn folded(case: &Case, found: Vec<Found<'_>>) -> Vec<Finding> {
    let (follow, mut origins): (Vec<Found<'_>>, Vec<Found<'_>>) = found
        .into_iter()
        .partition(|one| one.incident.cause == &NO_LIVE || one.incident.cause == &DISABLED);
    let mut lone = Vec::new();
    let mut told: HashMap<usize, (u64, u64)> = HashMap::new();
    for one in follow {
        match origin_of(case, &one, &origins) {
            Some(index) => {
                let counts = told.entry(index).or_default();
                match one.incident.cause == &NO_LIVE {
                    true => counts.0 += one.incident.count,
                    false => counts.1 += one.incident.count,
                }
            }
            None => {
                let mut finding = one.finding;
                marked_down(case, &one.incident.upstream, &mut finding);
                lone.push(finding);
            }
        }
    }
    for (index, (no_live, disabled)) in told {
        let finding = &mut origins[index].finding;
        if no_live > 0 {
            finding.count += no_live;
            let text = format!(
                "{no_live} more requests got 502 with \"no live upstreams\" because this had put every server of the group out"
            );
            finding.saw(Source::Log, text);
        } else {
            finding.saw(
                Source::Log,
                format!("it took the server out of its group {disabled} times"),
            );
        }
    }
    origins
        .into_iter()
        .map(|one| one.finding)
        .chain(lone)
        .collect()
}

/// A group whose servers are all marked `down` needs no failure to be out.
fn marked_down(case: &Case, upstream: &str, finding: &mut Finding) {
    let Some(group) = case.group_of(upstream) else {
        return;
    };
    if group.servers.is_empty() || !group.servers.iter().all(|server| server.down) {
        return;
    }
    finding.confidence = Confidence::High;
    for server in &group.servers {
        finding.read(format!("server {} … down;", server.address), &server.place);
    }
    finding.cure_first("Take `down` off the servers that are back.", None);
}

/// The failure that came before, about a server of the same group: the last one that began before.
fn origin_of(case: &Case, one: &Found<'_>, origins: &[Found<'_>]) -> Option<usize> {
    let group = case
        .group_of(&one.incident.upstream)
        .map(|group| &group.name);
    let same = |origin: &Found<'_>| {
        let upstream = &origin.incident.upstream;
        let counts = origin.incident.cause.severity >= Severity::Error && !upstream.is_empty();
        let same_group =
            group.is_some() && case.group_of(upstream).map(|group| &group.name) == group;
        counts && (*upstream == one.incident.upstream || same_group || group.is_none())
    };
    let mut before: Vec<usize> = (0..origins.len())
        .filter(|&index| same(&origins[index]))
        .collect();
    // Those that began before it first, of them the one with the most lines.
    before.sort_by_key(|&index| {
        let origin = origins[index].incident;
        (
            origin.number > one.incident.number,
            std::cmp::Reverse(origin.count),
        )
    });
    before.first().copied()
}
