//! What was found, for people.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use super::known::Known;
use super::{Difference, Examination, Outcome};

/// Examples of a difference that are shown.
const SHOWN: usize = 3;

/// Prints it; whether all is well.
pub(super) fn print(
    what: &Examination,
    outcomes: &[Outcome],
    known: &Known,
    elapsed: Duration,
) -> bool {
    let differs = |outcome: &Outcome| matches!(outcome, Outcome::Differs(_));
    let good = !outcomes.iter().any(differs);
    // A closed standard output is no difference.
    let _unwritten = write(what, outcomes, known, elapsed);
    good
}

fn write(
    what: &Examination,
    outcomes: &[Outcome],
    known: &Known,
    elapsed: Duration,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let version = what.version.as_str();
    writeln!(
        out,
        "\nmistakes in configurations, against nginx {version}, live:"
    )?;
    let mut kinds: BTreeMap<String, Vec<&Difference>> = BTreeMap::new();
    let mut reasons: BTreeMap<usize, usize> = BTreeMap::new();
    let (mut agree, mut absent) = (0, 0);
    for outcome in outcomes {
        match outcome {
            Outcome::Agrees => agree += 1,
            Outcome::NotThere => absent += 1,
            Outcome::Known(reason) => *reasons.entry(*reason).or_default() += 1,
            Outcome::Differs(found) => kinds.entry(kind(found)).or_default().push(found),
        }
    }
    for found in kinds.values() {
        details(&mut out, found)?;
    }
    for (reason, count) in &reasons {
        writeln!(out, "{count:5} known: {}", known.difference[*reason].reason)?;
    }
    let (listed, differ) = (
        reasons.values().sum::<usize>(),
        kinds.values().map(Vec::len).sum::<usize>(),
    );
    writeln!(
        out,
        "{agree} agree, {absent} have what weir has not, {listed} differ as known, {differ} differ, in {:.1} s",
        elapsed.as_secs_f64()
    )
}

/// What differences of one kind have in common: what is said, without quoted words and numbers.
fn kind(found: &Difference) -> String {
    let mut quoted = false;
    let text = format!("{} / {}", found.nginx, found.weir);
    let kept = text.chars().filter(|letter| {
        quoted ^= *letter == '"';
        !quoted && !letter.is_ascii_digit()
    });
    kept.collect()
}

fn details(out: &mut impl Write, found: &[&Difference]) -> io::Result<()> {
    writeln!(out, "DIFFERS {} times", found.len())?;
    for one in found.iter().take(SHOWN) {
        writeln!(out, "  nginx: {}\n  weir:  {}", one.nginx, one.weir)?;
        for line in one.changed.iter().take(4) {
            writeln!(out, "    {}:{line}", one.base)?;
        }
    }
    Ok(())
}
