//! Open logs.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use crate::ErrorNumber;

/// A log open for appending, or stderr; shared by everything that writes to it.
#[derive(Debug)]
pub struct LogFile {
    target: Target,
}

#[derive(Debug)]
enum Target {
    File { path: PathBuf, file: RwLock<File> },
    Stderr,
}

/// A log cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("open() \"{}\" failed ({})", .path.display(), ErrorNumber::from(.source))]
pub struct OpenError {
    /// The log.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl LogFile {
    /// Opens a log for appending, creating it with mode 0644. Does not know of other openings of
    /// the path; [`Logs::open`] does.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        let path = path.into();
        let (file, _made) = append_to(&path)?;
        Ok(Self::of(path, file))
    }

    fn of(path: PathBuf, file: File) -> Self {
        let file = RwLock::new(file);
        Self {
            target: Target::File { path, file },
        }
    }

    /// The process's standard error.
    pub fn stderr() -> Self {
        Self {
            target: Target::Stderr,
        }
    }

    /// Where the log lies; `None` for stderr.
    pub fn path(&self) -> Option<&Path> {
        match &self.target {
            Target::File { path, .. } => Some(path),
            Target::Stderr => None,
        }
    }

    /// Writes whole lines, in one write(2) unless the system takes them in parts. A failure is
    /// ignored: there is nowhere to tell of it.
    pub fn write(&self, lines: &[u8]) {
        let _written = match &self.target {
            Target::File { file, .. } => {
                let file = file.read().unwrap_or_else(PoisonError::into_inner);
                (&*file).write_all(lines)
            }
            Target::Stderr => io::stderr().write_all(lines),
        };
    }

    /// Writes lines with one write(2), as nginx does; the bytes that the system took. It does not wait
    /// for the rest, whatever the rest is.
    pub(crate) fn append(&self, lines: &[u8]) -> io::Result<usize> {
        loop {
            let written = match &self.target {
                Target::File { file, .. } => {
                    let file = file.read().unwrap_or_else(PoisonError::into_inner);
                    (&*file).write(lines)
                }
                Target::Stderr => io::stderr().write(lines),
            };
            match written {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => return written,
            }
        }
    }

    /// What log lines call it.
    pub(crate) fn name(&self) -> PathBuf {
        self.path().map_or_else(|| "stderr".into(), Path::to_owned)
    }

    /// Goes over to the file that lies at the path now, if one does that can be opened: for whoever ends
    /// under an older configuration.
    pub fn follow(&self) {
        if let Target::File { path, file } = &self.target
            && let Ok(fresh) = OpenOptions::new().append(true).open(path)
        {
            *file.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
    }

    /// Opens the path anew (SIGUSR1), so that a log that was moved away is left alone from here on.
    /// `own` may give the file away; it hears whether it was made now. If one of both fails, lines keep
    /// going to the old file.
    pub fn reopen<E: From<OpenError>>(
        &self,
        own: impl FnOnce(&Path, bool) -> Result<(), E>,
    ) -> Result<(), E> {
        let Target::File { path, file } = &self.target else {
            return Ok(());
        };
        let (fresh, made) = append_to(path)?;
        own(path, made)?;
        *file.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}

/// The open logs of a configuration: one file, however many directives name it.
#[derive(Debug, Default)]
pub struct Logs {
    by_path: Mutex<HashMap<PathBuf, Weak<LogFile>>>,
    made: Mutex<Vec<PathBuf>>,
}

impl Logs {
    /// The open log at `path`, opened now if nobody holds it.
    pub fn open(&self, path: &Path) -> Result<Arc<LogFile>, OpenError> {
        let mut by_path = self.by_path.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = by_path.get(path).and_then(Weak::upgrade) {
            return Ok(open);
        }
        let (file, made) = append_to(path)?;
        if made {
            self.made().push(path.to_owned());
        }
        let file = Arc::new(LogFile::of(path.to_owned(), file));
        by_path.retain(|_, log| log.strong_count() > 0);
        by_path.insert(path.to_owned(), Arc::downgrade(&file));
        Ok(file)
    }

    /// The files that were not there before they were opened, since the last call.
    pub fn take_made(&self) -> Vec<PathBuf> {
        std::mem::take(&mut *self.made())
    }

    fn made(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file, and whether it was made for that.
fn append_to(path: &Path) -> Result<(File, bool), OpenError> {
    let mut options = OpenOptions::new();
    options.append(true).mode(0o644);
    let opened = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            options.create(true).open(path).map(|file| (file, true))
        }
        opened => opened.map(|file| (file, false)),
    };
    opened.map_err(|source| OpenError {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn directives_that_name_one_path_share_one_file() {
        let dir = tempfile::tempdir().unwrap();
        let logs = Logs::default();
        let (a, b) = (dir.path().join("a.log"), dir.path().join("b.log"));
        let first = logs.open(&a).unwrap();
        assert!(Arc::ptr_eq(&first, &logs.open(&a).unwrap()));
        assert!(!Arc::ptr_eq(&first, &logs.open(&b).unwrap()));
        assert_eq!(fs::metadata(&a).unwrap().permissions().mode() & 0o133, 0);
    }

    #[test]
    fn reopening_leaves_the_moved_file_and_loses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (path, moved) = (dir.path().join("a.log"), dir.path().join("a.log.1"));
        let logs = Logs::default();
        let log = logs.open(&path).unwrap();
        log.write(b"one\n");
        fs::rename(&path, &moved).unwrap();
        log.write(b"two\n");
        assert_eq!(logs.take_made(), std::slice::from_ref(&path));
        log.reopen::<OpenError>(|reopened, made| {
            assert_eq!((reopened, made), (path.as_path(), true));
            Ok(())
        })
        .unwrap();
        log.write(b"three\n");
        assert_eq!(fs::read(&moved).unwrap(), b"one\ntwo\n");
        assert_eq!(fs::read(&path).unwrap(), b"three\n");
    }

    #[test]
    fn a_log_that_cannot_be_reopened_keeps_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let (inner, moved) = (dir.path().join("inner"), dir.path().join("moved"));
        fs::create_dir(&inner).unwrap();
        let logs = Logs::default();
        let log = logs.open(&inner.join("a.log")).unwrap();
        fs::rename(&inner, &moved).unwrap();
        let error = log.reopen::<OpenError>(|_, _| Ok(())).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("a.log\" failed (2: No such file or directory)")
        );
        log.write(b"still\n");
        assert_eq!(fs::read(moved.join("a.log")).unwrap(), b"still\n");
        fs::create_dir(&inner).unwrap();
        let refused = |path: &Path, _| {
            Err(OpenError {
                path: path.to_owned(),
                source: io::ErrorKind::PermissionDenied.into(),
            })
        };
        assert!(log.reopen(refused).is_err());
        log.write(b"now\n");
        assert_eq!(fs::read(moved.join("a.log")).unwrap(), b"still\nnow\n");
    }
}
