//! Files whose paths may lead through symbolic links, or may not.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, fstat, fstatat};

use crate::spare;

/// The symbolic links that a path may lead through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// Any.
    All,
    /// None behind the first so many bytes of the path.
    None(usize),
    /// Behind the first so many bytes those whose owner owns what they lead to.
    OfOwner(usize),
}

/// A file that could not be had: the call that failed, as nginx names it, and how.
#[derive(Debug)]
pub struct Failed {
    /// `open()`, `openat()`, `stat()` …
    pub call: &'static str,
    /// Why.
    pub error: io::Error,
}

impl Failed {
    fn of<E: Into<io::Error>>(call: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self {
            call,
            error: error.into(),
        }
    }
}

/// Opens for reading without waiting: a named pipe without a writer would stop the worker
/// (`ngx_open_file_wrapper`).
pub fn open(path: &[u8], links: Links) -> Result<(File, Metadata), Failed> {
    let file = match open_once(path, links) {
        Err(failed) if spare::is_exhaustion(&failed.error) && spare::make_room() => {
            open_once(path, links)?
        }
        opened => opened?,
    };
    let metadata = file.metadata().map_err(Failed::of("fstat()"))?;
    Ok((file, metadata))
}

fn open_once(path: &[u8], links: Links) -> Result<File, Failed> {
    match links {
        Links::All => plain(path, OFlag::O_RDONLY),
        Links::None(from) => step_by_step(path, from, no_link, READING),
        Links::OfOwner(from) => step_by_step(path, from, own_link, READING),
    }
}

/// Opens for appending, and makes the file if there is none; it is never a link where links are looked at
/// (`ngx_open_file_wrapper` with `NGX_FILE_CREATE_OR_OPEN`).
pub fn append(path: &[u8], links: Links) -> Result<File, Failed> {
    match links {
        Links::All => File::options()
            .append(true)
            .create(true)
            .mode(NEW_MODE.bits())
            .open(Path::new(OsStr::from_bytes(path)))
            .map_err(Failed::of("open()")),
        Links::None(from) => step_by_step(path, from, no_link, APPENDING),
        Links::OfOwner(from) => step_by_step(path, from, own_link, APPENDING),
    }
}

/// What the file is (`ngx_file_info_wrapper`). Where links are looked at it has to be opened for that.
pub fn metadata(path: &[u8], links: Links) -> Result<Metadata, Failed> {
    match links {
        Links::All => {
            std::fs::metadata(Path::new(OsStr::from_bytes(path))).map_err(Failed::of("stat()"))
        }
        Links::None(_) | Links::OfOwner(_) => open(path, links).map(|(_, metadata)| metadata),
    }
}

/// What the link itself is, or the file if it is none.
pub fn link_metadata(path: &[u8]) -> Result<Metadata, Failed> {
    std::fs::symlink_metadata(Path::new(OsStr::from_bytes(path))).map_err(Failed::of("lstat()"))
}

const READING: OFlag = OFlag::O_RDONLY;
const APPENDING: OFlag = OFlag::O_WRONLY.union(OFlag::O_APPEND).union(OFlag::O_CREAT);

/// Permissions of a file that is made.
const NEW_MODE: Mode = Mode::from_bits_truncate(0o644);

/// A folder that is only passed through.
const THROUGH: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY);

fn plain(path: &[u8], flags: OFlag) -> Result<File, Failed> {
    File::options()
        .read(true)
        .custom_flags((flags | OFlag::O_NONBLOCK).bits())
        .open(Path::new(OsStr::from_bytes(path)))
        .map_err(Failed::of("open()"))
}

type Step = fn(&OwnedFd, &[u8], OFlag) -> nix::Result<OwnedFd>;

/// Opens one part of the path after the other behind its first `from` bytes, which are opened at once.
fn step_by_step(path: &[u8], from: usize, step: Step, flags: OFlag) -> Result<File, Failed> {
    let first = path.get(..from).filter(|first| !first.is_empty());
    let mut folder: OwnedFd = plain(first.unwrap_or(b"/"), THROUGH)?.into();
    let mut parts = path
        .get(from..)
        .unwrap_or_default()
        .split(|&byte| byte == b'/');
    let last = parts.next_back().unwrap_or_default();
    for part in parts.filter(|part| !part.is_empty()) {
        folder = step(&folder, part, THROUGH).map_err(Failed::of("openat()"))?;
    }
    let file = if last.is_empty() {
        // A slash at the end: what was reached must be a folder.
        at(&folder, b".", flags)
    } else if flags.contains(OFlag::O_CREAT) {
        no_link(&folder, last, flags)
    } else {
        step(&folder, last, flags)
    };
    Ok(File::from(file.map_err(Failed::of("openat()"))?))
}

fn at(folder: &OwnedFd, name: &[u8], flags: OFlag) -> nix::Result<OwnedFd> {
    let flags = flags | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    openat(folder.as_fd(), OsStr::from_bytes(name), flags, NEW_MODE)
}

fn no_link(folder: &OwnedFd, name: &[u8], flags: OFlag) -> nix::Result<OwnedFd> {
    at(folder, name, flags | OFlag::O_NOFOLLOW)
}

/// Whether a link was followed cannot be known for certain, so owners are compared in any case
/// (`ngx_openat_file_owner`).
fn own_link(folder: &OwnedFd, name: &[u8], flags: OFlag) -> nix::Result<OwnedFd> {
    let file = at(folder, name, flags)?;
    let link = fstatat(
        folder.as_fd(),
        OsStr::from_bytes(name),
        AtFlags::AT_SYMLINK_NOFOLLOW,
    )?;
    if fstat(file.as_fd())?.st_uid == link.st_uid {
        Ok(file)
    } else {
        Err(nix::errno::Errno::ELOOP)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_refused_behind_what_is_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir(root.join("folder")).unwrap();
        std::fs::write(root.join("folder/file"), "text").unwrap();
        symlink("folder", root.join("through")).unwrap();
        symlink("file", root.join("folder/link")).unwrap();
        let name = |behind: &str| [root.as_os_str().as_bytes(), behind.as_bytes()].concat();
        let trusted = name("").len();
        let check = |behind: &str, links, expected: Result<u64, (&str, i32)>| {
            let found = metadata(&name(behind), links).map(|found| found.len());
            let found = found.map_err(|failed| (failed.call, failed.error.raw_os_error().unwrap()));
            assert_eq!(found, expected, "{behind} {links:?}");
        };
        let none = Links::None(trusted);
        check("/through/link", Links::All, Ok(4));
        check("/none", Links::All, Err(("stat()", libc::ENOENT)));
        check("/folder/file", none, Ok(4));
        check("//folder///file", none, Ok(4));
        check("/folder/link", none, Err(("openat()", libc::ELOOP)));
        check("/through/file", none, Err(("openat()", libc::ENOTDIR)));
        check("/folder/file/", none, Err(("openat()", libc::ENOTDIR)));
        check(
            "/through/file",
            Links::None(trusted + "/through".len()),
            Ok(4),
        );
        check("/through/link", Links::OfOwner(trusted), Ok(4));
    }
}
