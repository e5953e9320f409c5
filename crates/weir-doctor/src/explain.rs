//! A line of an error log, explained.

use std::fmt::Write as _;

use serde::Serialize;
use weir_log::Level;
use weir_log::record::ErrorLine;

use crate::cause::{self, Cause, Severity};
use crate::ink::Ink;
use crate::line::PastedLine;
use crate::said::{Said, cause_of, message_of};

/// What there is to say of a line.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What was explained.
    pub pasted: PastedLine,
    /// The cause; `None` if nobody knows it.
    pub cause: Option<&'static Cause>,
}

impl Explanation {
    /// Explains a line.
    pub fn of(pasted: PastedLine) -> Self {
        let cause = cause_of_line(&pasted.line, pasted.place.is_some());
        Self { pasted, cause }
    }
}

/// The message that a line's is an instance of, `*` in the place of names and numbers.
pub fn message_of_line(line: &ErrorLine) -> Option<&'static str> {
    message_of(&Said::from(line))
}

/// The cause behind a line. Of a configuration's mistakes all are one that have none of their own.
pub fn cause_of_line(line: &ErrorLine, has_place: bool) -> Option<&'static Cause> {
    let found = cause_of(&Said::from(line));
    if line.level > Level::Emerg {
        return found;
    }
    let found = found.map(|cause| cause.at_start());
    let starts = |cause: &&Cause| cause.code.starts_with("WEIR-START");
    match has_place {
        true => found.filter(starts).or(Some(&cause::START_CONFIGURATION)),
        false => found,
    }
}

/// The explanation as a program wants it.
#[derive(Debug, Serialize)]
pub struct Explained<'a> {
    code: Option<&'static str>,
    title: Option<&'static str>,
    severity: Option<Severity>,
    phase: Option<&'a str>,
    client_sees: Option<&'static str>,
    meaning: Option<&'static str>,
    reasons: &'static [&'static str],
    checks: &'static [&'static str],
    directives: &'static [&'static str],
    disproof: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<&'a ErrorLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place<'a>>,
}

#[derive(Debug, Serialize)]
struct Place<'a> {
    file: &'a str,
    line: u64,
}

impl From<&'static Cause> for Explained<'_> {
    fn from(cause: &'static Cause) -> Self {
        Self::of(Some(cause))
    }
}

impl Explained<'_> {
    fn of(cause: Option<&'static Cause>) -> Self {
        Self {
            code: cause.map(|cause| cause.code),
            title: cause.map(|cause| cause.title),
            severity: cause.map(|cause| cause.severity),
            phase: None,
            client_sees: cause.map(|cause| cause.client_sees),
            meaning: cause.map(|cause| cause.meaning),
            reasons: cause.map_or(&[], |cause| cause.reasons),
            checks: cause.map_or(&[], |cause| cause.checks),
            directives: cause.map_or(&[], |cause| cause.directives),
            disproof: cause.map(|cause| cause.disproof),
            line: None,
            place: None,
        }
    }
}

impl<'a> From<&'a Explanation> for Explained<'a> {
    fn from(explanation: &'a Explanation) -> Self {
        let pasted = &explanation.pasted;
        Self {
            phase: pasted.line.doing.as_deref(),
            line: Some(&pasted.line),
            place: pasted
                .place
                .as_ref()
                .map(|(file, line)| Place { file, line: *line }),
            ..Self::of(explanation.cause)
        }
    }
}

/// The explanation for people.
pub fn text(explanation: &Explanation, ink: Ink) -> String {
    let pasted = &explanation.pasted;
    let mut out = format!("{}\n\n", ink.bold(&shown(&said(pasted))));
    match explanation.cause {
        Some(cause) => {
            let phase = pasted.line.doing.as_deref();
            let place = pasted.place.as_ref().map(|(file, line)| format!("{file}:{line}"));
            let facts = [
                ("while", phase),
                ("upstream", pasted.line.upstream.as_deref()),
                ("place", place.as_deref()),
            ];
            out.push_str(&of_cause(cause, &facts, ink));
        }
        None => out.push_str(
            "  No cause is known for this line. It may be a module's own, or of a version that is not known here \
             (1.18 to 1.31 are).\n",
        ),
    }
    out
}

/// The message with its error, without what follows.
fn said(pasted: &PastedLine) -> String {
    let line = &pasted.line;
    let mut said = format!("[{}] {}", line.level.as_str(), line.message);
    if let Some((number, words)) = &line.errno {
        let _ = write!(said, " ({number}: {words})");
    }
    said
}

/// What is known of a cause, beside facts of a line.
pub fn of_cause(cause: &Cause, facts: &[(&str, Option<&str>)], ink: Ink) -> String {
    let mut out = String::new();
    let name = match cause.severity {
        Severity::Note => ink.green(cause.code),
        Severity::Warning => ink.yellow(cause.code),
        Severity::Error | Severity::Critical => ink.red(cause.code),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(out, "  {name}  {}\n", cause.title);
    for (name, value) in facts {
        if let Some(value) = value {
            let _ = writeln!(out, "  {name:<13}{}", shown(value));
        }
    }
    let _ = writeln!(
        out,
        "  {:<13}{}\n",
        "clients see",
        wrapped(cause.client_sees, 15).trim_start()
    );
    let _ = writeln!(out, "{}\n", wrapped(cause.meaning, 2));
    list(
        &mut out,
        "What it comes from, the likeliest first:",
        cause.reasons,
        true,
    );
    list(&mut out, "What to look at:", cause.checks, false);
    let _ = writeln!(
        out,
        "  Directives that decide: {}",
        cause.directives.join(", ")
    );
    let _ = writeln!(
        out,
        "  It is something else if: {}",
        wrapped(cause.disproof, 27).trim_start()
    );
    out
}

fn list(out: &mut String, title: &str, items: &[&str], numbered: bool) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(out, "  {title}");
    for (number, item) in (1..).zip(items) {
        let mark = match numbered {
            true => format!("{number}."),
            false => "-".to_owned(),
        };
        let _ = writeln!(out, "   {mark:<2} {}", wrapped(item, 6).trim_start());
    }
    out.push('\n');
}

/// Text from outside as a terminal may show it: what would move the cursor or change colours is written out.
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_control() {
            true => out.extend(letter.escape_default()),
            false => out.push(letter),
        }
    }
    out
}

/// So many of a thing: `1 line`, `2 lines`.
pub(crate) fn counted(count: u64, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        count => format!("{count} {thing}s"),
    }
}

/// Columns of a line for people.
const WIDTH: usize = 100;

/// `text` in lines that begin behind so many spaces.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let mut out = margin.clone();
    let mut column = indent;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > indent && column + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(&margin);
            column = indent;
        }
        if column > indent {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line;

    fn explain(text: &str) -> Explanation {
        Explanation::of(line::read(text).unwrap_or_else(|| panic!("{text}")))
    }

    #[test]
    fn a_refused_connection_is_explained() {
        let line = "2026/11/21 08:41:49 [error] 12#13: *7 connect() failed (111: Connection refused) while connecting to \
                    upstream, client: ::1, server: s, request: \"GET / HTTP/1.1\", upstream: \"http://127.0.0.1:9/\"";
        let text = text(&explain(line), Ink::Plain);
        for part in [
            "[error] connect() failed (111: Connection refused)\n",
            "WEIR-502-REFUSED  nobody listens",
            "while        connecting to upstream",
            "upstream     http://127.0.0.1:9/",
            "1. The application is down",
            "Directives that decide: proxy_pass",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
    }

    #[test]
    fn mistakes_of_a_configuration_have_a_cause_whatever_they_are() {
        for (line, code) in [
            (
                "nginx: [emerg] unknown directive \"foo\" in /etc/nginx/nginx.conf:3",
                "WEIR-START-CONFIGURATION",
            ),
            (
                "nginx: [emerg] never heard of it in /etc/nginx/nginx.conf:3",
                "WEIR-START-CONFIGURATION",
            ),
            (
                "nginx: [emerg] open() \"/x\" failed (2: No such file or directory) in /etc/nginx/nginx.conf:3",
                "WEIR-START-FILE",
            ),
            (
                "nginx: [emerg] host not found in upstream \"app\" in /etc/nginx/nginx.conf:3",
                "WEIR-START-NAME",
            ),
        ] {
            assert_eq!(
                explain(line).cause.map(|cause| cause.code),
                Some(code),
                "{line}"
            );
        }
    }

    #[test]
    fn what_nobody_knows_is_said_to_be_unknown() {
        let explanation = explain("the moon is full");
        assert_eq!(explanation.cause, None);
        assert!(text(&explanation, Ink::Plain).contains("No cause is known"));
    }
}
