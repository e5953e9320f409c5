//! `gzip_static`: a compressed file beside the one that is asked for.

use std::fs::{File, Metadata};

use weir_conf::GzipStatic;
use weir_wire::request::Method;

use super::{log_failed, looked_up, quoted, static_file};
use crate::answer::gzip;
use crate::facts::{Outcome, Session};
use crate::report::error_log::{self, Message};
use crate::report::variables::paths;

/// What there is instead of the file itself.
pub(super) enum Found {
    /// Nothing, or the client does not take it.
    Nothing,
    Compressed(File, Metadata),
    Refused(Outcome),
}

/// Looks for the compressed file (`ngx_http_gzip_static_handler`).
pub(super) fn find(session: &mut Session) -> Found {
    let always = match session.settings().gzip_static {
        GzipStatic::Off => return Found::Nothing,
        GzipStatic::On => false,
        GzipStatic::Always => true,
    };
    if !matches!(session.req.state.method, Method::Get | Method::Head) {
        return Found::Nothing;
    }
    let taken = always || gzip::is_taken(session);
    // With `gzip_vary` the answer says that there are two, whichever it is.
    if !taken && !session.settings().gzip_vary {
        return Found::Nothing;
    }
    let Ok(mut path) = paths::filename(session.view(), &session.req.uri) else {
        return Found::Refused(Outcome::Status(500));
    };
    path.extend_from_slice(b".gz");
    let (file, metadata) = match looked_up::open(session.view(), &path) {
        Ok(found) => found,
        Err(failed) => {
            // Where there is none, the file itself answers.
            let status = static_file::status_without(&failed.error);
            if status != 404 {
                log_failed(session.view(), status == 500, &failed, &path);
            }
            return Found::Nothing;
        }
    };
    if !always {
        session.req.state.varies_by_encoding = true;
    }
    if !taken || metadata.is_dir() {
        return Found::Nothing;
    }
    if !metadata.is_file() {
        let text = quoted(b"", &path, b" is not a regular file");
        error_log::crit(session.view(), Message::bytes(&text));
        return Found::Refused(Outcome::Status(404));
    }
    Found::Compressed(file, metadata)
}
