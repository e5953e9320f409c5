//! Error lines of a request, with nginx's grammar: message, errno, action, context
//! (`ngx_http_log_error_handler`).

use std::io;

use weir_log::{ContextField, ErrorNumber, ErrorText, LINE_LIMIT, Level};
use weir_wire::KnownField;

use super::peer_text::{errno_of, write_client};
use super::variables;
use crate::facts::{Link, View};

/// A line's own part: text and, if a system call failed, its error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    text: &'a [u8],
    errno: i32,
}

impl<'a> Message<'a> {
    /// Text alone.
    pub(crate) fn text(text: &'a str) -> Self {
        Self {
            text: text.as_bytes(),
            errno: 0,
        }
    }

    /// Text that may hold any bytes.
    pub(crate) fn bytes(text: &'a [u8]) -> Self {
        Self { text, errno: 0 }
    }

    /// How grave it is, if it tells of the client's connection.
    pub(crate) fn level_of_connection(self) -> Level {
        match ErrorNumber(self.errno).is_remote() {
            true => Level::Info,
            false => Level::Alert,
        }
    }

    /// Text and an error number.
    pub(crate) fn errno(text: &'a str, errno: i32) -> Self {
        Self {
            text: text.as_bytes(),
            errno,
        }
    }

    /// Text that may hold any bytes, and the error of the call that it names.
    pub(crate) fn call_bytes(text: &'a [u8], error: &io::Error) -> Self {
        Self {
            text,
            errno: errno_of(error),
        }
    }

    /// Text and the error of the call that it names.
    pub(crate) fn call(text: &'a str, error: &io::Error) -> Self {
        Self::errno(text, errno_of(error))
    }
}

pub(crate) fn crit(view: View<'_>, message: Message<'_>) {
    log(view, Level::Crit, message);
}

pub(crate) fn alert(view: View<'_>, message: Message<'_>) {
    log(view, Level::Alert, message);
}

pub(crate) fn error(view: View<'_>, message: Message<'_>) {
    log(view, Level::Error, message);
}

pub(crate) fn warn(view: View<'_>, message: Message<'_>) {
    log(view, Level::Warn, message);
}

pub(crate) fn notice(view: View<'_>, message: Message<'_>) {
    log(view, Level::Notice, message);
}

pub(crate) fn info(view: View<'_>, message: Message<'_>) {
    log(view, Level::Info, message);
}

/// A file operation that failed: `crit` if it is this machine's fault, else `error`.
pub(crate) fn log_call(view: View<'_>, crit: bool, text: &[u8], error: &io::Error) {
    let level = if crit { Level::Crit } else { Level::Error };
    log(
        view,
        level,
        Message {
            text,
            errno: errno_of(error),
        },
    );
}

/// An error on the client's connection: `info` if the peer or the network did it, else `alert`
/// (`ngx_connection_error`).
pub(crate) fn connection_error(view: View<'_>, message: Message<'_>) {
    log(view, message.level_of_connection(), message);
}

/// Reading from the client failed (`ngx_unix_recv`, `ngx_ssl_recv`).
pub(crate) fn receive_failed(view: View<'_>, error: &io::Error) {
    match tls_failure(error) {
        Some(text) => connection_error(view, Message::text(&text)),
        None => connection_error(view, Message::call("recv() failed", error)),
    }
}

/// What is said of a read that failed because of TLS itself.
pub(crate) fn tls_failure(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref()?;
    let words = weir_tls::reason(error, None).words;
    Some(format!("SSL_read() failed (SSL: {words})"))
}

/// Whether lines at `level` are written for the request's location.
pub(crate) fn is_enabled(view: View<'_>, level: Level) -> bool {
    view.link.plan.error_sinks(view.location()).enabled(level)
}

/// Writes a line at `level` to the error logs of the request's location.
pub(crate) fn log(view: View<'_>, level: Level, message: Message<'_>) {
    let sinks = view.link.plan.error_sinks(view.location());
    if !sinks.enabled(level) {
        return;
    }
    let mut line = ErrorText::default();
    line.message().reserve(256);
    write_message(
        line.message(),
        shortened(message, level, view.link.number, &mut Vec::new()),
    );
    write_place(view, &mut line);
    write_ctx(view, line.ctx());
    // A check belongs to no connection of a client's.
    let number = view.req.state.check.is_none().then_some(view.link.number);
    weir_log::emit(sinks, level, number, &line);
}

/// What a line says behind its message: what was done, and for whom.
pub(crate) fn write_place(view: View<'_>, line: &mut ErrorText) {
    write_action(view.link, line.message());
    match &view.req.state.check {
        Some(told) => line.message().extend_from_slice(told),
        None => write_context(view, line),
    }
}

fn write_action(link: &Link, line: &mut Vec<u8>) {
    if let Some(words) = link.action.words() {
        line.extend_from_slice(b" while ");
        line.extend_from_slice(words.as_bytes());
    }
}

/// What `error_log_ctx` adds. To find that may be worth error lines itself, to which nothing is added; and the
/// groups of regular expressions that it asks are nobody else's.
fn write_ctx(view: View<'_>, ctx: &mut Vec<u8>) {
    let Some(Some(text)) = &view.settings().error_log_ctx else {
        return;
    };
    let evaluating = &view.req.state.evaluates_ctx;
    if !evaluating.replace(true) {
        let groups = view.req.values.borrow().groups();
        variables::expand(view, text, ctx);
        view.req.values.borrow_mut().restore_groups(groups);
        evaluating.set(false);
    }
}

/// A line about a connection that holds no request.
pub(crate) fn log_idle(link: &Link, level: Level, message: Message<'_>) {
    let sinks = link.plan.error_sinks(&link.default_server().default);
    if !sinks.enabled(level) {
        return;
    }
    let mut line = ErrorText::default();
    write_message(line.message(), message);
    write_action(link, line.message());
    line.add(ContextField::Client, |out| write_client(&link.address, out));
    let name = link.plan.listen_name(link.listen);
    line.add(ContextField::Server, |out| {
        out.extend_from_slice(name.as_bytes())
    });
    weir_log::emit(sinks, level, Some(link.number), &line);
}

/// `client ADDRESS closed keepalive connection`: this line has no context.
pub(crate) fn log_closed_keepalive(link: &Link, error: Option<&io::Error>) {
    let sinks = link.plan.error_sinks(&link.default_server().default);
    if !sinks.enabled(Level::Info) {
        return;
    }
    let mut line = b"client ".to_vec();
    write_client(&link.address, &mut line);
    line.extend_from_slice(b" closed keepalive connection");
    write_errno(&mut line, error.map_or(0, errno_of));
    weir_log::emit(sinks, Level::Info, Some(link.number), &line);
}

/// Bytes that nginx keeps free at the end of a line for an error's words.
const ROOM_FOR_ERRNO: usize = 50;

/// A message that is so long that its error would not be shown is cut (`ngx_log_errno`).
fn shortened<'a>(
    message: Message<'a>,
    level: Level,
    number: u64,
    room: &'a mut Vec<u8>,
) -> Message<'a> {
    const LONGEST_START: usize = 128;
    if message.errno == 0 || message.text.len() < LINE_LIMIT - ROOM_FOR_ERRNO - LONGEST_START {
        return message;
    }
    let most = weir_log::message_room(level, Some(number)) - ROOM_FOR_ERRNO;
    if message.text.len() <= most {
        return message;
    }
    room.extend_from_slice(&message.text[..most]);
    room.extend_from_slice(b"...");
    Message {
        text: room,
        errno: message.errno,
    }
}

/// Puts a message behind `line`, with its error number.
pub(crate) fn write_message(line: &mut Vec<u8>, message: Message<'_>) {
    line.extend_from_slice(message.text);
    write_errno(line, message.errno);
}

fn write_errno(line: &mut Vec<u8>, errno: i32) {
    if errno != 0 {
        line.extend_from_slice(b" (");
        line.extend_from_slice(itoa::Buffer::new().format(errno).as_bytes());
        line.extend_from_slice(b": ");
        line.extend_from_slice(ErrorNumber(errno).words().as_bytes());
        line.push(b')');
    }
}

fn write_context(view: View<'_>, line: &mut ErrorText) {
    let req = view.req;
    line.add(ContextField::Client, |out| {
        write_client(&view.link.address, out)
    });
    let mut add = |field, value: &[u8]| line.add(field, |out| out.extend_from_slice(value));
    add(ContextField::Server, view.server().name.as_bytes());
    let request_line = req.text(req.head.request_line);
    if !request_line.is_empty() {
        add(ContextField::Request, request_line);
    }
    if req.state.is_sub {
        add(ContextField::Subrequest, &req.uri);
    }
    if req.upstream.has_url() {
        line.add(ContextField::Upstream, |out| req.upstream.write_url(out));
    }
    for (field, known) in [
        (ContextField::Host, KnownField::Host),
        (ContextField::Referrer, KnownField::Referer),
    ] {
        if let Some(value) = req.field(known) {
            line.add(field, |out| out.extend_from_slice(value));
        }
    }
}
