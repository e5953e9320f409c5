//! What the demonstration prints while it is tried: for each request its error lines, as nginx
//! would have written them, and why they came.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;
use weir_log::Level;
use weir_log::record::{AccessLine, ErrorLine};

use super::exhibit::Exhibit;
use super::{Demo, explanation};
use weir_doctor::ink::Ink;

/// Time between two looks at the logs.
const INTERVAL: Duration = Duration::from_millis(50);

/// How long an error line waits for the end of its request before it is shown by itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// An error line whose request is not over, or that belongs to none.
struct Waiting {
    line: String,
    since: Instant,
}

/// The part of a log that was not read yet.
struct Tail {
    file: File,
    /// The beginning of a line whose end is not written yet.
    rest: String,
}

/// Prints until `out` fails.
pub(super) async fn run(demo: &Demo, out: &mut impl Write, ink: Ink) -> io::Result<()> {
    let logs = demo.folder.path().join("logs");
    let mut access = Tail::of(&logs.join("access.log"))?;
    let mut errors = Tail::of(&logs.join("error.log"))?;
    let mut waiting: Vec<Waiting> = Vec::new();
    loop {
        tokio::time::sleep(INTERVAL).await;
        // A request's error lines are written before its access line.
        let requests = access.lines()?;
        let since = Instant::now();
        let fresh = errors.lines()?.into_iter().filter(|line| is_trouble(line));
        waiting.extend(fresh.map(|line| Waiting { line, since }));
        for line in requests {
            if let Ok(request) = AccessLine::parse(&line) {
                let of_it = |one: &mut Waiting| belongs(&one.line, &request);
                let its: Vec<_> = waiting.extract_if(.., of_it).collect();
                let exhibit = demo.exhibit(&request.request);
                out.write_all(block(&request, &its, exhibit, ink).as_bytes())?;
            }
        }
        for left in waiting.extract_if(.., |one| one.since.elapsed() >= PATIENCE) {
            writeln!(out, "{}\n", ink.red(&left.line))?;
        }
        out.flush()?;
    }
}

/// Whether it is about more than the process's own doings.
fn is_trouble(line: &str) -> bool {
    ErrorLine::parse(line)
        .is_none_or(|line| line.connection.is_some() || line.level < Level::Notice)
}

/// Whether a line is about `request`. The next request of a connection may have failed already when
/// this one, which did not, is shown: errors are for those that failed.
fn belongs(line: &str, request: &AccessLine) -> bool {
    let failed = request
        .attempts
        .iter()
        .any(|attempt| attempt.failure.is_some())
        || request.status >= 400;
    ErrorLine::parse(line).is_some_and(|line| {
        line.connection == Some(request.connection) && (failed || line.level >= Level::Warn)
    })
}

/// What is printed of one request.
fn block(request: &AccessLine, errors: &[Waiting], exhibit: Option<&Exhibit>, ink: Ink) -> String {
    let title = format!("{} -> {}", request.request, request.status);
    let mut out = ink.bold(&title) + "\n";
    for Waiting { line, .. } in errors {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {}", ink.red(line));
    }
    let mut explained = Vec::new();
    for attempt in &request.attempts {
        let Some(token) = attempt.failure.as_deref() else {
            continue;
        };
        if explained.contains(&token) {
            continue;
        }
        explained.push(token);
        let _ = writeln!(out, "  {}", ink.yellow(&format!("why: {token}")));
        for line in explanation::of(token, exhibit).unwrap_or_default() {
            let _ = writeln!(out, "    {line}");
        }
    }
    if let Some(exhibit) = exhibit.filter(|_| explained.is_empty() && !errors.is_empty()) {
        let _ = writeln!(
            out,
            "  {}",
            ink.yellow(&format!("why: {}", exhibit.fault.name))
        );
        for line in explanation::of_exhibit(exhibit) {
            let _ = writeln!(out, "    {line}");
        }
    }
    out.push('\n');
    out
}

impl Tail {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::open(path)?,
            rest: String::new(),
        })
    }

    /// The lines that were completed since the last call.
    fn lines(&mut self) -> io::Result<Vec<String>> {
        let mut fresh = Vec::new();
        self.file.read_to_end(&mut fresh)?;
        self.rest.push_str(&String::from_utf8_lossy(&fresh));
        let Some(end) = self.rest.rfind('\n') else {
            return Ok(Vec::new());
        };
        let rest = self.rest.split_off(end + 1);
        let whole = std::mem::replace(&mut self.rest, rest);
        Ok(whole.lines().map(str::to_owned).collect())
    }
}
