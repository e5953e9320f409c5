//! Differences that are known and explained: `tests/fault-matrix-differences.toml`, and how such a
//! list is read.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use weir_lab::bed::compare::Difference;
use weir_lab::version::Version;

/// All explained differences.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Known {
    #[serde(default)]
    difference: Vec<Explained>,
    #[serde(default)]
    loose: Vec<Explained>,
}

/// Fields of one record, and why they may or must differ.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Explained {
    /// The record.
    pub(crate) id: String,
    /// The version; both when absent.
    version: Option<Version>,
    /// Who differs; both binaries when absent.
    by: Option<Player>,
    /// Beginnings of the paths of fields that differ.
    fields: Vec<String>,
    /// Why that is right.
    reason: String,
}

/// Whose run a list entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Player {
    /// nginx itself.
    Nginx,
    /// weir, or whatever else is replayed against.
    Weir,
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
    /// An entry that explains nothing.
    #[error("no reason is given for {0}")]
    NoReason(
        /// What it is about.
        String,
    ),
    /// It is not what it should be.
    #[error("{} is no list of differences", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        source: toml::de::Error,
    },
}

/// Reads a list of differences.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, KnownError> {
    let text = std::fs::read_to_string(path).map_err(|source| KnownError::Read {
        path: path.to_owned(),
        source,
    })?;
    toml::from_str(&text).map_err(|source| KnownError::Parse {
        path: path.to_owned(),
        source,
    })
}

/// Fails if the entry about `what` gives none.
pub(crate) fn demand_reason(reason: &str, what: &str) -> Result<(), KnownError> {
    if reason.trim().is_empty() {
        return Err(KnownError::NoReason(what.to_owned()));
    }
    Ok(())
}

impl Known {
    /// Reads what the list says of `player`.
    pub(crate) fn load(path: &Path, player: Player) -> Result<Self, KnownError> {
        let mut known: Self = read(path)?;
        for list in [&mut known.difference, &mut known.loose] {
            list.retain(|explained| explained.by.is_none_or(|by| by == player));
        }
        for explained in known.difference.iter().chain(&known.loose) {
            demand_reason(&explained.reason, &explained.id)?;
        }
        Ok(known)
    }

    /// With what `other` says of the machine.
    pub(crate) fn loosened_by(mut self, other: Self) -> Self {
        self.loose.extend(other.loose);
        self
    }

    /// Whether anything is listed as different for this record.
    pub(crate) fn lists(&self, id: &str, version: Version) -> bool {
        find(&self.difference, id, version).is_some()
    }

    /// Whether every one of `differences` is listed.
    pub(crate) fn explains(&self, id: &str, version: Version, all: &[Difference]) -> bool {
        find(&self.difference, id, version)
            .is_some_and(|listed| all.iter().all(|difference| listed.names(difference)))
    }

    /// Takes out the differences in fields that hang on the machine.
    pub(crate) fn drop_loose(&self, id: &str, version: Version, all: &mut Vec<Difference>) {
        let loose = self
            .loose
            .iter()
            .filter(|loose| loose.is_about(id, version));
        for loose in loose {
            all.retain(|difference| !loose.names(difference));
        }
    }
}

impl Explained {
    fn is_about(&self, id: &str, version: Version) -> bool {
        self.id == id && self.version.is_none_or(|listed| listed == version)
    }

    fn names(&self, difference: &Difference) -> bool {
        self.fields
            .iter()
            .any(|field| difference.field.starts_with(field))
    }
}

fn find<'a>(list: &'a [Explained], id: &str, version: Version) -> Option<&'a Explained> {
    list.iter()
        .find(|explained| explained.is_about(id, version))
}
