//! Access lines: formatted from compiled templates into the worker's buffers.

use weir_conf::{Part, Template};
use weir_log::escape::Escape;

use super::variables::{self, Value};
use crate::facts::Session;
use weir_io::clock;

/// Writes the request's line to every access log of its location, exactly once.
pub(crate) fn write(session: &mut Session) {
    if std::mem::replace(&mut session.req.logged, true) {
        return;
    }
    let session = &*session;
    let now = clock::monotonic(clock::now());
    for log in session.conn.plan.access_logs(session.location()) {
        if log
            .condition
            .as_ref()
            .is_some_and(|condition| !variables::holds(session, condition))
        {
            continue;
        }
        session
            .conn
            .worker
            .log_lines(&session.conn.plan, log, now, |line| {
                write_line(session, &log.format.template, log.escape, line);
            });
    }
}

fn write_line(session: &Session, template: &Template, escape: Escape, line: &mut Vec<u8>) {
    for part in template.parts() {
        match part {
            Part::Literal(text) => line.extend_from_slice(text),
            Part::Variable(variable) => {
                let start = line.len();
                match variables::write(session, variable, line) {
                    Value::Found => escape.apply(line, start),
                    Value::Missing => line.extend_from_slice(escape.missing()),
                }
            }
        }
    }
}
