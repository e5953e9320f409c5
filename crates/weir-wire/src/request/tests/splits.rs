//! However the bytes arrive, the result is the same.

use super::parse;
use crate::request::{HeadLimits, Progress, RequestFault, RequestHead, RequestParser};
use proptest::prelude::*;

/// Parses `input` in two pieces, and tells what the parser has to say, in order.
fn in_two(
    input: &[u8],
    cut: usize,
    limits: &HeadLimits,
) -> (RequestHead, Vec<Progress>, Result<Progress, RequestFault>) {
    let (mut head, mut parser) = (RequestHead::new(), RequestParser::new());
    let mut seen = Vec::new();
    let mut received = &input[..cut];
    loop {
        match parser.parse(received, &mut head, limits) {
            Ok(Progress::Partial) if received.len() < input.len() => received = input,
            Ok(step @ (Progress::RequestLine | Progress::Host)) => seen.push(step),
            end => return (head, seen, end),
        }
    }
}

fn check(input: &[u8], cut: usize, limits: &HeadLimits) {
    let cut = cut.min(input.len());
    let (whole, _, end) = parse(input, limits);
    let (split, _, split_end) = in_two(input, cut, limits);
    assert_eq!(
        split_end,
        end,
        "{:?} cut at {cut}",
        String::from_utf8_lossy(input)
    );
    if end.is_ok() {
        assert_eq!(
            split,
            whole,
            "{:?} cut at {cut}",
            String::from_utf8_lossy(input)
        );
    }
}

const TINY: HeadLimits = HeadLimits {
    first_buffer: 16,
    large_count: 3,
    large_size: 24,
    max_headers: 4,
    ignore_invalid: true,
    underscores: false,
    merge_slashes: true,
    compat: super::HeadCompat::V1_31,
};

#[test]
fn every_cut_of_some_heads() {
    let heads: [&[u8]; 5] = [
        b"\r\nGET /a//b?c HTTP/1.1\r\nHost: h\r\nCookie:  a=b; c \r\r\n\r\n",
        b"POST http://A.b:8/%41?x HTTP/1.1 \nHost: c\nContent-Length: 3\nX_y: z\n\n",
        b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\nE\r\n\r\n",
        b"GET /a\r\n",
    ];
    for head in heads {
        for cut in 0..=head.len() {
            check(head, cut, &HeadLimits::default());
            check(head, cut, &TINY);
        }
    }
}

proptest! {
    #[test]
    fn likely_bytes(
        line in "(GET|PO_T|CONNECT) (/|http://|/\\.\\./)[a-b:/?#%.\\[\\]2f ]{0,12}( HTTP/1.[01])?\r?\n",
        fields in prop::collection::vec("(Host|A|a_b|Content-Length|) ?:?[ \t]?[a-c0-2:/.\0]{0,9} ?\r?\n", 0..5),
        cut in 0usize..120,
    ) {
        let input = format!("{line}{}\r\n", fields.concat());
        check(input.as_bytes(), cut, &HeadLimits::default());
        check(input.as_bytes(), cut, &TINY);
    }

    #[test]
    fn any_bytes(input: Vec<u8>, cut in 0usize..100) {
        check(&input, cut, &HeadLimits::default());
    }
}
