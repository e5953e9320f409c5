//! Logs whose names the requests decide (`ngx_http_log_script_write`).

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use weir_conf::LogFileCache;

use crate::WriteFault;
use crate::trouble::{Shortfall, Trouble};

/// A worker's files of one `access_log` with variables in its name.
#[derive(Debug, Default)]
pub struct NamedLog {
    /// `None`: each line opens its file anew.
    cache: Option<Cache>,
    trouble: Trouble,
}

/// A file could not be had: the call that failed, as nginx names it, and how.
#[derive(Debug)]
pub struct NotOpened {
    /// `open()`, `stat()` …
    pub call: &'static str,
    /// Why.
    pub error: io::Error,
}

/// Files that were written to before (`ngx_open_cached_file`).
#[derive(Debug)]
struct Cache {
    rules: LogFileCache,
    files: HashMap<PathBuf, Kept>,
    /// Names by the turn in which they were used last.
    turns: BTreeMap<u64, PathBuf>,
    turn: u64,
}

#[derive(Debug)]
struct Kept {
    /// `None` as long as it is not used often enough.
    file: Option<File>,
    inode: u64,
    uses: u64,
    /// Seconds: when it was opened or looked at, and when it was used.
    created: u64,
    accessed: u64,
    turn: u64,
}

impl NamedLog {
    /// Files that stay open as `rules` say.
    pub fn new(rules: Option<LogFileCache>) -> Self {
        let cache = rules.map(|rules| Cache {
            rules,
            files: HashMap::new(),
            turns: BTreeMap::new(),
            turn: 0,
        });
        Self {
            cache,
            trouble: Trouble::default(),
        }
    }

    /// Whether lines are left out, because the disk was full in this second.
    pub fn is_full(&self, second: u64) -> bool {
        self.trouble.is_full(second)
    }

    /// Writes a line to the file called `path`, which `open` opens for appending if need be. `second` is on
    /// a clock that never goes back. [`Self::take_fault`] tells how writing went.
    ///
    /// # Errors
    ///
    /// There is no such file, and none can be made.
    pub fn write(
        &mut self,
        path: &Path,
        line: &[u8],
        second: u64,
        open: impl Fn(&Path) -> Result<File, NotOpened>,
    ) -> Result<(), NotOpened> {
        let written = match &mut self.cache {
            None => append(&open(path)?, line),
            Some(cache) => cache.append(path, line, second, open)?,
        };
        let shortfall = match written {
            Ok(written) if written == line.len() => return Ok(()),
            Ok(written) => Shortfall::Cut {
                written,
                wanted: line.len(),
            },
            Err(error) => Shortfall::Refused(error),
        };
        let path = path.to_owned();
        self.trouble.note(WriteFault { path, shortfall }, second);
        Ok(())
    }

    /// What a request must tell of the last write, at level `alert`.
    pub fn take_fault(&mut self) -> Option<WriteFault> {
        self.trouble.take()
    }
}

/// One write(2), as in nginx.
fn append(mut file: &File, line: &[u8]) -> io::Result<usize> {
    loop {
        match file.write(line) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            written => return written,
        }
    }
}

impl Cache {
    fn append(
        &mut self,
        path: &Path,
        line: &[u8],
        second: u64,
        open: impl Fn(&Path) -> Result<File, NotOpened>,
    ) -> Result<io::Result<usize>, NotOpened> {
        self.forget(second, false);
        self.turn += 1;
        let turn = self.turn;
        let mut kept = match self.take(path) {
            Some(kept) => self.revived(kept, path, second, open)?,
            None => {
                let file = open(path)?;
                if self.files.len() >= self.rules.max {
                    self.forget(second, true);
                }
                Kept::new(file, second)?
            }
        };
        (kept.accessed, kept.turn) = (second, turn);
        let written = match &kept.file {
            Some(file) => append(file, line),
            None => Err(io::Error::from_raw_os_error(nix::libc::EBADF)),
        };
        if kept.uses < self.rules.min_uses {
            kept.file = None;
        }
        self.turns.insert(turn, path.to_owned());
        self.files.insert(path.to_owned(), kept);
        Ok(written)
    }

    /// Takes a file out, to put it back as the one used last.
    fn take(&mut self, path: &Path) -> Option<Kept> {
        let kept = self.files.remove(path)?;
        self.turns.remove(&kept.turn);
        Some(kept)
    }

    /// A known file, opened anew if it has to be.
    fn revived(
        &self,
        mut kept: Kept,
        path: &Path,
        second: u64,
        open: impl Fn(&Path) -> Result<File, NotOpened>,
    ) -> Result<Kept, NotOpened> {
        kept.uses += 1;
        let uses = kept.uses;
        let fresh = |file| Kept::new(file, second).map(|fresh| Kept { uses, ..fresh });
        if kept.file.is_none() {
            return fresh(open(path)?);
        }
        if second.saturating_sub(kept.created) < self.rules.valid {
            return Ok(kept);
        }
        let failed = |error| NotOpened {
            call: "stat()",
            error,
        };
        // What was moved away is left alone, with the next line.
        if fs::metadata(path).map_err(failed)?.ino() == kept.inode {
            kept.created = second;
            return Ok(kept);
        }
        fresh(open(path)?)
    }

    /// Forgets up to two files that nobody has used for a while, and before them, if it is pressing, one
    /// that is in use (`ngx_expire_old_files`).
    fn forget(&mut self, second: u64, pressing: bool) {
        let most = if pressing { 3 } else { 2 };
        for turn in 0..most {
            let forced = pressing && turn == 0;
            let inactive = self.rules.inactive;
            let goes = |kept: &Kept| forced || second.saturating_sub(kept.accessed) > inactive;
            let Some(oldest) = self.turns.first_entry() else {
                return;
            };
            if !self.files.get(oldest.get()).is_none_or(goes) {
                return;
            }
            self.files.remove(&oldest.remove());
        }
    }
}

impl Kept {
    fn new(file: File, second: u64) -> Result<Self, NotOpened> {
        let failed = |error| NotOpened {
            call: "fstat()",
            error,
        };
        Ok(Self {
            inode: file.metadata().map_err(failed)?.ino(),
            file: Some(file),
            uses: 1,
            created: second,
            accessed: second,
            turn: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    struct Case {
        log: NamedLog,
        folder: tempfile::TempDir,
        opened: Cell<usize>,
    }

    impl Case {
        fn new(rules: Option<LogFileCache>) -> Self {
            Self {
                log: NamedLog::new(rules),
                folder: tempfile::tempdir().unwrap(),
                opened: Cell::new(0),
            }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn write(&mut self, second: u64, name: &str) -> Result<(), &'static str> {
            let path = self.path(name);
            let opened = &self.opened;
            let open = |path: &Path| {
                opened.set(opened.get() + 1);
                let file = File::options().append(true).create(true).open(path);
                file.map_err(|error| NotOpened {
                    call: "open()",
                    error,
                })
            };
            let written = self.log.write(&path, b"line\n", second, open);
            written.map_err(|failed| failed.call)
        }

        fn length(&self, name: &str) -> u64 {
            fs::metadata(self.path(name)).map_or(0, |file| file.len())
        }
    }

    const RULES: LogFileCache = LogFileCache {
        max: 2,
        inactive: 10,
        valid: 60,
        min_uses: 1,
    };

    #[test]
    fn without_a_cache_each_line_opens_its_file() {
        let mut case = Case::new(None);
        for _ in 0..3 {
            case.write(1, "a").unwrap();
        }
        assert_eq!((case.opened.get(), case.length("a")), (3, 15));
        assert_eq!(case.write(1, "none/a"), Err("open()"));
    }

    #[test]
    fn a_file_stays_open_while_it_is_used() {
        let mut case = Case::new(Some(RULES));
        for second in [1, 2, 11] {
            case.write(second, "a").unwrap();
        }
        assert_eq!(case.opened.get(), 1);
        case.write(22, "b").unwrap();
        case.write(22, "a").unwrap();
        assert_eq!(case.opened.get(), 3, "it had been idle for too long");
    }

    #[test]
    fn the_one_used_longest_ago_makes_room() {
        let mut case = Case::new(Some(RULES));
        for name in ["a", "b", "a", "c", "a", "b"] {
            case.write(1, name).unwrap();
        }
        assert_eq!(case.opened.get(), 4);
    }

    #[test]
    fn a_file_that_was_moved_is_found_out_in_time() {
        let mut case = Case::new(Some(RULES));
        for second in (0..60).step_by(10) {
            case.write(second, "a").unwrap();
        }
        fs::rename(case.path("a"), case.path("old")).unwrap();
        case.write(59, "a").unwrap();
        assert_eq!(case.length("old"), 35);
        assert_eq!(case.write(60, "a"), Err("stat()"));
        case.write(60, "a").unwrap();
        assert_eq!((case.length("old"), case.length("a")), (35, 5));
    }

    #[test]
    fn what_is_used_seldom_is_closed() {
        let rules = LogFileCache {
            min_uses: 3,
            ..RULES
        };
        let mut case = Case::new(Some(rules));
        for _ in 0..6 {
            case.write(1, "a").unwrap();
        }
        assert_eq!(case.opened.get(), 3);
    }
}
