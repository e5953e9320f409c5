//! Configuration files: opening, naming, keeping.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::SourceFile;
use crate::{ErrorNumber, Level};

/// The files read so far.
#[derive(Debug)]
pub(crate) struct Sources {
    /// Base of relative names.
    conf_dir: PathBuf,
    pub(crate) files: Vec<SourceFile>,
}

/// A file that cannot be read: nginx's system call and the system's answer.
#[derive(Debug, thiserror::Error)]
#[error("{call}() \"{}\" failed ({})", path.display(), system_text(error))]
pub(crate) struct ReadFault {
    call: &'static str,
    path: PathBuf,
    error: io::Error,
}

impl ReadFault {
    /// nginx thinks less of a file that opens but does not read.
    pub(crate) fn level(&self) -> Level {
        if self.call == "open" {
            Level::Emerg
        } else {
            Level::Crit
        }
    }
}

impl Sources {
    pub(crate) fn new(conf_dir: PathBuf) -> Self {
        Self {
            conf_dir,
            files: Vec::new(),
        }
    }

    /// Reads a file; a second reading of the same one is not kept again.
    pub(crate) fn read(&mut self, path: &Path) -> Result<Arc<[u8]>, ReadFault> {
        if let Some(known) = self.files.iter().find(|file| file.path == path) {
            return Ok(Arc::clone(&known.text));
        }
        let fault = |call, error| ReadFault {
            call,
            path: path.to_owned(),
            error,
        };
        let mut file = fs::File::open(path).map_err(|error| fault("open", error))?;
        let mut text = Vec::new();
        io::Read::read_to_end(&mut file, &mut text).map_err(|error| fault("pread", error))?;
        let text: Arc<[u8]> = text.into();
        self.files.push(SourceFile {
            path: path.to_owned(),
            text: Arc::clone(&text),
        });
        Ok(text)
    }

    /// The files that an `include` means: one name as it stands, or what a pattern matches,
    /// which may be nothing (`ngx_conf_include`).
    pub(crate) fn included(&self, name: &[u8]) -> Vec<PathBuf> {
        let path = self.conf_dir.join(OsStr::from_bytes(name));
        if !path
            .as_os_str()
            .as_bytes()
            .iter()
            .any(|byte| b"*?[".contains(byte))
        {
            return vec![path];
        }
        let options = glob::MatchOptions {
            require_literal_leading_dot: true,
            require_literal_separator: true,
            ..glob::MatchOptions::default()
        };
        match glob::glob_with(&path.to_string_lossy(), options) {
            Ok(paths) => paths.filter_map(Result::ok).collect(),
            Err(_) => Vec::new(),
        }
    }
}

/// `2: No such file or directory`.
fn system_text(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => ErrorNumber(number).to_string(),
        None => error.to_string(),
    }
}
