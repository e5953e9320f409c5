//! `types` and `default_type`.

use weir_wire::uri::extension;

use crate::facts::Session;

/// Type of the URI's extension, or `default_type` (`ngx_http_set_content_type`).
pub(crate) fn of(session: &Session) -> Vec<u8> {
    let settings = session.settings();
    let extension = extension(&session.req.uri).to_ascii_lowercase();
    match settings.types.find(&extension) {
        Some(media) if !extension.is_empty() => media.as_bytes().to_vec(),
        Some(_) | None => settings.default_type.as_bytes().to_vec(),
    }
}
