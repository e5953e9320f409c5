//! Values of the variables that the configuration defines.

use weir_conf::{DefinedVariable, VariableSource};

use super::{Value, write};
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
        VariableSource::Builtin(builtin) => write(view, builtin, out),
    }
}
