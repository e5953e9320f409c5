//! Paths: of temporary files, and through links.

use std::path::PathBuf;

use super::keywords;
use crate::Template;

/// A `*_temp_path`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TempPath {
    /// Absolute, or under the prefix.
    pub path: PathBuf,
    /// Digits of the file number that name each level of subdirectories, 10 in all; at most three
    /// levels.
    pub levels: Vec<u8>,
}

/// A `disable_symlinks`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisableSymlinks {
    /// The links that lead nowhere.
    pub refused: SymbolicLinks,
    /// The beginning of paths that may hold any.
    pub from: Option<Template>,
}

keywords! {
    /// Symbolic links that are refused.
    SymbolicLinks {
        /// None is.
        None = "off",
        /// All are.
        All = "on",
        /// Those that belong to somebody else than what they lead to.
        OfOthers = "if_not_owner",
    }
}
