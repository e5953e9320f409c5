//! Run a proxy under recorded faults and list where it differs.
//!
//! Reading order: [`Options`] (what to run), `skip` (what not to), `conf` (a record's nginx.conf),
//! `exchange` (one record from start to stop), `judge` (recorded against seen), `namespace` and
//! `shard` (processes with a network of their own), [`report`] (for people and for files). What
//! is needed to see a proxy at all is in [`bed`](weir_lab::bed).
//!
//! A record names fixed ports and routes, so each shard is this same executable again, in its
//! own network namespace.

pub mod report;

mod conf;
mod exchange;
mod judge;
mod namespace;
mod options;
mod shard;
mod skip;
mod startup;

pub use options::Options;
pub(crate) use shard::is_shard;

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use weir_lab::bed::compare::Difference;
use weir_lab::bed::{Binary, NoBinary};
use weir_lab::version::Version;

use crate::known::{self, KnownError};
use crate::record::{self, Record};

/// So many differences are no accident of timing, and not worth a second run.
const MANY: usize = 40;

/// What became of one record.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing differs.
    Agree,
    /// These fields differ.
    Differ(Vec<Difference>),
    /// It was not run, for this reason.
    Skipped(String),
    /// The test bed failed, which says nothing about the proxy.
    Broken(String),
}

/// One record to be replayed as one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job {
    /// Position in the file of records.
    pub(crate) index: usize,
    pub(crate) version: Version,
}

/// Why a replay as a whole could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The records could not be read.
    #[error(transparent)]
    Records(#[from] record::LoadError),
    /// The list of known differences could not be read.
    #[error(transparent)]
    Known(#[from] KnownError),
    /// A binary could not be asked for its version.
    #[error(transparent)]
    Binary(#[from] NoBinary),
    /// A shard could not be started or died.
    #[error("shard: {0}")]
    Shard(String),
    /// The report could not be written.
    #[error("cannot write the report")]
    Report(#[source] std::io::Error),
}

/// Replays what `options` select; success means that every difference is a known one.
///
/// The process calls itself for each shard, with the same arguments: an executable that calls
/// this must come to the same call again.
pub fn main(options: &Options) -> ExitCode {
    let done = if is_shard() {
        shard::serve(options).map(|()| true)
    } else {
        run(options)
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            let mut text = fault.to_string();
            let mut source = std::error::Error::source(&fault);
            while let Some(cause) = source {
                text.push_str(": ");
                text.push_str(&cause.to_string());
                source = cause.source();
            }
            eprintln!("replay: {text}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every outcome is as known.
fn run(options: &Options) -> Result<bool, ReplayError> {
    let records = record::load(&options.records)?;
    let target = Binary::ask(&options.binary)?;
    let player = if target.is_nginx() {
        known::Player::Nginx
    } else {
        known::Player::Weir
    };
    let mut known = known::Known::load(&options.known, player)?;
    if let Some(machine) = &options.loose {
        known = known.loosened_by(known::Known::load(machine, player)?);
    }
    let (mut jobs, mut results) = select(&records, options, &target);
    jobs.sort_by_key(|job| std::cmp::Reverse(records[job.index].shortest_time()));
    let started = tokio::time::Instant::now();
    let mut first = shard::run_all(options, jobs)?;
    loosen(&known, &records, &mut first);
    let differs = |(job, outcome): &&(Job, Outcome)| {
        let agrees = matches!(outcome, Outcome::Agree | Outcome::Skipped(_));
        !agrees && !known.lists(&records[job.index].id, job.version)
    };
    let mut again: Vec<Job> = first.iter().filter(differs).map(|(job, _)| *job).collect();
    if !options.rerun || again.len() > MANY {
        again.clear();
    }
    let mut second = shard::run_all(options, again)?;
    loosen(&known, &records, &mut second);
    results.extend(report::Result::merge(&records, first, second));
    results.sort_by_key(|result| result.job.index);
    let report = report::Report {
        results,
        known: &known,
        elapsed: started.elapsed(),
    };
    report.print(options).map_err(ReplayError::Report)?;
    if let Some(path) = &options.json {
        report.write_json(path).map_err(ReplayError::Report)?;
    }
    Ok(report.is_success())
}

/// Leaves out what hangs on the machine.
fn loosen(known: &known::Known, records: &[Record], outcomes: &mut [(Job, Outcome)]) {
    for (job, outcome) in outcomes {
        if let Outcome::Differ(differences) = outcome {
            known.drop_loose(&records[job.index].id, job.version, differences);
            if differences.is_empty() {
                *outcome = Outcome::Agree;
            }
        }
    }
}

/// The jobs to run, and the results of those that are not run at all.
fn select(
    records: &[Record],
    options: &Options,
    target: &Binary,
) -> (Vec<Job>, Vec<report::Result>) {
    let (mut jobs, mut skipped) = (Vec::new(), Vec::new());
    for (index, record) in records.iter().enumerate() {
        let repeated = records[..index].iter().any(|before| before.id == record.id);
        for version in options.versions(record, target, repeated) {
            let job = Job { index, version };
            if !options.selects(record) {
                continue;
            }
            match skip::reason(record, options, target) {
                Some(reason) => skipped.push(report::Result {
                    job,
                    id: record.id.clone(),
                    phase: record.phase.clone(),
                    outcome: Outcome::Skipped(reason),
                    first: None,
                }),
                None => jobs.push(job),
            }
        }
    }
    (jobs, skipped)
}
