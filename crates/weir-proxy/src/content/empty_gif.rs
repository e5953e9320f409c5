//! `empty_gif`: a picture of one transparent pixel.

use weir_wire::request::Method;

use crate::facts::{Outcome, Session};

/// The bytes that nginx answers with, which caches know.
const PICTURE: &[u8] = b"GIF89a\x01\0\x01\0\x80\x01\0\0\0\0\xff\xff\xff\
    \x21\xf9\x04\x01\0\0\x01\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x4c\x01\0\x3b";

/// What nginx says of when it was changed: 1970-09-28 06:00:00.
const CHANGED: i64 = 23_349_600;

/// Answers with the picture (`ngx_http_empty_gif_handler`).
pub(super) async fn answer(session: &mut Session) -> Outcome {
    if !matches!(session.req.state.method, Method::Get | Method::Head) {
        return Outcome::Status(405);
    }
    session.req.response.modified = Some(CHANGED);
    if let Err(outcome) = session.settle_unwanted_body().await {
        return outcome;
    }
    let response = &mut session.req.response;
    response.status = 200;
    response.content_type.set(b"image/gif");
    response.content_length = Some(PICTURE.len() as u64);
    session.send_answer(PICTURE).await
}
