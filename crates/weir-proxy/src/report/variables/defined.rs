//! Values of the variables that the configuration defines.

use weir_conf::{DefinedVariable, Map, VariableSource};

use super::{Value, expand, write};
use crate::facts::{LookUp, View};
use crate::report::error_log::{self, Message};

/// `$1` to `$9`.
pub(super) fn group(view: View<'_>, number: u8, out: &mut Vec<u8>) -> Value {
    Value::of(view.req.values.borrow().group(number), out)
}

/// The value of the variable at `index` of `Http::variables`, made on first use
/// (`ngx_http_get_indexed_variable`).
pub(super) fn value(view: View<'_>, index: u32, out: &mut Vec<u8>) -> Value {
    match view.req.values.borrow().look_up(index) {
        LookUp::Unknown => {}
        LookUp::Missing => return Value::Missing,
        LookUp::Found(value) => return Value::of(Some(value), out),
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
            view.req.values.borrow_mut().assign(index, Some(b""));
            Value::Found
        }
        VariableSource::Map(map) => made_of_others(view, index, variable, out, |out| {
            let value = in_map(view, map, out);
            (value, !map.volatile)
        }),
        VariableSource::SplitClients(split) => made_of_others(view, index, variable, out, |out| {
            let start = out.len();
            expand(view, &split.text, out);
            let value = split.find(&out[start..]);
            out.truncate(start);
            out.extend_from_slice(value);
            (Value::Found, true)
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
    make: impl FnOnce(&mut Vec<u8>) -> (Value, bool),
) -> Value {
    if !view.req.values.borrow_mut().descend() {
        let text = format!("cycle while evaluating variable \"{}\"", variable.name);
        error_log::error(view, Message::text(&text));
        return Value::Missing;
    }
    let start = out.len();
    let (value, keeps) = make(out);
    let mut values = view.req.values.borrow_mut();
    values.ascend();
    if keeps && value == Value::Found {
        values.assign(index, Some(&out[start..]));
    }
    value
}

/// Appends what `map` has for the text that it looks at (`ngx_http_map_variable`).
fn in_map(view: View<'_>, map: &Map, out: &mut Vec<u8>) -> Value {
    let start = out.len();
    expand(view, &map.text, out);
    let found = map.find(&out[start..]);
    match found {
        Ok((value, groups)) => {
            if let Some(groups) = groups {
                view.req.note_match(&groups, &out[start..]);
            }
            out.truncate(start);
            expand(view, value, out);
            Value::Found
        }
        Err(fault) => {
            out.truncate(start);
            error_log::alert(view, Message::bytes(&fault.line()));
            Value::Missing
        }
    }
}
