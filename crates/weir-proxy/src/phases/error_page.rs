//! A status becomes an answer: an `error_page`, or nginx's own page.

use weir_conf::{ErrorPage, Overwrite};
use weir_wire::request::Method;
use weir_wire::uri::split_args;
use weir_wire::{KnownField, Version};

use crate::answer::{page, send};
use crate::facts::Outcome;
use crate::facts::Session;
use crate::report::variables;

/// Answers with `status` (`ngx_http_special_response_handler`).
pub(crate) async fn answer(session: &mut Session, status: u16) -> Outcome {
    if matches!(status, 408 | 444 | 499) {
        return Outcome::Close(status);
    }
    if session.req.response.begun && !session.req.state.post_action {
        // Too late for a page: the client sees a cut answer.
        session.req.state.keepalive = false;
        return Outcome::Answered;
    }
    session.req.state.status_override = Some(status);
    if matches!(status, 400 | 413 | 414 | 495 | 496 | 497 | 500 | 501) {
        session.req.state.keepalive = false;
    }
    if matches!(status, 400 | 495 | 496 | 497) && session.req.parser_done() {
        session.req.state.lingers = false;
    }
    session.req.response.content_type.forget_type();
    let status = match custom(session, status) {
        None => status,
        Some(Page::Elsewhere(status)) => status,
        Some(Page::Here(outcome)) => return outcome,
    };
    session.req.body.expect_answered = true;
    // Whatever is wrong with the body, this answer is an error's already.
    let _ = session.discard_body();
    send_page(session, status).await
}

/// What an `error_page` leads to.
enum Page {
    /// Another location of ours.
    Here(Outcome),
    /// Another place, which the client is told of with this status.
    Elsewhere(u16),
}

/// The `error_page` of this status, unless one is being served already.
fn custom(session: &mut Session, status: u16) -> Option<Page> {
    let settings = session.settings();
    if session.req.state.in_error_page || session.req.state.redirects_left == 0 {
        return None;
    }
    let pages = settings.error_page.clone();
    if pages.is_empty() {
        return None;
    }
    if !settings.recursive_error_pages {
        session.req.state.in_error_page = true;
    }
    let page = pages.iter().find(|page| page.statuses.contains(&status))?;
    Some(redirect(session, page))
}

/// `ngx_http_send_error_page`.
fn redirect(session: &mut Session, page: &ErrorPage) -> Page {
    // A client that asks whether to send its body is told nothing: it is answered with an error already.
    let is_error = !matches!(page.overwrite, Overwrite::FromTarget | Overwrite::Code(200));
    session.req.body.expect_answered |= is_error;
    match page.overwrite {
        Overwrite::Keep => {}
        Overwrite::FromTarget => session.req.state.status_override = None,
        Overwrite::Code(code) => session.req.state.status_override = Some(code),
    }
    let value = variables::text(session.view(), &page.target);
    match value.first() {
        Some(b'/') => {
            let (uri, args) = if page.target.is_literal() {
                (value, (!page.args.is_empty()).then(|| page.args.to_vec()))
            } else {
                let (path, args) = split_args(&value);
                (path.to_vec(), Some(args.unwrap_or_default().to_vec()))
            };
            if session.req.state.method != Method::Head {
                session.req.state.method = Method::Get;
            }
            Page::Here(Outcome::Redirect { uri, args })
        }
        Some(b'@') => Page::Here(Outcome::Named(value)),
        Some(_) | None => redirect_client(session, page.overwrite, &value),
    }
}

/// Sends the client elsewhere: with the status that the page names, if that is a redirect's.
fn redirect_client(session: &mut Session, overwrite: Overwrite, location: &[u8]) -> Page {
    let status = match overwrite {
        Overwrite::Code(code @ (301 | 302 | 303 | 307 | 308)) => code,
        Overwrite::Code(_) | Overwrite::Keep | Overwrite::FromTarget => 302,
    };
    session.req.response.redirect_to(location);
    Page::Elsewhere(status)
}

/// Sends nginx's page (`ngx_http_send_special_response`).
async fn send_page(session: &mut Session, status: u16) -> Outcome {
    let refresh = wants_refresh(session, status);
    let signature = send::signature(session);
    let padded = wants_padding(session);
    let refreshes = refresh.is_some();
    let body = match refresh {
        Some(location) => Some(page::refresh(&location)),
        None => page::body(
            status,
            &signature,
            session.client.link().plan.differences().page_407,
            padded,
        )
        .map(String::into_bytes),
    };
    session.req.state.status_override = Some(match status {
        301 | 302 if refreshes => 200,
        494..=497 => 400,
        _ => status,
    });
    let response = &mut session.req.response;
    response.clear_validators();
    if body.is_some() {
        response.content_type.set(b"text/html");
    }
    let body = body.unwrap_or_default();
    response.content_length = Some(body.len() as u64);
    session.send_answer(&body).await
}

fn wants_padding(session: &Session) -> bool {
    if !session.settings().msie_padding || session.req.head.version < Version::HTTP_10 {
        return false;
    }
    let browser = session.req.head.browser(&session.req.bytes);
    browser.msie || browser.chrome
}

/// Where `msie_refresh` sends an old Internet Explorer by page instead of by redirect.
fn wants_refresh(session: &mut Session, status: u16) -> Option<Vec<u8>> {
    let settings = session.settings();
    if !settings.msie_refresh || !matches!(status, 301 | 302) {
        return None;
    }
    if !session.req.head.browser(&session.req.bytes).msie {
        return None;
    }
    let fields = &mut session.req.response.fields;
    let location = fields.value(KnownField::Location)?.to_vec();
    fields.remove(KnownField::Location);
    Some(location)
}
