//! `weir explain`: what a line of an error log means.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser;

use super::{parse, print};
use crate::cause;
use crate::explain::{Explained, Explanation, counted, of_cause, text};
use crate::ink::Ink;
use crate::line;
use crate::logs::Lines;

/// Explain lines of an error log, of weir or of nginx
#[derive(Debug, Parser)]
#[command(
    name = "weir explain",
    bin_name = "weir explain",
    no_binary_name = true
)]
struct Arguments {
    /// Lines of an error log, or codes such as WEIR-502-REFUSED; none: a log on standard input
    lines: Vec<String>,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
}

/// Runs `weir explain`; `args` are those after `explain`. 0: all was explained; 1: something was not; 2: nothing to explain.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = match parse::<Arguments>(args) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let ink = Ink::of_stdout();
    let (said, unknown) = match arguments.lines.is_empty() {
        false => given(&arguments, ink),
        true => match read_log(arguments.json, ink) {
            Ok(said) => said,
            Err(why) => {
                eprintln!("weir explain: {why}");
                return ExitCode::from(2);
            }
        },
    };
    match print(&said) {
        ExitCode::SUCCESS if unknown => ExitCode::from(1),
        code => code,
    }
}

/// What was given on the command line, and whether any of it is unknown.
fn given(arguments: &Arguments, ink: Ink) -> (String, bool) {
    let mut parts = Vec::new();
    let mut unknown = false;
    for text in &arguments.lines {
        if let Some(cause) = cause::named(text.trim()) {
            parts.push(match arguments.json {
                true => as_json(&Explained::from(cause)),
                false => of_cause(cause, &[], ink),
            });
            continue;
        }
        let Some(pasted) = line::read(text) else {
            continue;
        };
        let explanation = Explanation::of(pasted);
        unknown |= explanation.cause.is_none();
        parts.push(show(&explanation, arguments.json, ink));
    }
    let between = if arguments.json { "" } else { "\n" };
    (parts.join(between), unknown)
}

fn show(explanation: &Explanation, json: bool, ink: Ink) -> String {
    match json {
        true => as_json(&Explained::from(explanation)),
        false => text(explanation, ink),
    }
}

fn as_json(explained: &Explained<'_>) -> String {
    serde_json::to_string(explained).map_or_else(|fault| fault.to_string(), |line| line + "\n")
}

/// How often each cause comes in a log, with its first line.
struct Tally {
    count: u64,
    first: Explanation,
}

/// Explains a log on standard input: each cause once, the most frequent first.
fn read_log(json: bool, ink: Ink) -> Result<(String, bool), String> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return Err("give a line of an error log, or a log on standard input".to_owned());
    }
    let mut tallies: HashMap<Option<&'static str>, Tally> = HashMap::new();
    let mut is_written = true;
    let read = Lines::of_stdin().each(|bytes| {
        let Some(pasted) = line::read(&String::from_utf8_lossy(bytes)) else {
            return true;
        };
        let explanation = Explanation::of(pasted);
        // At once: the log may be a `tail -f`, or longer than memory.
        is_written = !json || print(&show(&explanation, true, ink)) == ExitCode::SUCCESS;
        let code = explanation.cause.map(|cause| cause.code);
        let tally = tallies.entry(code).or_insert(Tally {
            count: 0,
            first: explanation,
        });
        tally.count += 1;
        is_written
    });
    read.map_err(|fault| format!("cannot read {fault}"))?;
    if !is_written {
        return Err("stopped at a line that could not be written".to_owned());
    }
    if tallies.is_empty() {
        return Err("there is no line on standard input".to_owned());
    }
    let unknown = tallies.contains_key(&None);
    let mut out = String::new();
    if json {
        return Ok((out, unknown));
    }
    let mut tallies: Vec<Tally> = tallies.into_values().collect();
    tallies.sort_by_key(|tally| {
        std::cmp::Reverse((tally.first.cause.map(|cause| cause.severity), tally.count))
    });
    for tally in &tallies {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{}, the first:\n{}",
            counted(tally.count, "line"),
            text(&tally.first, ink)
        );
    }
    Ok((out, unknown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_and_a_line_are_an_object_each_on_a_line_of_its_own() -> Result<(), serde_json::Error>
    {
        let refused = "2026/11/30 10:00:00 [error] 7#7: *1 connect() failed (111: Connection refused) \
                       while connecting to upstream, client: 127.0.0.1";
        let arguments = Arguments {
            lines: vec!["WEIR-502-REFUSED".to_owned(), refused.to_owned()],
            json: true,
        };
        let (said, unknown) = given(&arguments, Ink::of_stdout());
        assert!(!unknown);
        let objects: Vec<serde_json::Value> = said
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()?;
        assert_eq!(objects.len(), 2, "{said}");
        for object in &objects {
            assert_eq!(object["code"], "WEIR-502-REFUSED", "{said}");
        }
        assert!(objects[0].get("line").is_none(), "{said}");
        assert!(objects[1].get("line").is_some(), "{said}");
        Ok(())
    }
}
