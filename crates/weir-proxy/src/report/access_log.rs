//! Access lines: formatted from compiled templates into the worker's buffers.

use weir_conf::{LogFormat, Part};
use weir_log::escape;

use super::error_log::{self, Message};
use super::variables::{self, Value};
use crate::facts::View;
use crate::plan::Teller;
use weir_io::clock;

/// Writes the request's line to every access log of its location.
pub(crate) fn write(view: View<'_>) {
    let now = clock::monotonic(clock::now());
    for log in view.link.plan.access_logs(view.location()) {
        if log
            .condition
            .as_ref()
            .is_some_and(|condition| !variables::holds(view, condition))
        {
            continue;
        }
        let link = view.link;
        let fault = link.shop.lines.push(
            &link.plan.lines[log.line],
            now,
            |line| write_line(view, &log.format, line),
            |first| introduce(view, first),
        );
        if let Some(fault) = fault {
            error_log::alert(view, Message::text(&fault.to_string()));
        }
    }
}

/// Who tells of a line that cannot be written once the request is over.
fn introduce(view: View<'_>, first: &mut Teller) {
    first.location = view.location().index;
    first.number = view.link.number;
    first.context.clear();
    error_log::write_place(view, &mut first.context);
}

fn write_line(view: View<'_>, format: &LogFormat, line: &mut Vec<u8>) {
    for part in format.template.parts() {
        match part {
            Part::Literal(text) => line.extend_from_slice(text),
            Part::Variable(variable) => {
                let start = line.len();
                match variables::write(view, variable, line) {
                    Value::Found => escape::apply(format.escape, line, start),
                    Value::Missing => line.extend_from_slice(escape::missing(format.escape)),
                }
            }
        }
    }
}
