//! Findings, for people and for programs.

use std::fmt::Write as _;

use serde::Serialize;

use crate::case::{Case, split};
use crate::cause::Severity;
use crate::explain::{counted, wrapped};
use crate::finding::{Confidence, Finding, Source};
use crate::findings::clocks::{self, LocationClocks};
use crate::host::namespaces::{Namespace, Stance};
use crate::ink::Ink;
use crate::url::Url;

/// The whole report for programs.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    configuration: Option<String>,
    files: Vec<String>,
    logs: Vec<String>,
    process: Option<u32>,
    live: bool,
    error_lines: u64,
    requests: u64,
    findings: &'a [Finding],
    locations: Vec<LocationClocks>,
}

impl<'a> Report<'a> {
    /// What was looked at, and what was found.
    pub fn new(case: &Case, findings: &'a [Finding]) -> Self {
        let configuration = case.configuration.as_ref();
        let shown = |path: &std::path::PathBuf| path.display().to_string();
        Self {
            configuration: configuration.map(|one| shown(&one.path)),
            files: configuration
                .map(|one| one.files.iter().map(shown).collect())
                .unwrap_or_default(),
            logs: case.read.iter().map(shown).collect(),
            process: case.proxy.as_ref().map(|proxy| proxy.pid),
            live: case.live,
            error_lines: case.errors.as_ref().map_or(0, |log| log.lines),
            requests: case.access.as_ref().map_or(0, |log| log.lines),
            findings,
            locations: clocks::all(case),
        }
    }
}

/// Findings that people are shown; the gravest come first.
const SHOWN: usize = 20;

/// The report for people.
pub fn text(case: &Case, findings: &[Finding], ink: Ink) -> String {
    let mut out = looked_at(case);
    let told: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.severity > Severity::Note)
        .collect();
    if told.is_empty() {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "\n{}", ink.green("Nothing wrong was found."));
    }
    for (number, finding) in (1..).zip(told.iter().take(SHOWN)) {
        let _ = write!(out, "\n{}", of(number, finding, ink));
    }
    if told.len() > SHOWN {
        let _ = writeln!(
            out,
            "\nAnd {} more: --json has all of them.",
            told.len() - SHOWN
        );
    }
    let notes = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Note);
    for finding in notes {
        let _ = writeln!(out, "\n{}", wrapped(&note(finding), 2));
    }
    out
}

/// A note in a sentence or two, with the first place that it is about, and the first thing to do about what is configured.
fn note(finding: &Finding) -> String {
    // What was just asked says more than what is written.
    let asked = finding
        .evidence
        .iter()
        .find(|evidence| evidence.from == Source::Probe);
    let mut text = format!("note: {}", finding.title);
    let Some(evidence) = asked.or_else(|| finding.evidence.first()) else {
        return text;
    };
    let _ = write!(text, ": {}", evidence.text);
    if let Some(place) = &evidence.place {
        let _ = write!(text, " ({place})");
        match finding.evidence.len() {
            1 => {}
            count => {
                let _ = write!(text, " and {} more", count - 1);
            }
        }
    }
    if finding.code.starts_with("WEIR-CONF-") {
        let _ = write!(text, ". `weir explain {}` says more.", finding.code);
    }
    text
}

fn looked_at(case: &Case) -> String {
    let mut out = String::new();
    let mut say = |name: &str, text: String| {
        let _ = writeln!(out, "{name:<15}{text}");
    };
    match &case.proxy {
        Some(proxy) => {
            let version = proxy.build.version.as_ref();
            let version = version.map_or(String::new(), |version| format!("/{version}"));
            say(
                "running",
                format!("{}{version}, process {}", proxy.name, proxy.pid),
            );
            if let Some(text) = stance(&case.stance) {
                say("", text);
            }
        }
        None if case.live => say("running", "no nginx or weir that this user sees".to_owned()),
        None => say("running", "not looked at".to_owned()),
    }
    for other in &case.others {
        let conf = other.conf.as_ref().map_or(String::new(), |conf| {
            format!("; -c {} is about it", conf.display())
        });
        say(
            "runs, too",
            format!("{}, process {}{conf}", other.name, other.pid),
        );
    }
    match &case.configuration {
        Some(configuration) => {
            say(
                "configuration",
                format!(
                    "{} ({}), requests are passed on in {}",
                    configuration.path.display(),
                    counted(configuration.files.len() as u64, "file"),
                    counted(case.passing.len() as u64, "location"),
                ),
            );
        }
        None => say(
            "configuration",
            "none was found; -c FILE names one".to_owned(),
        ),
    }
    if let Some(url) = &case.url {
        say("URL", taken_by(case, url));
    }
    match &case.errors {
        Some(log) => {
            let path = case
                .read
                .first()
                .map(|path| path.display().to_string())
                .unwrap_or_default();
            say("error log", format!("{path}, {} lines", log.lines));
            if log.lines == 0 && log.others > 0 {
                say(
                    "",
                    format!("{} lines in it are none of an error log", log.others),
                );
            }
        }
        None => say(
            "error log",
            "none was read; --log FILE names one".to_owned(),
        ),
    }
    match &case.access {
        Some(log) => {
            let (good, bad) = (log.count(100, 499), log.count(500, 599));
            say(
                "access log",
                format!(
                    "{} requests, {bad} answered 5xx, {good} otherwise",
                    log.lines
                ),
            );
            if log.others > 0 {
                say(
                    "",
                    format!(
                        "{} lines are not in the format of the configuration",
                        log.others
                    ),
                );
            }
        }
        None => say(
            "access log",
            "none was read; --access FILE names one".to_owned(),
        ),
    }
    out
}

/// Where the doctor looks from, if that is not simply here.
fn stance(stance: &Stance) -> Option<String> {
    let named = |kinds: &[Namespace]| {
        let names: Vec<String> = kinds.iter().map(Namespace::to_string).collect();
        names.join(" and ")
    };
    match stance {
        Stance::Beside => None,
        Stance::Entered(kinds) => Some(format!(
            "looked at from inside its own {} namespace",
            named(kinds)
        )),
        Stance::Outside(kinds, why) => Some(format!(
            "it has its own {} namespace, which may not be entered ({why}): as root the doctor sees what it sees",
            named(kinds)
        )),
    }
}

/// Which server and location take a URL.
fn taken_by(case: &Case, url: &Url) -> String {
    let configuration = case.configuration.as_ref();
    let host = split(&url.host).0;
    let route = configuration.and_then(|one| one.route(host, url.port, &url.path));
    let Some(route) = route else {
        return "no server takes it".to_owned();
    };
    let server = format!("server {} ({})", route.server, route.server_place);
    let passes = case.passing.iter().find(|passing| route.leads_to(passing));
    let Some((location, place)) = &route.location else {
        return format!("{server} takes it, and no location in it");
    };
    match passes {
        Some(passing) => format!(
            "{server}, location {location} ({place}): {} {}",
            passing.directive, passing.target
        ),
        None => format!("{server}, location {location} ({place}), which passes nothing on"),
    }
}

/// A finding, with its number.
pub fn of(number: usize, finding: &Finding, ink: Ink) -> String {
    let code = match finding.severity {
        Severity::Note => ink.green(finding.code),
        Severity::Warning => ink.yellow(finding.code),
        Severity::Error | Severity::Critical => ink.red(finding.code),
    };
    let sure = match finding.confidence {
        Confidence::High => "sure",
        Confidence::Medium => "likely",
        Confidence::Low => "perhaps",
    };
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{number}. {code} ({}, {sure})",
        finding.severity.word()
    );
    let _ = writeln!(out, "{}", ink.bold(&wrapped(&finding.title, 3)));
    for evidence in &finding.evidence {
        let from = match evidence.from {
            Source::Log => "error log",
            Source::Access => "access log",
            Source::Config => "configured",
            Source::Host => "this machine",
            Source::Probe => "asked",
        };
        let place = evidence
            .place
            .as_ref()
            .map_or(String::new(), |place| format!(" ({place})"));
        let text = format!("{}{place}", evidence.text);
        let _ = writeln!(out, "   {from:<13}{}", wrapped(&text, 16).trim_start());
    }
    if !finding.cures.is_empty() {
        let _ = writeln!(out, "   what to do, the safest first:");
    }
    for cure in &finding.cures {
        let _ = writeln!(out, "   - {}", wrapped(&cure.text, 5).trim_start());
        if let Some(diff) = &cure.diff {
            for line in diff.lines() {
                let shown = match line.as_bytes().first() {
                    Some(b'+') => ink.green(line),
                    Some(b'-') => ink.red(line),
                    _ => line.to_owned(),
                };
                let _ = writeln!(out, "       {shown}");
            }
        }
    }
    let _ = writeln!(
        out,
        "   otherwise    {}",
        wrapped(finding.disproof, 16).trim_start()
    );
    let _ = writeln!(out, "   more         weir explain {}", finding.code);
    out
}
