use super::*;
use crate::request::HeadCompat;

type Fields<'a> = &'a [(&'a str, &'a str)];

fn read(fields: Fields<'_>, ends: bool, compat: HeadCompat) -> Result<String, String> {
    let limits = HeadLimits {
        compat,
        ..HeadLimits::default()
    };
    let (mut buf, mut head) = (Vec::new(), RequestHead::new());
    let mut reader = SectionReader::default();
    let mut take = |reader: &mut SectionReader| {
        reader.begin(&mut buf, &mut head);
        for (name, value) in fields {
            reader.take(
                name.as_bytes(),
                value.as_bytes(),
                &mut buf,
                &mut head,
                &limits,
            )?;
        }
        reader.finish(ends, &mut buf, &mut head, &limits)
    };
    take(&mut reader).map_err(|fault| format!("{} {fault}", fault.status()))?;
    let text = |span: Span| String::from_utf8_lossy(span.of(&buf)).into_owned();
    let mut shown = format!("{} | {}", text(head.request_line), text(head.host));
    for field in head.fields.iter() {
        shown += &format!(" | {}: {}", text(field.name), text(field.value));
    }
    Ok(shown)
}

const GET: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/a?b"),
    (":authority", "H"),
];

#[test]
fn a_section_becomes_a_head() {
    let fields = [
        &GET[..],
        &[
            ("x-a", "1"),
            ("cookie", "a=1"),
            ("x-b", ""),
            ("cookie", "b=2"),
        ],
    ];
    assert_eq!(
        read(&fields.concat(), true, HeadCompat::V1_31).unwrap(),
        "GET /a?b HTTP/2.0 | H | x-a: 1 | x-b:  | cookie: a=1; b=2 | host: H"
    );
    assert_eq!(
        read(&fields.concat(), true, HeadCompat::V1_22).unwrap(),
        "GET /a?b HTTP/2.0 | H | host: H | x-a: 1 | x-b:  | cookie: a=1; b=2"
    );
}

/// What `more` behind a whole request leads to begins with `expected`.
fn check(more: Fields<'_>, compat: HeadCompat, expected: &str) {
    let fields = [&GET[..], more].concat();
    let said = read(&fields, true, compat).unwrap_or_else(|fault| fault);
    assert!(said.starts_with(expected), "{more:?}: {said}");
}

const DIFFERS: &str = "400 client sent \":authority\" and \"Host\" headers with different values";
const DUPLICATE: &str =
    "400 client sent duplicate host header: \"host: x\", previous value: \"host: H\"";

#[test]
fn refusals() {
    /// Field, value, what nginx 1.31 and what nginx 1.22 says.
    const BEHIND_A_REQUEST: &[(&str, &str, &str, &str)] = &[
        (
            "X-A",
            "1",
            "400 client sent invalid header name: \"X-A\"",
            "",
        ),
        (
            "x-a",
            "1\r2",
            "400 client sent header \"x-a\" with invalid value: \"1\r2\"",
            "",
        ),
        (
            ":x",
            "1",
            "400 client sent unknown pseudo-header \":x\"",
            "",
        ),
        (":path", "/", "400 client sent duplicate :path header", ""),
        (
            "content-length",
            "1",
            "400 client prematurely closed stream",
            "",
        ),
        (
            "content-length",
            "x",
            "400 client sent invalid \"Content-Length\" header",
            "",
        ),
        (
            "connection",
            "close",
            "400 client sent \"Connection\" header",
            "GET /a?b",
        ),
        (
            "te",
            "gzip",
            "400 client sent invalid \"TE\" header",
            "GET /a?b",
        ),
        ("host", "x", DIFFERS, DUPLICATE),
    ];
    for (name, value, now, before) in BEHIND_A_REQUEST {
        let before = if before.is_empty() { now } else { before };
        check(&[(name, value)], HeadCompat::V1_31, now);
        check(&[(name, value)], HeadCompat::V1_22, before);
    }
    let late = [("x-a", "1"), (":path", "/")];
    let out_of_order = "400 client sent out of order pseudo-headers";
    check(&late, HeadCompat::V1_31, out_of_order);
    let duplicate = "400 client sent duplicate :path header";
    check(&late, HeadCompat::V1_22, duplicate);
}

#[test]
fn nginx_1_28_compares_host_and_lets_fields_of_a_connection_pass() {
    let check = |name, value, expected| {
        check(&[(name, value)], HeadCompat::V1_28, expected);
    };
    check("host", "H", "GET /a?b");
    check("host", "x", DIFFERS);
    check("connection", "close", "GET /a?b");
    check("transfer-encoding", "chunked", "GET /a?b");
}

#[test]
fn pseudo_fields() {
    let check = |fields: Fields<'_>, expected: &str| {
        let said = read(fields, true, HeadCompat::V1_31).unwrap_or_else(|fault| fault);
        assert_eq!(said, expected, "{fields:?}");
    };
    check(&[], "400 client sent no :method header");
    check(&GET[..1], "400 client sent no :scheme header");
    check(&GET[..2], "400 client sent no :path header");
    check(
        &GET[..3],
        "400 client sent neither \":authority\" nor \"Host\" header",
    );
    check(&[(":path", "")], "400 client sent empty :path header");
    check(
        &[(":path", "a")],
        "400 client sent invalid :path header: \"a\"",
    );
    check(
        &[(":path", "/a b")],
        "400 client sent invalid :path header: \"/a b\"",
    );
    check(&[(":path", "/../")], "400 client sent invalid request");
    check(
        &[(":method", "get")],
        "400 client sent invalid method: \"get\"",
    );
    check(
        &[(":scheme", "1")],
        "400 client sent invalid :scheme header: \"1\"",
    );
    check(
        &[(":authority", "a b")],
        "400 client sent invalid \":authority\" header",
    );
    let connect = [(":method", "CONNECT"), GET[1], GET[2], GET[3]];
    check(&connect, "405 client sent CONNECT method");
}

#[test]
fn the_path_may_come_first_and_be_odd() {
    let fields = [(":path", "/a/../b%20c?d"), GET[0], GET[1], GET[3]];
    let (mut buf, mut head) = (Vec::new(), RequestHead::new());
    let mut reader = SectionReader::default();
    let limits = HeadLimits::default();
    reader.begin(&mut buf, &mut head);
    for (name, value) in fields {
        let taken = reader.take(
            name.as_bytes(),
            value.as_bytes(),
            &mut buf,
            &mut head,
            &limits,
        );
        taken.unwrap();
    }
    reader.finish(true, &mut buf, &mut head, &limits).unwrap();
    assert_eq!(head.path(&buf), b"/b c");
    assert_eq!(head.args.of(&buf), b"d");
    assert_eq!(head.raw_uri.of(&buf), b"/a/../b%20c?d");
}
