//! `index`: a URI that ends with a slash stands for a file in that folder.

use std::io;

use super::{call_failed, looked_up, quoted};
use crate::facts::{Outcome, View};
use crate::report::error_log::{self, Message};
use crate::report::variables::{self, paths};
use weir_io::links::Failed;

/// Where the first index file that exists leads (`ngx_http_index_handler`); `None` if there is none.
pub(super) fn outcome(view: View<'_>) -> Option<Outcome> {
    let mut folder_tested = false;
    let mut folder = Vec::new();
    for index in view.settings().index.iter() {
        let name = variables::text(view, index);
        let redirect = |uri: Vec<u8>| Outcome::Redirect {
            uri,
            args: view.req.state.args_known.then(|| view.req.args.clone()),
        };
        let is_absolute = name.first() == Some(&b'/');
        if is_absolute && index.is_literal() {
            return Some(redirect(name));
        }
        if folder.is_empty() {
            match paths::filename(view, &view.req.uri) {
                Ok(path) => folder = path,
                Err(paths::NoFile) => return Some(Outcome::Status(500)),
            }
        }
        if is_absolute {
            return Some(redirect(name));
        }
        let path = [folder.as_slice(), &name].concat();
        let Err(reason) = looked_up::metadata(view, &path) else {
            // A folder of that name, too: whoever is asked for it next adds the slash.
            return Some(redirect([view.req.uri.as_slice(), &name].concat()));
        };
        if let Some(outcome) = failed(view, &path, &reason, &mut folder_tested) {
            return Some(outcome);
        }
    }
    None
}

/// What follows from an index file that cannot be asked for; `None`: try the next one. `tested`: the
/// folder was seen to exist.
fn failed(view: View<'_>, path: &[u8], reason: &Failed, tested: &mut bool) -> Option<Outcome> {
    let error = &reason.error;
    match error.raw_os_error() {
        Some(libc::EMLINK | libc::ELOOP) => return Some(Outcome::Status(403)),
        Some(libc::ENOTDIR | libc::ENAMETOOLONG | libc::EACCES) => {
            return Some(not_had(view, path, error));
        }
        _ => {}
    }
    if !std::mem::replace(tested, true)
        && let Some(outcome) = test_folder(view, path)
    {
        return Some(outcome);
    }
    if error.raw_os_error() == Some(libc::ENOENT) {
        return None;
    }
    call_failed(view, reason, path);
    Some(Outcome::Status(500))
}

/// Whether the folder of the URI is there (`ngx_http_index_test_dir`); an outcome if it is not. `path`
/// is the index file that a line about it names.
fn test_folder(view: View<'_>, path: &[u8]) -> Option<Outcome> {
    let Ok(mut folder) = paths::filename(view, &view.req.uri) else {
        return Some(Outcome::Status(500));
    };
    if folder.len() > 1 && folder.last() == Some(&b'/') {
        folder.pop();
    }
    match looked_up::metadata(view, &folder) {
        Ok(found) if found.is_dir() => None,
        Ok(_) => {
            let text = quoted(b"", path, b" is not a directory");
            error_log::alert(view, Message::bytes(&text));
            Some(Outcome::Status(500))
        }
        Err(reason) => match reason.error.raw_os_error() {
            Some(libc::EMLINK | libc::ELOOP) => Some(Outcome::Status(403)),
            Some(libc::ENOENT) => Some(not_had(view, path, &reason.error)),
            // The index file could be asked for, so the folder may be entered.
            Some(libc::EACCES) => None,
            _ => {
                call_failed(view, &reason, &folder);
                Some(Outcome::Status(500))
            }
        },
    }
}

/// `ngx_http_index_error`.
fn not_had(view: View<'_>, path: &[u8], error: &io::Error) -> Outcome {
    if error.raw_os_error() == Some(libc::EACCES) {
        error_log::log_call(view, false, &quoted(b"", path, b" is forbidden"), error);
        return Outcome::Status(403);
    }
    if view.settings().log_not_found {
        error_log::log_call(view, false, &quoted(b"", path, b" is not found"), error);
    }
    Outcome::Status(404)
}
