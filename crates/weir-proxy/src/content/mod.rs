//! What a location produces itself. (What it passes on is `exchange`.)

mod autoindex;
mod empty_gif;
mod film;
mod folder;
mod gzip_static;
mod index;
mod random_index;
pub(crate) mod returned;
mod static_file;
mod status;
mod stub_status;

use weir_io::links::Failed;
use weir_wire::request::Method;

pub(crate) use crate::report::looked_up;

use crate::facts::{Content, Outcome, Session, View};
use crate::report::error_log::{self, Message};
use crate::report::variables::paths;

/// Answers with what the location makes itself. Boxed where it is rare: every request would pay for its future.
pub(crate) async fn own(session: &mut Session) -> Outcome {
    match session.req.state.content {
        Content::StubStatus => Box::pin(stub_status::answer(session)).await,
        Content::Status(form) => Box::pin(status::answer(session, form)).await,
        Content::EmptyGif => Box::pin(empty_gif::answer(session)).await,
        Content::Flv => Box::pin(film::answer(session, film::Kind::Flv)).await,
        Content::Mp4 => Box::pin(film::answer(session, film::Kind::Mp4)).await,
        Content::File | Content::Upstream => file(session).await,
    }
}

/// Answers with what the URI stands for on this machine: the content handlers of nginx's modules, in the order in
/// which nginx asks them (`ngx_http_core_content_phase`).
async fn file(session: &mut Session) -> Outcome {
    if session.req.uri.last() != Some(&b'/') {
        return static_file::answer(session).await;
    }
    if !is_asked_for(session.req.state.method) {
        return Outcome::Status(405);
    }
    let view = session.view();
    if view.settings().random_index
        && let Some(outcome) = random_index::outcome(view)
    {
        return outcome;
    }
    if let Some(outcome) = index::outcome(view) {
        return outcome;
    }
    if view.settings().autoindex && session.req.state.method != Method::Post {
        // Boxed: few locations have it, and every request would pay for its future.
        return Box::pin(autoindex::answer(session)).await;
    }
    if let Ok(folder) = paths::filename(view, &view.req.uri) {
        let text = quoted(b"directory index of ", &folder, b" is forbidden");
        error_log::error(view, Message::bytes(&text));
    }
    Outcome::Status(403)
}

/// The methods that nginx looks for a file for; POST is refused once there is one.
fn is_asked_for(method: Method) -> bool {
    matches!(method, Method::Get | Method::Head | Method::Post)
}

/// `BEFORE"PATH"AFTER`; a path may hold any bytes.
fn quoted(before: &[u8], path: &[u8], after: &[u8]) -> Vec<u8> {
    [before, b"\"", path, b"\"", after].concat()
}

/// Tells of a system call on a path that failed through no fault of the client.
pub(crate) fn call_failed(view: View<'_>, failed: &Failed, path: &[u8]) {
    log_failed(view, true, failed, path);
}

/// Tells of a system call on a path that failed; `crit`: through no fault of the client.
fn log_failed(view: View<'_>, crit: bool, failed: &Failed, path: &[u8]) {
    let text = quoted(format!("{} ", failed.call).as_bytes(), path, b" failed");
    error_log::log_call(view, crit, &text, &failed.error);
}
