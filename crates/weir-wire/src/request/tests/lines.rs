//! What is found in heads that are well formed.

use super::{parse, text};
use crate::field::KnownField;
use crate::request::{
    ConnectionOption, HeadLimits, HeaderBuffer, Method, Progress, RequestHead, RequestParser,
};
use crate::version::Version;

fn head(input: &str) -> RequestHead {
    let (head, _, end) = parse(input.as_bytes(), &HeadLimits::default());
    assert_eq!(end, Ok(Progress::Done), "{input:?}");
    head
}

#[test]
fn targets() {
    // target, path, raw URI, arguments, host
    let check = |target: &str, path: &str, raw: &str, args: Option<&str>, host: &str| {
        let input = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
        let buf = input.as_bytes();
        let head = head(&input);
        assert_eq!(text(head.path(buf)), path, "{target}");
        assert_eq!(text(head.raw_uri.of(buf)), raw, "{target}");
        let found = head.has_args.then(|| text(head.args.of(buf)));
        assert_eq!(found.as_deref(), args, "{target}");
        assert_eq!(text(head.host.of(buf)), host, "{target}");
        assert_eq!(text(head.protocol.of(buf)), "HTTP/1.1", "{target}");
    };
    check("/", "/", "/", None, "h");
    check("/a/b.c", "/a/b.c", "/a/b.c", None, "h");
    check("/a?b", "/a", "/a?b", Some("b"), "h");
    check("/a?", "/a", "/a?", Some(""), "h");
    check("/?a/../b", "/", "/?a/../b", Some("a/../b"), "h");
    check("/a%20b?c%20d", "/a b", "/a%20b?c%20d", Some("c%20d"), "h");
    check("/a//b?c", "/a/b", "/a//b?c", Some("c"), "h");
    check("/./a?b", "/a", "/./a?b", Some("b"), "h");
    check("/a#b", "/a", "/a#b", None, "h");
    check("/a?b#c?d", "/a", "/a?b#c?d", Some("b"), "h");
    check("/a+b", "/a+b", "/a+b", None, "h");
    check("/\u{e9}", "/\u{e9}", "/\u{e9}", None, "h");
    check("http://X.y:80/a?b", "/a", "/a?b", Some("b"), "X.y");
    check("http://x", "/", "/", None, "x");
    check("http://x:8080", "/", "/", None, "x");
    check("http://x?b=c", "/", "?b=c", Some("b=c"), "x");
    check("http://[::1]:80/", "/", "/", None, "[::1]");
    check("ws+1.a-b://x./", "/", "/", None, "x");
}

#[test]
fn parts_of_an_absolute_target() {
    let input = "GET http://X.y:81/ HTTP/1.1\r\nHost: z:82\r\n\r\n";
    let head = head(input);
    let part = |span: crate::Span| text(span.of(input.as_bytes()));
    assert_eq!(part(head.scheme), "http");
    assert_eq!(part(head.authority), "X.y:81");
    assert_eq!((head.port, head.host_has_upper), (81, true));
    assert!(!head.empty_path && !head.needs_normalising);
}

#[test]
fn versions() {
    let check = |line: &str, expected| {
        let head = head(&format!("{line}\r\nHost: h\r\n\r\n"));
        assert_eq!(head.version, expected, "{line}");
    };
    let version = |minor| Version { major: 1, minor };
    check("GET / HTTP/1.0", Version::HTTP_10);
    check("GET / HTTP/1.1", Version::HTTP_11);
    check("GET / HTTP/1.1  ", Version::HTTP_11);
    check("GET  /   HTTP/1.01", Version::HTTP_11);
    check("GET / HTTP/1.999", version(999));
    check(
        "GET / HTTP/01.1".replace("01", "1").as_str(),
        Version::HTTP_11,
    );
}

#[test]
fn methods() {
    for (name, method) in [
        ("GET", Method::Get),
        ("PATCH", Method::Patch),
        ("PROPPATCH", Method::Proppatch),
        ("M-SEARCH", Method::Other),
        ("_", Method::Other),
    ] {
        let head = head(&format!("{name} / HTTP/1.1\r\nHost: h\r\n\r\n"));
        assert_eq!(head.method, method, "{name}");
    }
    assert_eq!(
        (
            Method::Other.bit(),
            Method::Get.bit(),
            Method::Connect.bit()
        ),
        (1, 2, 1 << 16)
    );
}

#[test]
fn values_are_trimmed() {
    let check = |line: &str, expected: &str| {
        let input = format!("GET / HTTP/1.0\r\nA{line}\r\n\r\n");
        let (head, _, end) = parse(input.as_bytes(), &HeadLimits::default());
        assert_eq!(end, Ok(Progress::Done), "{line:?}");
        let value = head.fields.at(0).unwrap().value.of(input.as_bytes());
        assert_eq!(text(value), expected, "{line:?}");
    };
    check(":   b  c   ", "b  c");
    check(":b", "b");
    check(":   ", "");
    check(": b\r", "b");
    check(":\t b \t", "\t b \t");
}

#[test]
fn bodies_and_connections() {
    let check = |fields: &str, length, chunked, connection| {
        let head = head(&format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
        let found = (head.content_length, head.chunked, head.connection);
        assert_eq!(found, (length, chunked, connection), "{fields:?}");
    };
    check("", None, false, ConnectionOption::None);
    check(
        "Content-Length: 12\r\n",
        Some(12),
        false,
        ConnectionOption::None,
    );
    check(
        "Transfer-Encoding: Chunked\r\n",
        None,
        true,
        ConnectionOption::None,
    );
    check(
        "Connection: Keep-Alive\r\n",
        None,
        false,
        ConnectionOption::KeepAlive,
    );
    check(
        "Connection: upgrade, CLOSE\r\n",
        None,
        false,
        ConnectionOption::Close,
    );
    check(
        "Connection: upgrade\r\n",
        None,
        false,
        ConnectionOption::None,
    );
    check(
        "Connection: close\r\nConnection: keep-alive\r\n",
        None,
        false,
        ConnectionOption::KeepAlive,
    );
}

#[test]
fn known_fields() {
    let input = "GET / HTTP/1.1\r\nhost: h\r\nCookie: a\r\nX: y\r\nCOOKIE: b\r\n\r\n";
    let buf = input.as_bytes();
    let head = head(input);
    assert_eq!(head.value(KnownField::Host, buf), Some(&b"h"[..]));
    assert_eq!(head.value(KnownField::Cookie, buf), Some(&b"a"[..]));
    assert_eq!(head.value(KnownField::Referer, buf), None);
    let cookies: Vec<_> = head.fields.values(KnownField::Cookie, buf).collect();
    assert_eq!(cookies, [b"a", b"b"]);
    assert_eq!(head.fields.values(KnownField::Referer, buf).count(), 0);
}

#[test]
fn names_that_settings_forgive() {
    let check = |line: &str, limits: HeadLimits, kept: bool| {
        let input = format!("GET / HTTP/1.0\r\n{line}\r\n\r\n");
        let (head, mut parser, end) = parse(input.as_bytes(), &limits);
        assert_eq!(end, Ok(Progress::Done), "{line:?}");
        assert_eq!(!head.fields.is_empty(), kept, "{line:?}");
        assert_eq!(parser.notices().count(), usize::from(!kept), "{line:?}");
    };
    let strict = HeadLimits::default();
    let underscores = HeadLimits {
        underscores: true,
        ..strict
    };
    let lax = HeadLimits {
        ignore_invalid: false,
        ..strict
    };
    for (line, by_underscores) in [("a_b: c", true), ("_: c", true), ("a(b): c", false)] {
        check(line, strict, false);
        check(line, underscores, by_underscores);
        check(line, lax, true);
    }
}

#[test]
fn stops_where_a_server_is_chosen() {
    let check = |input: &str, expected: &[Progress]| {
        let (mut head, mut parser) = (RequestHead::new(), RequestParser::new());
        let mut seen = Vec::new();
        while seen.last() != Some(&Done) {
            let limits = HeadLimits::default();
            seen.push(
                parser
                    .parse(input.as_bytes(), &mut head, &limits)
                    .expect(input),
            );
        }
        assert_eq!(seen, expected, "{input:?}");
    };
    use Progress::{Done, Host, RequestLine};
    check(
        "GET / HTTP/1.1\r\nA: b\r\nHost: h\r\n\r\n",
        &[RequestLine, Host, Done],
    );
    check(
        "GET http://a/ HTTP/1.1\r\nHost: h\r\n\r\n",
        &[RequestLine, Done],
    );
    check("GET / HTTP/1.0\r\n\r\n", &[RequestLine, Done]);
    check("GET /\n", &[RequestLine, Done]);
}

#[test]
fn empty_lines_before_a_request_may_be_dropped() {
    let limits = HeadLimits::default();
    let (mut head, mut parser) = (RequestHead::new(), RequestParser::new());
    let mut buf = b"\r\n".repeat(600);
    for _ in 0..3 {
        assert_eq!(
            parser.parse(&buf, &mut head, &limits),
            Ok(Progress::Partial)
        );
        assert_eq!(parser.leading(), buf.len());
        parser.forget(buf.len());
        buf = b"\r\n".repeat(600);
    }
    buf.clear();
    buf.extend_from_slice(b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(
        parser.parse(&buf, &mut head, &limits),
        Ok(Progress::RequestLine)
    );
    assert_eq!(parser.leading(), 0);
    assert_eq!(parser.parse(&buf, &mut head, &limits), Ok(Progress::Done));
    assert_eq!((head.len, head.request_length), (18, 18));
}

#[test]
fn empty_lines_stay_once_a_line_has_begun() {
    for input in ["\r\nG", "\r\ngarbage\r\n"] {
        let (_, parser, _) = parse(input.as_bytes(), &HeadLimits::default());
        assert_eq!(parser.leading(), 0, "{input:?}");
    }
}

#[test]
fn a_pipelined_request_begins_in_the_buffer_of_the_last() {
    let limits = HeadLimits {
        first_buffer: 64,
        large_count: 1,
        large_size: 128,
        ..HeadLimits::default()
    };
    // Bytes of the target of the second request, and how that one ends.
    let check = |target: usize, expected: Result<Progress, u16>| {
        let first = "GET / HTTP/1.0\r\n\r\n";
        let second = format!("GET /{} HTTP/1.0\r\n\r\n", "a".repeat(target));
        let input = format!("{first}{second}");
        let (mut head, mut parser) = (RequestHead::new(), RequestParser::new());
        while parser.parse(input.as_bytes(), &mut head, &limits) != Ok(Progress::Done) {}
        let consumed = head.len;
        head.reset();
        let buffer = parser.buffer_behind(consumed).unwrap();
        parser.reset();
        parser.begin_in(buffer);
        let end = loop {
            match parser.parse(second.as_bytes(), &mut head, &limits) {
                Ok(Progress::RequestLine) => {}
                end => break end,
            }
        };
        assert_eq!(end.map_err(|fault| fault.status()), expected, "{target}");
    };
    // Nothing is behind a body that ends with the buffer, or later.
    let (_, parser, _) = parse(b"GET / HTTP/1.0\r\n\r\n", &limits);
    assert!(parser.buffer_behind(63).is_some() && parser.buffer_behind(64).is_none());
    check(20, Ok(Progress::Done));
    check(107, Ok(Progress::Done));
    // The line just fits the only large buffer, the empty line behind it does not.
    check(112, Err(494));
    check(113, Err(414));
}

#[test]
fn a_request_begins_in_the_buffer_that_is_given() {
    let limits = HeadLimits {
        first_buffer: 64,
        large_count: 1,
        large_size: 32,
        ..HeadLimits::default()
    };
    // Bytes of the only line, and how that ends.
    let check = |buffer: Option<HeaderBuffer>, line: usize, expected: Result<Progress, u16>| {
        let input = format!("GET /{} HTTP/1.0\r\n\r\n", "a".repeat(line - 16));
        let (mut head, mut parser) = (RequestHead::new(), RequestParser::new());
        if let Some(buffer) = buffer {
            parser.begin_in(buffer);
        }
        let end = loop {
            match parser.parse(input.as_bytes(), &mut head, &limits) {
                Ok(Progress::RequestLine) => {}
                end => break end,
            }
        };
        assert_eq!(end.map_err(|fault| fault.status()), expected, "{line}");
    };
    check(None, 60, Ok(Progress::Done));
    check(Some(HeaderBuffer::used(10)), 50, Ok(Progress::Done));
    check(Some(HeaderBuffer::used(10)), 60, Err(414));
    check(Some(HeaderBuffer::large(&limits)), 30, Ok(Progress::Done));
    check(Some(HeaderBuffer::large(&limits)), 33, Err(414));
}

#[test]
fn received_part_of_the_line() {
    let check = |input: &str, expected: Option<&str>| {
        let (_, parser, _) = parse(input.as_bytes(), &HeadLimits::default());
        let found = parser.received_line(input.as_bytes());
        let found = found.map(|span| text(span.of(input.as_bytes())));
        assert_eq!(found.as_deref(), expected, "{input:?}");
    };
    check("", None);
    check("\r\n", Some(""));
    check("GE", Some("GE"));
    check("GET / HTTP/1.1\r", Some("GET / HTTP/1.1"));
}
