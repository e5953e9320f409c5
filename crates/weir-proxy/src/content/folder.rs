//! Folders that are read.

use std::ffi::OsStr;
use std::fs::ReadDir;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use weir_io::links::Failed;

use super::quoted;
use crate::facts::{Outcome, View};
use crate::report::error_log;

/// Opens a folder; whoever asked for it gets the outcome if that fails, and the log is told.
pub(super) fn open(view: View<'_>, path: &[u8]) -> Result<ReadDir, Outcome> {
    std::fs::read_dir(Path::new(OsStr::from_bytes(path))).map_err(|error| {
        let status = match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG) => 404,
            Some(libc::EACCES) => 403,
            _ => 500,
        };
        let text = quoted(b"opendir() ", path, b" failed");
        error_log::log_call(view, status == 500, &text, &error);
        Outcome::Status(status)
    })
}

/// The next name of a folder that could not be read.
pub(super) fn unread(error: io::Error) -> Failed {
    Failed {
        call: "readdir()",
        error,
    }
}
