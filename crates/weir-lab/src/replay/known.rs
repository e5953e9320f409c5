//! Differences that are known and explained: `tests/fault-matrix-differences.toml`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::compare::Difference;
use crate::record::Version;

/// All explained differences.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Known {
    #[serde(default)]
    difference: Vec<Explained>,
}

/// One explained difference of one record.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Explained {
    /// The record.
    pub(crate) id: String,
    /// The version; both when absent.
    version: Option<Version>,
    /// Beginnings of the paths of fields that differ.
    fields: Vec<String>,
    /// Why that is right.
    pub(crate) reason: String,
}

/// The list could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KnownError {
    /// It could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("{} is no list of differences", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        source: toml::de::Error,
    },
}

impl Known {
    /// Reads the list.
    pub(crate) fn load(path: &Path) -> Result<Self, KnownError> {
        let text = std::fs::read_to_string(path).map_err(|source| KnownError::Read {
            path: path.to_owned(),
            source,
        })?;
        toml::from_str(&text).map_err(|source| KnownError::Parse {
            path: path.to_owned(),
            source,
        })
    }

    /// Whether anything is listed for this record.
    pub(crate) fn lists(&self, id: &str, version: Version) -> bool {
        self.find(id, version).is_some()
    }

    /// The reason, if every one of `differences` is listed.
    pub(crate) fn explains(
        &self,
        id: &str,
        version: Version,
        differences: &[Difference],
    ) -> Option<&str> {
        let explained = self.find(id, version)?;
        let listed = |difference: &Difference| {
            explained
                .fields
                .iter()
                .any(|field| difference.field.starts_with(field))
        };
        differences
            .iter()
            .all(listed)
            .then_some(explained.reason.as_str())
    }

    fn find(&self, id: &str, version: Version) -> Option<&Explained> {
        self.difference.iter().find(|explained| {
            explained.id == id && explained.version.is_none_or(|listed| listed == version)
        })
    }
}
