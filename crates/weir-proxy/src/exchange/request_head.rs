//! The request head that is sent upstream (`ngx_http_proxy_create_request`).

use weir_conf::{HttpVersion, Settings};

use crate::facts::BodyFraming;
use crate::facts::Session;
use crate::report::variables;

/// Writes the head. Also settles how long the body is said to be, and puts `proxy_set_body` in its
/// place.
pub(super) fn write(session: &mut Session, settings: &Settings) -> Vec<u8> {
    settle_body(session, settings);
    let mut out = std::mem::take(&mut session.req.upstream.request_head);
    out.clear();
    write_line(session, settings, &mut out);
    for header in settings.proxy_set_header.iter() {
        let start = out.len();
        out.extend_from_slice(header.name.as_bytes());
        out.extend_from_slice(b": ");
        let value = out.len();
        variables::expand(session.view(), &header.value, &mut out);
        if out.len() == value {
            out.truncate(start);
        } else {
            out.extend_from_slice(b"\r\n");
        }
    }
    if settings.proxy_pass_request_headers {
        write_client_fields(session, settings, &mut out);
    }
    out.extend_from_slice(b"\r\n");
    if let Some(body) = &settings.proxy_set_body {
        variables::expand(session.view(), body, &mut out);
    }
    out
}

/// `Content-Length` and `Transfer-Encoding` of the request, for the variables that write them.
fn settle_body(session: &mut Session, settings: &Settings) {
    let set_body = settings
        .proxy_set_body
        .as_ref()
        .map(|body| variables::text(session.view(), body).len());
    let body = &session.req.body;
    let upstream = &mut session.req.upstream;
    upstream.body_chunked = false;
    upstream.body_length = match set_body {
        Some(length) => Some(length as u64),
        None if !settings.proxy_pass_request_body => None,
        None if body.streaming && body.framing == BodyFraming::Chunked => {
            upstream.body_chunked = true;
            None
        }
        None if body.streaming => session.req.head.content_length,
        None => match body.framing {
            BodyFraming::None => session.req.head.content_length,
            BodyFraming::Length | BodyFraming::Chunked if body.discarded => None,
            BodyFraming::Length | BodyFraming::Chunked => Some(body.length()),
        },
    };
}

fn write_line(session: &mut Session, settings: &Settings, out: &mut Vec<u8>) {
    match &settings.proxy_method {
        Some(method) => variables::expand(session.view(), method, out),
        None => out.extend_from_slice(session.req.method_text()),
    }
    // The answer's framing hangs on what was sent, not on what the client sent.
    session.req.upstream.asked_head = out.eq_ignore_ascii_case(b"HEAD");
    out.push(b' ');
    out.extend_from_slice(&session.req.upstream.uri);
    out.extend_from_slice(match settings.proxy_http_version {
        HttpVersion::Http10 => b" HTTP/1.0\r\n",
        HttpVersion::Http11 => b" HTTP/1.1\r\n",
    });
}

/// The client's own fields, but for those that are set anew or belong to its connection.
fn write_client_fields(session: &Session, settings: &Settings, out: &mut Vec<u8>) {
    let req = &session.req;
    for field in req.head.fields.iter() {
        let name = field.name.of(&req.bytes);
        if settings
            .proxy_set_header
            .iter()
            .any(|set| set.name.as_bytes().eq_ignore_ascii_case(name))
        {
            continue;
        }
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(field.value.of(&req.bytes));
        out.extend_from_slice(b"\r\n");
    }
}
