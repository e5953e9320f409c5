//! `weir lab repro`: from a line of an error log, a scenario that brings the same line.

mod specimen;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use weir_doctor::cause::{Cause, Severity};
use weir_doctor::explain::{cause_of_line, message_of_line};
use weir_doctor::line;
use weir_doctor::logs::{Lines, UnreadableLog};
use weir_log::record::ErrorLine;

use crate::bed::{self, Binary, Field, NoBinary, Seen, Target};
use crate::scenario::{Job, Scenario, play_all};
use crate::script::{ClientStep, Payload};
use crate::version::Version;

use specimen::Specimen;

/// Arguments of `weir lab repro`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// An error log, and a line of it; without one, its last line about a failure
    #[arg(value_name = "LOG[:LINE]")]
    log: String,
    /// Write the scenario to this file instead of standard output
    #[arg(short, long, value_name = "FILE.toml")]
    output: Option<PathBuf>,
    /// Show it against this binary (weir's or nginx's own) instead of a weir in this process
    #[arg(long, value_name = "PATH")]
    against: Option<PathBuf>,
}

/// Why there is no scenario.
#[derive(Debug, thiserror::Error)]
enum ReproError {
    #[error(transparent)]
    Unreadable(#[from] UnreadableLog),
    #[error("{path} has no line {number}")]
    NoLine { path: String, number: u64 },
    #[error("{0} has no line about a failure whose cause is known")]
    NoFailure(String),
    #[error("line {number} of {path} is none about a failure whose cause is known")]
    NotAFailure { path: String, number: u64 },
    #[error("no fault of the catalogue, and no scenario, brings this line: {0}")]
    NoFault(String),
    #[error(transparent)]
    Binary(#[from] NoBinary),
    #[error("the scenario cannot be played: {0}")]
    Unplayable(String),
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
}

/// A line of a log, with its number and cause.
struct Incident {
    number: u64,
    line: ErrorLine,
    cause: &'static Cause,
}

/// How much like a line another one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    /// The cause is the same.
    Cause,
    /// And what was being done.
    Doing,
    /// And message and error, but for names and numbers in it.
    Same,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match repro(arguments) {
        Ok(shown) => shown,
        Err(fault) => super::complain(&fault),
    }
}

fn repro(arguments: &Arguments) -> Result<ExitCode, ReproError> {
    let (path, number) = split(&arguments.log);
    let incident = read(path, number)?;
    let (specimen, _) =
        most_like(&incident).ok_or_else(|| ReproError::NoFault(incident.line.to_string()))?;
    let source = specimen.source.clone();
    let scenario = scenario(specimen, &incident);
    let text = written(&scenario, &source, &incident, path);
    let target = match &arguments.against {
        Some(path) => Target::Binary(Binary::ask(path)?),
        None => Target::Embedded,
    };
    let shown = play(scenario, target)?;
    let best = shown
        .iter()
        .filter_map(|line| likeness(&incident, line))
        .max();
    let found = shown.iter().find(|line| likeness(&incident, line) == best);
    match &arguments.output {
        Some(path) => std::fs::write(path, text).map_err(|source| ReproError::Io {
            what: path.display().to_string(),
            source,
        })?,
        None => {
            super::print(&text);
        }
    }
    eprintln!("line {}: {}", incident.number, incident.line);
    match (best, found) {
        (Some(Likeness::Same), Some(line)) => {
            eprintln!("shown as: {line}");
            Ok(ExitCode::SUCCESS)
        }
        (Some(_), Some(line)) => {
            eprintln!(
                "shown with other words, of the same cause ({}): {line}",
                incident.cause.code
            );
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            eprintln!(
                "not shown: the scenario brings no line of {}",
                incident.cause.code
            );
            Ok(ExitCode::FAILURE)
        }
    }
}

/// `LOG:LINE`, where LOG itself may have colons.
fn split(written: &str) -> (&str, Option<u64>) {
    let split = written
        .rsplit_once(':')
        .and_then(|(path, number)| Some((path, number.parse().ok()?)));
    match split {
        Some((path, number)) if !Path::new(written).exists() => (path, Some(number)),
        _ => (written, None),
    }
}

/// The line of this number, or the last one about a failure.
fn read(path: &str, number: Option<u64>) -> Result<Incident, ReproError> {
    let mut lines = Lines::open(Path::new(path))?;
    let mut count = 0;
    let mut last = None;
    let end = lines.each(|bytes| {
        count += 1;
        if number.is_none_or(|number| number == count)
            && let Some(found) = incident(count, bytes)
            && (number.is_some() || found.cause.severity >= Severity::Error)
        {
            last = Some(found);
        }
        number.is_none_or(|number| count < number)
    });
    match (last, end, number) {
        (Some(incident), ..) => Ok(incident),
        (None, Err(fault), _) => Err(fault.into()),
        (None, Ok(()), Some(number)) if number > count || number == 0 => Err(ReproError::NoLine {
            path: path.to_owned(),
            number,
        }),
        (None, Ok(()), Some(number)) => Err(ReproError::NotAFailure {
            path: path.to_owned(),
            number,
        }),
        (None, Ok(()), _) => Err(ReproError::NoFailure(path.to_owned())),
    }
}

fn incident(number: u64, bytes: &[u8]) -> Option<Incident> {
    let pasted = line::read(&String::from_utf8_lossy(bytes))?;
    let cause = cause_of_line(&pasted.line, pasted.place.is_some())?;
    Some(Incident {
        number,
        line: pasted.line,
        cause,
    })
}

/// How much like the incident's a line is; `None`: it has another cause.
fn likeness(incident: &Incident, other: &str) -> Option<Likeness> {
    let other = line::read(other.trim_end_matches("..."))?;
    let cause = cause_of_line(&other.line, other.place.is_some())?;
    if cause != incident.cause {
        return None;
    }
    let (own, other) = (&incident.line, &other.line);
    let same_error = own.errno.as_ref().map(|(number, _)| number)
        == other.errno.as_ref().map(|(number, _)| number);
    Some(match own.doing == other.doing {
        true if same_error && is_same(&incident.line, other) => Likeness::Same,
        true => Likeness::Doing,
        false => Likeness::Cause,
    })
}

/// Whether two messages are the same, or the same but for what stands in them of names and numbers.
fn is_same(one: &ErrorLine, other: &ErrorLine) -> bool {
    let known = message_of_line(one);
    one.message == other.message || known.is_some() && known == message_of_line(other)
}

/// The specimen whose line is most like it; of several the simplest.
fn most_like(incident: &Incident) -> Option<(Specimen, Likeness)> {
    let all = Specimen::all().into_iter().filter_map(|specimen| {
        let lines = specimen.lines.iter();
        let likeness = lines.filter_map(|line| likeness(incident, line)).max()?;
        Some((specimen, likeness))
    });
    all.max_by_key(|(specimen, likeness)| (*likeness, std::cmp::Reverse(specimen.size())))
}

/// What is played: asked for what the line's client asked for, where it may be asked for anything.
fn scenario(specimen: Specimen, incident: &Incident) -> Scenario {
    let mut scenario = specimen.scenario;
    scenario.summary = format!("{}: {}", incident.cause.code, scenario.summary);
    if !specimen.asks_for_anything {
        return scenario;
    }
    let request = incident.line.request.as_deref().unwrap_or_default();
    let mut words = request.split(' ');
    let asked = words.next().zip(words.next());
    if let ([ClientStep::Get(_)], Some((method, uri))) = (&*scenario.client, asked)
        && uri.starts_with('/')
    {
        scenario.client = match method {
            "GET" => vec![ClientStep::Get(uri.to_owned())],
            "HEAD" => scenario.client,
            _ => {
                let request = format!(
                    "{method} {uri} HTTP/1.1\r\nHost: weir.test\r\nContent-Length: 4\r\n\r\nbody"
                );
                vec![
                    ClientStep::Send(Payload::from(&*request)),
                    ClientStep::Receive,
                ]
            }
        };
    }
    scenario
}

fn written(scenario: &Scenario, source: &str, incident: &Incident, path: &str) -> String {
    let number = incident.number;
    let head = format!(
        "# {path}, line {number}, by {source}.\n# weir lab run FILE plays it; --against nginx beside it.\n"
    );
    // What was read from TOML can be written as TOML.
    head + &toml::to_string(scenario).unwrap_or_default()
}

/// The lines of the error log of a run.
fn play(scenario: Scenario, target: Target) -> Result<Vec<String>, ReproError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let io = |what: &str| {
        let what = what.to_owned();
        move |source| ReproError::Io { what, source }
    };
    let runtime = runtime.map_err(io("the runtime"))?;
    let directory = bed::directory().map_err(io("a temporary directory"))?;
    let version = target
        .own_version()
        .unwrap_or_else(|| scenario.compat.unwrap_or(Version::V1_28));
    let job = Job {
        scenario: Arc::new(scenario),
        target: Arc::new(target),
        version,
        folder: "repro".to_owned(),
    };
    let mut results = runtime.block_on(play_all(vec![job], directory.path(), 1));
    let seen: Seen = match results.pop() {
        Some(Ok(seen)) => seen,
        Some(Err(fault)) => return Err(ReproError::Unplayable(fault.to_string())),
        None => return Err(ReproError::Unplayable("it did not run".to_owned())),
    };
    let lines = seen
        .field(Field::ErrorLog)
        .as_array()
        .cloned()
        .unwrap_or_default();
    Ok(lines
        .iter()
        .filter_map(|line| line.as_str().map(str::to_owned))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incident_of(message: &str) -> Incident {
        let head = "2026/11/21 08:41:49 [error] 1#1: *7 ";
        let tail = ", client: ::1, server: s, request: \"POST /order?id=1 HTTP/1.1\", upstream: \"http://10.0.0.1:80/order?id=1\"";
        incident(1, format!("{head}{message}{tail}").as_bytes()).unwrap()
    }

    #[test]
    fn usual_failures_have_a_fault_with_the_same_line() {
        for message in [
            "connect() failed (111: Connection refused) while connecting to upstream",
            "upstream timed out (110: Connection timed out) while reading response header from upstream",
            "upstream timed out (110: Connection timed out) while reading upstream",
            "upstream prematurely closed connection while reading response header from upstream",
            "upstream prematurely closed connection while reading upstream",
            "recv() failed (104: Connection reset by peer) while reading response header from upstream",
            "upstream sent too big header while reading response header from upstream",
            "no live upstreams while connecting to upstream",
            "upstream sent invalid chunked response while reading upstream",
            "backend.internal could not be resolved (3: Host not found)",
            "app could not be resolved (110: Operation timed out)",
            "upstream SSL certificate verify error: (10:certificate has expired) while SSL handshaking to upstream",
            "peer closed connection in SSL handshake while SSL handshaking to upstream",
            "limiting requests, excess: 5.123 by zone \"perip\"",
            "limiting connections by zone \"addr\"",
        ] {
            let incident = incident_of(message);
            let (specimen, likeness) = most_like(&incident).unwrap();
            assert_eq!(likeness, Likeness::Same, "{message}: {}", specimen.source);
        }
    }

    #[test]
    fn the_scenario_asks_for_what_was_asked_for() {
        let incident = incident_of(
            "upstream prematurely closed connection while reading response header from upstream",
        );
        let (specimen, _) = most_like(&incident).unwrap();
        let source = specimen.source.clone();
        let scenario = scenario(specimen, &incident);
        let text = written(&scenario, &source, &incident, "error.log");
        let again = Scenario::parse(&text, Path::new("again.toml")).unwrap();
        assert_eq!(again.client, scenario.client);
        assert!(text.contains("POST /order?id=1 HTTP/1.1"), "{text}");
    }

    #[test]
    fn a_line_is_named_behind_a_colon() {
        assert_eq!(
            split("/nowhere/error.log:7"),
            ("/nowhere/error.log", Some(7))
        );
        assert_eq!(split("error.log"), ("error.log", None));
    }
}
