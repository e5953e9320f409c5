//! Each scenario against both, and what differs.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::grid;
use serde_json::Value;
use tokio::time::Instant;
use weir_lab::bed::compare::Difference;
use weir_lab::bed::{Fault, Field, Seen, Target};
use weir_lab::scenario::{Job, Scenario, play_all};
use weir_lab::version::Version;

use super::nginx::Nginx;
use super::{AGAIN_AT_ONCE, AT_ONCE};

/// Everything that was compared with one nginx.
pub(super) struct Compared {
    pub(super) results: Vec<Outcome>,
    pub(super) elapsed: Duration,
}

/// What became of one scenario.
pub(super) struct Outcome {
    pub(super) scenario: Arc<Scenario>,
    /// weir against nginx.
    pub(super) differences: Vec<Difference>,
    /// nginx against the scenario's own expectations.
    pub(super) unexpected: Vec<Difference>,
    /// The test bed failed.
    pub(super) fault: Option<String>,
    /// Whether this is the outcome of a second run.
    pub(super) again: bool,
}

impl Outcome {
    /// Nothing is known to be wrong yet.
    fn of(scenario: Arc<Scenario>) -> Self {
        Self {
            scenario,
            differences: Vec::new(),
            unexpected: Vec::new(),
            fault: None,
            again: false,
        }
    }

    pub(super) fn is_clean(&self) -> bool {
        self.differences.is_empty() && self.unexpected.is_empty() && self.fault.is_none()
    }

    /// Whether nothing but times differs.
    fn is_late(&self) -> bool {
        let mut all = self.differences.iter().chain(&self.unexpected);
        !self.is_clean() && self.fault.is_none() && all.all(|one| one.field.ends_with("_time"))
    }
}

/// Plays all against `nginx` and `weir`. What differs gets a second chance, and what differs in
/// times alone a third, because a loaded machine shows in times.
pub(super) fn all(
    scenarios: &[Arc<Scenario>],
    nginx: &Nginx,
    weir: &Arc<Target>,
) -> io::Result<Compared> {
    let started = Instant::now();
    let run = |scenarios: &[Arc<Scenario>], at_once| once(scenarios, nginx, weir, at_once);
    let differs = |one: &Outcome| !one.is_clean();
    let mut results = run(scenarios, AT_ONCE)?;
    repeat(&mut results, |again| run(again, AGAIN_AT_ONCE), differs)?;
    repeat(
        &mut results,
        |again| run(again, AGAIN_AT_ONCE),
        Outcome::is_late,
    )?;
    Ok(Compared {
        results,
        elapsed: started.elapsed(),
    })
}

/// Plays all against `weir` alone as `version`, and compares with what the files and the catalogue
/// expect of that.
pub(super) fn recorded(
    scenarios: &[Arc<Scenario>],
    weir: &Arc<Target>,
    version: Version,
) -> io::Result<Compared> {
    let started = Instant::now();
    let run = |scenarios: &[Arc<Scenario>], at_once| -> io::Result<Vec<Outcome>> {
        let jobs = scenarios.iter().enumerate().map(|(index, scenario)| Job {
            scenario: Arc::clone(scenario),
            target: Arc::clone(weir),
            version,
            folder: format!("{index:04}"),
        });
        let seen = play(jobs.collect(), at_once)?;
        let outcome = |(scenario, seen): (&Arc<Scenario>, Result<Seen, Fault>)| {
            let mut outcome = Outcome::of(Arc::clone(scenario));
            match seen {
                Ok(seen) => {
                    outcome.differences = scenario.judge(&seen, version);
                    if scenario.phase == "http2" {
                        outcome.differences.retain(|one| !is_of_date(one));
                    }
                }
                Err(fault) => outcome.fault = Some(format!("weir: {fault}")),
            }
            outcome
        };
        Ok(scenarios.iter().zip(seen).map(outcome).collect())
    };
    let mut results = run(scenarios, AT_ONCE)?;
    repeat(
        &mut results,
        |scenarios| run(scenarios, AGAIN_AT_ONCE),
        |one| !one.is_clean(),
    )?;
    Ok(Compared {
        results,
        elapsed: started.elapsed(),
    })
}

/// Puts another run in the place of each result that `is` so.
fn repeat(
    results: &mut [Outcome],
    run: impl Fn(&[Arc<Scenario>]) -> io::Result<Vec<Outcome>>,
    is: impl Fn(&Outcome) -> bool,
) -> io::Result<()> {
    let repeated: Vec<_> = results.iter_mut().filter(|result| is(result)).collect();
    let scenarios: Vec<_> = repeated
        .iter()
        .map(|result| Arc::clone(&result.scenario))
        .collect();
    let second = run(&scenarios)?;
    for (first, mut second) in repeated.into_iter().zip(second) {
        second.again = true;
        *first = second;
    }
    Ok(())
}

fn once(
    scenarios: &[Arc<Scenario>],
    nginx: &Nginx,
    weir: &Arc<Target>,
    at_once: usize,
) -> io::Result<Vec<Outcome>> {
    let targets = [&nginx.target, weir];
    let pair = |(index, scenario): (usize, &Arc<Scenario>)| {
        let scenario = Arc::clone(scenario);
        [0, 1].map(|who| Job {
            scenario: Arc::clone(&scenario),
            target: Arc::clone(targets[who]),
            version: nginx.version,
            folder: format!("{who}{index:04}"),
        })
    };
    let jobs = scenarios.iter().enumerate().flat_map(pair).collect();
    let mut seen = play(jobs, at_once)?.into_iter();
    let outcome = |scenario: &Arc<Scenario>| {
        let (real, own) = (seen.next()?, seen.next()?);
        Some(outcome(Arc::clone(scenario), real, own, nginx))
    };
    Ok(scenarios.iter().filter_map(outcome).collect())
}

fn play(jobs: Vec<Job>, at_once: usize) -> io::Result<Vec<Result<Seen, Fault>>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let directory = weir_lab::bed::directory()?;
    Ok(runtime.block_on(play_all(jobs, directory.path(), at_once)))
}

/// Whether a head over HTTP/2 is longer or shorter than the one that it is compared with by what its `Date` is: Huffman's code has 5 bits for
/// some digits and letters and 6 or 7 for others, so that the same head has other lengths at other times.
fn is_of_date(one: &Difference) -> bool {
    const MOST: u64 = 3;
    let count = |value: &Value| value.as_str()?.parse::<u64>().ok();
    one.field.ends_with("].bytes_sent")
        && count(&one.expected)
            .zip(count(&one.got))
            .is_some_and(|(expected, got)| expected.abs_diff(got) <= MOST)
}

/// Whether `field`, as in `access[0].bytes_sent`, is a column that the file says nothing of: an amount
/// that hangs on the kernel's buffers.
fn is_left_out(access: &Value, field: &str) -> bool {
    let rest = field.strip_prefix("access[");
    let Some((index, column)) = rest.and_then(|rest| rest.split_once("].")) else {
        return false;
    };
    let entry = index
        .parse()
        .ok()
        .and_then(|index: usize| access.get(index));
    entry.is_some_and(|entry| entry.get(column).is_none())
}

fn outcome(
    scenario: Arc<Scenario>,
    real: Result<Seen, Fault>,
    own: Result<Seen, Fault>,
    nginx: &Nginx,
) -> Outcome {
    let mut outcome = Outcome::of(scenario);
    match (real, own) {
        (Ok(real), Ok(own)) => {
            outcome.differences = real.compare(&own);
            if let Some(access) = outcome.scenario.expected(Field::Access, nginx.version) {
                let differences = &mut outcome.differences;
                differences.retain(|difference| !is_left_out(access, &difference.field));
            }
            if outcome.scenario.phase == grid::PHASE {
                let differences = &mut outcome.differences;
                differences.retain(|difference| grid::compares(&difference.field));
            }
            outcome.unexpected = outcome.scenario.judge(&real, nginx.version);
            if outcome.scenario.phase == "http2" {
                outcome.differences.retain(|one| !is_of_date(one));
                outcome.unexpected.retain(|one| !is_of_date(one));
            }
        }
        (Err(fault), _) => outcome.fault = Some(format!("nginx: {fault}")),
        (Ok(_), Err(fault)) => outcome.fault = Some(format!("weir: {fault}")),
    }
    outcome
}
