//! `gunzip`.

use weir_filter::{Filter, Gunzip};
use weir_wire::KnownField;

use super::gzip;
use crate::facts::Session;

/// Has a compressed answer decompressed for a client that does not take it so
/// (`ngx_http_gunzip_header_filter`).
pub(super) fn filter(session: &mut Session) {
    let fields = &session.req.response.fields;
    let encoding = fields.value(KnownField::ContentEncoding);
    if !encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case(b"gzip")) {
        return;
    }
    session.req.state.varies_by_encoding = true;
    if gzip::is_taken(session) {
        return;
    }
    let response = &mut session.req.response;
    response.fields.remove(KnownField::ContentEncoding);
    response.replace_body();
    response.weaken_etag();
    response.filter_through(Filter::Gunzip(Gunzip::new()));
}
