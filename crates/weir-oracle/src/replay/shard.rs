//! Processes that replay records side by side, each in its own network.
//!
//! A shard reads one [`Job`] per line from stdin and answers each with one [`Outcome`] per line
//! on stdout, so that whichever is free takes the next.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use weir_lab::bed::Binary;
use weir_lab::script::ClientStep;

use super::exchange::Exchange;
use super::namespace::{self, Rights};
use super::{Job, Options, Outcome, ReplayError};
use crate::record::{self, Record};

/// Set in the environment of a shard.
const MARK: &str = "WEIR_LAB_SHARD";

/// No record takes longer, even on a slow machine.
const LIMIT: Duration = Duration::from_secs(240);

/// Whether this process is a shard.
pub(crate) fn is_shard() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Runs `jobs` over as many shards as the options say.
pub(crate) fn run_all(
    options: &Options,
    jobs: Vec<Job>,
) -> Result<Vec<(Job, Outcome)>, ReplayError> {
    let shards = options.shards.clamp(1, jobs.len().max(1));
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let queue = Mutex::new(VecDeque::from(jobs));
    let next = || {
        queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..shards)
            .map(|number| scope.spawn(move || drive(number, next)))
            .collect();
        let mut outcomes = Vec::new();
        for thread in threads {
            let part = thread
                .join()
                .unwrap_or_else(|_| Err(fault("its thread panicked")))?;
            outcomes.extend(part);
        }
        Ok(outcomes)
    })
}

/// The life of one shard, seen from outside.
fn drive(
    number: usize,
    next: impl Fn() -> Option<Job>,
) -> Result<Vec<(Job, Outcome)>, ReplayError> {
    let mut outcomes = Vec::new();
    let mut child = spawn(number).map_err(fault)?;
    let mut stdin = child.stdin.take().ok_or_else(|| fault("no stdin"))?;
    let stdout = child.stdout.take().ok_or_else(|| fault("no stdout"))?;
    let mut answers = BufReader::new(stdout).lines();
    while let Some(job) = next() {
        let line = serde_json::to_string(&job).map_err(fault)?;
        // A shard that died says why in what it answered last.
        let _died = writeln!(stdin, "{line}");
        let answer = answers
            .next()
            .ok_or_else(|| fault("it ended without an answer"))?;
        let answer = answer.map_err(fault)?;
        outcomes.push((
            job,
            serde_json::from_str(&answer).map_err(|_| fault(answer))?,
        ));
    }
    drop(stdin);
    child.wait().map_err(fault)?;
    Ok(outcomes)
}

fn spawn(number: usize) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(MARK, number.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
}

/// The life of one shard, from inside.
pub(crate) fn serve(options: &Options) -> Result<(), ReplayError> {
    let rights = match namespace::enter() {
        Ok(rights) => rights,
        Err(fault) => {
            // Not an outcome, so whoever started this shard fails with these words.
            println!("{fault}");
            return Ok(());
        }
    };
    let records = record::load(&options.records)?;
    let target = Binary::ask(&options.binary)?;
    let reference = options.reference.as_deref().map(Binary::ask).transpose()?;
    let directory = weir_lab::bed::directory().map_err(fault)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(fault)?;
    for line in std::io::stdin().lines() {
        let job: Job = serde_json::from_str(&line.map_err(fault)?).map_err(fault)?;
        let record = &records[job.index];
        let outcome = match needs_root(record, &target, rights) {
            true => Outcome::Skipped("needs the machine's root".to_owned()),
            false => runtime.block_on(async {
                let exchange = Exchange {
                    record,
                    version: job.version,
                    directory: directory.path(),
                };
                let run = async {
                    match &reference {
                        Some(reference) => exchange.beside(reference, &target).await,
                        None => exchange.replay(&target).await,
                    }
                };
                let elapsed = |_| Outcome::Broken(format!("not done within {LIMIT:?}"));
                timeout(LIMIT, run).await.unwrap_or_else(elapsed)
            }),
        };
        if let Some(keep) = &options.keep {
            let to = keep.join(format!("{}-{}", record.id, job.version.as_str()));
            std::fs::create_dir_all(keep).map_err(fault)?;
            // Whatever an earlier run kept there is out of date.
            let _absent = std::fs::remove_dir_all(&to);
            move_directory(&directory.path().join("p"), &to).map_err(fault)?;
        }
        println!("{}", serde_json::to_string(&outcome).map_err(fault)?);
    }
    Ok(())
}

/// Whether another user is needed, of whom a user namespace knows nothing; nginx also gives its
/// compiled-in directories away when it accepts a configuration.
fn needs_root(record: &Record, target: &Binary, rights: Rights) -> bool {
    let locks = record
        .request
        .iter()
        .any(|step| matches!(step, ClientStep::LockDirectory(_)));
    let accepted = target.is_nginx() && record.conf.file.is_some();
    rights == Rights::Mapped && (locks || record.conf.user.is_some() || accepted)
}

/// Renames where it can; `mv` copies where the two are on different file systems.
fn move_directory(from: &std::path::Path, to: &std::path::Path) -> std::io::Result<()> {
    let status = Command::new("mv").arg(from).arg(to).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(std::io::Error::other("mv failed"))
    }
}

fn fault(fault: impl ToString) -> ReplayError {
    ReplayError::Shard(fault.to_string())
}
