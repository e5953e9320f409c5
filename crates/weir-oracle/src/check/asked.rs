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
pub(super) struct Desk {
    directory: TempDir,
    nginx: PathBuf,
    weir: PathBuf,
    compat: &'static str,
}

impl Desk {
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
            .args(["-g", "pid logs/nginx.pid; error_log logs/error.log;"])
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
            let fault = |line: &&str| !line.starts_with("[warn]") && !line.starts_with("[notice]");
            lines.filter(fault).take(1).collect::<Vec<_>>()
        };
        Self {
            accepted,
            lines: lines.into_iter().map(str::to_owned).collect(),
        }
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

/// A line of nginx's from its level on, without its process.
fn message(line: &str) -> Option<&str> {
    let (_, message) = line.split_once(": ")?;
    message.starts_with('[').then_some(message)
}
