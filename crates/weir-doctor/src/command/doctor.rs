//! `weir doctor`: why requests fail.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Parser;

use super::{parse, print};
use crate::case::{Case, Where};
use crate::cause::Severity;
use crate::finding::Finding;
use crate::findings;
use crate::ink::Ink;
use crate::logs::Since;
use crate::report::{Report, text};
use crate::url::Url;

/// Say why requests fail, behind a weir or behind a stock nginx
///
/// Reads the configuration and the logs of the proxy that runs, looks at this machine and asks the upstreams whether they are
/// there. Nothing is changed, and nothing is sent but to the upstreams and name servers that the configuration names.
#[derive(Debug, Parser)]
#[command(name = "weir doctor", bin_name = "weir doctor", no_binary_name = true)]
struct Arguments {
    /// The configuration file
    #[arg(short = 'c', value_name = "FILE")]
    conf: Option<PathBuf>,
    /// Base of the configuration's relative paths
    #[arg(short = 'p', value_name = "FOLDER")]
    prefix: Option<PathBuf>,
    /// The error log
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// The access log
    #[arg(long, value_name = "FILE")]
    access: Option<PathBuf>,
    /// Only lines of the last so and so long: 90s, 30m, 1h, 2d
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Duration>,
    /// Read files only: do not look at this machine, and ask nobody
    #[arg(long)]
    offline: bool,
    /// Connect to upstreams only: send them no request
    #[arg(long)]
    no_requests: bool,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
    /// Write the changes that would cure what was found into this new file, as diff -u does; nothing is applied
    #[arg(long, value_name = "FILE")]
    fix: Option<PathBuf>,
    /// A URL that fails: which location takes it, and what its upstreams answer
    #[arg(value_parser = url)]
    url: Option<Url>,
}

fn url(text: &str) -> Result<Url, String> {
    Url::read(text).ok_or_else(|| format!("\"{text}\" is no URL: http://example.com/path is one"))
}

fn time(text: &str) -> Result<Duration, String> {
    let time = weir_conf::parse_time(text.as_bytes());
    time.ok_or_else(|| format!("\"{text}\" is no time: 90s, 30m, 1h, 2d are"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a command asks once; no worker's clock runs here"
)]
fn since(time: Option<Duration>) -> Since {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap_or_default();
    time.map_or_else(Since::default, |time| Since::last(time, now))
}

/// Runs `weir doctor`; `args` are those after `doctor`. 0: nothing fails; 1: something does; 2: there was nothing to look at.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = match parse::<Arguments>(args) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let place = Where {
        conf: arguments.conf.clone(),
        prefix: arguments.prefix.clone(),
        error_log: arguments.log.clone(),
        access_log: arguments.access.clone(),
        offline: arguments.offline,
        no_requests: arguments.no_requests,
        url: arguments.url.clone(),
        since: since(arguments.since),
    };
    let Some((said, findings)) = Case::examine(&place, |case| told(case, arguments.json)) else {
        eprintln!(
            "weir doctor: there is no configuration and no log to look at: -c FILE and --log FILE name them"
        );
        return ExitCode::from(2);
    };
    if let Some(path) = &arguments.fix
        && let Err(why) = write_fixes(path, &findings)
    {
        eprintln!("weir doctor: {}: {why}", path.display());
        return ExitCode::from(2);
    }
    let fails = findings
        .iter()
        .any(|finding| finding.severity >= Severity::Error);
    match print(&said) {
        ExitCode::SUCCESS if fails => ExitCode::from(1),
        code => code,
    }
}

/// The report, and what is in it; `None`: there is nothing to look at.
fn told(case: &Case, json: bool) -> Option<(String, Vec<Finding>)> {
    let is_there = case
        .configuration
        .as_ref()
        .is_some_and(|one| one.path.exists());
    if !is_there && case.read.is_empty() && case.unreadable.is_empty() {
        return None;
    }
    let findings = findings::all(case);
    let said = match json {
        true => {
            serde_json::to_string_pretty(&Report::new(case, &findings)).unwrap_or_default() + "\n"
        }
        false => text(case, &findings, Ink::of_stdout()),
    };
    Some((said, findings))
}

/// Writes every change once, into a file that is new.
fn write_fixes(path: &Path, findings: &[Finding]) -> io::Result<()> {
    let mut diffs: Vec<&str> = Vec::new();
    for cure in findings.iter().flat_map(|finding| &finding.cures) {
        if let Some(diff) = cure.diff.as_deref().filter(|diff| !diffs.contains(diff)) {
            diffs.push(diff);
        }
    }
    if diffs.is_empty() {
        eprintln!(
            "weir doctor: no change of the configuration would cure what was found; nothing is written"
        );
        return Ok(());
    }
    let mut file = File::options().write(true).create_new(true).open(path)?;
    file.write_all(diffs.concat().as_bytes())
}
