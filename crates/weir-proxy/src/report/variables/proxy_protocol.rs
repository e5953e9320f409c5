//! What a balancer in front says of its client.

use super::Value;
use super::request::number;
use crate::facts::View;
use crate::report::error_log::{self, Message};

pub(super) fn addr(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let header = view.link.balanced();
    Value::of(header.map(|header| &*header.source), out)
}

pub(super) fn server_addr(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let header = view.link.balanced();
    Value::of(header.map(|header| &*header.destination), out)
}

pub(super) fn port(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let header = view.link.balanced();
    write_port(header.map(|header| header.source_port), out)
}

pub(super) fn server_port(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let header = view.link.balanced();
    write_port(header.map(|header| header.destination_port), out)
}

/// A port of 0 is empty (`ngx_http_variable_proxy_protocol_port`).
fn write_port(port: Option<u16>, out: &mut Vec<u8>) -> Value {
    match port {
        None => Value::Missing,
        Some(0) => Value::Found,
        Some(port) => number(u64::from(port), out),
    }
}

/// The TLV called `name`; the log is told of names that are none and of TLVs that are broken.
pub(super) fn tlv(view: View<'_>, name: &str, out: &mut Vec<u8>) -> Value {
    let Some(header) = view.link.balanced() else {
        return Value::Missing;
    };
    match header.tlv(name) {
        Ok(value) => Value::of(value.as_deref(), out),
        Err(fault) => {
            error_log::error(view, Message::text(&fault.to_string()));
            Value::Missing
        }
    }
}
