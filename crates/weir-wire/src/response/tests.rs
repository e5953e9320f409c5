//! Records of real runs of nginx 1.22.1 and 1.31.5, and what follows from its rules.

use super::*;
use crate::field::KnownField;
use crate::version::Version;
use proptest::prelude::*;

const OLD: ResponseRules = ResponseRules::V1_22;
const MID: ResponseRules = ResponseRules::V1_28;
const NEW: ResponseRules = ResponseRules::V1_31;

type End = Result<ResponseProgress, ResponseFault>;

fn parse(input: &[u8], rules: &ResponseRules) -> (ResponseHead, ResponseParser, End) {
    let (mut head, mut parser) = (ResponseHead::new(), ResponseParser::new());
    let end = parser.parse(input, &mut head, rules);
    (head, parser, end)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn status_lines() {
    let check = |line: &str, expected: Option<(u16, &str)>| {
        let input = format!("{line}\r\n\r\n");
        let (head, _, end) = parse(input.as_bytes(), &NEW);
        let found = match end.expect(line) {
            ResponseProgress::Done => {
                Some((head.status, text(head.reason_line.of(input.as_bytes()))))
            }
            _ => None,
        };
        let expected = expected.map(|(status, line)| (status, line.to_owned()));
        assert_eq!(found, expected, "{line:?}");
    };
    check("HTTP/1.1 200 OK", Some((200, "200 OK")));
    check("HTTP/1.1 200", Some((200, "200")));
    check("HTTP/1.1 200 ", Some((200, "200 ")));
    check("HTTP/1.1 200 Fine", Some((200, "200 Fine")));
    check("HTTP/1.1 403.1 x", Some((403, "403.1 x")));
    check("HTTP/1.1  200 OK", Some((200, "200 OK")));
    check("HTTP/1.1 799 Weird", Some((799, "799 Weird")));
    check("HTTP/1.1 099 X", Some((99, "099 X")));
    check("HTTP/1.1 000 X", Some((0, "000 X")));
    check("HTTP/2.0 200 OK", Some((200, "200 OK")));
    check("HTTP/1.111 200 OK", Some((200, "200 OK")));
    for line in [
        "hello world",
        "<html>hi</html>",
        "\0\u{1}\u{2} garbage",
        "PRI * HTTP/2.0",
        "HTTP/0.9 200 OK",
        "HTTP/1.11111 200 OK",
        "http/1.1 200 OK",
        "HTTP/1.1 99 X",
        "HTTP/1.1 1000 X",
        "HTTP/1.1 abc X",
        "HTTP/1.1 200\tOK",
        "HTTP/1.1 200 OK\rX",
        "\r\nHTTP/1.1 200 OK",
        "HTTP/.1 200 OK",
        "HTTP/1. 200 OK",
    ] {
        check(line, None);
    }
}

#[test]
fn no_status_line_is_http_09() {
    let (head, _, end) = parse(b"hello", &NEW);
    assert_eq!(end, Ok(ResponseProgress::NotHttp));
    assert_eq!(
        (head.version, head.connection_close),
        (Version::HTTP_09, true)
    );
}

#[test]
fn partial_heads() {
    for input in [
        "",
        "H",
        "HTTP/1.1 20",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A",
        "HTT",
    ] {
        assert_eq!(
            parse(input.as_bytes(), &NEW).2,
            Ok(ResponseProgress::Partial),
            "{input:?}"
        );
    }
}

/// The fields that are kept, by rules, or the fault.
fn check_fields(rules: &ResponseRules, fields: &str, expected: Result<&[&str], &str>) {
    let input = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
    let buf = input.as_bytes();
    let (head, _, end) = parse(buf, rules);
    let found = match end {
        Ok(_) => Ok(head
            .fields
            .iter()
            .map(|field| {
                format!(
                    "{}: {}",
                    text(field.name.of(buf)),
                    text(field.value.of(buf))
                )
            })
            .collect::<Vec<_>>()),
        Err(fault) => Err(fault.to_string()),
    };
    let expected = expected
        .map(|lines| lines.iter().map(|line| (*line).to_owned()).collect())
        .map_err(str::to_owned);
    assert_eq!(found, expected, "{fields:?} {rules:?}");
}

#[test]
fn header_lines() {
    let check = |fields: &str, expected: Result<&[&str], &str>| {
        for rules in [OLD, MID, NEW] {
            check_fields(&rules, fields, expected);
        }
    };
    check("NoColonHere\r\nA: b", Ok(&["NoColonHere: ", "A: b"]));
    check("X_A: b", Ok(&["X_A: b"]));
    check("X-(A): b", Ok(&["X-(A): b"]));
    check("X-A: b\u{1}c", Ok(&["X-A: b\u{1}c"]));
    check("X-A:\r\nX-B: ", Ok(&["X-A: ", "X-B: "]));
    check("X-A:   b  c   ", Ok(&["X-A: b  c"]));
    check("HTTP/1.1 200 OK again\r\nX-A: b", Ok(&["X-A: b"]));
    check(
        "Set-Cookie: a\r\nSet-Cookie: b",
        Ok(&["Set-Cookie: a", "Set-Cookie: b"]),
    );
    check("X A: b", Err("upstream sent invalid header: \"X\\x20...\""));
    check(": b", Err("upstream sent invalid header: \"\\x3a...\""));
    check(
        "X-A: b\r\n c",
        Err("upstream sent invalid header: \"\\x20...\""),
    );
    check(
        "X-\u{1}: b",
        Err("upstream sent invalid header: \"X-\\x01...\""),
    );
    check(
        "X-\0A: b",
        Err("upstream sent invalid header: \"X-\\x00...\""),
    );
    check(
        "X-A: b\rc",
        Err("upstream sent invalid header: \"X-A: b\\x0d...\""),
    );
}

#[test]
fn lengths_and_codings_that_are_refused_since_1_23() {
    // fields, length and chunked before, message since
    let check = |fields: &str, length: Option<u64>, chunked: bool, message: &str| {
        for rules in [MID, NEW] {
            check_fields(&rules, fields, Err(message));
        }
        let input = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
        let (head, _, end) = parse(input.as_bytes(), &OLD);
        assert_eq!(end, Ok(ResponseProgress::Done), "{fields:?}");
        assert_eq!(
            (head.content_length, head.chunked),
            (length, chunked),
            "{fields:?}"
        );
    };
    let duplicate = |later: &str, earlier: &str| {
        format!("upstream sent duplicate header line: \"{later}\", previous value: \"{earlier}\"")
    };
    let invalid =
        |line: &str| format!("upstream sent invalid \"Content-Length\" header: \"{line}\"");
    let unknown = |value: &str| format!("upstream sent unknown \"Transfer-Encoding\": \"{value}\"");
    let both =
        "upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time";
    let (two, three) = ("Content-Length: 2", "Content-Length: 3");
    let chunked = "Transfer-Encoding: chunked";
    check(
        &format!("{two}\r\n{two}"),
        Some(2),
        false,
        &duplicate(two, two),
    );
    check(
        &format!("{two}\r\n{three}"),
        Some(3),
        false,
        &duplicate(three, two),
    );
    check(&format!("{two}\r\n{chunked}"), None, true, both);
    check(&format!("{chunked}\r\n{two}"), None, true, both);
    check(
        &format!("{chunked}\r\n{chunked}"),
        None,
        true,
        &duplicate(chunked, chunked),
    );
    for line in [
        "Content-Length: 2, 2",
        "Content-Length: abc",
        "Content-Length: -1",
    ] {
        check(line, None, false, &invalid(line));
    }
    check("Content-Length:", None, false, &invalid("Content-Length: "));
    check(
        "Transfer-Encoding: gzip, chunked",
        None,
        true,
        &unknown("gzip, chunked"),
    );
    check(
        "Transfer-Encoding: identity",
        None,
        false,
        &unknown("identity"),
    );
}

#[test]
fn repeated_fields() {
    for name in [
        "Content-Type",
        "Last-Modified",
        "ETag",
        "Location",
        "Refresh",
        "Server",
        "Date",
    ] {
        let fields = format!("{name}: a1\r\n{name}: b2");
        let (first, second) = (format!("{name}: a1"), format!("{name}: b2"));
        check_fields(&OLD, &fields, Ok(&[&first, &second]));
        check_fields(&NEW, &fields, Ok(&[&first]));
        let input = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
        let (_, mut parser, _) = parse(input.as_bytes(), &NEW);
        let notice = parser.notices().next().expect("a notice");
        let mut message = Vec::new();
        notice.write_message(input.as_bytes(), &mut message);
        let expected = format!(
            "upstream sent duplicate header line: \"{second}\", \
             previous value: \"{first}\", ignored"
        );
        assert_eq!(text(&message), expected);
    }
}

#[test]
fn the_line_that_counts() {
    let input = b"HTTP/1.1 200 OK\r\nVary: a\r\nVary: b\r\nContent-Type: c\r\n\r\n";
    let check = |rules, expected: &[u8]| {
        let (head, ..) = parse(input, &rules);
        assert_eq!(head.value(KnownField::Vary, input), Some(expected));
        assert_eq!(head.fields.values(KnownField::Vary, input).count(), 2);
        assert_eq!(head.value(KnownField::Location, input), None);
    };
    check(NEW, b"a");
    check(OLD, b"b");
}

#[test]
fn closing() {
    let check = |head: &str, expected| {
        let (found, ..) = parse(head.as_bytes(), &NEW);
        assert_eq!(found.connection_close, expected, "{head:?}");
    };
    check("HTTP/1.1 200 OK\r\n\r\n", false);
    check(
        "HTTP/1.1 200 OK\r\nConnection: keep-alive, Close\r\n\r\n",
        true,
    );
    check(
        "HTTP/1.1 200 OK\r\nConnection: a1\r\nConnection: b2\r\n\r\n",
        false,
    );
    check("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", true);
}

#[test]
fn early_hints() {
    let check = |input: &str, rules, expected: Result<ResponseProgress, &str>, len| {
        let (head, _, end) = parse(input.as_bytes(), &rules);
        assert_eq!(
            end.map_err(|fault| fault.to_string()),
            expected.map_err(str::to_owned)
        );
        assert_eq!(head.len, len, "{input:?}");
    };
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    check(hints, NEW, Ok(ResponseProgress::EarlyHints), 40);
    check(hints, MID, Ok(ResponseProgress::Done), 40);
    let old = "HTTP/1.0 103 Early Hints\r\n\r\n";
    check(
        old,
        NEW,
        Err("upstream sent HTTP/1.0 response with early hints"),
        0,
    );
    check(old, MID, Ok(ResponseProgress::Done), 28);
    check(
        "HTTP/1.1 102 Processing\r\n\r\n",
        NEW,
        Ok(ResponseProgress::Done),
        27,
    );
}

#[test]
fn the_parser_goes_on_after_an_interim_head() {
    let input: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 204 No\r\n\r\n";
    let (mut head, mut parser, end) = parse(input, &NEW);
    assert_eq!(end, Ok(ResponseProgress::EarlyHints));
    let rest = &input[head.len..];
    head.reset();
    parser.reset();
    assert_eq!(
        parser.parse(rest, &mut head, &NEW),
        Ok(ResponseProgress::Done)
    );
    assert_eq!((head.status, head.fields.end()), (204, 0));
}

proptest! {
    #[test]
    fn cuts_change_nothing(
        line in "HTTP/1.[01] ?[ 0-2]{3,4}( |\\.)?[a-c]{0,3}\r?\n|[HTP/1. \r\n]{0,12}",
        fields in prop::collection::vec(
            "(Content-Length|Date|HTTP/|A|_)?:?[ \t]?[a-c0-2\0]{0,6} ?\r?\n", 0..5),
        cut in 0usize..100,
    ) {
        let input = format!("{line}{}\r\n", fields.concat()).into_bytes();
        for rules in [OLD, NEW] {
            let (whole, _, end) = parse(&input, &rules);
            let (mut head, mut parser, mut split) = parse(&input[..cut.min(input.len())], &rules);
            if split == Ok(ResponseProgress::Partial) {
                split = parser.parse(&input, &mut head, &rules);
            }
            prop_assert_eq!(&split, &end);
            if end.is_ok() {
                prop_assert_eq!(head, whole);
            }
        }
    }
}
