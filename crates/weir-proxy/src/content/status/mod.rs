//! `weir_status`: what there is to know of upstreams, failures and connections.

mod page;
mod prometheus;
mod snapshot;

use weir_conf::StatusForm;
use weir_wire::request::Method;

use self::snapshot::Snapshot;
use crate::facts::{Outcome, Session};
use crate::report::error_log::{self, Message};

/// Answers with the state of things in this form.
pub(super) async fn answer(session: &mut Session, form: StatusForm) -> Outcome {
    if !matches!(session.req.state.method, Method::Get | Method::Head) {
        return Outcome::Status(405);
    }
    if !may_see(session) {
        error_log::error(session.view(), Message::text("access forbidden by rule"));
        return Outcome::Status(403);
    }
    if let Err(outcome) = session.settle_unwanted_body().await {
        return outcome;
    }
    let snapshot = Snapshot::of(session);
    let (content_type, text) = match form {
        StatusForm::Html => ("text/html; charset=utf-8", page::text(&snapshot)),
        StatusForm::Json => (
            "application/json",
            serde_json::to_string(&snapshot).unwrap_or_default(),
        ),
        StatusForm::Prometheus => (prometheus::CONTENT_TYPE, prometheus::text(snapshot)),
    };
    let response = &mut session.req.response;
    response.status = 200;
    response.content_type.set(content_type.as_bytes());
    response.content_length = Some(text.len() as u64);
    response.fields.add(b"Cache-Control", b"no-store");
    session.send_answer(text.as_bytes()).await
}

/// Without `allow` and `deny`, only clients of this machine may.
fn may_see(session: &Session) -> bool {
    let ruled = !session.settings().access.is_empty();
    ruled || session.client.link().address.is_this_machine()
}
