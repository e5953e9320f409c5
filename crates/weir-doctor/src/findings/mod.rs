//! From what is known to what is wrong.

mod answers;
mod cascade;
mod files;
mod process;
mod reach;
mod secured;

use crate::case::Case;
use crate::cause::Severity;
use crate::configuration::Passing;
use crate::finding::{Confidence, Finding, Source};
use crate::logs::errors::Incident;

/// A finding, and the incident that it was made of.
struct Found<'a> {
    finding: Finding,
    incident: &'a Incident,
}

/// Everything that is wrong, the gravest first.
pub fn all(case: &Case) -> Vec<Finding> {
    let mut findings = process::all(case);
    findings.extend(files::unreadable(case));
    let incidents = case
        .errors
        .as_ref()
        .map(|log| log.incidents())
        .unwrap_or_default();
    let found: Vec<Found<'_>> = incidents
        .into_iter()
        .map(|incident| Found {
            finding: of_incident(case, incident),
            incident,
        })
        .collect();
    findings.extend(cascade::folded(case, found));
    findings.sort_by_key(|finding| std::cmp::Reverse((finding.severity, finding.count)));
    findings
}

/// The locations whose settings are shown, so many of them.
const PLACES: usize = 3;

fn of_incident(case: &Case, incident: &Incident) -> Finding {
    let mut finding = Finding::of(incident.cause);
    finding.count = incident.count;
    let lines = if incident.count == 1 {
        "1 line"
    } else {
        &format!("{} lines", incident.count)
    };
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
    answers::look(case, incident, &leading, &mut finding);
    files::look(case, incident, &mut finding);
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

/// The locations that an incident is about: those of its server, if there are any.
fn leading<'a>(case: &'a Case, incident: &Incident) -> Vec<&'a Passing> {
    let all = case.leading_to(&incident.upstream);
    let own: Vec<&Passing> = all
        .iter()
        .copied()
        .filter(|passing| passing.server == incident.server)
        .collect();
    if own.is_empty() { all } else { own }
}

/// A line without what must not be passed around: arguments that look like secrets.
fn redacted(text: &str) -> String {
    const SECRETS: [&str; 8] = [
        "token=",
        "password=",
        "passwd=",
        "secret=",
        "apikey=",
        "api_key=",
        "access_token=",
        "sig=",
    ];
    let mut out = text.to_owned();
    for secret in SECRETS {
        let mut from = 0;
        while let Some(at) = out[from..].to_ascii_lowercase().find(secret) {
            let start = from + at + secret.len();
            let length = out[start..]
                .find(['&', ' ', '"', ';'])
                .unwrap_or(out.len() - start);
            out.replace_range(start..start + length, "***");
            from = start + 3;
        }
    }
    out
}

/// Makes a finding another cause's, which is known better than by the log alone.
fn becomes(finding: &mut Finding, cause: &'static crate::cause::Cause, confidence: Confidence) {
    let (evidence, count) = (std::mem::take(&mut finding.evidence), finding.count);
    *finding = Finding {
        evidence,
        count,
        confidence,
        ..Finding::of(cause)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let text = "request: \"GET /a?Token=abc&b=1&password=x HTTP/1.1\"";
        assert_eq!(
            redacted(text),
            "request: \"GET /a?Token=***&b=1&password=*** HTTP/1.1\""
        );
    }
}
