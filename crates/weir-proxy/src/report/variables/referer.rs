//! `$invalid_referer`.

use weir_wire::KnownField;

use super::Value;
use crate::facts::View;
use crate::report::error_log::{self, Message};

/// `1` if clients may not come from where this one says it does, else empty (`ngx_http_referer_variable`).
pub(super) fn invalid(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let Some(referers) = &view.settings().referers else {
        return Value::Found;
    };
    match referers.allow(view.req.field(KnownField::Referer)) {
        Ok(true) => Value::Found,
        Ok(false) => Value::of(Some(b"1"), out),
        Err(fault) => {
            error_log::alert(view, Message::bytes(&fault.line()));
            Value::Missing
        }
    }
}
