//! `types` and `default_type`.

use weir_wire::uri::extension;

use crate::facts::Session;

/// Gives the answer the type of the URI's extension, or `default_type`, unless it has one
/// (`ngx_http_set_content_type`).
pub(crate) fn set(session: &mut Session) {
    if !session.req.response.content_type.is_empty() {
        return;
    }
    let mut content_type = std::mem::take(&mut session.req.response.content_type);
    let settings = session.settings();
    let extension = extension(&session.req.uri).to_ascii_lowercase();
    let media = match settings.types.find(&extension) {
        Some(media) if !extension.is_empty() => media,
        Some(_) | None => &settings.default_type,
    };
    content_type.set(media.as_bytes());
    session.req.response.content_type = content_type;
}
