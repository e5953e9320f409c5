//! The documentation page of directives and variables, out of their tables.

use std::fmt::Write as _;

use crate::table::{Arity, Entry, HTTP, Inheritance, LOCATION, SERVER, Support, UPSTREAM, entries};
use crate::variable::VARIABLES;

const HEAD: &str = "\
# Directives and variables

Generated from weir-conf's tables (`UPDATE_DOCS=1 cargo test -p weir-conf --test page`); change \
those, not this page.

*In* names the blocks that a directive may stand in; `main` is outside all of them. *Default* is what \
holds without it.

*Inherited* says what the blocks inside take over. **Yes**: they obey it unless they say otherwise; it \
may stand once in a block. **All or none**: it may stand several times, and a block that has any of \
its own takes none from outside. **No**: it holds in its own block only.

Whatever nginx 1.31 can be built with is here. What only nginx Plus has, but for the health checks of upstreams, or other people's modules, is unknown, as it is \
to nginx.
";

const CHECKED: &str = "
## Accepted without effect

`weir -t` lists those that a configuration has. Of these the arguments are checked as nginx checks them:

| directive | in | arguments | default | what | why it changes nothing |
|---|---|---|---|---|---|
";

const IGNORED: &str = "
These are checked in the same way, those of caches and certificates by their number only. In weir

";

const REFUSED: &str = "
## Refused

nginx has them, weir does not yet. `off` is accepted.

";

/// The page, in Markdown.
pub fn directives_page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str(&totals());
    page.push_str("\n## Obeyed\n\n");
    page.push_str("| directive | in | arguments | default | inherited | what |\n");
    page.push_str("|---|---|---|---|---|---|\n");
    let of = |support: fn(&Support) -> bool| entries().iter().filter(move |e| support(&e.support));
    for entry in of(|support| *support == Support::Obeyed) {
        let inherited = inherited(entry);
        // Writing to a String cannot fail.
        let _ = writeln!(page, "{} {inherited} | {} |", row(entry), cell(entry.doc));
    }
    page.push_str("\n## Variables\n\n| variable | what |\n|---|---|\n");
    for (names, what) in VARIABLES {
        let names: Vec<String> = names.iter().map(|name| format!("`${name}`")).collect();
        let _ = writeln!(page, "| {} | {} |", names.join(", "), cell(what));
    }
    page.push_str("| `$1` to `$9` | a group of the last matched regular expression |\n");
    page.push_str(CHECKED);
    for entry in entries() {
        if let Support::Checked(because) = entry.support {
            let what = cell(entry.doc);
            let _ = writeln!(page, "{} {what} | {} |", row(entry), cell(because));
        }
    }
    page.push_str(IGNORED);
    page.push_str(&families(of(|s| matches!(s, Support::Ignored(_)))));
    page.push_str(REFUSED);
    page.push_str(&families(of(|support| *support == Support::Absent)));
    page
}

/// How many there are of each kind, in the blocks of HTTP and outside.
fn totals() -> String {
    let mut text = "
| directives | in all | obeyed | accepted without effect | accepted, and count only with one that is refused | refused by name |
|---|---|---|---|---|---|
"
    .to_owned();
    for (what, http) in [
        ("of `http` and its blocks", true),
        ("outside `http`", false),
    ] {
        let count = |support: fn(Support) -> bool| {
            let rows = entries().iter().filter(|entry| in_http(entry) == http);
            rows.filter(|entry| support(entry.support)).count()
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {what} | {} | {} | {} | {} | {} |",
            count(|_| true),
            count(|support| support == Support::Obeyed),
            count(|support| is_accepted(support) && !counts_with_another(support)),
            count(counts_with_another),
            count(|support| support == Support::Absent),
        );
    }
    text
}

fn is_accepted(support: Support) -> bool {
    matches!(support, Support::Checked(_) | Support::Ignored(_))
}

/// Whether it tunes what another directive would switch on, which weir does not have.
fn counts_with_another(support: Support) -> bool {
    matches!(support, Support::Ignored(because) if because.starts_with("counts only with"))
}

/// Whether it belongs to HTTP; `include` stands anywhere.
fn in_http(entry: &Entry) -> bool {
    entry.name == "http" || entry.contexts.allow(HTTP | SERVER | LOCATION | UPSTREAM)
}

/// The first four cells of a row.
fn row(entry: &Entry) -> String {
    format!(
        "| `{}`{} | {} | {} | {} |",
        entry.name,
        if entry.block { " `{}`" } else { "" },
        entry.contexts.names().join(", "),
        arity(entry.arity),
        entry
            .default
            .filter(|text| !text.is_empty())
            .map_or(String::new(), |d| format!("`{d}`")),
    )
}

fn inherited(entry: &Entry) -> &'static str {
    match entry.inheritance {
        Inheritance::None => "",
        // There is no block inside that could take it over.
        _ if !entry.contexts.allow(HTTP | SERVER | LOCATION) => "",
        Inheritance::Innermost => "yes",
        Inheritance::AllOrNone => "all or none",
        Inheritance::Own => "no",
    }
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
fn families(entries: impl Iterator<Item = &'static Entry>) -> String {
    let mut lines: Vec<(&str, Vec<String>)> = Vec::new();
    for entry in entries {
        let name = format!("`{}`", entry.name);
        match lines.iter_mut().find(|(what, _)| *what == entry.doc) {
            Some((_, names)) => names.push(name),
            None => lines.push((entry.doc, vec![name])),
        }
    }
    lines
        .into_iter()
        .map(|(what, names)| format!("- {what}: {}\n", names.join(" ")))
        .collect()
}
