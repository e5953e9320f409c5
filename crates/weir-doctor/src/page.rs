//! The documentation's pages of causes, one for each.

use std::fmt::Write as _;

use crate::cause::{self, Cause};

/// How a page is made anew.
const GENERATED: &str = "<!-- Generated: UPDATE_DOCS=1 cargo test --test causes -->";

/// The page of a cause in Markdown; `faults` are those of the lab that show it, with what happens in each.
pub fn of(cause: &Cause, faults: &[(String, String)]) -> String {
    let mut page = format!("# {}\n\n{GENERATED}\n\n", cause.code);
    // Writing to a String cannot fail.
    let _ = writeln!(page, "**{}**\n", capital(cause.title));
    let _ = writeln!(page, "| severity | clients see |\n|---|---|");
    let _ = writeln!(
        page,
        "| {} | {} |\n",
        cause.severity.word(),
        cause.client_sees
    );
    let _ = writeln!(page, "{}\n", cause.meaning);
    list(
        &mut page,
        "What it comes from, the likeliest first",
        cause.reasons,
        "1.",
    );
    list(&mut page, "What to look at", cause.checks, "-");
    let directives: Vec<String> = cause
        .directives
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    let _ = writeln!(
        page,
        "## Directives that decide\n\n{}\n",
        directives.join(", ")
    );
    let _ = writeln!(page, "## It is something else if\n\n{}", cause.disproof);
    if !faults.is_empty() {
        let _ = writeln!(
            page,
            "\n## To see it\n\n`weir lab serve NAME` plays it ([all faults](../faults.md)):\n"
        );
        for (name, summary) in faults {
            let _ = writeln!(page, "- `{name}`: {summary}");
        }
    }
    page
}

/// The list of all pages.
pub fn index() -> String {
    let mut page = format!(
        "# Causes, by code\n\n{GENERATED}\n\n`weir explain LINE` finds the cause behind a line of an error log, and \
         `weir explain CODE` shows what stands here.\n\n| code | what has happened | clients see |\n|---|---|---|\n"
    );
    for cause in cause::all() {
        let code = cause.code;
        let _ = writeln!(
            page,
            "| [{code}]({code}.md) | {} | {} |",
            cause.title, cause.client_sees
        );
    }
    page
}

fn list(page: &mut String, title: &str, items: &[&str], mark: &str) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(page, "## {title}\n");
    for item in items {
        let _ = writeln!(page, "{mark} {item}");
    }
    page.push('\n');
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}
