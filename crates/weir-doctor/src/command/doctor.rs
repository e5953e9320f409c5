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
use crate::explain::counted;
use crate::finding::Finding;
use crate::findings::{self, clocks};
use crate::fix::Fixes;
use crate::ink::Ink;
use crate::logs::Since;
use crate::report::{self, Report, text};
use crate::url::Url;
use crate::watch::Watch;

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
    /// Stay, follow the error logs, and tell what is new in them, until interrupted
    #[arg(long, conflicts_with_all = ["fix"])]
    watch: bool,
    /// Ask upstreams that connections are kept to how long they keep idle ones: waits so long at most
    #[arg(long, value_name = "TIME", value_parser = time, num_args = 0..=1, default_missing_value = "75s", require_equals = true)]
    measure_idle: Option<Duration>,
    /// Show the clocks and sizes that hold in each location, where they are set, and what its upstreams took
    #[arg(long)]
    locations: bool,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
    /// Write the changes that would cure what was found into this new file, as diff -u does, as far as the configuration still loads
    /// with them; nothing is applied
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
        idle: arguments.measure_idle,
        url: arguments.url.clone(),
        since: since(arguments.since),
    };
    Case::examine(&place, |case| examined(case, &arguments))
}

/// Says what was found, and stays if that is wanted. All but new files is read from where the proxy is.
fn examined(case: &Case, arguments: &Arguments) -> ExitCode {
    let is_there = case
        .configuration
        .as_ref()
        .is_some_and(|one| one.path.exists());
    if !is_there && case.read.is_empty() && case.unreadable.is_empty() {
        eprintln!(
            "weir doctor: there is no configuration and no log to look at: -c FILE and --log FILE name them"
        );
        return ExitCode::from(2);
    }
    let findings = findings::all(case);
    if let Some(path) = &arguments.fix
        && let Err(why) = write_fixes(case, path, &findings)
    {
        eprintln!("weir doctor: {}: {why}", path.display());
        return ExitCode::from(2);
    }
    let fails = findings
        .iter()
        .any(|finding| finding.severity >= Severity::Error);
    let printed = print(&told(case, &findings, arguments));
    if arguments.watch && printed == ExitCode::SUCCESS {
        return watched(case, arguments);
    }
    match printed {
        ExitCode::SUCCESS if fails => ExitCode::from(1),
        code => code,
    }
}

/// The report.
fn told(case: &Case, findings: &[Finding], arguments: &Arguments) -> String {
    match (arguments.json, arguments.watch) {
        // With more to come, each thing that is told is a line.
        (true, true) => line(&Report::new(case, findings)),
        (true, false) => {
            serde_json::to_string_pretty(&Report::new(case, findings)).unwrap_or_default() + "\n"
        }
        (false, _) => {
            let locations = match arguments.locations {
                true => clocks::text(&clocks::all(case)),
                false => String::new(),
            };
            text(case, findings, Ink::of_stdout()) + &locations
        }
    }
}

fn line(told: &impl serde::Serialize) -> String {
    serde_json::to_string(told).unwrap_or_default() + "\n"
}

/// Tells what is new until nobody reads any more.
fn watched(case: &Case, arguments: &Arguments) -> ExitCode {
    let watch = Watch::of(case);
    if watch.is_empty() {
        eprintln!("weir doctor: there is no error log to follow: --log FILE names one");
        return ExitCode::from(2);
    }
    let ink = Ink::of_stdout();
    let mut number = 0;
    watch.run(|finding| {
        number += 1;
        let said = match arguments.json {
            true => line(finding),
            false => format!("\n{}", report::of(number, finding, ink)),
        };
        let mut out = io::stdout().lock();
        let written = out.write_all(said.as_bytes());
        written.and_then(|()| out.flush()).is_ok()
    });
    ExitCode::SUCCESS
}

/// Writes every change once that the configuration still loads with, into a file that is new.
fn write_fixes(case: &Case, path: &Path, findings: &[Finding]) -> io::Result<()> {
    let Some(configuration) = &case.configuration else {
        return Err(io::Error::other("there is no configuration to be changed"));
    };
    let fixes = Fixes::of(configuration, findings);
    for (diff, why) in &fixes.left_out {
        let first = diff.lines().next().unwrap_or_default();
        eprintln!("weir doctor: a change is left out ({first}): {why}");
    }
    if fixes.good.is_empty() {
        eprintln!(
            "weir doctor: no change of the configuration would cure what was found; nothing is written"
        );
        return Ok(());
    }
    if fixes.in_part {
        eprintln!(
            "weir doctor: the changes were checked in part only, as weir does not load this configuration: try them with `nginx -t`"
        );
    }
    let mut file = File::options().write(true).create_new(true).open(path)?;
    file.write_all(fixes.good.concat().as_bytes())?;
    eprintln!(
        "weir doctor: {} in {path}; `patch -d / -p1 < {path}` makes what is in it, then test and reload",
        counted(fixes.good.len() as u64, "change"),
        path = path.display()
    );
    Ok(())
}
