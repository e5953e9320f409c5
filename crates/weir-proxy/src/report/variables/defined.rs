//! Values of the variables that the configuration defines.

use weir_conf::{DefinedVariable, Geo, Map, VariableSource, parse_ip};

use std::net::IpAddr;

use smallvec::SmallVec;
use weir_wire::KnownField;
use weir_wire::uri::{Escape, escape};

use super::{Value, expand, write};
use crate::facts::{ClientAddress, View};
use crate::report::error_log::{self, Message};
use crate::report::forwarded;

/// `$1` to `$9`.
pub(super) fn group(view: View<'_>, number: u8, out: &mut Vec<u8>) -> Value {
    Value::of(view.req.values.borrow().group(number), out)
}

/// The same, as it may stand among arguments.
pub(super) fn escaped_group(view: View<'_>, number: u8, out: &mut Vec<u8>) {
    if let Some(group) = view.req.values.borrow().group(number) {
        escape(group, Escape::Args, out);
    }
}

/// The value of the variable at `index` of `Http::variables`, made on first use
/// (`ngx_http_get_indexed_variable`).
pub(super) fn value(view: View<'_>, index: u32, out: &mut Vec<u8>) -> Value {
    if let Some(value) = view.req.values.borrow().value(index) {
        return Value::of(Some(value), out);
    }
    let Some(variable) = view.link.plan.http().variables.get(index as usize) else {
        return Value::Missing;
    };
    make(view, index, variable, out)
}

fn make(view: View<'_>, index: u32, variable: &DefinedVariable, out: &mut Vec<u8>) -> Value {
    match &variable.source {
        VariableSource::Group => Value::Missing,
        VariableSource::Set => {
            if view.settings().uninitialized_variable_warn {
                let text = format!("using uninitialized \"{}\" variable", variable.name);
                error_log::warn(view, Message::text(&text));
            }
            view.req.values.borrow_mut().assign(index, b"");
            Value::Found
        }
        VariableSource::Geo(geo) => made_of_others(view, index, variable, out, |out| {
            let address = address_for(view, geo, out);
            out.extend_from_slice(geo.find(address));
            !geo.volatile
        }),
        VariableSource::Map(map) => made_of_others(view, index, variable, out, |out| {
            in_map(view, map, out);
            !map.volatile
        }),
        VariableSource::SplitClients(split) => made_of_others(view, index, variable, out, |out| {
            let start = out.len();
            expand(view, &split.text, out);
            let value = split.find(&out[start..]);
            out.truncate(start);
            out.extend_from_slice(value);
            true
        }),
        VariableSource::Builtin(builtin) => write(view, builtin, out),
    }
}

/// Appends a value that `make` makes of other values, and keeps it if `make` says so. One that is made of
/// itself has no value (`ngx_http_get_indexed_variable`).
fn made_of_others(
    view: View<'_>,
    index: u32,
    variable: &DefinedVariable,
    out: &mut Vec<u8>,
    make: impl FnOnce(&mut Vec<u8>) -> bool,
) -> Value {
    if !view.req.values.borrow_mut().descend() {
        let text = format!("cycle while evaluating variable \"{}\"", variable.name);
        error_log::error(view, Message::text(&text));
        return Value::Missing;
    }
    let start = out.len();
    let keeps = make(out);
    let mut values = view.req.values.borrow_mut();
    values.ascend();
    if keeps {
        values.assign(index, &out[start..]);
    }
    Value::Found
}

/// The address that `geo` is asked for; `None` for clients of unix-domain sockets, and where a variable has
/// none (`ngx_http_geo_addr`).
fn address_for(view: View<'_>, geo: &Geo, room: &mut Vec<u8>) -> Option<IpAddr> {
    let address = match &geo.address {
        None => match &view.link.address {
            ClientAddress::Inet(address) => Some(address.ip()),
            ClientAddress::Unix | ClientAddress::None => None,
        },
        Some(variable) => {
            let start = room.len();
            write(view, variable, room);
            let address = parse_ip(&room[start..]);
            room.truncate(start);
            Some(address?)
        }
    };
    if geo.proxies.is_empty() {
        return address;
    }
    let req = view.req;
    let lines = req
        .head
        .fields
        .values(KnownField::XForwardedFor, &req.bytes);
    let lines: SmallVec<[&[u8]; 4]> = lines.collect();
    let trusts = |address: Option<IpAddr>| geo.trusts(address);
    let rules = forwarded::Rules {
        recursive: geo.proxy_recursive,
        brackets_without_port: view.link.plan.differences().brackets_without_port,
    };
    let found = forwarded::address(address, &lines, rules, trusts);
    found.map_or(address, |found| Some(found.ip()))
}

/// Appends what `map` has for the text that it looks at; a regular expression that gives up leaves the
/// default (`ngx_http_map_variable`, `ngx_http_map_find`).
fn in_map(view: View<'_>, map: &Map, out: &mut Vec<u8>) {
    let start = out.len();
    expand(view, &map.text, out);
    let value = match map.find(&out[start..]) {
        Ok((value, groups)) => {
            if let Some(groups) = groups {
                view.req.note_match(&groups, &out[start..]);
            }
            value
        }
        Err(fault) => {
            error_log::alert(view, Message::bytes(&fault.line()));
            &map.default
        }
    };
    out.truncate(start);
    expand(view, value, out);
}
