//! `weir lab show`.

use std::fmt::Write as _;
use std::process::ExitCode;

use crate::catalogue::{Class, Fault, Verdict, named};
use crate::scenario::{BASE, Expect};
use crate::version::Version;

/// Arguments of `weir lab show`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The fault's name
    name: String,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match named(&arguments.name) {
        Ok(fault) => super::print(&page(fault)),
        Err(unknown) => super::complain(&format_args!("{unknown}; {}", super::SEARCH)),
    }
}

fn page(fault: &Fault) -> String {
    let mut text = format!("{} ({})\n\n", fault.name, fault.phase.title());
    row(&mut text, "what", &fault.summary);
    row(&mut text, "nginx", &fault.answer);
    row(&mut text, "in the wild", &fault.wild);
    let versions = std::iter::once(BASE).chain(fault.verdict.at.keys().copied());
    for version in versions {
        text += &verdict(&fault.verdict.at(version), version);
    }
    text + "\nAs a scenario:\n\n" + &script(fault)
}

fn row(text: &mut String, label: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{label:18}{value}");
}

fn verdict(verdict: &Verdict, version: Version) -> String {
    let mut text = format!("\nnginx {}\n", version.as_str());
    let statuses: Vec<String> = verdict
        .status
        .as_slice()
        .iter()
        .map(ToString::to_string)
        .collect();
    row(&mut text, "client sees", &statuses.join(", "));
    row(&mut text, "body", verdict.body.as_str());
    row(&mut text, "$status", &verdict.logged().join("; "));
    row(
        &mut text,
        "$upstream_status",
        &verdict.upstream_status.as_slice().join("; "),
    );
    for line in &verdict.log {
        row(&mut text, "error log", line);
    }
    let class = match verdict.class {
        Class::None => "no",
        class => class.as_str(),
    };
    row(&mut text, "next server", class);
    let counts = if verdict.counts { "yes" } else { "no" };
    row(&mut text, "max_fails", counts);
    if !verdict.reason.is_empty() {
        row(
            &mut text,
            "weir's reason",
            &verdict.reason.as_slice().join("; "),
        );
    }
    text
}

/// The scenario without what it expects.
fn script(fault: &Fault) -> String {
    let mut scenario = fault.scenario();
    scenario.expect = Expect::default();
    scenario.config = fault.config.clone();
    // What was read from TOML can be written as TOML.
    toml::to_string(&scenario).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::all;
    use crate::scenario::Scenario;

    #[test]
    fn everything_is_shown() {
        for fault in all() {
            let text = page(fault);
            for part in [&fault.name, &fault.summary, &fault.answer, &fault.wild] {
                assert!(text.contains(part.as_str()), "{part} not in {text}");
            }
            for line in &fault.verdict.log {
                assert!(text.contains(line.as_str()), "{line} not in {text}");
            }
        }
    }

    #[test]
    fn the_script_can_be_pasted() {
        for fault in all() {
            let text = script(fault);
            let scenario = Scenario::parse(&text, fault.name.as_ref()).unwrap();
            assert_eq!(scenario.backend, fault.backend);
            assert_eq!(scenario.config, fault.config);
            assert_eq!(scenario.client, fault.client);
        }
    }
}
