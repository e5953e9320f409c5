//! Access lines: formatted from compiled templates into the worker's buffers.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use weir_conf::{LogFormat, Part, Template};
use weir_log::{NamedLog, NotOpened, Syslog, WriteFault, escape};

use super::error_log::{self, Message};
use super::looked_up;
use super::variables::{self, Value, paths};
use crate::facts::View;
use crate::plan::{AccessTo, Teller};
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
        let fault = match &log.to {
            AccessTo::Lines(lines) => view.link.shop.lines.push(
                &view.link.plan.lines[*lines],
                now,
                |line| write_line(view, &log.format, line),
                |first| introduce(view, first),
            ),
            AccessTo::Named(path, files) => {
                let files = &view.link.plan.named_files[*files];
                write_named(view, path, files, &log.format)
            }
            AccessTo::Syslog(server) => {
                send(view, server, &log.format);
                None
            }
        };
        if let Some(fault) = fault {
            error_log::alert(view, Message::text(&fault.to_string()));
        }
    }
}

/// Sends the line to a syslog server (`ngx_http_log_handler`).
fn send(view: View<'_>, server: &Syslog, format: &LogFormat) {
    let mut line = Vec::with_capacity(256);
    clock::with_log_time(|time| server.write_head(time, &mut line));
    write_line(view, format, &mut line);
    match server.send(&line) {
        Ok(count) if count == line.len() => {}
        Ok(count) => {
            let wanted = line.len();
            let text = format!("send() to syslog has written only {count} of {wanted}");
            error_log::warn(view, Message::text(&text));
        }
        Err(_) => error_log::warn(view, Message::text("send() to syslog failed")),
    }
}

/// Writes the line to the file that `path` names now, if the folder of the request's files is there
/// (`ngx_http_log_script_write`).
fn write_named(
    view: View<'_>,
    path: &Template,
    files: &RefCell<NamedLog>,
    format: &LogFormat,
) -> Option<WriteFault> {
    let mut files = files.borrow_mut();
    let second = clock::monotonic(clock::now()).as_secs();
    if files.is_full(second) || !has_root(view) {
        return None;
    }
    let mut line = Vec::with_capacity(256);
    write_line(view, format, &mut line);
    line.push(b'\n');
    let mut name = variables::text(view, path);
    if let Some(end) = memchr::memchr(0, &name) {
        name.truncate(end);
    }
    let open = |path: &Path| {
        let opened = looked_up::append(view, path.as_os_str().as_bytes());
        opened.map_err(|failed| NotOpened {
            call: failed.call,
            error: failed.error,
        })
    };
    let written = files.write(Path::new(OsStr::from_bytes(&name)), &line, second, open);
    if let Err(failed) = written {
        let text = [failed.call.as_bytes(), b" \"", &name, b"\" failed"].concat();
        error_log::log_call(view, true, &text, &failed.error);
    }
    files.take_fault()
}

/// Whether the folder that the location's files lie in is there; of another the log is told.
fn has_root(view: View<'_>) -> bool {
    if view.req.state.root_tested {
        return true;
    }
    if paths::check(view).is_err() {
        return false;
    }
    let root = paths::document_root(view);
    let error = match looked_up::metadata(view, &root) {
        Ok(found) if found.is_dir() => return true,
        Ok(_) => io::Error::from_raw_os_error(libc::ENOTDIR),
        Err(failed) => failed.error,
    };
    let text = [b"testing \"".as_slice(), &root, b"\" existence failed"].concat();
    error_log::log_call(view, false, &text, &error);
    false
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
