//! An error line as a JSON object: `error_log … json`.

use weir_conf::Escape;

use crate::told::{ContextField, Told};
use crate::{Level, LogTime, escape};

/// Appends one object and a newline: `time`, `level`, `pid`, `tid`, `connection`, `message`, the fields of the
/// context and `ctx`, each as far as the line has it.
///
/// Whatever bytes a value has, the object is valid: those that are no UTF-8 become U+FFFD. It is never cut.
pub(crate) fn write_json_line(
    out: &mut Vec<u8>,
    time: &LogTime,
    level: Level,
    (pid, tid): (u32, u32),
    conn: Option<u64>,
    told: &Told<'_>,
) {
    out.extend_from_slice(b"{\"time\":\"");
    out.extend_from_slice(time.iso8601());
    out.extend_from_slice(b"\",\"level\":\"");
    out.extend_from_slice(level.as_str().as_bytes());
    out.push(b'"');
    number(out, "pid", pid.into());
    number(out, "tid", tid.into());
    if let Some(conn) = conn {
        number(out, "connection", conn);
    }
    text(out, "message", told.message());
    for field in ContextField::ALL {
        if let Some(value) = told.field(field) {
            text(out, field.name(), value);
        }
    }
    if !told.ctx.is_empty() {
        text(out, "ctx", told.ctx);
    }
    out.extend_from_slice(b"}\n");
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    key(out, name);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn text(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    key(out, name);
    out.push(b'"');
    let start = out.len();
    out.extend_from_slice(String::from_utf8_lossy(value).as_bytes());
    escape::apply(Escape::Json, out, start);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorText;

    fn line(conn: Option<u64>, text: &ErrorText) -> String {
        let mut out = Vec::new();
        let time = LogTime::new(0);
        write_json_line(&mut out, &time, Level::Error, (7, 8), conn, &text.into());
        let line = String::from_utf8(out).unwrap();
        let zone = std::str::from_utf8(time.iso8601()).unwrap();
        line.replace(zone, "TIME")
    }

    #[test]
    fn a_line_is_one_object() {
        let mut text = ErrorText::default();
        text.message()
            .extend_from_slice(b"no live upstreams while connecting to upstream");
        assert_eq!(
            line(None, &text),
            "{\"time\":\"TIME\",\"level\":\"error\",\"pid\":7,\"tid\":8,\
             \"message\":\"no live upstreams while connecting to upstream\"}\n"
        );
        text.add(ContextField::Client, |out| out.extend_from_slice(b"::1"));
        text.add(ContextField::Server, |_| {});
        text.add(ContextField::Request, |out| {
            out.extend_from_slice(b"GET /\"\\\x01\xff HTTP/1.1");
        });
        text.ctx().extend_from_slice("\u{e9}\n".as_bytes());
        assert_eq!(
            line(Some(3), &text),
            "{\"time\":\"TIME\",\"level\":\"error\",\"pid\":7,\"tid\":8,\"connection\":3,\
             \"message\":\"no live upstreams while connecting to upstream\",\
             \"client\":\"::1\",\"server\":\"\",\
             \"request\":\"GET /\\\"\\\\\\u0001\u{fffd} HTTP/1.1\",\"ctx\":\"\u{e9}\\n\"}\n"
        );
    }
}
