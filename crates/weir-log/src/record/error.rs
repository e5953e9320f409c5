//! Lines of an error log.

use std::fmt;

use serde::{Deserialize, Serialize};
use weir_conf::Escape;

use crate::{Level, escape};

/// One line of an error log, as nginx's `ngx_log_error_core` and `ngx_http_log_error` write it:
///
/// ```text
/// TIME [level] PID#TID: *CONN MESSAGE (ERRNO: TEXT) while ACTION, client: …, server: …, request: "…",
/// subrequest: "…", upstream: "…", host: "…", referrer: "…", ctx: "…"
/// ```
///
/// or as an object, where the log is one of those. The last field is weir's own: `error_log_ctx`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorLine {
    /// The word in brackets.
    pub level: Level,
    /// Number of the client connection; none for lines about the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<u64>,
    /// What happened, without error number, action and context.
    pub message: String,
    /// The system's error: number and text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno: Option<(i32, String)>,
    /// What follows ` while `.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doing: Option<String>,
    /// The client's address, without its port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Name of the chosen server block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The request line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// URI of the subrequest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subrequest: Option<String>,
    /// Scheme, peer and URI: `http://app:1/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// The Host header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The Referer header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// What the configuration adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ctx: Option<String>,
}

/// A line that is an object.
#[derive(Deserialize)]
struct Object {
    level: Level,
    connection: Option<u64>,
    message: String,
    client: Option<String>,
    server: Option<String>,
    request: Option<String>,
    subrequest: Option<String>,
    upstream: Option<String>,
    host: Option<String>,
    referrer: Option<String>,
    ctx: Option<String>,
}

impl From<Object> for ErrorLine {
    fn from(object: Object) -> Self {
        let (message, errno, doing) = take_apart(&object.message);
        Self {
            level: object.level,
            connection: object.connection,
            message,
            errno,
            doing,
            client: object.client,
            server: object.server,
            request: object.request,
            subrequest: object.subrequest,
            upstream: object.upstream,
            host: object.host,
            referrer: object.referrer,
            ctx: object.ctx,
        }
    }
}

impl ErrorLine {
    /// Reads one line without its line feed; None for what has no head of nginx's form, such as
    /// the second half of a message with a line feed in it.
    pub fn parse(line: &str) -> Option<Self> {
        if line.starts_with('{') {
            return serde_json::from_str::<Object>(line).ok().map(Self::from);
        }
        let rest = line.get("YYYY/MM/DD HH:MM:SS ".len()..)?;
        let (level, rest) = rest.strip_prefix('[')?.split_once("] ")?;
        let (ids, rest) = rest.split_once(": ")?;
        if !ids
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'#')
        {
            return None;
        }
        let (connection, rest) = connection(rest);
        let (rest, ctx) = take_ctx(rest);
        let (said, mut context) = match rest.split_once(", client: ") {
            Some((said, context)) => (said, Some(context)),
            None => (rest, None),
        };
        let (message, errno, doing) = take_apart(said);
        let mut last = |name| take_last(&mut context, name);
        // From the end, because only the first two come before anything that a client wrote.
        let referrer = last("referrer");
        let host = last("host");
        let upstream = last("upstream");
        let subrequest = last("subrequest");
        let request = last("request");
        let (client, server) = match context.and_then(|rest| rest.split_once(", server: ")) {
            Some((client, server)) => (Some(client), Some(server.to_owned())),
            None => (context, None),
        };
        Some(Self {
            level: level.parse().ok()?,
            connection,
            message,
            errno,
            doing,
            client: client.map(str::to_owned),
            server,
            request,
            subrequest,
            upstream,
            host,
            referrer,
            ctx,
        })
    }

    /// Every line of a log.
    pub fn parse_all(log: &str) -> Vec<Self> {
        log.lines().filter_map(Self::parse).collect()
    }
}

/// As nginx writes it, without time and process.
impl fmt::Display for ErrorLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] ", self.level.as_str())?;
        if let Some(connection) = self.connection {
            write!(f, "*{connection} ")?;
        }
        f.write_str(&self.message)?;
        if let Some((number, text)) = &self.errno {
            write!(f, " ({number}: {text})")?;
        }
        if let Some(doing) = &self.doing {
            write!(f, " while {doing}")?;
        }
        for (name, value) in [("client", &self.client), ("server", &self.server)] {
            if let Some(value) = value {
                write!(f, ", {name}: {value}")?;
            }
        }
        let quoted = [
            ("request", &self.request),
            ("subrequest", &self.subrequest),
            ("upstream", &self.upstream),
            ("host", &self.host),
            ("referrer", &self.referrer),
        ];
        for (name, value) in quoted {
            if let Some(value) = value {
                write!(f, ", {name}: \"{value}\"")?;
            }
        }
        if let Some(ctx) = &self.ctx {
            let mut value = ctx.clone().into_bytes();
            escape::apply(Escape::Default, &mut value, 0);
            write!(f, ", ctx: \"{}\"", String::from_utf8_lossy(&value))?;
        }
        Ok(())
    }
}

/// Message, error and action.
fn take_apart(said: &str) -> (String, Option<(i32, String)>, Option<String>) {
    let (said, doing) = match said.rsplit_once(" while ") {
        Some((said, doing)) => (said, Some(doing.to_owned())),
        None => (said, None),
    };
    let (message, errno) = errno(said);
    (message.to_owned(), errno, doing)
}

/// Takes `, ctx: "VALUE"` off the end. The value has no quotation mark of its own: what a client wrote in front
/// of it, unescaped, may look like it only where nothing follows.
fn take_ctx(rest: &str) -> (&str, Option<String>) {
    let split = rest.strip_suffix('"').and_then(|text| {
        let (before, value) = text.rsplit_once(", ctx: \"")?;
        (!value.contains('"')).then_some((before, value))
    });
    match split {
        Some((before, value)) => {
            let bytes = escape::undo(value.as_bytes());
            (before, Some(String::from_utf8_lossy(&bytes).into_owned()))
        }
        None => (rest, None),
    }
}

/// Takes `*7 ` off the front.
fn connection(rest: &str) -> (Option<u64>, &str) {
    let numbered = rest
        .strip_prefix('*')
        .and_then(|rest| rest.split_once(' '))
        .and_then(|(number, rest)| Some((number.parse().ok()?, rest)));
    match numbered {
        Some((number, rest)) => (Some(number), rest),
        None => (None, rest),
    }
}

/// Takes ` (111: Connection refused)` off the end.
fn errno(said: &str) -> (&str, Option<(i32, String)>) {
    let split = said.strip_suffix(')').and_then(|said| {
        let (message, error) = said.rsplit_once(" (")?;
        let (number, text) = error.split_once(": ")?;
        Some((message, (number.parse().ok()?, text.to_owned())))
    });
    match split {
        Some((message, errno)) => (message, Some(errno)),
        None => (said, None),
    }
}

/// Takes `, NAME: "VALUE"` off the end of `context`, if that is what it ends in; a line that was cut
/// has no closing quote.
fn take_last(context: &mut Option<&str>, name: &str) -> Option<String> {
    let text = (*context)?;
    let start = text.rfind(&format!(", {name}: \""))?;
    let value = &text[start + name.len() + ", : \"".len()..];
    *context = Some(&text[..start]);
    Some(value.strip_suffix('"').unwrap_or(value).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "2026/11/21 08:41:49 [error] 12#13: ";

    /// A line, and what it is taken apart into, as JSON; written again it is the same.
    fn check(line: &str, expected: serde_json::Value) {
        let parsed = ErrorLine::parse(&format!("{HEAD}{line}")).unwrap();
        let mut whole = expected;
        whole["level"] = "error".into();
        assert_eq!(serde_json::to_value(&parsed).unwrap(), whole);
        assert_eq!(parsed.to_string(), format!("[error] {line}"));
    }

    #[test]
    fn lines_are_taken_apart() {
        check(
            "*7 connect() failed (111: Connection refused) while connecting to upstream, \
             client: 127.0.0.1, server: a.test, request: \"GET / HTTP/1.1\", \
             upstream: \"http://app:1/\", host: \"a.test:80\", referrer: \"\"",
            serde_json::json!({
                "connection": 7,
                "message": "connect() failed",
                "errno": [111, "Connection refused"],
                "doing": "connecting to upstream",
                "client": "127.0.0.1",
                "server": "a.test",
                "request": "GET / HTTP/1.1",
                "upstream": "http://app:1/",
                "host": "a.test:80",
                "referrer": "",
            }),
        );
        check(
            "*1 no live upstreams while connecting to upstream, client: 127.0.0.1, server: , \
             request: \"GET /\", upstream: \"http://app/\"",
            serde_json::json!({
                "connection": 1,
                "message": "no live upstreams",
                "doing": "connecting to upstream",
                "client": "127.0.0.1",
                "server": "",
                "request": "GET /",
                "upstream": "http://app/",
            }),
        );
        check(
            "*2 client 127.0.0.1 closed keepalive connection",
            serde_json::json!({
                "connection": 2,
                "message": "client 127.0.0.1 closed keepalive connection",
            }),
        );
        check(
            "invalid PID (in a file)",
            serde_json::json!({"message": "invalid PID (in a file)"}),
        );
    }

    #[test]
    fn what_the_writer_wrote_is_read_again() {
        for level in Level::ALL {
            let mut out = Vec::new();
            let time = crate::LogTime::new(0);
            crate::write_line(
                &mut out,
                &time,
                level,
                12,
                13,
                Some(7),
                b"no live upstreams",
            );
            let line = String::from_utf8(out).unwrap();
            let read = ErrorLine::parse(line.trim_end()).unwrap();
            assert_eq!((read.level, read.connection), (level, Some(7)));
            assert_eq!(read.message, "no live upstreams");
        }
    }

    #[test]
    fn what_a_client_wrote_is_no_context() {
        let line = "*1 x, client: ::1, server: s, request: \"GET /, upstream: \"y\" HTTP/1.0\", \
                    upstream: \"http://app:1/\"";
        let parsed = ErrorLine::parse(&format!("{HEAD}{line}")).unwrap();
        assert_eq!(parsed.upstream.as_deref(), Some("http://app:1/"));
        assert_eq!(
            parsed.request.as_deref(),
            Some("GET /, upstream: \"y\" HTTP/1.0")
        );
    }

    #[test]
    fn a_cut_line_keeps_what_there_is() {
        let cut = format!("{HEAD}*1 x, client: ::1, server: s, request: \"GET /aaa");
        let parsed = ErrorLine::parse(&cut).unwrap();
        assert_eq!(parsed.request.as_deref(), Some("GET /aaa"));
    }

    #[test]
    fn what_has_no_head_is_no_line() {
        for line in [
            "",
            "x",
            "2026/11/21 08:41:49 [loud] 1#1: x",
            "a\u{e9}".repeat(20).as_str(),
        ] {
            assert_eq!(ErrorLine::parse(line), None);
        }
    }
}
