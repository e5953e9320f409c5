//! `stub_status`: what the workers have counted.

use weir_wire::request::Method;

use crate::facts::{Outcome, Session};

/// Answers with the counters (`ngx_http_stub_status_handler`).
pub(super) async fn answer(session: &mut Session) -> Outcome {
    if !matches!(session.req.state.method, Method::Get | Method::Head) {
        return Outcome::Status(405);
    }
    if let Err(outcome) = session.settle_unwanted_body().await {
        return outcome;
    }
    let counts = session.client.link().shop.counters.all();
    let text = format!(
        "Active connections: {} \nserver accepts handled requests\n {} {} {} \nReading: {} Writing: {} Waiting: {} \n",
        counts.active,
        counts.accepted,
        counts.handled,
        counts.requests,
        counts.reading,
        counts.writing,
        counts.waiting
    );
    let response = &mut session.req.response;
    response.status = 200;
    response.content_type.set(b"text/plain");
    response.content_length = Some(text.len() as u64);
    session.send_answer(text.as_bytes()).await
}
