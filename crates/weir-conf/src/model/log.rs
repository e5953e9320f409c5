//! Where log lines go and what they say.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::{Level, Template};

/// One `error_log`: lines at `level` and more severe ones go to `destination`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorLogTarget {
    /// Where lines go.
    pub destination: LogDestination,
    /// The least severe level written.
    pub level: Level,
}

/// The receiver of a log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogDestination {
    /// A file, absolute or under the prefix; reopened on USR1.
    File(PathBuf),
    /// Standard error of the process.
    Stderr,
}

/// One `access_log` of a location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// `access_log off`: nothing is written, whatever was inherited.
    Off,
    /// A line per request.
    To {
        /// Where lines go.
        destination: LogDestination,
        /// The compiled format.
        format: Arc<LogFormat>,
        /// Bytes gathered before a write; `None` writes each line.
        buffer: Option<usize>,
        /// Longest stay of a line in the buffer.
        flush: Option<Duration>,
        /// `if=`: lines whose value is empty or `0` are not written.
        condition: Option<Template>,
    },
}

/// A `log_format`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFormat {
    /// The name `access_log` uses.
    pub name: String,
    /// How variable values are escaped.
    pub escape: Escape,
    /// The line without its newline.
    pub template: Template,
}

/// The escaping of variable values in an access line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Escape {
    /// `"`, `\` and bytes below 0x20 or above 0x7e as `\xXX`; `-` for a missing value.
    #[default]
    Default,
    /// JSON string escapes; an empty string for a missing value.
    Json,
    /// No escaping.
    None,
}
