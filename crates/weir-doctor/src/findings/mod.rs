//! From what is known to what is wrong.

mod answers;
mod asked;
mod cascade;
pub mod clocks;
mod configured;
mod confined;
mod files;
mod idle;
mod process;
mod reach;
mod secured;
mod strain;

use crate::case::Case;
use crate::cause::Severity;
use crate::configuration::Passing;
use crate::explain::{counted, shown};
use crate::finding::{Confidence, Finding, Source};
use crate::logs::errors::{ErrorLog, Incident};

/// A finding, and the incident that it was made of.
struct Found<'a> {
    finding: Finding,
    incident: &'a Incident,
}

/// Everything that is wrong, the gravest first.
pub fn all(case: &Case) -> Vec<Finding> {
    let mut findings = process::all(case);
    findings.extend(files::unreadable(case));
    findings.extend(case.errors.iter().flat_map(|log| of_log(case, log)));
    findings.extend(asked::by_url(case, &findings));
    findings.extend(idle::measured(case));
    findings.extend(clocks::near(case));
    findings.extend(strain::all(case));
    findings.extend(configured::all(case));
    process::forgive_the_past(case, &mut findings);
    findings.extend(answers::unexplained(case, &findings));
    findings.sort_by_key(|finding| std::cmp::Reverse((finding.severity, finding.count)));
    findings
}

/// What an error log tells of.
pub fn of_log(case: &Case, log: &ErrorLog) -> Vec<Finding> {
    let found = log.incidents().into_iter().map(|incident| Found {
        finding: of_incident(case, incident),
        incident,
    });
    cascade::folded(case, found.collect())
}

/// The locations whose settings are shown, so many of them.
const PLACES: usize = 3;

fn of_incident(case: &Case, incident: &Incident) -> Finding {
    let mut finding = Finding::of(incident.cause);
    finding.count = incident.count;
    finding.last = Some(incident.last.clone());
    let lines = counted(incident.count, "line");
    let span = match incident.first == incident.last {
        true => format!("at {}", incident.first),
        false => format!("from {} to {}", incident.first, incident.last),
    };
    let upstream = match incident.upstream.is_empty() {
        true => String::new(),
        false => format!(" about {}", incident.upstream),
    };
    finding.saw(
        Source::Log,
        format!(
            "{lines}{upstream} {span}, the first: {}",
            redacted(&incident.line)
        ),
    );
    let leading = match incident.upstream.is_empty() {
        true => Vec::new(),
        false => leading(case, incident),
    };
    if let [uri, ..] = &*incident.uris
        && finding.severity >= Severity::Error
    {
        let more = if incident.uris.len() > 1 {
            " and others"
        } else {
            ""
        };
        finding.saw(Source::Log, format!("requests for {}{more}", redacted(uri)));
    }
    reach::look(case, incident, &leading, &mut finding);
    secured::look(case, incident, &leading, &mut finding);
    asked::again(case, incident, &leading, &mut finding);
    answers::look(case, incident, &leading, &mut finding);
    files::look(case, incident, &mut finding);
    confined::look(case, incident, &mut finding);
    for passing in leading.iter().take(PLACES) {
        let text = format!("{} {};", passing.directive, passing.target);
        if !finding
            .evidence
            .iter()
            .any(|seen| seen.place.as_ref() == Some(&passing.place))
        {
            finding.read(text, &passing.place);
        }
    }
    finding
}

/// The locations that an incident is about: those of its server, if there are any, and of them those whose names are like the
/// URI's beginning, the longest first.
fn leading<'a>(case: &'a Case, incident: &Incident) -> Vec<&'a Passing> {
    let all = case.leading_to(&incident.upstream);
    of_request(all, incident)
}

/// The locations of these that an incident's first request may have met.
fn of_request<'a>(all: Vec<&'a Passing>, incident: &Incident) -> Vec<&'a Passing> {
    let own: Vec<&Passing> = all
        .iter()
        .copied()
        .filter(|passing| passing.server == incident.server)
        .collect();
    let mut own = if own.is_empty() { all } else { own };
    let Some(uri) = incident.uris.first() else {
        return own;
    };
    if own
        .iter()
        .any(|passing| likeness(&passing.location, uri).is_some())
    {
        own.retain(|passing| likeness(&passing.location, uri).is_some());
    }
    own.sort_by_key(|passing| std::cmp::Reverse(likeness(&passing.location, uri)));
    own
}

/// How much of a URI a location's name stands for; `None`: it is another one. Of expressions nobody knows.
fn likeness(location: &str, uri: &str) -> Option<usize> {
    let path = uri.split('?').next().unwrap_or_default();
    let (modifier, name) = location.split_once(' ').unwrap_or(("", location));
    match modifier {
        "=" => (path == name).then_some(1000 + name.len()),
        "~" | "~*" => Some(0),
        _ => path.starts_with(name).then_some(name.len()),
    }
}

/// Text from a log without what must not be passed around: queries, passwords in URLs, and lines of headers that hold
/// credentials.
fn redacted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['?', '/', '"']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let (kept, hidden) = secret(from);
        out.push_str(&from[..kept]);
        if hidden > 0 {
            out.push_str("***");
        }
        rest = &from[kept + hidden..];
    }
    out.push_str(rest);
    shown(&out)
}

/// How much of the beginning is kept, and how much of what follows is hidden.
fn secret(from: &str) -> (usize, usize) {
    let until = |text: &str, ends: &[char]| text.find(ends).unwrap_or(text.len());
    if let Some(query) = from.strip_prefix('?') {
        return (1, until(query, &[' ', '"']));
    }
    if let Some(authority) = from.strip_prefix("//") {
        let end = until(authority, &['/', ' ', '"', '?']);
        return (2, authority[..end].rfind('@').unwrap_or(0));
    }
    let quoted = from.strip_prefix('"').unwrap_or_default();
    let names = [
        "cookie:",
        "set-cookie:",
        "authorization:",
        "proxy-authorization:",
        "x-api-key:",
    ];
    let is = |name: &&&str| {
        quoted
            .get(..name.len())
            .is_some_and(|own| own.eq_ignore_ascii_case(name))
    };
    match names.iter().find(is) {
        Some(name) => (1 + name.len(), until(&quoted[name.len()..], &['"'])),
        None => (1, 0),
    }
}

/// Makes a finding another cause's, which is known better than by the log alone.
fn becomes(finding: &mut Finding, cause: &'static crate::cause::Cause, confidence: Confidence) {
    let (evidence, last) = (std::mem::take(&mut finding.evidence), finding.last.take());
    *finding = Finding {
        evidence,
        last,
        count: finding.count,
        head: finding.head,
        confidence,
        ..Finding::of(cause)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for (text, safe) in [
            (
                "\"GET /a?Token=abc&b=1 HTTP/1.1\", host: \"h\"",
                "\"GET /a?*** HTTP/1.1\", host: \"h\"",
            ),
            (
                "referrer: \"http://u:pass@x/y?z\"",
                "referrer: \"http://***@x/y?***\"",
            ),
            (
                "too long header line: \"Cookie: a=b; c...\"",
                "too long header line: \"Cookie:***\"",
            ),
            ("\"authorization: Basic eA==\" x", "\"authorization:***\" x"),
            ("a/b \"c\" ?", "a/b \"c\" ?"),
            ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
        ] {
            assert_eq!(redacted(text), safe);
        }
    }

    #[test]
    fn the_location_of_a_uri_is_the_one_with_the_longest_name() {
        for (location, uri, matches) in [
            ("/", "/api/x", Some(1)),
            ("/api", "/api/x", Some(4)),
            ("^~ /api/", "/api/x", Some(5)),
            ("= /api/x", "/api/x?a", Some(1006)),
            ("= /api", "/api/x", None),
            ("/other", "/api/x", None),
            ("~ \\.php$", "/api/x", Some(0)),
        ] {
            assert_eq!(likeness(location, uri), matches, "{location} {uri}");
        }
    }
}
