//! The documentation page of directives and variables, out of their tables.

use std::fmt::Write as _;

use crate::table::{Arity, Entry, Support, entries};
use crate::variable::VARIABLES;

const HEAD: &str = "\
# Directives and variables

Generated from weir-conf's tables (`UPDATE_DOCS=1 cargo test -p weir-conf --test page`); change \
those, not this page.

Inner blocks see a directive by its kind: `One` the innermost value, a second in a block is \
refused; `Maybe` the same without a default; `Many` all of the innermost block that has any; \
`Sum` those of the innermost block, added up; `Here` and `First` only in their own block; `Mark` \
once set, set further in. The rest build something.
";

/// The page, in Markdown.
pub fn directives_page() -> String {
    let mut page = HEAD.to_owned();
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "\n## Obeyed\n\n| directive | in | arguments | default | kind | what |\n"
    );
    page.push_str("|---|---|---|---|---|---|\n");
    for entry in of(Support::Obeyed) {
        page.push_str(&row(entry));
    }
    page.push_str("\n## Variables\n\n| variable | what |\n|---|---|\n");
    for (names, what) in VARIABLES {
        let names: Vec<String> = names.iter().map(|name| format!("`${name}`")).collect();
        let _ = writeln!(page, "| {} | {} |", names.join(", "), cell(what));
    }
    page.push_str("| `$1` to `$9` | a group of the last matched regular expression |\n");
    page.push_str("\n## Accepted without effect\n\n`weir -t` lists them.\n\n");
    page.push_str(&families(Support::Ignored));
    page.push_str("\n## Refused\n\nnginx has them, weir does not yet. `off` is accepted.\n\n");
    page.push_str(&families(Support::Absent));
    page
}

fn of(support: Support) -> impl Iterator<Item = &'static Entry> {
    entries()
        .iter()
        .filter(move |entry| entry.support == support)
}

fn row(entry: &Entry) -> String {
    format!(
        "| `{}`{} | {} | {} | {} | {} | {} |\n",
        entry.name,
        if entry.block { " `{}`" } else { "" },
        entry.contexts.names().join(", "),
        arity(entry.arity),
        entry
            .default
            .filter(|text| !text.is_empty())
            .map_or(String::new(), |d| format!("`{d}`")),
        entry.inheritance,
        cell(entry.doc),
    )
}

fn arity(arity: Arity) -> String {
    match (arity.min, arity.max) {
        (min, usize::MAX) => format!("{min} or more"),
        (min, max) if min == max => min.to_string(),
        (min, max) => format!("{min} to {max}"),
    }
}

/// A text as a table's cell: one line, bars escaped.
fn cell(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

/// A line for each family of directives.
fn families(support: Support) -> String {
    let mut lines: Vec<(&str, Vec<String>)> = Vec::new();
    for entry in of(support) {
        let name = format!("`{}`", entry.name);
        match lines.iter_mut().find(|(what, _)| *what == entry.doc) {
            Some((_, names)) => names.push(name),
            None => lines.push((entry.doc, vec![name])),
        }
    }
    lines
        .into_iter()
        .map(|(what, names)| format!("- {} {}\n", what, names.join(" ")))
        .collect()
}
