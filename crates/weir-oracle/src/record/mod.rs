//! One entry of the fault matrix: the set-up, the script, and what was seen.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use weir_lab::bed::Conf;
use weir_lab::client::PATIENCE;
use weir_lab::script::{BackendScript, ClientStep};
use weir_lab::version::Version;

mod steps;

/// A recorded run. What was seen stays JSON, because comparing needs paths, not types.
#[derive(Clone, Debug, Deserialize)]
pub struct Record {
    /// Unique together with the version.
    pub id: String,
    /// The part of a request's way that it is about.
    pub phase: String,
    /// What it shows, for people.
    pub note: String,
    /// Versions that gave this result.
    pub nginx: Vec<Version>,
    /// What goes into nginx.conf.
    pub conf: Conf,
    /// Listening addresses (`9001`, `127.0.0.3:9001`, `unix:b.sock`) and their scripts.
    #[serde(deserialize_with = "steps::backends")]
    pub backend: BTreeMap<String, BackendScript>,
    /// What the client does.
    #[serde(deserialize_with = "steps::client")]
    pub request: Vec<ClientStep>,
    /// Names that the scripted resolver knows.
    #[serde(default)]
    pub dns: BTreeMap<String, String>,
    /// Parts of the result that differ between runs of one binary.
    #[serde(default)]
    pub unstable: Vec<Part>,
    /// Set when the access line appears only after the client closed (lingering close).
    pub access_log_written: Option<String>,
    /// Exit status of a start-up record.
    pub exit: Option<i32>,
    /// Everything else that was seen.
    #[serde(flatten)]
    pub seen: BTreeMap<String, Value>,
}

/// A part of a result that can be unstable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// All lines of the error log.
    ErrorLog,
    /// All lines of the access log.
    AccessLog,
    /// What the client read.
    Responses,
}

/// The file of records could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// One line is no record.
    #[error("{}:{line} is no record", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
}

impl Record {
    /// What `version` gave: a field of the record with the overrides for that version.
    pub fn expected(&self, field: &str, version: Version) -> Value {
        let plain = self.seen.get(field).cloned().unwrap_or(Value::Null);
        let overrides = &self.seen.get("by_version").unwrap_or(&Value::Null)[version.as_str()];
        match (
            field,
            overrides.get("backend_saw"),
            overrides.get("upstream_bytes_sent"),
        ) {
            ("backend_saw", Some(saw), _) => saw.clone(),
            ("access", _, Some(Value::Array(sent))) => with_bytes_sent(plain, sent),
            _ => plain,
        }
    }

    /// The least time that its steps and time-outs take; for ordering runs, so a rough sum.
    pub fn shortest_time(&self) -> Duration {
        let steps: Duration = self.request.iter().map(ClientStep::shortest_time).sum();
        let answers = self
            .seen
            .get("responses")
            .into_iter()
            .chain(self.seen.get("client"));
        let silent = answers
            .filter(|seen| seen.to_string().contains("\"end\":\"timeout\""))
            .count();
        let access = self
            .seen
            .get("access")
            .map(Value::to_string)
            .unwrap_or_default();
        let slow = access.split("\"request_time\":\"~").skip(1);
        let slow = slow.filter_map(|rest| rest.split('"').next()?.parse().ok());
        let slow: f64 = slow.fold(0.0, f64::max);
        steps + PATIENCE * u32::from(silent > 0) + Duration::from_secs_f64(slow)
    }

    /// Whether a difference in `field`, a path, says anything.
    pub fn compares(&self, field: &str) -> bool {
        let mut unstable = self.unstable.iter().map(|part| match part {
            Part::ErrorLog => "error_log",
            Part::AccessLog => "access",
            Part::Responses => "responses",
        });
        !unstable.any(|part| field.starts_with(part))
    }

    /// Whether this part is compared at all.
    pub fn is_stable(&self, part: Part) -> bool {
        !self.unstable.contains(&part)
    }
}

/// Puts one `upstream_bytes_sent` into each access line.
fn with_bytes_sent(mut access: Value, sent: &[Value]) -> Value {
    let lines = match &mut access {
        Value::Array(lines) => lines.as_mut_slice(),
        single => std::slice::from_mut(single),
    };
    for (line, sent) in lines.iter_mut().zip(sent) {
        if line.get("upstream_bytes_sent").is_some() {
            line["upstream_bytes_sent"] = sent.clone();
        }
    }
    access
}

/// Reads a file with one record per line.
///
/// # Errors
/// The file cannot be read, or a line is no record; nothing is skipped silently.
pub fn load(path: &Path) -> Result<Vec<Record>, LoadError> {
    let text = std::fs::read_to_string(path).map_err(|source| LoadError::Read {
        path: path.to_owned(),
        source,
    })?;
    let parse = |(index, line)| {
        serde_json::from_str(line).map_err(|source| LoadError::Parse {
            path: path.to_owned(),
            line: index + 1,
            source,
        })
    };
    text.lines().enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn records() -> Vec<Record> {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fault-matrix.jsonl"
        );
        load(Path::new(file)).unwrap()
    }

    #[test]
    fn every_record_of_the_matrix_is_understood() {
        let records = records();
        let names = records
            .iter()
            .flat_map(|r| r.nginx.iter().map(|&version| (&r.id, version)));
        let all: Vec<_> = names.collect();
        let unique: BTreeSet<_> = all.iter().collect();
        assert_eq!((records.len(), all.len(), unique.len()), (650, 1222, 1222));
    }

    #[test]
    fn a_version_has_its_own_byte_counts() {
        let records = records();
        let record = records
            .iter()
            .find(|record| record.id == "unix-ok")
            .unwrap();
        let sent = |version| record.expected("access", version)["upstream_bytes_sent"].clone();
        assert_eq!(
            (sent(Version::V1_22), sent(Version::V1_31)),
            ("54".into(), "35".into())
        );
    }
}
