//! `try_files`.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use weir_conf::{Template, TryFallback, TryFile, TryFiles};
use weir_wire::uri::split_args;

use crate::facts::{Outcome, Session, View};
use crate::report::error_log;
use crate::report::variables::{self, paths};

/// Looks for the files in turn (`ngx_http_try_files_handler`). The first that exists becomes the URI
/// and the handler goes on; if none does, the fallback is the outcome.
pub(crate) fn run(session: &mut Session, rule: &TryFiles) -> Option<Outcome> {
    if let Err(paths::NoFile) = paths::check(session.view()) {
        return Some(Outcome::Status(500));
    }
    for file in &rule.files {
        let name = name(session.view(), &file.path);
        if exists(session.view(), &name, file.is_dir) {
            become_uri(session, file, name);
            return None;
        }
    }
    let target = match &rule.fallback {
        TryFallback::Code(status) => return Some(Outcome::Status(*status)),
        TryFallback::Uri(template) => name(session.view(), template),
    };
    if target.first() == Some(&b'@') {
        return Some(Outcome::Named(target));
    }
    let (path, args) = split_args(&target);
    Some(Outcome::Redirect {
        uri: path.to_vec(),
        args: Some(args.unwrap_or_default().to_vec()),
    })
}

/// What stands behind `root` or `alias`: of a name with variables nginx takes the location's own name
/// off, as it does for a URI.
fn name(view: View<'_>, template: &Template) -> Vec<u8> {
    let mut name = variables::text(view, template);
    if let paths::Replaced::Prefix(length) = paths::replaced(view)
        && !template.is_literal()
        && let Some(location) = view.req.uri.get(..length)
        && name.starts_with(location)
    {
        name.drain(..length);
    }
    name
}

/// Whether the file is there, and of the kind that is looked for.
fn exists(view: View<'_>, name: &[u8], is_dir: bool) -> bool {
    let path = paths::below_root(view, name);
    match std::fs::metadata(Path::new(OsStr::from_bytes(&path))) {
        Ok(found) => found.is_dir() == is_dir,
        Err(error) => {
            log_failed(view, &path, &error);
            false
        }
    }
}

/// A file that is not there is what `try_files` is for; that it cannot be asked for is worth a line.
fn log_failed(view: View<'_>, path: &[u8], error: &io::Error) {
    if !matches!(
        error.raw_os_error(),
        Some(libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG)
    ) {
        let text = [b"stat() \"", path, b"\" failed"].concat();
        error_log::log_call(view, true, &text, error);
    }
}

/// The file that was found is what the request asks for now.
fn become_uri(session: &mut Session, file: &TryFile, name: Vec<u8>) {
    let replaced = paths::replaced(session.view());
    let req = &mut session.req;
    match replaced {
        paths::Replaced::Nothing => req.uri = name,
        paths::Replaced::Prefix(length) => {
            req.uri.truncate(length);
            req.uri.extend_from_slice(&name);
        }
        paths::Replaced::All if file.is_dir => {}
        paths::Replaced::All => {
            req.uri = name;
            req.state.alias_takes_uri = true;
        }
    }
}
