//! `return`.

use weir_conf::{Return, Template};
use weir_wire::uri::extension;

use super::dispatch::Outcome;
use crate::report::variables;
use crate::session::Session;

/// Answers as `return` says (`ngx_http_script_return_code`, `ngx_http_send_response`).
pub(crate) async fn answer(session: &mut Session, rule: &Return) -> Outcome {
    let empty = |text: &Template| text.is_literal() && variables::text(session, text).is_empty();
    if rule.status >= 400 && rule.text.as_ref().is_none_or(empty) {
        return Outcome::Status(rule.status);
    }
    let text = rule
        .text
        .as_ref()
        .map(|text| variables::text(session, text))
        .unwrap_or_default();
    if let Err(outcome) = begin(session).await {
        return outcome;
    }
    if matches!(rule.status, 301 | 302 | 303 | 307 | 308) {
        session.req.response.clear_head();
        session.req.response.redirect_to = Some(text);
        return Outcome::Status(rule.status);
    }
    let content_type = media_type(session);
    let response = &mut session.req.response;
    response.begin_own(rule.status, content_type);
    response.content_length = Some(text.len() as u64);
    session.send_answer(&text).await;
    Outcome::Answered
}

/// Does with the request's body what an answer of our own begins with.
pub(crate) async fn begin(session: &mut Session) -> Result<(), Outcome> {
    if session.answer_expect().await.is_err() {
        return Err(Outcome::Close(500));
    }
    session.discard_body().map_err(Outcome::Status)
}

/// Type of the URI's extension, or `default_type` (`ngx_http_set_content_type`).
pub(crate) fn media_type(session: &Session) -> Vec<u8> {
    let settings = session.settings();
    let extension = extension(&session.req.uri).to_ascii_lowercase();
    match settings.types.find(&extension) {
        Some(media) if !extension.is_empty() => media.as_bytes().to_vec(),
        Some(_) | None => settings.default_type.as_bytes().to_vec(),
    }
}
