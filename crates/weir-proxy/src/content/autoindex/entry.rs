//! What a list says of something in a folder.

use std::fs::{DirEntry, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use weir_io::links::{self, Links};

use crate::content::call_failed;
use crate::facts::View;

/// A row of the list.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    /// Seconds since 1970.
    pub(super) modified: i64,
    /// Bytes.
    pub(super) size: u64,
}

/// What it is; links are what they lead to, if they lead anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    File,
    Other,
}

impl Kind {
    /// What JSON and XML call it.
    pub(super) fn word(self) -> &'static [u8] {
        match self {
            Self::Folder => b"directory",
            Self::File => b"file",
            Self::Other => b"other",
        }
    }
}

/// The list cannot go on; the log was told.
#[derive(Debug)]
pub(super) struct Unreadable;

impl Entry {
    /// What the folder at `path` says of one of its names; `None` for what is hidden by a dot, or by rights.
    pub(super) fn read(
        view: View<'_>,
        found: &DirEntry,
        path: &[u8],
    ) -> Result<Option<Self>, Unreadable> {
        let name = found.file_name().as_bytes().to_vec();
        if name.starts_with(b".") {
            return Ok(None);
        }
        let path = [path, b"/", &name].concat();
        let failed = match links::metadata(&path, Links::All) {
            Ok(found) => return Ok(Some(Self::of(name, &found))),
            Err(failed) => failed,
        };
        match failed.error.raw_os_error() {
            // A link that leads nowhere.
            Some(libc::ENOENT | libc::ELOOP) => {}
            Some(libc::EACCES) => {
                call_failed(view, &failed, &path);
                return Ok(None);
            }
            _ => {
                call_failed(view, &failed, &path);
                return Err(Unreadable);
            }
        }
        match links::link_metadata(&path) {
            Ok(link) => Ok(Some(Self::of(name, &link))),
            Err(failed) => {
                call_failed(view, &failed, &path);
                Err(Unreadable)
            }
        }
    }

    fn of(name: Vec<u8>, found: &Metadata) -> Self {
        let kind = if found.is_dir() {
            Kind::Folder
        } else if found.is_file() {
            Kind::File
        } else {
            Kind::Other
        };
        Self {
            name,
            kind,
            modified: found.mtime(),
            size: found.len(),
        }
    }

    /// Where it stands in the list: folders first, then by the bytes of the name
    /// (`ngx_http_autoindex_cmp_entries`).
    pub(super) fn order(&self) -> (bool, &[u8]) {
        (self.kind != Kind::Folder, &self.name)
    }
}
