//! Directories of temporary files.

use std::path::PathBuf;

/// A `*_temp_path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TempPath {
    /// Absolute, or under the prefix.
    pub path: PathBuf,
    /// Digits of the file number that name each level of subdirectories, 10 in all; at most three
    /// levels.
    pub levels: Vec<u8>,
}
