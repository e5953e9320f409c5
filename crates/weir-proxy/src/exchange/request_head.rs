//! The request head that is sent upstream (`ngx_http_proxy_create_request`).

use weir_conf::{HostHeader, HttpVersion, Settings, Template};
use weir_wire::Field;

use crate::facts::BodyFraming;
use crate::facts::Session;
use crate::report::variables;

/// Writes the head. Also settles how long the body is said to be, and puts `proxy_set_body` in its
/// place.
pub(super) fn write(session: &mut Session, settings: &Settings) -> Vec<u8> {
    let set_body = settings.upstream.set_body.as_ref();
    let set_body = set_body.map(|body| variables::text(session.view(), body));
    settle_body(session, settings, set_body.as_deref());
    let mut out = std::mem::take(&mut session.req.upstream.request_head);
    out.clear();
    write_line(session, settings, &mut out);
    write_host(session, settings, &mut out);
    for line in settings.upstream.set_header.lines.iter() {
        write_field(session, &line.name, &line.value, &mut out);
    }
    if settings.upstream.pass_request_headers {
        write_client_fields(session, settings, &mut out);
    }
    out.extend_from_slice(b"\r\n");
    if let Some(body) = set_body {
        out.extend_from_slice(&body);
    }
    out
}

/// Writes the head of a health check: a GET with the fields that the location sets, whatever method and body it
/// says.
pub(super) fn write_check(session: &mut Session, settings: &Settings) -> Vec<u8> {
    let mut out = std::mem::take(&mut session.req.upstream.request_head);
    out.clear();
    out.extend_from_slice(b"GET ");
    write_target(session, settings, &mut out);
    write_host(session, settings, &mut out);
    for line in settings.upstream.set_header.lines.iter() {
        write_field(session, &line.name, &line.value, &mut out);
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// `Content-Length` and `Transfer-Encoding` of the request, for the variables that write them.
fn settle_body(session: &mut Session, settings: &Settings, set_body: Option<&[u8]>) {
    let body = &session.req.body;
    let upstream = &mut session.req.upstream;
    upstream.body_chunked = false;
    upstream.body_length = match set_body {
        Some(set) => Some(set.len() as u64),
        None if !settings.upstream.pass_request_body => None,
        None if body.streaming && body.framing.is_open_ended() => {
            upstream.body_chunked = true;
            None
        }
        None if body.streaming => session.req.head.content_length,
        // nginx announces what it does not send; whoever waits for it may take the next request for it.
        None if body.withheld => None,
        None => match body.framing {
            BodyFraming::None => session.req.head.content_length.map(|_| 0),
            // As long as one that is dropped is still being read, nginx announces what it does not send.
            BodyFraming::Length | BodyFraming::Chunked | BodyFraming::Frames { .. } => {
                match body.discarded {
                    true => body.complete.then_some(0),
                    false => Some(body.length()),
                }
            }
        },
    };
}

fn write_line(session: &mut Session, settings: &Settings, out: &mut Vec<u8>) {
    match &settings.upstream.method {
        Some(method) => variables::expand(session.view(), method, out),
        None => out.extend_from_slice(session.req.method_text()),
    }
    // The answer's framing hangs on what was sent, not on what the client sent.
    session.req.upstream.asked_head = out.eq_ignore_ascii_case(b"HEAD");
    out.push(b' ');
    write_target(session, settings, out);
}

fn write_target(session: &Session, settings: &Settings, out: &mut Vec<u8>) {
    out.extend_from_slice(&session.req.upstream.uri);
    out.extend_from_slice(match settings.upstream.http_version {
        HttpVersion::Http10 => b" HTTP/1.0\r\n",
        HttpVersion::Http11 => b" HTTP/1.1\r\n",
    });
}

/// `Host`, where it comes before all others.
fn write_host(session: &Session, settings: &Settings, out: &mut Vec<u8>) {
    let own = &session.req.upstream.host;
    match &settings.upstream.set_header.host {
        HostHeader::InOrder => {}
        HostHeader::Proxy => push_field(b"Host", own, out),
        HostHeader::Written(value) => {
            let start = out.len();
            write_field(session, b"Host", value, out);
            if out.len() == start && settings.upstream.http_version == HttpVersion::Http11 {
                push_field(b"Host", own, out);
            }
        }
    }
}

/// A line, unless its value comes out empty.
fn write_field(session: &Session, name: &[u8], value: &Template, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    let before = out.len();
    variables::expand(session.view(), value, out);
    if out.len() == before {
        out.truncate(start);
    } else {
        out.extend_from_slice(b"\r\n");
    }
}

fn push_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// The client's own fields, but for those that are set anew or belong to its connection.
fn write_client_fields(session: &Session, settings: &Settings, out: &mut Vec<u8>) {
    let req = &session.req;
    for field in req.head.fields.iter() {
        let name = field.name.of(&req.bytes);
        if settings.upstream.set_header.replaced.contains(name) {
            continue;
        }
        match as_it_came(field, &req.bytes) {
            Some(line) => out.extend_from_slice(line),
            None => push_field(name, field.value.of(&req.bytes), out),
        }
    }
}

/// The whole line, if it came as it would be written.
fn as_it_came<'a>(field: &Field, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let (name, value) = (field.name.range(), field.value.range());
    let is_same = bytes.get(name.end..value.start)? == b": "
        && bytes.get(value.end..value.end + 2)? == b"\r\n";
    bytes.get(name.start..value.end + 2).filter(|_| is_same)
}
