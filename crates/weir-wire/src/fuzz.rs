//! What the fuzz targets call: parse in one piece and in several, and check the invariants.

use crate::chunked::{Chunk, ChunkRules, ChunkedDecoder, ChunkedFault};
use crate::request::{HeadCompat, HeadLimits, Progress, RequestFault, RequestHead, RequestParser};
use crate::response::{
    ResponseFault, ResponseHead, ResponseParser, ResponseProgress, ResponseRules,
};
use crate::span::Span;
use crate::{Fields, proxy_protocol, token, uri};

/// A request head. The first byte chooses the settings, the second where to cut.
///
/// # Panics
///
/// If an invariant does not hold, here and below.
pub fn request_head(input: &[u8]) {
    let [settings, cut, input @ ..] = input else {
        return;
    };
    let limits = HeadLimits {
        first_buffer: if settings & 1 == 0 { 1024 } else { 24 },
        large_count: usize::from(settings >> 1 & 3) + 1,
        large_size: if settings & 1 == 0 { 8192 } else { 48 },
        max_headers: if settings & 8 == 0 { 1000 } else { 3 },
        ignore_invalid: settings & 16 == 0,
        underscores: settings & 32 != 0,
        merge_slashes: settings & 64 == 0,
        compat: if settings & 128 == 0 {
            HeadCompat::V1_31
        } else {
            HeadCompat::V1_22
        },
    };
    let (whole, end) = parse_request(input, input.len(), &limits);
    let (split, split_end) = parse_request(input, usize::from(*cut).min(input.len()), &limits);
    assert_eq!(split_end, end);
    if end.is_ok() {
        assert_eq!(split, whole);
    }
    if end == Ok(Progress::Done) {
        check_request(input, &whole);
    }
}

fn parse_request(
    input: &[u8],
    cut: usize,
    limits: &HeadLimits,
) -> (RequestHead, Result<Progress, RequestFault>) {
    let (mut head, mut parser) = (RequestHead::new(), RequestParser::new());
    let mut received = &input[..cut];
    loop {
        match parser.parse(received, &mut head, limits) {
            Ok(Progress::RequestLine | Progress::Host) => {}
            Ok(Progress::Partial) if received.len() < input.len() => received = input,
            end => {
                let line = parser.received_line(received);
                assert!(line.is_none_or(|line| line.end as usize <= input.len()));
                let mut message = Vec::new();
                for notice in parser.notices() {
                    notice.write_message(received, &mut message);
                }
                return (head, end);
            }
        }
    }
}

fn check_request(input: &[u8], head: &RequestHead) {
    assert!(head.len <= input.len() && head.request_length <= head.len);
    let buf = &input[..head.len];
    for span in [
        head.method_span,
        head.protocol,
        head.request_line,
        head.raw_uri,
        head.raw_path,
        head.args,
        head.scheme,
        head.authority,
        head.host,
    ] {
        assert_inside(span, buf);
    }
    assert_fields(&head.fields, buf);
    let path = head.path(buf);
    assert_eq!(path.first(), Some(&b'/'));
    assert!(!path.windows(4).any(|part| part == b"/../") && !path.ends_with(b"/.."));
    let _ = (
        uri::extension(path),
        uri::parse_unsafe(path),
        head.browser(buf),
    );
    let _ = token::arg(head.args.of(buf), b"a");
}

/// A response head. The first byte chooses the version, the second where to cut.
pub fn response_head(input: &[u8]) {
    let [version, cut, input @ ..] = input else {
        return;
    };
    let rules = [
        ResponseRules::V1_22,
        ResponseRules::V1_28,
        ResponseRules::V1_31,
    ];
    let rules = &rules[usize::from(version % 3)];
    let (whole, end) = parse_response(input, input.len(), rules);
    let (split, split_end) = parse_response(input, usize::from(*cut).min(input.len()), rules);
    assert_eq!(split_end, end);
    if end.is_ok() {
        assert_eq!(split, whole);
        assert!(whole.len <= input.len() && whole.status <= 999);
        assert_inside(whole.reason_line, input);
        assert_fields(&whole.fields, input);
    }
}

fn parse_response(
    input: &[u8],
    cut: usize,
    rules: &ResponseRules,
) -> (ResponseHead, Result<ResponseProgress, ResponseFault>) {
    let (mut head, mut parser) = (ResponseHead::new(), ResponseParser::new());
    let mut end = parser.parse(&input[..cut], &mut head, rules);
    if end == Ok(ResponseProgress::Partial) {
        end = parser.parse(input, &mut head, rules);
    }
    let mut message = Vec::new();
    for notice in parser.notices() {
        notice.write_message(input, &mut message);
    }
    (head, end)
}

/// What a balancer says in front of the first head. The first byte tells how long the name is that is
/// looked up, the name follows.
pub fn proxy_protocol(input: &[u8]) {
    let Some((&len, rest)) = input.split_first() else {
        return;
    };
    let (name, bytes) = rest.split_at(usize::from(len % 16).min(rest.len()));
    match proxy_protocol::read(bytes) {
        Ok(greeting) => {
            assert!(greeting.len <= bytes.len());
            // What follows the header changes nothing about it.
            assert_eq!(
                proxy_protocol::read(&bytes[..greeting.len]),
                Ok(greeting.clone())
            );
            if let (Some(header), Ok(name)) = (greeting.header, std::str::from_utf8(name)) {
                let found = header.tlv(name);
                assert!(found.is_err() || found.is_ok_and(|value| value.is_none_or(|value| value.len() <= bytes.len())));
            }
        }
        Err(fault) => {
            let mut message = Vec::new();
            fault.write_message(bytes, &mut message);
            assert!(message.len() <= bytes.len() + 40);
        }
    }
}

/// A chunked body. The first byte chooses the rules, the second where to cut.
pub fn chunked_body(input: &[u8]) {
    let [rules, cut, body @ ..] = input else {
        return;
    };
    let rules = ChunkRules {
        strict_line_ends: rules & 1 == 0,
        trailers: (rules & 2 != 0).then_some(usize::from(rules >> 2)),
    };
    let whole = decode(body, body.len(), rules);
    let split = decode(body, usize::from(*cut).min(body.len()), rules);
    assert_eq!(split, whole);
}

/// The data, and where the body ended if it did.
fn decode(
    body: &[u8],
    cut: usize,
    rules: ChunkRules,
) -> Result<(Vec<u8>, Option<usize>), ChunkedFault> {
    let mut decoder = ChunkedDecoder::new(rules);
    let (mut data, mut pos) = (Vec::new(), 0);
    let mut received = &body[..cut];
    loop {
        match decoder.decode(received, &mut pos)? {
            Chunk::Data(range) => {
                assert!(!range.is_empty() && range.end == pos);
                data.extend_from_slice(&received[range]);
            }
            Chunk::Done { end } => {
                assert!(decoder.is_done() && end == pos && pos <= received.len());
                let _ = decoder.trailers().count();
                return Ok((data, Some(end)));
            }
            Chunk::NeedMore => {
                assert!(pos == received.len() && decoder.at_least() > 0);
                if received.len() == body.len() {
                    return Ok((data, None));
                }
                received = body;
            }
        }
    }
}

fn assert_inside(span: Span, buf: &[u8]) {
    assert!(span.start <= span.end && span.end as usize <= buf.len());
}

fn assert_fields(fields: &Fields, buf: &[u8]) {
    for field in fields.iter() {
        assert_inside(field.name, buf);
        assert_inside(field.value, buf);
        assert!(!field.name.is_empty());
        assert!(memchr::memchr3(b'\r', b'\n', 0, field.value.of(buf)).is_none());
    }
}
