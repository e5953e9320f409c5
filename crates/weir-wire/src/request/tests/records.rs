//! Records of real runs of nginx 1.22.1 and 1.31.5: what the client sent, and the status, the log
//! line (up to " while "), $request and $request_length that followed.

use super::{parse, text};
use crate::request::{HeadCompat, HeadLimits, ParsePhase, Progress, RequestNotice};

const LINE: ParsePhase = ParsePhase::RequestLine;
const HEADERS: ParsePhase = ParsePhase::Headers;

/// A refused request.
struct Refused {
    status: u16,
    message: &'static str,
    phase: ParsePhase,
    request: &'static str,
    length: usize,
}

fn check_with(limits: &HeadLimits, input: &str, expected: &Refused) {
    let (head, parser, end) = parse(input.as_bytes(), limits);
    let fault = end.expect_err(input);
    assert_eq!(fault.status(), expected.status, "{input:?}");
    assert_eq!(fault.to_string(), expected.message, "{input:?}");
    assert_eq!(parser.phase(), expected.phase, "{input:?}");
    assert_eq!(
        text(head.request_line.of(input.as_bytes())),
        expected.request,
        "{input:?}"
    );
    assert_eq!(head.request_length, expected.length, "{input:?}");
}

fn check(
    input: &str,
    status: u16,
    message: &'static str,
    phase: ParsePhase,
    request: &'static str,
    length: usize,
) {
    let expected = Refused {
        status,
        message,
        phase,
        request,
        length,
    };
    check_with(&HeadLimits::default(), input, &expected);
}

#[test]
fn bad_request_lines() {
    let bad = |input, status, message, request, length| {
        check(input, status, message, LINE, request, length);
    };
    let invalid = "client sent invalid request";
    let version = "client sent invalid version";
    bad(
        "garbage\r\n\r\n",
        400,
        "client sent invalid method",
        "garbage",
        0,
    );
    bad(
        "get / HTTP/1.1\r\nHost: h\r\n\r\n",
        400,
        "client sent invalid method",
        "get / HTTP/1.1",
        0,
    );
    bad(
        "GET foo HTTP/1.1\r\nHost: h\r\n\r\n",
        400,
        invalid,
        "GET foo HTTP/1.1",
        0,
    );
    bad(
        "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n",
        400,
        invalid,
        "GET /%zz HTTP/1.1",
        19,
    );
    bad(
        "GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n",
        400,
        invalid,
        "GET /%00 HTTP/1.1",
        19,
    );
    bad(
        "GET /../x HTTP/1.1\r\nHost: h\r\n\r\n",
        400,
        invalid,
        "GET /../x HTTP/1.1",
        20,
    );
    bad(
        "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
        400,
        invalid,
        "GET /a b HTTP/1.1",
        0,
    );
    bad(
        "GET /a\u{1}b HTTP/1.1\r\nHost: h\r\n\r\n",
        400,
        invalid,
        "GET /a\u{1}b HTTP/1.1",
        0,
    );
    bad(
        "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
        505,
        version,
        "GET / HTTP/2.0",
        0,
    );
    bad(
        "GET / HTTP/3.0\r\nHost: h\r\n\r\n",
        505,
        version,
        "GET / HTTP/3.0",
        0,
    );
    bad(
        "GET / HTTP/x\r\nHost: h\r\n\r\n",
        400,
        invalid,
        "GET / HTTP/x",
        0,
    );
    bad(
        "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
        400,
        invalid,
        "OPTIONS * HTTP/1.1",
        0,
    );
    bad(
        "POST /\r\n",
        400,
        "client sent invalid method in HTTP/0.9 request",
        "POST /",
        0,
    );
    bad(
        "GET http:///x HTTP/1.1\r\n\r\n",
        400,
        "client sent invalid host in request line",
        "GET http:///x HTTP/1.1",
        24,
    );
}

#[test]
fn connect_depends_on_the_version() {
    let input = "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n";
    check(
        input,
        405,
        "client sent CONNECT method",
        HEADERS,
        "CONNECT a:443 HTTP/1.1",
        35,
    );
    let limits = HeadLimits {
        compat: HeadCompat::V1_22,
        ..HeadLimits::default()
    };
    let expected = Refused {
        status: 400,
        message: "client sent invalid request",
        phase: LINE,
        request: "CONNECT a:443 HTTP/1.1",
        length: 0,
    };
    check_with(&limits, input, &expected);
    for line in ["CONNECT a HTTP/1.1", "CONNECT a: HTTP/1.1"] {
        let input = format!("{line}\r\nHost: a\r\n\r\n");
        check(&input, 400, "client sent invalid request", LINE, line, 0);
    }
}

#[test]
fn bad_hosts() {
    let bad =
        |input, message, length| check(input, 400, message, HEADERS, "GET / HTTP/1.1", length);
    let invalid = "client sent invalid host header";
    bad(
        "GET / HTTP/1.1\r\n\r\n",
        "client sent HTTP/1.1 request without \"Host\" header",
        18,
    );
    bad("GET / HTTP/1.1\r\nHost:\r\n\r\n", invalid, 23);
    bad("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", invalid, 27);
    bad("GET / HTTP/1.1\r\nHost: a..b\r\n\r\n", invalid, 28);
    bad(
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "client sent duplicate host header: \"Host: b\", previous value: \"Host: a\"",
        34,
    );
}

#[test]
fn bad_lengths_and_codings() {
    let bad = |fields: &str, status, message, length| {
        let input = format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n");
        check(&input, status, message, HEADERS, "POST / HTTP/1.1", length);
    };
    let length = "client sent invalid \"Content-Length\" header";
    bad("Content-Length: abc", 400, length, 49);
    bad("Content-Length: -1", 400, length, 48);
    bad(
        "Content-Length: 1\r\nContent-Length: 1",
        400,
        "client sent duplicate header line: \"Content-Length: 1\", \
         previous value: \"Content-Length: 1\"",
        64,
    );
    bad(
        "Content-Length: 1\r\nTransfer-Encoding: chunked",
        400,
        "client sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time",
        75,
    );
    bad(
        "Transfer-Encoding: gzip",
        501,
        "client sent unknown \"Transfer-Encoding\": \"gzip\"",
        53,
    );
    bad(
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        400,
        "client sent duplicate header line: \"Transfer-Encoding: chunked\", \
         previous value: \"Transfer-Encoding: chunked\"",
        82,
    );
    check(
        "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
        "client sent HTTP/1.0 request with \"Transfer-Encoding\" header",
        HEADERS,
        "POST / HTTP/1.0",
        56,
    );
}

#[test]
fn bad_header_lines() {
    let bad = |fields: &str, message, length| {
        let input = format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n");
        check(&input, 400, message, HEADERS, "GET / HTTP/1.1", length);
    };
    bad(
        "F o: x",
        "client sent invalid header line: \"F\\x20...\"",
        25,
    );
    bad(
        "Foo: a\0b",
        "client sent invalid header line: \"Foo: a\\x00...\"",
        25,
    );
    bad(
        "Foo: a\r\n b",
        "client sent invalid header line: \"\\x20...\"",
        33,
    );
    bad(": b", "client sent invalid header line: \"\\x3a...\"", 25);
    bad(
        "Foo: a \rb",
        "client sent invalid header line: \"Foo: a\\x20...\"",
        25,
    );
    bad("\rb", "client sent invalid header line: \"\\x0d...\"", 25);
}

#[test]
fn heads_that_do_not_fit() {
    let small = HeadLimits {
        first_buffer: 1024,
        large_count: 2,
        large_size: 1024,
        ..Default::default()
    };
    let check = |limits: &HeadLimits, input: &str, status, quoted: &str, length| {
        let (head, _, end) = parse(input.as_bytes(), limits);
        let fault = end.expect_err("too long");
        assert_eq!((fault.status(), head.request_length), (status, length));
        assert_eq!(fault.to_string(), quoted);
        head.request_line.len()
    };
    let a = |count| "a".repeat(count);

    let input = format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", a(1100));
    assert_eq!(
        check(&small, &input, 414, "client sent too long URI", 0),
        1024
    );

    let too_long = |line: &str| format!("client sent too long header line: \"{line}...\"");
    let get = "GET / HTTP/1.1\r\nHost: h\r\n";
    let input = format!("{get}X-L: {}\r\n\r\n", a(1100));
    check(
        &small,
        &input,
        494,
        &too_long(&format!("X-L: {}", a(1019))),
        25,
    );

    let lines: String = (0..8).map(|at| format!("X-{at}: {}\r\n", a(500))).collect();
    let input = format!("{get}{lines}\r\n");
    check(&small, &input, 494, &too_long("X-5: aaaaa"), 2560);

    let input = format!("{get}X-L: {}\r\n\r\n", a(9000));
    check(
        &HeadLimits::default(),
        &input,
        494,
        &too_long(&format!("X-L: {}", a(1743))),
        25,
    );

    let many = HeadLimits {
        large_count: 8,
        large_size: 65536,
        ..Default::default()
    };
    let input = format!(
        "GET / HTTP/1.1\r\nHost: h{}\r\n\r\n",
        "\r\nA: b".repeat(1001)
    );
    check(
        &many,
        &input,
        494,
        "client sent too many header lines",
        6025,
    );
}

/// A request that is served: $request, $request_length, `name: value` of the fields that remain,
/// and what is logged at info.
fn served(input: &str, request: &str, length: usize, fields: &[&str], notice: Option<&str>) {
    let buf = input.as_bytes();
    let (head, mut parser, end) = parse(buf, &HeadLimits::default());
    assert_eq!(end, Ok(Progress::Done), "{input:?}");
    assert_eq!(text(head.request_line.of(buf)), request, "{input:?}");
    assert_eq!(
        (head.request_length, head.len),
        (length, input.len()),
        "{input:?}"
    );
    let found: Vec<String> = head
        .fields
        .iter()
        .map(|field| {
            format!(
                "{}: {}",
                text(field.name.of(buf)),
                text(field.value.of(buf))
            )
        })
        .collect();
    assert_eq!(found, fields, "{input:?}");
    let notices: Vec<String> = parser
        .notices()
        .map(|notice: RequestNotice| {
            let mut message = Vec::new();
            notice.write_message(buf, &mut message);
            text(&message)
        })
        .collect();
    assert_eq!(notices.first().map(String::as_str), notice, "{input:?}");
}

#[test]
fn odd_requests_that_are_served() {
    let get = "GET / HTTP/1.1";
    served("GET / HTTP/1.1\nHost: h\n\n", get, 24, &["Host: h"], None);
    served(
        "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        get,
        27,
        &["Host: h"],
        None,
    );
    served("GET /\r\n", "GET /", 7, &[], None);
    served(
        "FOO / HTTP/1.1\r\nHost: h\r\n\r\n",
        "FOO / HTTP/1.1",
        27,
        &["Host: h"],
        None,
    );
    served(
        "GET / HTTP/1.1\r\nHost: h\r\nFoo\r\n\r\n",
        get,
        32,
        &["Host: h", "Foo: "],
        None,
    );
    served(
        "GET / HTTP/1.1\r\nHost: h\r\nF_o: x\r\n\r\n",
        get,
        35,
        &["Host: h"],
        Some("client sent invalid header line: \"F_o: x\""),
    );
    served(
        "GET / HTTP/1.1\r\nHost: h\r\nReferer: a\r\nReferer: b\r\n\r\n",
        get,
        51,
        &["Host: h", "Referer: a", "Referer: b"],
        None,
    );
}
