//! `weir lab list`.

use std::process::ExitCode;

use crate::catalogue::{Fault, Phase, all};
use weir_doctor::ink::Ink;

/// Arguments of `weir lab list`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only the faults of this phase
    #[arg(long, value_name = "PHASE", hide_possible_values = true)]
    phase: Option<Phase>,
    /// Write JSON, one object per fault
    #[arg(long)]
    json: bool,
    /// Only faults whose name or text has this word
    word: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let faults: Vec<&Fault> = all()
        .iter()
        .filter(|fault| arguments.takes(fault))
        .collect();
    if faults.is_empty() {
        return super::complain(&"no fault has that; `weir lab list` shows them all");
    }
    super::print(&if arguments.json {
        json(&faults)
    } else {
        table(&faults, Ink::of_stdout())
    })
}

impl Arguments {
    fn takes(&self, fault: &Fault) -> bool {
        let has = |word: &String| {
            let word = word.to_lowercase();
            [&fault.name, &fault.summary, &fault.answer, &fault.wild]
                .into_iter()
                .any(|text| text.to_lowercase().contains(&word))
        };
        self.phase.is_none_or(|phase| phase == fault.phase) && self.word.as_ref().is_none_or(has)
    }
}

fn json(faults: &[&Fault]) -> String {
    let line = |fault: &&Fault| {
        let mut value = serde_json::json!(fault);
        value["phase"] = fault.phase.as_str().into();
        format!("{value}\n")
    };
    faults.iter().map(line).collect()
}

fn table(faults: &[&Fault], ink: Ink) -> String {
    let longest = faults.iter().map(|fault| fault.name.len()).max();
    let width = longest.unwrap_or_default() + 2;
    let mut text = String::new();
    let mut counts = Vec::new();
    for phase in Phase::ALL {
        let here: Vec<_> = faults.iter().filter(|fault| fault.phase == phase).collect();
        if here.is_empty() {
            continue;
        }
        text += &(ink.bold(&format!("{} ({})", phase.title(), phase.as_str())) + "\n");
        for fault in &here {
            let name = ink.cyan(&format!("{:width$}", fault.name));
            text += &format!("  {name}{}\n", fault.summary);
            text += &format!("  {:width$}-> {}\n", "", fault.answer);
        }
        text.push('\n');
        counts.push(format!("{} {}", here.len(), phase.as_str()));
    }
    text + &format!("{} faults: {}\n", faults.len(), counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(phase: Option<Phase>, word: Option<&str>, expected: &[&str]) {
        let arguments = Arguments {
            phase,
            json: false,
            word: word.map(str::to_owned),
        };
        let got: Vec<&str> = all()
            .iter()
            .filter(|fault| arguments.takes(fault))
            .map(|fault| fault.name.as_str())
            .collect();
        for name in expected {
            assert!(got.contains(name), "{name} not in {got:?}");
        }
        assert!(got.len() < all().len());
    }

    #[test]
    fn words_and_phases_choose() {
        check(None, Some("SYN"), &["accept-queue-full"]);
        check(None, Some("refused-next"), &["refused-next-fine"]);
        check(Some(Phase::Connect), None, &["refused"]);
    }

    #[test]
    fn the_table_ends_with_the_counts() {
        let faults: Vec<&Fault> = all().iter().collect();
        let text = table(&faults, Ink::Plain);
        let last = text.lines().last().unwrap();
        let connect = faults.iter().filter(|f| f.phase == Phase::Connect).count();
        let start = format!("{} faults: {connect} connect", faults.len());
        assert!(last.starts_with(&start), "{last}");
        for fault in faults {
            assert!(
                text.contains(&format!("  {}  ", fault.name)),
                "{}",
                fault.name
            );
        }
    }

    #[test]
    fn json_has_the_phase() {
        let text = json(&[&all()[0]]);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["name"], all()[0].name);
        assert_eq!(value["phase"], "connect");
    }
}
