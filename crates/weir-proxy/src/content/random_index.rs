//! `random_index`: a URI that ends with a slash stands for any file in that folder.

use std::fs::DirEntry;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::ffi::OsStrExt;

use weir_io::links::{self, Failed, Links};

use super::{call_failed, folder};
use crate::facts::{Outcome, View};
use crate::report::variables::paths;

/// Leads to a file of the folder (`ngx_http_random_index_handler`); `None` if it has none.
pub(super) fn outcome(view: View<'_>) -> Option<Outcome> {
    let Ok(mut path) = paths::filename(view, &view.req.uri) else {
        return Some(Outcome::Status(500));
    };
    // The slash, or the last letter of an `alias` without one.
    path.pop();
    let mut names = match files(view, &path) {
        Ok(names) => names,
        Err(outcome) => return Some(outcome),
    };
    if names.is_empty() {
        return None;
    }
    let name = names.swap_remove(below(names.len()));
    Some(Outcome::Redirect {
        uri: [view.req.uri.as_slice(), &name].concat(),
        args: view.req.state.args_known.then(|| view.req.args.clone()),
    })
}

/// The names of the folder's files, without those that begin with a dot.
fn files(view: View<'_>, path: &[u8]) -> Result<Vec<Vec<u8>>, Outcome> {
    let mut names = Vec::new();
    for entry in folder::open(view, path)? {
        let entry = entry.map_err(|error| {
            call_failed(view, &folder::unread(error), path);
            Outcome::Status(500)
        })?;
        let name = entry.file_name().as_bytes().to_vec();
        if name.starts_with(b".") {
            continue;
        }
        let file = [path, b"/", &name].concat();
        match is_file(&entry, &file) {
            Ok(true) => names.push(name),
            Ok(false) => {}
            Err(failed) => {
                call_failed(view, &failed, &file);
                return Err(Outcome::Status(500));
            }
        }
    }
    Ok(names)
}

/// Whether an entry, or what it links to, is a file.
fn is_file(entry: &DirEntry, path: &[u8]) -> Result<bool, Failed> {
    let kind = entry.file_type().map_err(|error| Failed {
        call: "stat()",
        error,
    })?;
    if !kind.is_symlink() {
        return Ok(kind.is_file());
    }
    match links::metadata(path, Links::All) {
        Ok(found) => Ok(found.is_file()),
        // A link that leads nowhere.
        Err(failed) if failed.error.raw_os_error() == Some(libc::ENOENT) => {
            links::link_metadata(path).map(|link| link.is_file())
        }
        Err(failed) => Err(failed),
    }
}

/// Any number below `count`.
fn below(count: usize) -> usize {
    // The keys of each new state come from the system's randomness.
    let drawn = RandomState::new().hash_one(0u8);
    usize::try_from(drawn % count as u64).unwrap_or(0)
}
