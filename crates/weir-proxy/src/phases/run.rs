//! The phases of a request, and where each outcome leads.

use std::future::Future;
use std::pin::Pin;

use crate::facts::Outcome;
use weir_conf::{Active, Handler};

use super::limit_req::Pause;
use super::rewrite::{self, End, PathIs};
use super::{
    access, error_page, find_config, limit_conn, limit_req, mirror, post_action, real_ip, try_files,
};
use crate::answer::additions;
use crate::content::{self, returned};
use crate::exchange;
use crate::facts::{Action, Content, Session};
use crate::report::error_log::{self, Message};

/// Answers a request whose head has been read.
pub(crate) async fn respond(session: &mut Session) {
    if session.settings().active.has(Active::REAL_IP) {
        real_ip::apply(session);
    }
    session.count_writing();
    let outcome = enter(session).await;
    finish(session, outcome).await;
}

/// Answers a subrequest. A status: the main request ends at once, with it.
pub(crate) fn serve_sub(session: &mut Session) -> Pin<Box<dyn Future<Output = Option<u16>> + '_>> {
    Box::pin(async move {
        let outcome = match session.req.state.begins_at_content {
            true => run_location(session).await,
            false => enter(session).await,
        };
        if let Some(status) = follow(session, outcome).await {
            close(session, status);
        }
        let req = &session.req;
        req.state.closes_at_once.then_some(req.response.status)
    })
}

/// Answers a request whose head was refused.
pub(crate) async fn refuse(session: &mut Session, status: u16) {
    session.expect_body_of_refused();
    finish(session, Outcome::Status(status)).await;
}

/// Goes on until the request is over (`ngx_http_finalize_request`).
async fn finish(session: &mut Session, outcome: Outcome) {
    let mut closed = follow(session, outcome).await;
    if session.settings().post_action.is_some() {
        closed = Box::pin(post_action::behind(session, closed)).await;
    }
    if let Some(status) = closed {
        close(session, status);
    }
}

/// Goes on until there is an answer, or none will be: the status that is booked then.
pub(super) async fn follow(session: &mut Session, mut outcome: Outcome) -> Option<u16> {
    loop {
        outcome = match outcome {
            Outcome::Answered if session.req.response.goes_on() => {
                match Box::pin(additions::follow(session)).await {
                    Ok(()) | Err(Outcome::Answered) => return None,
                    Err(outcome) => outcome,
                }
            }
            Outcome::Answered => return None,
            Outcome::Close(status) => return Some(status),
            // Behind a client that is gone no page is made, not even for nobody.
            Outcome::Status(status) if session.req.state.is_behind_gone() => return Some(status),
            Outcome::Status(status) => error_page::answer(session, status).await,
            Outcome::Redirect { uri, args } => redirect(session, uri, args).await,
            Outcome::Named(name) => enter_named(session, &name).await,
        };
    }
}

/// `ngx_http_terminate_request`: nothing is sent, and a status that was not sent is booked.
fn close(session: &mut Session, status: u16) {
    if !session.req.response.begun || session.req.state.sent == 0 {
        session.req.response.status = status;
    }
    // Variables go on to say what was meant for the connection before (`keepalive` stays as it is).
    session.req.state.closes_at_once = true;
    // nginx takes 444 for a time-out as well (`ngx_http_finalize_request`).
    if matches!(status, TIMED_OUT | NO_ANSWER) {
        session.client.end_silently();
        if session.settings().reset_timedout_connection {
            session.client.reset_on_close();
        }
    }
}

/// The client's body did not come in time.
pub(super) const TIMED_OUT: u16 = 408;

/// `return 444`: close without an answer.
pub(super) const NO_ANSWER: u16 = 444;

/// `ngx_http_internal_redirect`.
async fn redirect(session: &mut Session, uri: Vec<u8>, args: Option<Vec<u8>>) -> Outcome {
    if count_redirect(session) {
        let mut text =
            b"rewrite or internal redirection cycle while internally redirecting to \"".to_vec();
        text.extend_from_slice(&uri);
        text.push(b'"');
        error_log::error(session.view(), Message::bytes(&text));
        return Outcome::Status(500);
    }
    let req = &mut *session.req;
    req.uri = uri;
    req.state.args_known = args.is_some();
    req.args = args.unwrap_or_default();
    req.state.internal = true;
    req.state.target_is_raw = false;
    req.state.alias_takes_uri = false;
    req.state.location_replaces = true;
    req.state.location = None;
    req.state.link_expires.set(false);
    req.state.visitor.forget();
    req.response.filters = None;
    req.state.slices.take();
    req.upstream.forget_context();
    session.client.link_mut().action = Action::Processing;
    Box::pin(enter(session)).await
}

/// Uses up a redirect; `true` if that was one too many.
fn count_redirect(session: &mut Session) -> bool {
    session.req.state.redirects_left = session.req.state.redirects_left.saturating_sub(1);
    session.req.state.redirects_left == 0
}

/// `ngx_http_named_location`.
async fn enter_named(session: &mut Session, name: &[u8]) -> Outcome {
    let fault = |session: &Session, before: &str| {
        let mut text = before.as_bytes().to_vec();
        text.extend_from_slice(name);
        text.push(b'"');
        error_log::error(session.view(), Message::bytes(&text));
        Outcome::Status(500)
    };
    if count_redirect(session) {
        return fault(
            session,
            "rewrite or internal redirection cycle while redirect to named location \"",
        );
    }
    if session.req.uri.is_empty() {
        return fault(session, "empty URI in redirect to named location \"");
    }
    let found = std::str::from_utf8(name)
        .ok()
        .and_then(|name| session.server().locations.named(name).cloned());
    let Some(location) = found else {
        return fault(session, "could not find named location \"");
    };
    session.req.state.internal = true;
    session.req.state.link_expires.set(false);
    session.req.state.visitor.forget();
    session.req.response.filters = None;
    session.req.state.slices.take();
    session.req.upstream.forget_context();
    session.req.state.location = Some(session.client.link().plan.own_location(&location));
    session.req.state.content = Content::File;
    find_config::apply_location(session);
    Box::pin(run_location(session)).await
}

/// The phases from the server's own statements on.
async fn enter(session: &mut Session) -> Outcome {
    if let Err(end) = rewrite::of_server(session) {
        return end_of_script(session, end).await;
    }
    if let Some(outcome) = find_config::location(session) {
        return outcome;
    }
    run_location(session).await
}

async fn end_of_script(session: &mut Session, end: End) -> Outcome {
    match end {
        End::Return(rule) => returned::answer(session, &rule).await,
        End::Outcome(outcome) => outcome,
    }
}

/// The phases that look for a location and carry out its statements, until none of them changes the path
/// (`ngx_http_core_post_rewrite_phase`). The error ends the request.
fn rewrite_in_location(session: &mut Session) -> Result<(), End> {
    while rewrite::of_location(session)? == PathIs::Changed {
        if count_redirect(session) {
            let before = b"rewrite or internal redirection cycle while processing \"";
            let text = [before, session.req.uri.as_slice(), b"\""].concat();
            error_log::error(session.view(), Message::bytes(&text));
            return Err(End::Outcome(Outcome::Status(500)));
        }
        if let Some(outcome) = find_config::location(session) {
            return Err(End::Outcome(outcome));
        }
    }
    Ok(())
}

async fn run_location(session: &mut Session) -> Outcome {
    tracing::debug!(target: "weir", "using configuration \"{}\"", session.location().name);
    let active = if std::mem::take(&mut session.req.state.begins_at_content) {
        Active::default()
    } else {
        if let Err(end) = rewrite_in_location(session) {
            return end_of_script(session, end).await;
        }
        session.settings().active
    };
    // Handed on and back: a reference that waits here would make every request's future larger.
    let session = match active.has(Active::BEFORE_CONTENT) {
        true => match before_content(session, active).await {
            Ok(session) => session,
            Err(outcome) => return outcome,
        },
        false => session,
    };
    if session.req.state.content != Content::Upstream {
        return content::own(session).await;
    }
    let location = session.req.state.location.clone();
    match location.as_ref().map(|location| &location.handler) {
        Some(Handler::Proxy(pass)) => exchange::proxy(session, pass).await,
        Some(
            Handler::Static
            | Handler::StubStatus
            | Handler::Status(_)
            | Handler::EmptyGif
            | Handler::Flv
            | Handler::Mp4,
        )
        | None => {
            error_log::alert(session.view(), Message::text("no upstream configuration"));
            Outcome::Status(500)
        }
    }
}

/// The preaccess, access and precontent phases, as far as the location has set them up. An outcome ends the
/// request.
async fn before_content(session: &mut Session, active: Active) -> Result<&mut Session, Outcome> {
    if active.has(Active::REAL_IP) {
        real_ip::apply(session);
    }
    let session = match active.has(Active::LIMIT_REQ) {
        true => match limit_req::check(session) {
            Pause::None => session,
            Pause::Refused(outcome) => return Err(outcome),
            Pause::For(time) => Box::pin(limit_req::wait(session, time)).await?,
        },
        false => session,
    };
    if active.has(Active::LIMIT_CONN)
        && let Some(outcome) = limit_conn::check(session)
    {
        return Err(outcome);
    }
    // Who lets its main request in lets it in, and the same goes elsewhere once.
    let is_sub = session.req.state.is_sub;
    let session = if active.has(Active::LOGIN.with(Active::AUTH_REQUEST)) && !is_sub {
        Box::pin(access::check(session)).await?
    } else if active.has(Active::ADDRESS)
        && let Some(outcome) = access::check_address(session)
    {
        return Err(outcome);
    } else {
        session
    };
    if active.has(Active::TRY_FILES)
        && let Some(outcome) = try_files::run(session)
    {
        return Err(outcome);
    }
    match active.has(Active::MIRROR) && !is_sub {
        true => Box::pin(mirror::begin(session)).await,
        false => Ok(session),
    }
}
