//! One difference for people.

use std::io::{self, Write};

use serde_json::Value;

use super::compare::Difference;

impl Difference {
    /// The field, then what was expected and what came, from where they begin to differ.
    pub fn print(&self, out: &mut impl Write, verbose: bool) -> io::Result<()> {
        let text = |value: &Value| match value {
            Value::String(text) => format!("{text:?}"),
            other => other.to_string(),
        };
        let (expected, got) = (text(&self.expected), text(&self.got));
        let same = expected
            .chars()
            .zip(got.chars())
            .take_while(|(a, b)| a == b)
            .count();
        let width = if verbose { usize::MAX } else { 150 };
        let from = if verbose { 0 } else { same.saturating_sub(30) };
        if expected.len() + got.len() < 60 {
            return writeln!(out, "    {}: {expected} -> {got}", self.field);
        }
        writeln!(out, "    {}:", self.field)?;
        writeln!(out, "      expected {}", window(&expected, from, width))?;
        writeln!(out, "      got      {}", window(&got, from, width))
    }

    /// The path of its field without the indices.
    pub fn kind(&self) -> String {
        let mut parts = self.field.split('[');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |kind, part| {
            kind + part.split_once(']').map_or("", |(_, rest)| rest)
        })
    }
}

fn window(text: &str, from: usize, width: usize) -> String {
    let length = text.chars().count();
    let shown: String = text.chars().skip(from).take(width).collect();
    let before = if from > 0 { "…" } else { "" };
    let after = if length > from.saturating_add(width) {
        "…"
    } else {
        ""
    };
    format!("{before}{shown}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: &str, got: &str, line: &str) {
        let field = "access[0].status".to_owned();
        let difference = Difference {
            field,
            expected: expected.into(),
            got: got.into(),
        };
        let mut out = Vec::new();
        difference.print(&mut out, false).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), line);
        assert_eq!(difference.kind(), "access.status");
    }

    #[test]
    fn long_values_are_shown_from_where_they_differ() {
        check("502", "504", "    access[0].status: \"502\" -> \"504\"\n");
        let same = "a".repeat(100);
        let lines = format!(
            "    access[0].status:\n      expected …{0}b\"\n      got      …{0}c\"\n",
            "a".repeat(30)
        );
        check(&format!("{same}b"), &format!("{same}c"), &lines);
    }
}
