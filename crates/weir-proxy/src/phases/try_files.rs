//! `try_files`.

use weir_conf::{Template, TryFallback, TryFile};
use weir_io::links::Failed;
use weir_wire::uri::split_args;

use crate::content::{call_failed, looked_up};
use crate::facts::{Outcome, Session, View};
use crate::report::variables::{self, paths};

/// Looks for the files in turn (`ngx_http_try_files_handler`). The first that exists becomes the URI
/// and the handler goes on; if none does, the fallback is the outcome.
pub(crate) fn run(session: &mut Session) -> Option<Outcome> {
    let rule = session.settings().try_files.clone()?;
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
        TryFallback::Code(status) => return Some(end(*status)),
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

/// What a code makes of the request: there are pages of errors and redirects, and of 201 and 204; any other
/// code ends a request without an answer (`ngx_http_finalize_request`).
fn end(status: u16) -> Outcome {
    match status {
        201 | 204 | 300.. => Outcome::Status(status),
        _ => Outcome::Answered,
    }
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
    match looked_up::metadata(view, &path) {
        Ok(found) => found.is_dir() == is_dir,
        Err(failed) => {
            log_failed(view, &path, &failed);
            false
        }
    }
}

/// A file that is not there is what `try_files` is for; that it cannot be asked for is worth a line.
fn log_failed(view: View<'_>, path: &[u8], failed: &Failed) {
    if !matches!(
        failed.error.raw_os_error(),
        Some(libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG)
    ) {
        call_failed(view, failed, path);
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
