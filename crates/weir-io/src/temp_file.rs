//! Temporary files for bodies that do not fit in memory.
//!
//! Making an inode and giving it up costs a file system several times what writing a short body
//! does (ext4 searches ever longer for one that was not deleted a moment ago), so each worker keeps
//! some nameless files for the next body.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::sendfile::sendfile;
use weir_conf::TempPath;

use crate::spare::{self, Spare};

/// The number in the next file's name; one sequence per process, as nginx's.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A number that nobody else in this process gets (`ngx_next_temp_number`).
pub fn next_number() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Nameless files kept for reuse; beyond that the one that was used longest ago is closed.
const KEPT: usize = 64;

thread_local! {
    static NAMELESS: RefCell<Spare<Nameless>> = const { RefCell::new(Spare::new(KEPT)) };
}

/// Width of the number in a file's name.
const NAME_DIGITS: usize = 10;

/// A body's file: written at the end, read at the front, out of reach for others with its drop.
#[derive(Debug)]
pub struct TempFile {
    /// Counted so that the drop can hand it on.
    file: Rc<File>,
    path: PathBuf,
    written: u64,
    ending: FileEnd,
}

/// What becomes of a file when its body is done with.
#[derive(Debug)]
enum FileEnd {
    /// It was made in this folder without a name, and may serve another body.
    Reused(PathBuf),
    /// Its name goes (`client_body_in_file_only clean`).
    Removed,
    /// Nothing but its closing.
    Closed,
}

/// A file without a name that waits for its next body.
///
/// Invariant: it is empty. It was cut to nothing, not overwritten: what `sendfile` has handed to a
/// socket may still be on its way, and is the file's own pages.
#[derive(Debug)]
pub(crate) struct Nameless {
    folder: PathBuf,
    file: Rc<File>,
}

/// How long others can find a file by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileName {
    /// Not at all.
    None,
    /// Until the request is done.
    UntilDone,
    /// For ever.
    Kept,
}

impl Drop for TempFile {
    fn drop(&mut self) {
        match &mut self.ending {
            FileEnd::Reused(folder) => {
                let folder = std::mem::take(folder);
                let file = self.file.clone();
                Nameless { folder, file }.keep();
            }
            // Somebody else may have taken the file away.
            FileEnd::Removed => drop(std::fs::remove_file(&self.path)),
            FileEnd::Closed => {}
        }
    }
}

impl Nameless {
    /// A kept file of `folder`, or a new one where the file system can make such. Whatever keeps it
    /// from being made is told by [`open`].
    fn take(folder: &Path) -> Option<Self> {
        let of_folder = |kept: &Self| kept.folder.as_os_str() == folder.as_os_str();
        let found = kept(|kept| kept.take(of_folder));
        found.or_else(|| {
            Some(Self {
                file: Rc::new(open_nameless(folder)?),
                folder: folder.to_owned(),
            })
        })
    }

    /// Empties the file and keeps it.
    fn keep(self) {
        if self.file.set_len(0).is_err() {
            return;
        }
        // A thread that ends may drop bodies after its list.
        let _ = NAMELESS.try_with(|kept| kept.borrow_mut().put(self));
    }
}

/// Looks after the files that this thread keeps.
pub(crate) fn kept<T>(look: impl FnOnce(&mut Spare<Nameless>) -> T) -> T {
    NAMELESS.with_borrow_mut(look)
}

/// A file operation that failed, with what nginx's line names.
#[derive(Debug, thiserror::Error)]
#[error("{call}() \"{}\" failed", path.display())]
pub struct TempFileError {
    /// The system call.
    pub call: &'static str,
    /// The file, or the folder it was to be in.
    pub path: PathBuf,
    /// What the call said.
    pub source: io::Error,
}

impl TempFile {
    /// Creates the next file under `place` (`ngx_create_temp_file`). A file without a
    /// name leaves nothing behind, however the process ends.
    pub fn create(place: &TempPath, name: FileName) -> Result<Self, TempFileError> {
        loop {
            let number = next_number();
            let path = path_of(place, number);
            if name == FileName::None
                && let Some(Nameless { folder, file }) = Nameless::take(&place.path)
            {
                return Ok(Self {
                    file,
                    path,
                    written: 0,
                    ending: FileEnd::Reused(folder),
                });
            }
            match open(&path) {
                Ok(file) => {
                    let ending = match name {
                        FileName::None => {
                            // Failing to unlink costs disk space only, and the next reboot clears it.
                            let _ = std::fs::remove_file(&path);
                            FileEnd::Closed
                        }
                        FileName::UntilDone => FileEnd::Removed,
                        FileName::Kept => FileEnd::Closed,
                    };
                    return Ok(Self {
                        file: Rc::new(file),
                        path,
                        written: 0,
                        ending,
                    });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) if error.kind() == ErrorKind::NotFound && make_levels(&path) => {}
                // Files that are kept lie in other folders.
                Err(error) if spare::is_exhaustion(&error) && spare::make_room() => {}
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

    /// The same file for another reader, who must not outlive its owner: it may then be emptied.
    pub fn share(&self) -> Self {
        Self {
            file: self.file.clone(),
            path: self.path.clone(),
            written: self.written,
            ending: FileEnd::Closed,
        }
    }

    /// Its name, which it may have lost already.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes `bytes` behind what is there.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), TempFileError> {
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

    /// Lets the kernel move what the file holds from `offset` on into `socket`, as far as that takes
    /// it; how many bytes is the value.
    pub fn send(&self, socket: BorrowedFd<'_>, offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(self.written.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut offset = i64::try_from(offset).map_err(io::Error::other)?;
        Ok(sendfile(socket, &*self.file, Some(&mut offset), rest)?)
    }

    /// Appends up to `limit` bytes from `offset` on to `buf`; how many is the value.
    pub fn read(
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

/// A file that never had a name: that costs half of making a name and removing it.
fn open_nameless(folder: &Path) -> Option<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_TMPFILE)
        .mode(0o600)
        .open(folder)
        .ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn place(folder: &Path, levels: &[u8]) -> TempPath {
        TempPath {
            path: folder.to_owned(),
            levels: levels.to_vec(),
        }
    }

    #[test]
    fn numbers_become_hashed_paths() {
        for (number, levels, path) in [
            (1, &[][..], "t/0000000001"),
            (1, &[1, 2], "t/1/00/0000000001"),
            (12_345, &[1, 2], "t/5/34/0000012345"),
            (12_345, &[3], "t/345/0000012345"),
            (12_345_678_901, &[1], "t/1/12345678901"),
        ] {
            let found = path_of(&place(Path::new("t"), levels), number);
            assert_eq!(found, Path::new(path));
        }
    }

    #[test]
    fn what_was_appended_is_read_from_any_place() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = TempFile::create(&place(folder.path(), &[1, 1]), FileName::None).unwrap();
        file.append(b"abc").unwrap();
        file.append(b"def").unwrap();
        assert_eq!(file.written(), 6);
        for (offset, limit, expected) in [(0, 10, "abcdef"), (2, 3, "cde"), (6, 4, "")] {
            let mut read = b">".to_vec();
            let count = file.read(offset, limit, &mut read).unwrap();
            assert_eq!(count, expected.len());
            assert_eq!(read, format!(">{expected}").as_bytes());
        }
    }

    #[test]
    fn names_last_as_long_as_they_should() {
        for (name, while_open, afterwards) in [
            (FileName::None, false, false),
            (FileName::UntilDone, true, false),
            (FileName::Kept, true, true),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let file = TempFile::create(&place(folder.path(), &[]), name).unwrap();
            let path = file.path().to_owned();
            assert_eq!(path.exists(), while_open, "{name:?}");
            drop(file);
            assert_eq!(path.exists(), afterwards, "{name:?}");
        }
    }

    #[test]
    fn a_file_serves_the_next_body_of_its_folder_and_shows_nothing_of_the_last() {
        let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let mut nameless = OpenOptions::new();
        nameless.write(true).custom_flags(libc::O_TMPFILE);
        if nameless.open(first.path()).is_err() {
            return; // This file system gives every file a name, so there is nothing to reuse.
        }
        let create = |folder: &Path| TempFile::create(&place(folder, &[]), FileName::None).unwrap();
        let mut file = create(first.path());
        file.append(b"a secret of somebody").unwrap();
        let (used, path) = (Rc::as_ptr(&file.file), file.path().to_owned());
        let sent = Rc::clone(&file.file);
        drop(file);
        assert_eq!(sent.metadata().unwrap().len(), 0);
        assert_ne!(Rc::as_ptr(&create(second.path()).file), used);
        let mut next = create(first.path());
        assert_eq!(Rc::as_ptr(&next.file), used);
        assert_ne!(next.path(), path, "each body has a number of its own");
        assert_eq!(next.written(), 0);
        next.append(b"my").unwrap();
        let mut read = Vec::new();
        next.read(0, 100, &mut read).unwrap();
        assert_eq!(read, b"my");
        drop(next);
        assert_eq!(kept(Spare::clear), 2, "one of each folder");
        assert_eq!(kept(Spare::clear), 0);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_that_names_the_call() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        let error = TempFile::create(&place(&blocked, &[]), FileName::None).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("open() \""), "{text}");
        assert!(text.ends_with("\" failed"), "{text}");
    }
}
