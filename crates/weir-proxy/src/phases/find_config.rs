//! From the URI to a location, and what its settings decide at once.

use crate::answer::redirect::add_slash;
use weir_conf::{Found, Handler, KeepaliveDisable, Methods};
use weir_wire::request::Method;

use crate::facts::{Content, Idling, Outcome, Session};
use crate::report::error_log::{self, Message};
use weir_io::clock;

/// Chooses the location of the URI (`ngx_http_core_find_config_phase`); an outcome if the request
/// ends here.
pub(crate) fn location(session: &mut Session) -> Option<Outcome> {
    let Some(server) = &session.req.state.server else {
        return Some(Outcome::Status(500));
    };
    let plan = &session.client.link().plan;
    session.req.state.content = Content::File;
    let mut lacks_slash = false;
    match server.locations.find(&session.req.uri) {
        Found::Location { location, captures } => {
            session.req.state.location = Some(plan.own_location(location));
            if let Some(groups) = captures {
                session.req.note_match(&groups, &session.req.uri);
            }
        }
        Found::AutoRedirect(location) => {
            session.req.state.location = Some(plan.own_location(location));
            lacks_slash = true;
        }
        Found::None => session.req.state.location = None,
        Found::Failed(location, fault) => {
            session.req.state.location = location.map(|location| plan.own_location(location));
            error_log::alert(session.view(), Message::bytes(&fault.line()));
            return Some(Outcome::Status(500));
        }
    }
    let internal_only = session.req.state.location.is_some() && session.settings().internal;
    if internal_only && !session.req.state.internal {
        session.client.link_mut().idle = Idling::of(session.settings());
        return Some(Outcome::Status(404));
    }
    apply_location(session);
    if let Some(outcome) = body_too_large(session) {
        return Some(outcome);
    }
    lacks_slash.then(|| add_slash(session))
}

/// What `limit_except` makes of a method that it does not name.
fn limit_by_method(session: &mut Session) {
    let Some(location) = &session.req.state.location else {
        return;
    };
    if let Some(limit) = &location.limit_except
        && !names(limit.allowed, session.req.state.method)
    {
        let limited = session.client.link().plan.own_location(&limit.location);
        session.req.state.location = Some(limited);
    }
}

/// Whether `limit_except` names the method.
fn names(allowed: Methods, method: Method) -> bool {
    allowed.contains(match method {
        Method::Get => Methods::GET,
        Method::Head => Methods::HEAD,
        Method::Post => Methods::POST,
        Method::Put => Methods::PUT,
        Method::Delete => Methods::DELETE,
        Method::Mkcol => Methods::MKCOL,
        Method::Copy => Methods::COPY,
        Method::Move => Methods::MOVE,
        Method::Options => Methods::OPTIONS,
        Method::Propfind => Methods::PROPFIND,
        Method::Proppatch => Methods::PROPPATCH,
        Method::Lock => Methods::LOCK,
        Method::Unlock => Methods::UNLOCK,
        Method::Patch => Methods::PATCH,
        Method::Other | Method::Trace | Method::Connect => return false,
    })
}

/// The location is the request's now: what `limit_except` makes of it for the method, who makes the answer,
/// and keep-alive as its settings allow it (`ngx_http_update_location_config`).
pub(crate) fn apply_location(session: &mut Session) {
    limit_by_method(session);
    match &session.location().handler {
        Handler::Proxy(_) => session.req.state.content = Content::Upstream,
        Handler::StubStatus => session.req.state.content = Content::StubStatus,
        Handler::Status(form) => session.req.state.content = Content::Status(*form),
        Handler::EmptyGif => session.req.state.content = Content::EmptyGif,
        Handler::Flv => session.req.state.content = Content::Flv,
        Handler::Mp4 => session.req.state.content = Content::Mp4,
        Handler::Static => {}
    }
    let settings = session.settings();
    let age = clock::now().saturating_duration_since(session.client.link().opened);
    let disabled = settings.keepalive_timeout.timeout.is_zero()
        || u64::from(session.client.link().requests) >= settings.keepalive_requests
        || age > settings.keepalive_time
        || browser_gets_none(session, settings.keepalive_disable);
    let idle = Idling::of(settings);
    if session.req.state.keepalive && disabled {
        session.req.state.keepalive = false;
    }
    session.client.link_mut().idle = idle;
}

fn browser_gets_none(session: &Session, disable: KeepaliveDisable) -> bool {
    if disable.contains(KeepaliveDisable::NONE) || disable.is_empty() {
        return false;
    }
    if session.req.state.method != Method::Post && !disable.contains(KeepaliveDisable::SAFARI) {
        return false;
    }
    let browser = session.req.head.browser(&session.req.bytes);
    (browser.msie6
        && session.req.state.method == Method::Post
        && disable.contains(KeepaliveDisable::MSIE6))
        || (browser.safari && disable.contains(KeepaliveDisable::SAFARI))
}

fn body_too_large(session: &mut Session) -> Option<Outcome> {
    let limit = session.settings().client_max_body_size;
    let (head, body) = (&session.req.head, &session.req.body);
    // What an earlier location read of a body in chunks is its length now.
    let read = (head.chunked && body.begun).then_some(body.taken);
    let length = head.content_length.or(read)?;
    if limit == 0 || length <= limit || body.discarded {
        return None;
    }
    let text = format!("client intended to send too large body: {length} bytes");
    error_log::error(session.view(), Message::text(&text));
    // The answer is 413, however the body goes on.
    let _ = session.discard_body();
    Some(Outcome::Status(413))
}
