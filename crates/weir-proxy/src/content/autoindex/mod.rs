//! `autoindex`: a list of what is in a folder.

mod entry;
mod html;
mod json;
mod xml;

use std::fs::ReadDir;

use weir_conf::AutoindexFormat;
use weir_wire::token;

use self::entry::Entry;
use super::{call_failed, folder};
use crate::answer::send;
use crate::facts::{Outcome, Session, View};
use crate::report::error_log::{self, Message};
use crate::report::variables::paths;

/// The longest name of a function that a client may ask for.
const LONGEST_CALLBACK: usize = 128;

/// Answers with the list of the URI's folder (`ngx_http_autoindex_handler`).
pub(super) async fn answer(session: &mut Session) -> Outcome {
    if let Err(outcome) = session.settle_unwanted_body().await {
        return outcome;
    }
    let Ok(mut path) = paths::filename(session.view(), &session.req.uri) else {
        return Outcome::Status(500);
    };
    if path.len() > 1 {
        // The slash, or the last letter of an `alias` without one.
        path.pop();
    }
    let format = match format(session.view()) {
        Ok(format) => format,
        Err(outcome) => return outcome,
    };
    let folder = match folder::open(session.view(), &path) {
        Ok(folder) => folder,
        Err(outcome) => return outcome,
    };
    session.req.response.status = 200;
    let content_type = &mut session.req.response.content_type;
    content_type.set(format.media_type());
    if matches!(format, Format::Xml) {
        content_type.tell_charset(b"utf-8");
    }
    if let Err(outcome) = send::begin(session) {
        return outcome;
    }
    if session.req.response.header_only {
        return session.send_answer(&[]).await;
    }
    let Some(entries) = entries(session.view(), folder, &path) else {
        // The head says 200 already, and the access line repeats it.
        return Outcome::Close(session.req.response.status);
    };
    let list = format.write(session.view(), &entries);
    session.send_answer(&list).await
}

/// What a list is written as.
enum Format {
    Html,
    Json,
    /// JSON as the argument of a call of this function.
    Call(Vec<u8>),
    Xml,
}

impl Format {
    fn media_type(&self) -> &'static [u8] {
        match self {
            Self::Html => b"text/html",
            Self::Json => b"application/json",
            Self::Call(_) => b"application/javascript",
            Self::Xml => b"text/xml",
        }
    }

    fn write(&self, view: View<'_>, entries: &[Entry]) -> Vec<u8> {
        match self {
            Self::Html => html::write(view, entries),
            Self::Json => json::write(entries),
            Self::Call(function) => json::write_call(function, entries),
            Self::Xml => xml::write(entries),
        }
    }
}

/// What the location writes, and for JSONP the client's wish (`ngx_http_autoindex_jsonp_callback`).
fn format(view: View<'_>) -> Result<Format, Outcome> {
    let function = match view.settings().autoindex_format {
        AutoindexFormat::Html => return Ok(Format::Html),
        AutoindexFormat::Json => return Ok(Format::Json),
        AutoindexFormat::Xml => return Ok(Format::Xml),
        AutoindexFormat::Jsonp => token::arg(&view.req.args, b"callback").unwrap_or_default(),
    };
    if function.is_empty() {
        return Ok(Format::Json);
    }
    let fault: &[u8] = if function.len() > LONGEST_CALLBACK {
        b"client sent too long callback name: "
    } else if function.iter().all(|&byte| is_of_name(byte)) {
        return Ok(Format::Call(function.to_vec()));
    } else {
        b"client sent invalid callback name: "
    };
    error_log::info(view, Message::bytes(&super::quoted(fault, function, b"")));
    Err(Outcome::Status(400))
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}

/// What the folder holds, in the list's order: folders first. `None` after a failure, of which the log was told.
fn entries(view: View<'_>, folder: ReadDir, path: &[u8]) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    for found in folder {
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                call_failed(view, &folder::unread(error), path);
                return None;
            }
        };
        match Entry::read(view, &found, path) {
            Ok(entry) => entries.extend(entry),
            Err(entry::Unreadable) => return None,
        }
    }
    entries.sort_unstable_by(|one, other| one.order().cmp(&other.order()));
    Some(entries)
}
