//! `weir lab run`: plays scenarios and compares what was seen with what is expected.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use crate::bed::compare::Difference;
use crate::bed::{Binary, Fault, NoBinary, Seen, Target};
use crate::scenario::{self, Expect, Job, LoadError, Scenario, play_all};
use crate::version::Version;
use weir_doctor::ink::Ink;

/// Play scenarios and compare what is seen with what they expect
#[derive(Clone, Debug, Args)]
pub(super) struct Run {
    /// Scenario files, or directories of them
    #[arg(required = true, value_name = "FILE|DIRECTORY")]
    files: Vec<PathBuf>,
    /// Play against this binary (weir's or nginx's own) instead of a weir in this process
    #[arg(long, value_name = "PATH")]
    against: Option<PathBuf>,
    /// The version of nginx that weir reproduces
    #[arg(long, value_enum)]
    compat: Option<Version>,
    /// Write what is seen into the files, as their expectations
    #[arg(long)]
    record: bool,
    /// Write every result to this file, - for the standard output
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Scenarios at a time; they mostly wait
    #[arg(long, default_value_t = 16)]
    jobs: usize,
    /// Keep configurations and logs below this directory
    #[arg(long, value_name = "DIRECTORY")]
    keep: Option<PathBuf>,
    /// Name the scenarios that agree, too, and show what was seen in those that do not
    #[arg(short, long)]
    verbose: bool,
}

/// Why nothing, or not everything, could be played.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Binary(#[from] NoBinary),
    #[error("no scenario in {}: it has no file that ends in .toml", .0.display())]
    NoScenario(PathBuf),
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
}

/// What became of one file.
#[derive(Debug, Serialize)]
struct Outcome {
    file: PathBuf,
    scenario: String,
    version: Version,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    /// Whether the file says what to expect; without that, agreeing proves nothing.
    expects: bool,
    differences: Vec<Difference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<Seen>,
}

/// The status when something could not be played at all.
const FAULT: u8 = 2;

impl Run {
    /// Plays the scenarios: 0 when all show what they expect, 1 when some do not, 2 when a file
    /// cannot be used or expects nothing, or the test bed fails.
    pub(super) fn main(&self) -> ExitCode {
        match self.play() {
            Ok(outcomes) => self.status(&outcomes).into(),
            Err(fault) => {
                eprintln!("weir lab run: {fault}");
                FAULT.into()
            }
        }
    }

    fn status(&self, outcomes: &[Outcome]) -> u8 {
        let any = |is: fn(&Outcome) -> bool| outcomes.iter().any(is);
        if any(|one| one.fault.is_some()) || (!self.record && any(Outcome::proves_nothing)) {
            return FAULT;
        }
        any(|one| !one.differences.is_empty()).into()
    }

    fn play(&self) -> Result<Vec<Outcome>, RunError> {
        let target = Arc::new(match &self.against {
            Some(path) => Target::Binary(Binary::ask(path)?),
            None => Target::Embedded,
        });
        let mut files = Vec::new();
        for path in &self.files {
            let found = scenario::load(path)?;
            if found.is_empty() {
                return Err(RunError::NoScenario(path.clone()));
            }
            files.extend(found);
        }
        let version = |scenario: &Scenario| {
            let chosen = target.own_version().or(self.compat);
            chosen.unwrap_or_else(|| scenario.version())
        };
        let jobs = files.iter().enumerate().map(|(index, (_, scenario))| Job {
            scenario: Arc::new(scenario.clone()),
            target: Arc::clone(&target),
            version: version(scenario),
            folder: self.folder(index, scenario),
        });
        let results = self.results(jobs.collect())?;
        let mut outcomes = Vec::new();
        for ((path, scenario), result) in files.into_iter().zip(results) {
            let version = version(&scenario);
            if let (true, Ok(seen)) = (self.record, &result) {
                record(&path, &scenario, version, seen)?;
            }
            outcomes.push(self.outcome(path, &scenario, version, result));
        }
        self.report(&outcomes).map_err(io_fault("the report"))?;
        Ok(outcomes)
    }

    fn results(&self, jobs: Vec<Job>) -> Result<Vec<Result<Seen, Fault>>, RunError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(io_fault("the runtime"))?;
        let temporary = crate::bed::directory().map_err(io_fault("a temporary directory"))?;
        let directory = match &self.keep {
            Some(keep) => {
                std::fs::create_dir_all(keep).map_err(io_fault("the directory to keep"))?;
                let keep = std::path::absolute(keep);
                keep.map_err(io_fault("the directory to keep"))?
            }
            None => temporary.path().to_owned(),
        };
        Ok(runtime.block_on(play_all(jobs, &directory, self.jobs)))
    }

    fn folder(&self, index: usize, scenario: &Scenario) -> String {
        match self.keep {
            Some(_) => scenario.name.clone(),
            None => format!("{index:04}"),
        }
    }

    fn outcome(
        &self,
        file: PathBuf,
        scenario: &Scenario,
        version: Version,
        result: Result<Seen, Fault>,
    ) -> Outcome {
        let (fault, seen) = match result {
            Ok(seen) => (None, Some(seen)),
            Err(fault) => (Some(fault.to_string()), None),
        };
        let differences = match &seen {
            Some(seen) if !self.record => scenario.judge(seen, version),
            _ => Vec::new(),
        };
        Outcome {
            file,
            scenario: scenario.name.clone(),
            version,
            fault,
            expects: scenario.expects_of(version),
            differences,
            seen,
        }
    }

    fn report(&self, outcomes: &[Outcome]) -> io::Result<()> {
        match &self.json {
            Some(path) if path == Path::new("-") => {
                return serde_json::to_writer_pretty(io::stdout(), outcomes).map_err(Into::into);
            }
            Some(path) => std::fs::write(path, serde_json::to_string_pretty(outcomes)?)?,
            None => {}
        }
        let mut out = io::stdout().lock();
        for outcome in outcomes {
            self.print(&mut out, outcome)?;
        }
        let count = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|one| is(one)).count();
        let differ = count(|one| !one.differences.is_empty());
        let faults = count(|one| one.fault.is_some());
        let done = outcomes.len() - differ - faults;
        if self.record {
            return writeln!(out, "{done} recorded, {faults} could not be played");
        }
        let bare = count(Outcome::proves_nothing);
        write!(
            out,
            "{} agree, {differ} differ, {faults} could not be played",
            done - bare
        )?;
        match bare {
            0 => writeln!(out),
            _ => writeln!(out, ", {bare} without expectations (--record writes them)"),
        }
    }

    fn print(&self, out: &mut impl Write, outcome: &Outcome) -> io::Result<()> {
        let ink = Ink::of_stdout();
        let title = format!("{} [{}]", outcome.file.display(), outcome.version.branch());
        if let Some(fault) = &outcome.fault {
            return writeln!(out, "{} {title}: {fault}", ink.red("FAULT  "));
        }
        if outcome.proves_nothing() && !self.record {
            return writeln!(
                out,
                "{} {title}: the file expects nothing",
                ink.yellow("NOTHING")
            );
        }
        if outcome.differences.is_empty() {
            return match self.verbose {
                true => writeln!(out, "{} {title}", ink.green("ok     ")),
                false => Ok(()),
            };
        }
        writeln!(out, "{} {title}", ink.red("DIFFERS"))?;
        for difference in &outcome.differences {
            difference.print(out, self.verbose)?;
        }
        match (&outcome.seen, self.verbose) {
            (Some(seen), true) => writeln!(out, "    seen: {:#}", serde_json::to_value(seen)?),
            _ => Ok(()),
        }
    }
}

impl Outcome {
    /// Played well, and nothing was there to compare with.
    fn proves_nothing(&self) -> bool {
        !self.expects && self.fault.is_none() && self.differences.is_empty()
    }
}

/// Puts what `version` showed into the file.
fn record(path: &Path, scenario: &Scenario, version: Version, seen: &Seen) -> Result<(), RunError> {
    let mut expect: Expect = scenario.expect.clone();
    expect.record(version, scenario::fields(seen));
    let file = path.display().to_string();
    let what = || io_fault(&file);
    let text = std::fs::read_to_string(path).map_err(what())?;
    std::fs::write(path, scenario::rewrite(&text, &expect)).map_err(what())
}

fn io_fault(what: &str) -> impl FnOnce(io::Error) -> RunError + use<> {
    let what = what.to_owned();
    move |source| RunError::Io { what, source }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        run: Run,
    }

    /// The exit status for a directory with these files.
    fn check(files: &[&str], options: &[&str], expected: u8) {
        let directory = tempfile::tempdir().unwrap();
        for (number, text) in files.iter().enumerate() {
            std::fs::write(directory.path().join(format!("{number}.toml")), text).unwrap();
        }
        let path = directory.path().to_str().unwrap();
        let words = ["run", path].into_iter().chain(options.iter().copied());
        let run = Arguments::parse_from(words).run;
        assert_eq!(run.main(), expected.into(), "{files:?} {options:?}");
    }

    const BARE: &str =
        "summary = 's'\nphase = 'p'\n[config]\nlocations = 'location / { return 204; }'\n";

    #[test]
    fn what_was_not_compared_does_not_pass() {
        let good = format!("{BARE}[expect]\nresponses = [{{ status = 204 }}]\n");
        let wrong = format!("{BARE}[expect]\nresponses = [{{ status = 205 }}]\n");
        check(&[], &[], 2);
        check(&[], &["--record"], 2);
        check(&[BARE], &[], 2);
        check(&[&good, BARE], &[], 2);
        check(&[BARE], &["--record"], 0);
        check(&[&good], &[], 0);
        check(&[&good, &wrong], &[], 1);
    }
}
