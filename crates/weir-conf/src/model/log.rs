//! Where log lines go and what they say.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::{Level, Template};

/// One `error_log`: lines at `level` and more severe ones go to `destination`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ErrorLogTarget {
    /// Where lines go.
    pub destination: LogDestination,
    /// The least severe level written.
    pub level: Level,
    /// Whether each line is an object.
    pub json: bool,
}

/// The receiver of a log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogDestination {
    /// A file, absolute or under the prefix; reopened on USR1.
    File(PathBuf),
    /// Standard error of the process.
    Stderr,
    /// A syslog server.
    Syslog(Arc<Syslog>),
}

/// A `syslog:`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Syslog {
    /// Who listens.
    pub server: SyslogServer,
    /// The part of the system that tells, by number.
    pub facility: u8,
    /// How grave an access line is, by number; error lines say themselves.
    pub severity: u8,
    /// What the lines are called.
    pub tag: String,
    /// Whether the lines name this machine.
    pub names_host: bool,
}

/// Where a syslog server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SyslogServer {
    /// UDP.
    Inet(SocketAddr),
    /// A Unix socket's path.
    Unix(PathBuf),
}

impl fmt::Display for SyslogServer {
    /// As nginx's messages show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
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
        /// `if=`: lines whose value is empty or `0` are not written.
        condition: Option<Template>,
    },
    /// A line per request, in a file whose name the request decides.
    Named {
        /// The file, absolute.
        path: Template,
        /// The compiled format.
        format: Arc<LogFormat>,
        /// As above.
        condition: Option<Template>,
    },
}

/// How access lines are gathered; all that go to a file share its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogBuffer {
    /// Bytes gathered before a write.
    pub size: usize,
    /// Longest stay of a line.
    pub flush: Option<Duration>,
    /// How hard what is gathered is compressed, if at all.
    pub gzip: Option<u8>,
}

/// `open_log_file_cache`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogFileCache {
    /// Most files that are kept in mind.
    pub max: usize,
    /// Seconds without a line after which a file may be forgotten.
    pub inactive: u64,
    /// Seconds after which it is looked whether the name still means the file.
    pub valid: u64,
    /// Lines after which a file stays open.
    pub min_uses: u64,
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
