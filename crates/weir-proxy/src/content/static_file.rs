//! Files, well enough for error pages and small sites.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use weir_conf::IfModifiedSince;
use weir_wire::KnownField;
use weir_wire::request::Method;

use crate::answer::{conditions, media_type, redirect, send as head};
use crate::client::throttle::Throttle;
use crate::facts::Outcome;
use crate::facts::{Action, Ending, Session, View};
use crate::report::error_log::{self, Message};
use crate::report::variables;
use crate::report::variables::paths;
use weir_io::buffers;

/// Answers with the file of the URI (`ngx_http_index_handler`, `ngx_http_static_handler`).
pub(crate) async fn answer(session: &mut Session) -> Outcome {
    if session.req.uri.last() == Some(&b'/') {
        return index(session);
    }
    if !is_served(session.req.method) {
        return Outcome::Status(405);
    }
    let path = paths::filename(session.view(), &session.req.uri);
    match open(&path) {
        Ok((_, metadata)) if metadata.is_dir() => redirect::add_slash(session),
        Ok((_, metadata)) if metadata.is_file() && session.req.method == Method::Post => {
            Outcome::Status(405)
        }
        Ok((file, metadata)) if metadata.is_file() => send(session, &file, &metadata).await,
        Ok(_) => {
            error_log::crit(
                session.view(),
                Message::bytes(&quoted(b"", &path, b" is not a regular file")),
            );
            Outcome::Status(404)
        }
        Err(error) => open_failed(session, &path, &error),
    }
}

/// The methods that nginx looks for a file for; POST is refused once there is one.
fn is_served(method: Method) -> bool {
    matches!(method, Method::Get | Method::Head | Method::Post)
}

/// Opens without waiting: a named pipe without a writer would stop the worker.
fn open(path: &[u8]) -> io::Result<(File, Metadata)> {
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(Path::new(OsStr::from_bytes(path)))?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

/// A URI that ends with a slash: the first index file that exists (`ngx_http_index_handler`).
fn index(session: &Session) -> Outcome {
    if !is_served(session.req.method) {
        return Outcome::Status(405);
    }
    let view = session.view();
    let folder = paths::filename(view, &view.req.uri);
    let mut folder_tested = false;
    for name in view.settings().index.iter() {
        let name = variables::text(view, name);
        let redirect = |uri: Vec<u8>| Outcome::Redirect {
            uri,
            args: view.req.args_known.then(|| view.req.args.clone()),
        };
        if name.first() == Some(&b'/') {
            return redirect(name);
        }
        let path = [folder.as_slice(), &name].concat();
        let Err(error) = metadata(&path) else {
            // A folder of that name, too: whoever is asked for it next adds the slash.
            return redirect([view.req.uri.as_slice(), &name].concat());
        };
        if let Some(outcome) = index_failed(view, &path, &error, &mut folder_tested) {
            return outcome;
        }
    }
    let text = quoted(b"directory index of ", &folder, b" is forbidden");
    error_log::error(view, Message::bytes(&text));
    Outcome::Status(403)
}

/// What follows from an index file that cannot be asked for; `None`: try the next one. `tested`: the
/// folder was seen to exist.
fn index_failed(
    view: View<'_>,
    path: &[u8],
    error: &io::Error,
    tested: &mut bool,
) -> Option<Outcome> {
    match error.raw_os_error() {
        Some(libc::EMLINK | libc::ELOOP) => return Some(Outcome::Status(403)),
        Some(libc::ENOTDIR | libc::ENAMETOOLONG | libc::EACCES) => {
            return Some(index_error(view, path, error));
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
    error_log::log_call(view, true, &quoted(b"stat() ", path, b" failed"), error);
    Some(Outcome::Status(500))
}

/// Whether the folder of the URI is there (`ngx_http_index_test_dir`); an outcome if it is not. `path`
/// is the index file that a line about it names.
fn test_folder(view: View<'_>, path: &[u8]) -> Option<Outcome> {
    let mut folder = paths::filename(view, &view.req.uri);
    if folder.len() > 1 && folder.last() == Some(&b'/') {
        folder.pop();
    }
    match metadata(&folder) {
        Ok(found) if found.is_dir() => None,
        Ok(_) => {
            let text = quoted(b"", path, b" is not a directory");
            error_log::alert(view, Message::bytes(&text));
            Some(Outcome::Status(500))
        }
        Err(error) => match error.raw_os_error() {
            Some(libc::EMLINK | libc::ELOOP) => Some(Outcome::Status(403)),
            Some(libc::ENOENT) => Some(index_error(view, path, &error)),
            // The index file could be asked for, so the folder may be entered.
            Some(libc::EACCES) => None,
            _ => {
                error_log::log_call(view, true, &quoted(b"stat() ", &folder, b" failed"), &error);
                Some(Outcome::Status(500))
            }
        },
    }
}

/// `ngx_http_index_error`.
fn index_error(view: View<'_>, path: &[u8], error: &io::Error) -> Outcome {
    if error.raw_os_error() == Some(libc::EACCES) {
        error_log::log_call(view, false, &quoted(b"", path, b" is forbidden"), error);
        return Outcome::Status(403);
    }
    if view.settings().log_not_found {
        error_log::log_call(view, false, &quoted(b"", path, b" is not found"), error);
    }
    Outcome::Status(404)
}

fn metadata(path: &[u8]) -> io::Result<Metadata> {
    std::fs::metadata(Path::new(OsStr::from_bytes(path)))
}

fn open_failed(session: &Session, path: &[u8], error: &io::Error) -> Outcome {
    let (status, missing) = match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG) => (404, true),
        Some(libc::EACCES | libc::EMLINK | libc::ELOOP) => (403, false),
        _ => (500, false),
    };
    if !missing || session.settings().log_not_found {
        let text = quoted(b"open() ", path, b" failed");
        error_log::log_call(session.view(), status == 500, &text, error);
    }
    Outcome::Status(status)
}

/// `BEFORE"PATH"AFTER`; a path may hold any bytes.
fn quoted(before: &[u8], path: &[u8], after: &[u8]) -> Vec<u8> {
    [before, b"\"", path, b"\"", after].concat()
}

async fn send(session: &mut Session, file: &File, metadata: &Metadata) -> Outcome {
    if let Err(outcome) = session.settle_unwanted_body().await {
        return outcome;
    }
    let content_type = media_type::of(session);
    let modified = u64::try_from(metadata.mtime()).unwrap_or(0);
    let last_modified = httpdate(modified);
    let etag = session
        .settings()
        .etag
        .then(|| format!("\"{modified:x}-{:x}\"", metadata.len()));
    let overridden = session
        .req
        .status_override
        .is_some_and(|status| status != 200);
    if !overridden && conditions::fails(session, modified, etag.as_deref()) {
        return Outcome::Status(412);
    }
    let response = &mut session.req.response;
    response.begin_own(200, content_type);
    response.content_length = Some(metadata.len());
    if !overridden {
        response
            .last_modified
            .extend_from_slice(last_modified.as_bytes());
    }
    if let Some(etag) = &etag {
        response.push_field(b"ETag", etag.as_bytes());
    }
    let mut part = 0..metadata.len();
    if !overridden && is_unmodified(session, modified, etag.as_deref()) {
        let response = &mut session.req.response;
        response.status = 304;
        response.content_type.clear();
        response.content_length = None;
    } else if !overridden {
        match conditions::range(session, part.end, modified, etag.as_deref()) {
            None => session.req.response.push_field(b"Accept-Ranges", b"bytes"),
            Some(Ok(range)) => {
                part = range;
                begin_part(session, &part, metadata.len());
            }
            Some(Err(())) => return no_such_part(session, metadata.len()),
        }
    }
    head::begin(session);
    session.client.link_mut().action = Action::SendingToClient;
    if session.req.response.header_only {
        part = 0..0;
    }
    send_blocks(session, file, part).await
}

/// 206 (`ngx_http_range_singlepart_header`).
fn begin_part(session: &mut Session, part: &Range<u64>, length: u64) {
    let response = &mut session.req.response;
    response.status = 206;
    response.content_length = Some(part.end - part.start);
    let text = format!("bytes {}-{}/{length}", part.start, part.end - 1);
    response.push_field(b"Content-Range", text.as_bytes());
}

/// 416 (`ngx_http_range_not_satisfiable`).
fn no_such_part(session: &mut Session, length: u64) -> Outcome {
    let response = &mut session.req.response;
    response.clear_head();
    response.push_field(b"Content-Range", format!("bytes */{length}").as_bytes());
    Outcome::Status(416)
}

/// `If-None-Match`, else `If-Modified-Since` (`ngx_http_not_modified_header_filter`).
fn is_unmodified(session: &Session, modified: u64, etag: Option<&str>) -> bool {
    if let Some(wanted) = session.req.field(KnownField::IfNoneMatch) {
        let Some(etag) = etag else {
            return false;
        };
        return wanted == b"*"
            || wanted
                .split(|&byte| byte == b',')
                .map(<[u8]>::trim_ascii)
                .any(|tag| tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes());
    }
    let Some(since) = session.req.field(KnownField::IfModifiedSince) else {
        return false;
    };
    let since = std::str::from_utf8(since)
        .ok()
        .and_then(|text| httpdate::parse_http_date(text).ok());
    let since = since
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map(|time| time.as_secs());
    match session.settings().if_modified_since {
        IfModifiedSince::Off => false,
        IfModifiedSince::Exact => since == Some(modified),
        IfModifiedSince::Before => since.is_some_and(|since| since >= modified),
    }
}

async fn send_blocks(session: &mut Session, file: &File, part: Range<u64>) -> Outcome {
    let mut block = buffers::take_relay();
    let mut offset = part.start;
    let mut throttle = Throttle::client(session, true);
    loop {
        throttle.pause().await;
        block.clear();
        let wanted = usize::try_from(part.end - offset)
            .unwrap_or(usize::MAX)
            .min(buffers::RELAY_BUFFER);
        let wanted = throttle.within(wanted).min(wanted);
        block.resize(wanted, 0);
        let read = if wanted == 0 {
            Ok(0)
        } else {
            file.read_at(&mut block, offset)
        };
        let count = *read.as_ref().unwrap_or(&0);
        if count == 0 && wanted > 0 {
            // The file shrank or cannot be read: the client must see a cut answer.
            session.req.keepalive = false;
            break;
        }
        if session.write_all(&block[..count]).await.is_err() {
            break;
        }
        throttle.spend(count as u64);
        offset += count as u64;
        if offset == part.end {
            session.req.ending = Ending::Complete;
            break;
        }
    }
    buffers::give_back(block);
    Outcome::Answered
}

fn httpdate(seconds: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}
