//! Both binaries on one text.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::Examination;
use super::bases::Bases;

/// What stands in texts for the directory in which they are asked about.
pub(super) const PREFIX: &str = "@PREFIX@";

/// What a binary said: nothing, warnings, or the fault that it stopped at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) accepted: bool,
    pub(super) lines: Vec<String>,
}

/// A directory of one's own in which to ask.
#[derive(Debug)]
pub(super) struct Asker {
    directory: TempDir,
    nginx: PathBuf,
    weir: PathBuf,
    compat: &'static str,
}

impl Asker {
    pub(super) fn new(what: &Examination, number: usize, bases: &Bases) -> io::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix(&format!("weir-check-{number}-"))
            .tempdir()?;
        for folder in ["logs", "html", "conf/snippets"] {
            std::fs::create_dir_all(directory.path().join(folder))?;
        }
        for (name, text) in &bases.included {
            std::fs::write(directory.path().join("conf").join(name), text)?;
        }
        Ok(Self {
            directory,
            nginx: what.nginx.clone(),
            weir: what.weir.clone(),
            compat: what.version.compat_directive(),
        })
    }

    pub(super) fn ask_nginx(&self, text: &str) -> io::Result<Answer> {
        self.ask(&self.nginx, "", text)
    }

    pub(super) fn ask_weir(&self, text: &str) -> io::Result<Answer> {
        self.ask(&self.weir, self.compat, text)
    }

    /// What is needed besides stands in the first line, so that all lines keep their numbers.
    fn ask(&self, binary: &Path, first: &str, text: &str) -> io::Result<Answer> {
        let prefix = self.directory.path().to_string_lossy();
        let file = self.directory.path().join("conf/nginx.conf");
        let text = text.replace(PREFIX, &prefix);
        std::fs::write(&file, format!("{} {text}", first.trim()))?;
        let output = Command::new(binary)
            .args(["-t", "-p"])
            .arg(self.directory.path())
            .arg("-c")
            .arg(&file)
            .args(["-g", "pid logs/nginx.pid;"])
            // A name that nobody knows is not to be waited for.
            .env("RES_OPTIONS", "timeout:1 attempts:1")
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr).replace(&*prefix, "@");
        Ok(Answer::read(output.status.success(), &said))
    }
}

impl Answer {
    /// What counts of what a binary said: of one that refuses the first fault, of one that accepts
    /// all warnings.
    fn read(accepted: bool, said: &str) -> Self {
        let lines = said.lines().filter_map(message);
        let lines = if accepted {
            lines.filter(|line| !line.starts_with("[notice]")).collect()
        } else {
            let fault =
                |line: &String| !line.starts_with("[warn]") && !line.starts_with("[notice]");
            lines.filter(fault).take(1).collect()
        };
        Self { accepted, lines }
    }

    /// Whether it says of something that weir has not got it.
    pub(super) fn lacks_something(&self) -> bool {
        let lacks = |line: &String| {
            line.contains("not implemented in weir yet") || line.contains("requires ngx_http_")
        };
        self.lines.iter().any(lacks)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.accepted { "accepted" } else { "refused" };
        write!(f, "{verdict} {}", self.lines.join(" | "))
    }
}

/// A line from its level on, without process and time: `nginx: [emerg] …`, or `TIME [emerg] 1#1: …` where
/// nginx was built to log to stderr.
fn message(line: &str) -> Option<String> {
    let (before, rest) = line.split_once('[')?;
    let (level, text) = rest.split_once("] ")?;
    if before != "nginx: " && !before.starts_with(|letter: char| letter.is_ascii_digit()) {
        return None;
    }
    let text = match text.split_once(": ") {
        Some((process, text)) if process.split('#').all(is_number) => text,
        _ => text,
    };
    Some(format!("[{level}] {text}"))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_lines_are_read() {
        let check = |line, expected: Option<&str>| assert_eq!(message(line).as_deref(), expected);
        check("nginx: [emerg] a: b", Some("[emerg] a: b"));
        check("2026/01/02 03:04:05 [warn] 1#2: a: b", Some("[warn] a: b"));
        check("nginx: configuration file x test failed", None);
        check("  [listen]: x", None);
    }
}
