//! What came out, for people and for files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use weir_lab::bed::compare::Difference;

use super::known::Known;
use super::{Job, Options, Outcome};
use crate::record::Record;

/// What became of one job.
#[derive(Clone, Debug, Serialize)]
pub struct Result {
    #[serde(flatten)]
    pub(crate) job: Job,
    /// Of the record.
    pub id: String,
    /// Of the record.
    pub phase: String,
    /// Of the last run.
    pub outcome: Outcome,
    /// Of the run before, when it was repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Outcome>,
}

/// All results of one replay.
pub(crate) struct Report<'a> {
    pub(crate) results: Vec<Result>,
    pub(crate) known: &'a Known,
    pub(crate) elapsed: Duration,
}

/// How a result counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Agrees,
    AgreesAgainstTheList,
    Known,
    Differs,
    Broken,
    Skipped,
}

impl Result {
    /// First runs, with those that were repeated replaced.
    pub(crate) fn merge(
        records: &[Record],
        first: Vec<(Job, Outcome)>,
        second: Vec<(Job, Outcome)>,
    ) -> Vec<Self> {
        let result = |(job, outcome): (Job, Outcome)| {
            let again = second.iter().find(|(repeated, _)| *repeated == job);
            let record = &records[job.index];
            let (id, phase) = (record.id.clone(), record.phase.clone());
            match again {
                Some((_, last)) => Self {
                    job,
                    id,
                    phase,
                    outcome: last.clone(),
                    first: Some(outcome),
                },
                None => Self {
                    job,
                    id,
                    phase,
                    outcome,
                    first: None,
                },
            }
        };
        first.into_iter().map(result).collect()
    }
}

impl Report<'_> {
    /// Whether every record that was run is as expected.
    pub(crate) fn is_success(&self) -> bool {
        let good = |class| matches!(class, Class::Agrees | Class::Known | Class::Skipped);
        self.results.iter().all(|result| good(self.class(result)))
    }

    /// Writes one JSON array with every result.
    pub(crate) fn write_json(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(&self.results)?;
        std::fs::write(path, text + "\n")
    }

    /// Differences first, then counts per phase, then what was skipped and why.
    pub(crate) fn print(&self, options: &Options) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for result in &self.results {
            self.print_result(&mut out, result, options)?;
        }
        self.print_fields(&mut out)?;
        self.print_reruns(&mut out)?;
        self.print_skipped(&mut out, options.verbose)?;
        self.print_counts(&mut out)
    }

    fn class(&self, result: &Result) -> Class {
        let (id, version) = (&result.id, result.job.version);
        match &result.outcome {
            Outcome::Agree if self.known.lists(id, version) => Class::AgreesAgainstTheList,
            Outcome::Agree => Class::Agrees,
            Outcome::Differ(all) if self.known.explains(id, version, all) => Class::Known,
            Outcome::Differ(_) => Class::Differs,
            Outcome::Broken(_) => Class::Broken,
            Outcome::Skipped(_) => Class::Skipped,
        }
    }

    fn print_result(
        &self,
        out: &mut impl Write,
        result: &Result,
        options: &Options,
    ) -> io::Result<()> {
        let title = format!("{} [{}]", result.id, result.job.version.as_str());
        match (self.class(result), &result.outcome) {
            (Class::Differs, Outcome::Differ(all)) if options.quiet => {
                let fields: Vec<&str> = all.iter().map(|one| one.field.as_str()).collect();
                writeln!(out, "DIFFERS {title}: {}", fields.join(" "))
            }
            (Class::Differs, Outcome::Differ(all)) => {
                writeln!(out, "DIFFERS {title}")?;
                all.iter()
                    .try_for_each(|one| one.print(out, options.verbose))
            }
            (Class::Broken, Outcome::Broken(reason)) => writeln!(out, "BROKEN  {title}: {reason}"),
            (Class::AgreesAgainstTheList, _) => {
                writeln!(out, "AGREES  {title}, but is listed as a known difference")
            }
            _ => Ok(()),
        }
    }

    /// Which fields differ in how many records, indices left out.
    fn print_fields(&self, out: &mut impl Write) -> io::Result<()> {
        let mut fields = BTreeMap::<String, usize>::new();
        for result in &self.results {
            if let (Class::Differs, Outcome::Differ(all)) = (self.class(result), &result.outcome) {
                let names: BTreeSet<String> = all.iter().map(Difference::kind).collect();
                names
                    .into_iter()
                    .for_each(|name| *fields.entry(name).or_default() += 1);
            }
        }
        let mut fields: Vec<_> = fields.into_iter().collect();
        fields.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let list: Vec<String> = fields
            .iter()
            .map(|(name, n)| format!("{name} {n}"))
            .collect();
        if list.is_empty() {
            Ok(())
        } else {
            writeln!(out, "fields that differ: {}", list.join(", "))
        }
    }

    fn print_reruns(&self, out: &mut impl Write) -> io::Result<()> {
        let repeated = self.results.iter().filter(|result| result.first.is_some());
        let agreed: Vec<&str> = repeated
            .filter(|result| matches!(result.outcome, Outcome::Agree))
            .map(|result| result.id.as_str())
            .collect();
        if agreed.is_empty() {
            return Ok(());
        }
        writeln!(out, "agreed at the second run: {}", agreed.join(" "))
    }

    fn print_skipped(&self, out: &mut impl Write, verbose: bool) -> io::Result<()> {
        let mut reasons = BTreeMap::<&str, Vec<&str>>::new();
        for result in &self.results {
            if let Outcome::Skipped(reason) = &result.outcome {
                reasons.entry(reason).or_default().push(&result.id);
            }
        }
        for (reason, mut ids) in reasons {
            ids.dedup();
            let list = if verbose {
                format!(": {}", ids.join(" "))
            } else {
                String::new()
            };
            writeln!(out, "skipped for {reason}: {} records{list}", ids.len())?;
        }
        Ok(())
    }

    fn print_counts(&self, out: &mut impl Write) -> io::Result<()> {
        let mut phases = BTreeMap::<&str, [usize; 4]>::new();
        for result in &self.results {
            let column = match self.class(result) {
                Class::Agrees => 0,
                Class::Differs | Class::Broken | Class::AgreesAgainstTheList => 1,
                Class::Known => 2,
                Class::Skipped => 3,
            };
            phases.entry(&result.phase).or_default()[column] += 1;
        }
        let mut all = [0; 4];
        writeln!(
            out,
            "{:10} {:>6} {:>6} {:>6} {:>7}",
            "phase", "agree", "differ", "known", "skipped"
        )?;
        for (phase, counts) in phases {
            let [agree, differ, known, skipped] = counts;
            writeln!(out, "{phase:10} {agree:6} {differ:6} {known:6} {skipped:7}")?;
            for (sum, count) in all.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        let [agree, differ, known, skipped] = all;
        let seconds = self.elapsed.as_secs_f64();
        writeln!(
            out,
            "{:10} {agree:6} {differ:6} {known:6} {skipped:7}  in {seconds:.1} s",
            "all"
        )
    }
}
