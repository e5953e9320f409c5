//! Scenario files, and what can be wrong with them.

use std::path::{Path, PathBuf};

use super::Scenario;
use crate::bed::names::DNS;

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no scenario.
    #[error("{}:{line}: {message}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong and, for an unknown key, what is allowed.
        message: String,
    },
}

/// Reads a file, or each `.toml` below a directory, in the order of their paths.
///
/// # Errors
/// The first file that cannot be read, or that is no scenario.
pub fn load(path: &Path) -> Result<Vec<(PathBuf, Scenario)>, LoadError> {
    let mut files = Vec::new();
    find(path, true, &mut files).map_err(|source| LoadError::Read {
        path: path.to_owned(),
        source,
    })?;
    files.sort();
    files.into_iter().map(read).collect()
}

fn find(path: &Path, named: bool, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            find(&entry?.path(), false, files)?;
        }
    } else if named || path.extension().is_some_and(|end| end == "toml") {
        files.push(path.to_owned());
    }
    Ok(())
}

fn read(path: PathBuf) -> Result<(PathBuf, Scenario), LoadError> {
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&text, &path).map(|scenario| (path, scenario)),
        Err(source) => Err(LoadError::Read { path, source }),
    }
}

pub(super) fn parse(text: &str, path: &Path) -> Result<Scenario, LoadError> {
    let fault = |offset: usize, message: String| LoadError::Parse {
        path: path.to_owned(),
        line: text[..offset].matches('\n').count() + 1,
        message,
    };
    let mut scenario: Scenario = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        fault(offset, error.message().to_owned())
    })?;
    scenario.name = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    if let Some(missing) = scenario.unplayed() {
        let message = format!("nothing plays {missing}, which the configuration names");
        return Err(fault(0, message));
    }
    if !scenario.dns.is_empty() && !scenario.config.names(DNS) {
        let message = format!("the configuration does not name {DNS:?}");
        return Err(fault(text.find("[dns.").unwrap_or(0), message));
    }
    for name in scenario.backend.keys() {
        if let Some(message) = scenario.complaint(name) {
            return Err(fault(place(text, name), message));
        }
    }
    Ok(scenario)
}

/// Where the table of backend `name` begins.
fn place(text: &str, name: &str) -> usize {
    let keys = [
        format!("\"{name}\""),
        format!("'{name}'"),
        format!("{name}]"),
    ];
    let tables = keys.iter().map(|key| format!("[backend.{key}"));
    tables
        .filter_map(|table| text.find(&table))
        .min()
        .unwrap_or(0)
}

impl Scenario {
    /// The default backend, when the configuration uses it and no script is there.
    fn unplayed(&self) -> Option<&'static str> {
        let uses = self.config.passes_to_default();
        (uses && !self.backend.contains_key(crate::bed::DEFAULT_BACKEND))
            .then_some(crate::bed::DEFAULT_BACKEND)
    }

    fn complaint(&self, name: &str) -> Option<String> {
        if !is_address(name) {
            return Some(format!(
                "a backend's name is an address: NAME:NUMBER or unix:FILE, not {name:?}"
            ));
        }
        (!self.config.names(name)).then(|| format!("the configuration does not name {name:?}"))
    }
}

fn is_address(name: &str) -> bool {
    let plain = |text: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        !text.is_empty() && text.chars().all(allowed)
    };
    match name.split_once(':') {
        Some(("unix", file)) => plain(file),
        Some((host, port)) => plain(host) && port.parse::<u16>().is_ok(),
        None => false,
    }
}
