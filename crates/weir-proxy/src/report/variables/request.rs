//! Values of the core, log and proxy modules' variables.

use std::ffi::OsStr;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use weir_conf::Variable;
use weir_wire::address::write_ip;
use weir_wire::range::first_offset;
use weir_wire::token::PairDivider;
use weir_wire::{KnownField, Span, Version, date, token};

use super::Value;
use super::paths;
use crate::facts::{ClientAddress, Ending, Slices, View, status_digits};
use crate::report::credentials::Credentials;
use crate::report::error_log;
use crate::report::peer_text::write_client;
use weir_io::clock::{self, Moment};
use weir_io::stream::Stream;

pub(super) fn nonempty(value: &[u8]) -> Option<&[u8]> {
    (!value.is_empty()).then_some(value)
}

pub(super) fn number(value: u64, out: &mut Vec<u8>) -> Value {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    Value::Found
}

/// Seconds with three decimals.
pub(super) fn write_seconds(time: Duration, out: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(digits.format(time.as_secs()).as_bytes());
    let millis = time.subsec_millis();
    out.extend_from_slice(&[
        b'.',
        b'0' + (millis / 100) as u8,
        b'0' + (millis / 10 % 10) as u8,
        b'0' + (millis % 10) as u8,
    ]);
}

/// nginx subtracts two readings of a millisecond clock; so do we, lest a rounding differ.
pub(super) fn since(start: Moment, out: &mut Vec<u8>) -> Value {
    write_seconds(clock::now().saturating_duration_since(start), out);
    Value::Found
}

pub(super) fn msec(out: &mut Vec<u8>) -> Value {
    write_seconds(clock::wall(clock::now()), out);
    Value::Found
}

pub(super) fn time_local(out: &mut Vec<u8>) -> Value {
    clock::with_log_time(|time| out.extend_from_slice(time.local()));
    Value::Found
}

pub(super) fn time_iso8601(out: &mut Vec<u8>) -> Value {
    clock::with_log_time(|time| out.extend_from_slice(time.iso8601()));
    Value::Found
}

pub(super) fn binary_remote_addr(view: View<'_>, out: &mut Vec<u8>) -> Value {
    match &view.link.address {
        ClientAddress::Inet(address) => match address.ip() {
            IpAddr::V4(ip) => out.extend_from_slice(&ip.octets()),
            IpAddr::V6(ip) => out.extend_from_slice(&ip.octets()),
        },
        ClientAddress::Unix | ClientAddress::None => {}
    }
    Value::Found
}

pub(super) fn remote_addr(view: View<'_>, out: &mut Vec<u8>) -> Value {
    write_client(&view.link.address, out);
    Value::Found
}

pub(super) fn remote_port(view: View<'_>, out: &mut Vec<u8>) -> Value {
    port_of(&view.link.address, out)
}

/// The address before a balancer's word was taken for it (`ngx_http_realip_remote_addr_variable`).
pub(super) fn realip_remote_addr(view: View<'_>, out: &mut Vec<u8>) -> Value {
    write_client(sender(view), out);
    Value::Found
}

pub(super) fn realip_remote_port(view: View<'_>, out: &mut Vec<u8>) -> Value {
    port_of(sender(view), out)
}

/// Where the connection came from.
fn sender(view: View<'_>) -> &ClientAddress {
    let balancer = view.req.state.balancer.as_ref();
    balancer.unwrap_or(&view.link.address)
}

/// A port that nobody has told is empty.
fn port_of(address: &ClientAddress, out: &mut Vec<u8>) -> Value {
    match address {
        ClientAddress::Inet(address) if address.port() > 0 => {
            number(u64::from(address.port()), out)
        }
        ClientAddress::Inet(_) | ClientAddress::Unix | ClientAddress::None => Value::Found,
    }
}

/// The user of `Authorization: Basic`, whoever checks it.
pub(super) fn remote_user(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let Some(value) = view.req.field(KnownField::Authorization) else {
        return Value::Missing;
    };
    let credentials = Credentials::read(value);
    Value::of(credentials.as_ref().map(Credentials::user), out)
}

pub(super) fn server_addr(view: View<'_>, out: &mut Vec<u8>) -> Value {
    match view.local_address() {
        Some(address) => {
            write_ip(address.ip(), out);
            Value::Found
        }
        None => Value::of(
            Some(view.link.plan.listen_name(view.link.listen).as_bytes()),
            out,
        ),
    }
}

pub(super) fn server_port(view: View<'_>, out: &mut Vec<u8>) -> Value {
    match view.local_address() {
        Some(address) => number(u64::from(address.port()), out),
        None => Value::Found,
    }
}

pub(super) fn known(view: View<'_>, field: KnownField, out: &mut Vec<u8>) -> Value {
    Value::of(view.req.field(field), out)
}

/// A field that may repeat, its values joined.
pub(super) fn joined(
    view: View<'_>,
    field: KnownField,
    separator: &[u8],
    out: &mut Vec<u8>,
) -> Value {
    let req = &view.req;
    join(req.head.fields.values(field, &req.bytes), separator, out)
}

/// A field whose lines are joined since 1.23, as any other's.
pub(super) fn repeated(view: View<'_>, field: KnownField, out: &mut Vec<u8>) -> Value {
    let req = &view.req;
    join_some(view, req.head.fields.values(field, &req.bytes), out)
}

/// Any field by name.
pub(super) fn field(view: View<'_>, name: &[u8], out: &mut Vec<u8>) -> Value {
    let req = &view.req;
    join_some(view, req.head.fields.spelled(name, &req.bytes), out)
}

/// The values joined, or only the first of them, as the version has it
/// (`ngx_http_variable_unknown_header`).
pub(super) fn join_some<'a>(
    view: View<'_>,
    mut values: impl Iterator<Item = &'a [u8]>,
    out: &mut Vec<u8>,
) -> Value {
    if view.link.plan.differences().repeated_fields_joined {
        return join(values, b", ", out);
    }
    Value::of(values.next(), out)
}

/// Writes the values one behind the other; without any there is no value.
pub(super) fn join<'a>(
    values: impl Iterator<Item = &'a [u8]>,
    separator: &[u8],
    out: &mut Vec<u8>,
) -> Value {
    let mut value = Value::Missing;
    for line in values {
        if value == Value::Found {
            out.extend_from_slice(separator);
        }
        out.extend_from_slice(line);
        value = Value::Found;
    }
    value
}

pub(super) fn content_length(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let body = &view.req.body;
    match view.req.field(KnownField::ContentLength) {
        Some(value) => Value::of(Some(value), out),
        None if body.withheld => Value::Missing,
        // Known once the body has been read (`ngx_http_variable_content_length`).
        None if !view.req.head.chunked => Value::Missing,
        None if body.discarded && body.complete => number(0, out),
        None if body.discarded || !body.begun || (body.streaming && !body.complete) => {
            Value::Missing
        }
        // What has been read of it, also if the rest is refused or does not come.
        None => number(body.taken, out),
    }
}

pub(super) fn body_bytes_sent(view: View<'_>, out: &mut Vec<u8>) -> Value {
    number(
        view.req
            .state
            .sent
            .saturating_sub(view.req.response.head_length),
        out,
    )
}

/// `$host`: of the request line, else of `Host`, else the server's name.
pub(super) fn host(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let host = &view.req.host;
    let host = if host.is_empty() {
        view.server().name.as_bytes()
    } else {
        host
    };
    Value::of(Some(host), out)
}

/// The port behind the host that was asked for, empty if none.
pub(super) fn port(view: View<'_>, out: &mut Vec<u8>) -> Value {
    match view.req.head.port {
        0 => Value::Found,
        port => number(u64::from(port), out),
    }
}

/// `:` where there is such a port.
pub(super) fn is_port(view: View<'_>) -> &'static [u8] {
    match view.req.head.port {
        0 => b"",
        _ => b":",
    }
}

pub(super) fn request_line(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let head = &view.req.head;
    // HTTP/2 has none until the fields that make it are there.
    if head.request_line.is_empty() && head.version == Version::HTTP_20 {
        return Value::Missing;
    }
    Value::of(Some(view.req.text(head.request_line)), out)
}

pub(super) fn request_uri(view: View<'_>, out: &mut Vec<u8>) -> Value {
    // A target that was refused is no URI.
    let known = !view.req.uri.is_empty();
    Value::of(known.then(|| view.req.text(view.req.head.raw_uri)), out)
}

pub(super) fn uri(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let head = &view.req.head;
    if head.raw_uri.is_empty() && head.version == Version::HTTP_20 {
        return Value::Missing;
    }
    let known = view.req.line_is_complete();
    Value::of(known.then_some(view.req.uri.as_slice()), out)
}

pub(super) fn method(view: View<'_>, out: &mut Vec<u8>) -> Value {
    if !view.req.line_is_complete() {
        return Value::Missing;
    }
    Value::of(nonempty(view.req.main_method_text()), out)
}

pub(super) fn server_protocol(view: View<'_>, out: &mut Vec<u8>) -> Value {
    // HTTP/0.9 names no protocol; of a line that is refused behind its first byte it is empty.
    let protocol = view.req.head.protocol;
    let begun = protocol != Span::default();
    Value::of(begun.then(|| view.req.text(protocol)), out)
}

/// Whoever asks first has the answer put together from slices (`ngx_http_slice_range_variable`).
pub(super) fn slice_range(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let state = &view.req.state;
    let size = view.settings().slice as u64;
    if state.slices.get().is_none() && (state.is_sub || view.req.response.status != 0 || size == 0)
    {
        return Value::Missing;
    }
    let slices = state.slices.get_or_init(|| {
        let range = view.req.field(KnownField::Range);
        let range = range.filter(|_| view.req.field(KnownField::IfRange).is_none());
        Box::new(Slices::from(range.map_or(0, first_offset), size))
    });
    Value::of(Some(slices.range().as_bytes()), out)
}

pub(super) fn status(view: View<'_>, out: &mut Vec<u8>) -> Value {
    Value::of(Some(&status_digits(view.req.shown_status())), out)
}

pub(super) fn completion(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let state = &view.req.state;
    if state.is_sub {
        state.never_complete.set(true);
    }
    let whole = matches!(state.ending, Ending::Complete | Ending::Cut);
    // What goes on behind the answer may close the connection, and changes nothing of how that went.
    let in_peace = !state.closes_at_once || state.post_action;
    let complete = whole && in_peace && !state.never_complete.get();
    Value::of(Some(if complete { b"OK" } else { b"" }), out)
}

pub(super) fn body(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let body = &view.req.body;
    let announced = view.req.head.content_length.is_some() || view.req.head.chunked;
    let read = announced && body.begun && body.complete && !body.discarded && !body.withheld;
    if body.file.is_some() || !read || (body.streaming && body.memory.is_empty()) {
        return Value::Missing;
    }
    Value::of(Some(&body.memory), out)
}

pub(super) fn body_file(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let path = view
        .req
        .body
        .file
        .as_ref()
        .map(|file| file.path().as_os_str().as_bytes());
    Value::of(path, out)
}

pub(super) fn document_root(view: View<'_>, resolved: bool, out: &mut Vec<u8>) -> Value {
    let root = paths::document_root(view);
    if !resolved {
        return Value::of(Some(&root), out);
    }
    // The root that is `/` stands before URIs as nothing.
    let root = if root.is_empty() { &b"/"[..] } else { &root };
    match Path::new(OsStr::from_bytes(root)).canonicalize() {
        Ok(path) => Value::of(Some(path.as_os_str().as_bytes()), out),
        Err(error) => {
            let text = [b"realpath() \"", root, b"\" failed"].concat();
            error_log::log_call(view, true, &text, &error);
            Value::Missing
        }
    }
}

pub(super) fn filename(view: View<'_>, out: &mut Vec<u8>) -> Value {
    Value::of(paths::filename(view, &view.req.uri).ok().as_deref(), out)
}

/// 16 random bytes in hex, the same for the whole request.
pub(super) fn request_id(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let id = draw_id(view);
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{id:032x}");
    Value::Found
}

/// The request's id, drawn now if it has none.
pub(crate) fn draw_id(view: View<'_>) -> u128 {
    view.req.state.id.get().unwrap_or_else(|| {
        let id = fresh_id();
        view.req.state.id.set(Some(id));
        id
    })
}

fn fresh_id() -> u128 {
    use std::hash::{BuildHasher, RandomState};
    // Two hashes of one byte. The keys come from the system's randomness once per thread, and each state
    // adds one to them: ids do not repeat and cannot be guessed without the keys, but are no secrets.
    let half = || u128::from(RandomState::new().hash_one(0u8));
    (half() << 64) | half()
}

/// A field of our answer.
pub(super) fn sent(view: View<'_>, name: &[u8], out: &mut Vec<u8>) -> Value {
    let response = &view.req.response;
    match name {
        b"content-length" => return sent_content_length(view, out),
        b"connection" => return sent_connection(view, out),
        _ => {}
    }
    join_some(view, response.fields.spelled(name), out)
}

/// A field of our answer whose lines every version joins.
pub(super) fn sent_joined(view: View<'_>, name: &[u8], out: &mut Vec<u8>) -> Value {
    join(view.req.response.fields.spelled(name), b", ", out)
}

pub(super) fn sent_trailer(view: View<'_>, name: &[u8], out: &mut Vec<u8>) -> Value {
    let trailers = &view.req.response.trailers;
    join_some(view, trailers.spelled(name), out)
}

pub(super) fn sent_content_length(view: View<'_>, out: &mut Vec<u8>) -> Value {
    match view.req.response.content_length {
        Some(length) => number(length, out),
        None => Value::Missing,
    }
}

/// Whether the answer's head says, as variables see it, that the connection is kept. nginx's access
/// line says so only if the client left before its unwanted body was read, because keeping a
/// connection ends the wish to keep it (`ngx_http_set_keepalive`).
fn says_keepalive(view: View<'_>) -> bool {
    let req = &view.req;
    req.state.keepalive && (req.state.closes_at_once || !(req.state.logged && req.body.complete))
}

pub(super) fn sent_connection(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let value: &[u8] = match (view.req.response.status, says_keepalive(view)) {
        (101, _) => b"upgrade",
        (_, true) => b"keep-alive",
        (_, false) => b"close",
    };
    Value::of(Some(value), out)
}

pub(super) fn sent_keep_alive(view: View<'_>, out: &mut Vec<u8>) -> Value {
    match view.settings().keepalive_timeout.header {
        Some(seconds) if says_keepalive(view) => {
            out.extend_from_slice(b"timeout=");
            number(seconds, out)
        }
        Some(_) | None => Value::Missing,
    }
}

pub(super) fn sent_last_modified(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let response = &view.req.response;
    match (
        response.fields.value(KnownField::LastModified),
        response.modified,
    ) {
        (Some(sent), _) => Value::of(Some(sent), out),
        (None, Some(modified)) => {
            date::write(modified, out);
            Value::Found
        }
        (None, None) => Value::Missing,
    }
}

pub(super) fn sent_location(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let response = &view.req.response;
    let counting = response.fields.value(KnownField::Location);
    match nonempty(&response.location).or(counting) {
        Some(location) => Value::of(Some(location), out),
        None => join(response.fields.spelled(b"location"), b", ", out),
    }
}

pub(super) fn add_x_forwarded_for(view: View<'_>, out: &mut Vec<u8>) -> Value {
    if joined(view, KnownField::XForwardedFor, b", ", out) == Value::Found {
        out.extend_from_slice(b", ");
    }
    remote_addr(view, out)
}

pub(super) fn add_via(view: View<'_>, out: &mut Vec<u8>) -> Value {
    if joined(view, KnownField::Via, b", ", out) == Value::Found {
        out.extend_from_slice(b", ");
    }
    out.extend_from_slice(b"1.1 nginx");
    Value::Found
}

pub(super) fn cookie(view: View<'_>, name: &[u8], out: &mut Vec<u8>) -> Value {
    let req = &view.req;
    let lines = req.head.fields.values(KnownField::Cookie, &req.bytes);
    let value = token::pair_value(lines, name, cookie_divider(view));
    Value::of(value, out)
}

/// What divides the client's cookies.
pub(super) fn cookie_divider(view: View<'_>) -> PairDivider {
    let differences = view.link.plan.differences();
    match differences.cookies_divided_by_semicolon_only {
        true => PairDivider::Semicolon,
        false => PairDivider::SemicolonOrComma,
    }
}

pub(super) fn arg(view: View<'_>, name: &[u8], out: &mut Vec<u8>) -> Value {
    Value::of(token::arg(&view.req.args, name), out)
}

pub(super) fn tcpinfo(view: View<'_>, variable: &Variable, out: &mut Vec<u8>) -> Value {
    let Some(info) = view.stream.and_then(Stream::tcp_info) else {
        return Value::Missing;
    };
    let value = match variable {
        Variable::TcpinfoRtt => info.tcpi_rtt,
        Variable::TcpinfoRttvar => info.tcpi_rttvar,
        Variable::TcpinfoSndCwnd => info.tcpi_snd_cwnd,
        _ => info.tcpi_rcv_space,
    };
    number(u64::from(value), out)
}

/// `$gzip_ratio`, with two digits behind the point (`ngx_http_gzip_ratio_variable`).
pub(super) fn gzip_ratio(view: View<'_>, out: &mut Vec<u8>) -> Value {
    let filters = view.req.response.filters.as_ref();
    match filters.and_then(|filters| filters.gzip_totals()) {
        Some((taken, given @ 1..)) => {
            let hundredths = (taken.saturating_mul(1000) / given + 5) / 10;
            let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
            Value::of(Some(text.as_bytes()), out)
        }
        Some((_, 0)) | None => Value::Missing,
    }
}
