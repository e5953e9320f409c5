//! Temporary files for bodies that do not fit in memory.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use weir_conf::TempPath;

/// The number in the next file's name; one sequence per process, as nginx's.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Width of the number in a file's name.
const NAME_DIGITS: usize = 10;

/// A body's file: written at the end, read at the front, gone with the last handle.
#[derive(Debug)]
pub(crate) struct TempFile {
    file: File,
    path: PathBuf,
    written: u64,
    /// Removes the file's name at the end (`client_body_in_file_only clean`).
    cleaned: bool,
}

/// How long others can find a file by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileName {
    /// Not at all.
    None,
    /// Until the request is done.
    UntilDone,
    /// For ever.
    Kept,
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if self.cleaned {
            // Somebody else may have taken the file away.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A file operation that failed, with what nginx's line names.
#[derive(Debug, thiserror::Error)]
#[error("{call}() \"{}\" failed", path.display())]
pub(crate) struct TempFileError {
    pub(crate) call: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) source: io::Error,
}

impl TempFile {
    /// Creates the next file under `place` (`ngx_create_temp_file`). A file without a
    /// name leaves nothing behind, however the process ends.
    pub(crate) fn create(place: &TempPath, name: FileName) -> Result<Self, TempFileError> {
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = path_of(place, number);
            match open(&path) {
                Ok(file) => {
                    if name == FileName::None {
                        // Failing to unlink costs disk space only, and the next reboot clears it.
                        let _ = std::fs::remove_file(&path);
                    }
                    return Ok(Self {
                        file,
                        path,
                        written: 0,
                        cleaned: name == FileName::UntilDone,
                    });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) if error.kind() == ErrorKind::NotFound && make_levels(&path) => {}
                Err(source) => {
                    return Err(TempFileError {
                        call: "open",
                        path,
                        source,
                    });
                }
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes written so far.
    pub(crate) fn len(&self) -> u64 {
        self.written
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), TempFileError> {
        self.file
            .write_all_at(bytes, self.written)
            .map_err(|source| TempFileError {
                call: "pwrite",
                path: self.path.clone(),
                source,
            })?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Appends up to `limit` bytes from `offset` on to `buf`; how many is the value.
    pub(crate) fn read(
        &self,
        offset: u64,
        limit: usize,
        buf: &mut Vec<u8>,
    ) -> Result<usize, TempFileError> {
        let start = buf.len();
        buf.resize(start + limit, 0);
        let result = self.file.read_at(&mut buf[start..], offset);
        let count = *result.as_ref().unwrap_or(&0);
        buf.truncate(start + count);
        result.map_err(|source| TempFileError {
            call: "pread",
            path: self.path.clone(),
            source,
        })
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// `0000000001` or, with levels `1 2`, `1/00/0000000001` (`ngx_create_hashed_filename`).
fn path_of(place: &TempPath, number: u64) -> PathBuf {
    let name = format!("{number:0NAME_DIGITS$}");
    let mut path = place.path.clone();
    let mut end = name.len();
    for &level in &place.levels {
        let start = end.saturating_sub(usize::from(level));
        path.push(&name[start..end]);
        end = start;
    }
    path.push(name);
    path
}

/// Creates the hashed folders of `path`; `false` if that changed nothing, so that no loop results.
fn make_levels(path: &Path) -> bool {
    path.parent()
        .is_some_and(|parent| !parent.exists() && std::fs::create_dir_all(parent).is_ok())
}
