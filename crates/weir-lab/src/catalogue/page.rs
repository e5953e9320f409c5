//! The page of faults for the documentation.

use std::fmt::Write as _;

use super::{Class, Fault, Phase, all};

const OPENING: &str = "# Faults, by name

<!-- Generated: UPDATE_DOCS=1 cargo test -p weir-lab --test faults_page -->

Every fault that weir's lab can play. `weir lab serve NAME` plays it on an address of its own,
`weir lab show NAME` prints its script, its log lines and the directives that it needs. What nginx
answers was seen with nginx 1.28.3; where 1.22.1 or 1.31.5 differ, `show` says so.

";

/// The page in Markdown.
pub fn page() -> String {
    let mut page = OPENING.to_owned();
    let count = |client| {
        all()
            .iter()
            .filter(|f| f.phase.is_client() == client)
            .count()
    };
    // Writing to a String cannot fail.
    let _ = writeln!(
        page,
        "{} faults of backends, {} of clients.",
        count(false),
        count(true)
    );
    for phase in Phase::ALL {
        let _ = section(&mut page, phase);
    }
    page
}

fn section(page: &mut String, phase: Phase) -> std::fmt::Result {
    write!(page, "\n## {}\n\n", phase.title())?;
    writeln!(
        page,
        "| name | what happens | what nginx answers | retried by | looks like this in the wild |"
    )?;
    writeln!(page, "|---|---|---|---|---|")?;
    for fault in all().iter().filter(|fault| fault.phase == phase) {
        writeln!(page, "{}", row(fault))?;
    }
    Ok(())
}

fn row(fault: &Fault) -> String {
    let class = match fault.verdict.class {
        Class::None => "–".to_owned(),
        class => format!("`{}`", class.as_str()),
    };
    format!(
        "| `{}` | {} | {} | {class} | {} |",
        fault.name,
        cell(&fault.summary),
        cell(&fault.answer),
        cell(&fault.wild)
    )
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}
