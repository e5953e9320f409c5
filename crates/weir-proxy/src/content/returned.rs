//! `return`.

use crate::answer::media_type;
use weir_conf::{Return, Template};

use crate::facts::Outcome;
use crate::facts::Session;
use crate::report::variables;

/// Answers as `return` says (`ngx_http_script_return_code`, `ngx_http_send_response`).
pub(crate) async fn answer(session: &mut Session, rule: &Return) -> Outcome {
    let empty =
        |text: &Template| text.is_literal() && variables::text(session.view(), text).is_empty();
    if rule.status >= 400 && rule.text.as_ref().is_none_or(empty) {
        return Outcome::Status(rule.status);
    }
    if let Err(outcome) = session.settle_unwanted_body().await {
        return outcome;
    }
    session.req.response.status = rule.status;
    let text = rule
        .text
        .as_ref()
        .map(|text| variables::text(session.view(), text))
        .unwrap_or_default();
    if matches!(rule.status, 301 | 302 | 303 | 307 | 308) {
        session.req.response.redirect_to(&text);
        return Outcome::Status(rule.status);
    }
    session.req.response.content_length = Some(text.len() as u64);
    media_type::set(session);
    session.send_answer(&text).await
}
