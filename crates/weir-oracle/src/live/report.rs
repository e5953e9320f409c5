//! What the oracle said, for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use weir_lab::version::Version;

use super::compare::{Compared, Outcome};
use crate::known::Known;

/// How a scenario counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Agrees,
    Known,
    Differs,
    /// A difference is listed that is not there.
    AgreesAgainstTheList,
}

/// Prints every difference and the counts; whether all is well.
pub(super) fn print(
    compared: &Compared,
    what: &str,
    version: Version,
    known: &Known,
    whole: bool,
) -> bool {
    let classes: Vec<_> = compared
        .results
        .iter()
        .map(|outcome| match class(outcome, version, known) {
            // A part of the scenarios, or of their fields, proves nothing about the list.
            Class::AgreesAgainstTheList if !whole => (outcome, Class::Agrees),
            class => (outcome, class),
        })
        .collect();
    // A closed standard output is no difference.
    let _unwritten = write(compared, &classes, what);
    classes
        .iter()
        .all(|(_, class)| matches!(class, Class::Agrees | Class::Known))
}

fn class(outcome: &Outcome, version: Version, known: &Known) -> Class {
    let id = &outcome.scenario.name;
    let mut differences = outcome.differences.clone();
    known.drop_loose(id, version, &mut differences);
    let listed = known.lists(id, version);
    let mut unexpected = outcome.unexpected.clone();
    known.drop_loose(id, version, &mut unexpected);
    let others = !unexpected.is_empty() || outcome.fault.is_some();
    match differences.is_empty() {
        _ if others => Class::Differs,
        true if listed => Class::AgreesAgainstTheList,
        true => Class::Agrees,
        false if listed && known.explains(id, version, &differences) => Class::Known,
        false => Class::Differs,
    }
}

fn write(compared: &Compared, classes: &[(&Outcome, Class)], what: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "\n{what}:")?;
    let mut counts = BTreeMap::new();
    for (outcome, class) in classes {
        *counts.entry(*class).or_insert(0_usize) += 1;
        let title = format!("{} ({})", outcome.scenario.name, outcome.scenario.phase);
        match class {
            Class::Differs => details(&mut out, &title, outcome)?,
            Class::AgreesAgainstTheList => {
                writeln!(out, "AGREES  {title}, but is listed as a known difference")?;
            }
            Class::Agrees | Class::Known => {}
        }
    }
    let again: Vec<_> = compared
        .results
        .iter()
        .filter(|outcome| outcome.again && outcome.is_clean())
        .map(|outcome| outcome.scenario.name.as_str())
        .collect();
    if !again.is_empty() {
        writeln!(out, "agreed at the second run: {}", again.join(" "))?;
    }
    let count = |class| counts.get(&class).copied().unwrap_or(0);
    writeln!(
        out,
        "{} agree, {} differ as known, {} differ, in {:.1} s",
        count(Class::Agrees),
        count(Class::Known),
        count(Class::Differs) + count(Class::AgreesAgainstTheList),
        compared.elapsed.as_secs_f64()
    )
}

fn details(out: &mut impl Write, title: &str, outcome: &Outcome) -> io::Result<()> {
    if let Some(fault) = &outcome.fault {
        return writeln!(out, "FAULT   {title}: {fault}");
    }
    if !outcome.differences.is_empty() {
        writeln!(out, "DIFFERS {title}: expected is nginx, got is weir")?;
        for difference in &outcome.differences {
            difference.print(out, false)?;
        }
    }
    if !outcome.unexpected.is_empty() {
        writeln!(
            out,
            "RECORD  {title}: expected is in the file, got is nginx"
        )?;
        for difference in &outcome.unexpected {
            difference.print(out, false)?;
        }
    }
    Ok(())
}
