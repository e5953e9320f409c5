use super::*;
use proptest::prelude::*;

const KEEP: ChunkRules = ChunkRules {
    strict_line_ends: true,
    trailers: Some(64),
};

/// Data, bytes read and trailers of `body`, fed in pieces that end at `cuts`.
fn run(body: &[u8], rules: ChunkRules, cuts: &[usize]) -> Result<(Vec<u8>, usize), ChunkedFault> {
    let mut decoder = ChunkedDecoder::new(rules);
    let (mut data, mut pos) = (Vec::new(), 0);
    for cut in cuts.iter().copied().chain([body.len()]) {
        loop {
            match decoder.decode(&body[..cut.max(pos)], &mut pos)? {
                Chunk::Data(range) => data.extend_from_slice(&body[range]),
                Chunk::NeedMore => break,
                Chunk::Done { end } => {
                    assert_eq!(decoder.at_least(), 0);
                    return Ok((data, end));
                }
            }
        }
        assert!(decoder.at_least() > 0, "the body goes on");
    }
    Ok((data, usize::MAX))
}

#[test]
fn bodies() {
    let check = |body: &str, strict: Option<(&str, usize)>, lenient: Option<(&str, usize)>| {
        for (rules, expected) in [(ChunkRules::STRICT, strict), (ChunkRules::LENIENT, lenient)] {
            let found = run(body.as_bytes(), rules, &[]).ok();
            let expected = expected.map(|(data, end)| (data.as_bytes().to_vec(), end));
            assert_eq!(found, expected, "{body:?} {rules:?}");
        }
    };
    let both = |body, expected| check(body, expected, expected);
    let open = usize::MAX;
    both("3\r\nabc\r\n0\r\n\r\n", Some(("abc", 13)));
    both("3\r\nabc\r\n0\r\n\r\nEXTRA", Some(("abc", 13)));
    both("3;a=b\r\nabc\r\n0;x\r\n\r\n", Some(("abc", 19)));
    both("3 \r\nabc\r\n0\t\r\n\r\n", Some(("abc", 15)));
    both(
        "A\r\n0123456789\r\n00\r\nX-T: 1\r\n\r\n",
        Some(("0123456789", 29)),
    );
    both("a\r\nabc", Some(("abc", open)));
    both("3\r\nabc\r\n", Some(("abc", open)));
    both("3\r\nabc\r\n0\r\n", Some(("abc", open)));
    both("3\r\nabc\r\nxyz\r\n", None);
    both("3\r\nabcd\r\n0\r\n\r\n", None);
    both("zz\r\n", None);
    both("\r\n", None);
    both("3\rabc", None);
    both("ffffffffffffffffff\r\nabc", None);
    both("7fffffffffffffff\r\nabc", None);
    both("7ffffffffffffff0\r\nabc", None);
    both("7ffffffffffffff\r\nabc", Some(("abc", open)));
    check("3\nabc\n0\n\n", None, Some(("abc", 9)));
    check("3\r\nabc\n0\r\n\r\n", None, Some(("abc", 12)));
    check("3;x\nabc\r\n0\r\n\r\n", None, Some(("abc", 14)));
    check("0;x\n\r\n", None, Some(("", 6)));
    check("0\r\n\n", None, Some(("", 4)));
    check("0\r\nX: 1\n\r\n", None, Some(("", 10)));
}

#[test]
fn kept_trailers() {
    let check = |tail: &str, expected: Result<&[(&str, &str)], &str>| {
        let body = format!("1\r\na\r\n0\r\n{tail}");
        let mut decoder = ChunkedDecoder::new(KEEP);
        let mut pos = 0;
        let found = loop {
            match decoder.decode(body.as_bytes(), &mut pos) {
                Ok(Chunk::Data(_)) => {}
                Ok(chunk) => break Ok(chunk),
                Err(fault) => break Err(fault.to_string()),
            }
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let found = found.map(|chunk| {
            assert_eq!(
                chunk,
                Chunk::Done {
                    end: 9 + tail.trim_end_matches("EXTRA").len()
                }
            );
            decoder
                .trailers()
                .map(|(name, value)| (text(name), text(value)))
                .collect::<Vec<_>>()
        });
        let expected = expected
            .map(|pairs| {
                pairs
                    .iter()
                    .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                    .collect()
            })
            .map_err(str::to_owned);
        assert_eq!(found, expected, "{tail:?}");
    };
    check("\r\n", Ok(&[]));
    check(
        "X-T: 1\r\nX_u:  2 \r\n\r\nEXTRA",
        Ok(&[("X-T", "1"), ("X_u", "2")]),
    );
    check(
        "X T: 1\r\n\r\n",
        Err("upstream sent invalid trailer: \"X\\x20...\""),
    );
    let long = format!("X-T: {}\r\n\r\n", "a".repeat(64));
    check(&long, Err("upstream sent too big trailers"));
}

#[test]
fn least_number_of_bytes_to_come() {
    let check = |body: &str, strict: u64, lenient: u64| {
        for (rules, expected) in [(ChunkRules::STRICT, strict), (ChunkRules::LENIENT, lenient)] {
            let mut decoder = ChunkedDecoder::new(rules);
            let mut pos = 0;
            while decoder.decode(body.as_bytes(), &mut pos).expect(body) != Chunk::NeedMore {}
            assert_eq!(decoder.at_least(), expected, "{body:?} {rules:?}");
        }
    };
    check("", 5, 3);
    check("0", 4, 2);
    check("3", 12, 8);
    check("3;", 12, 8);
    check("3\r", 11, 8);
    check("3\r\n", 10, 7);
    check("3\r\na", 9, 6);
    check("3\r\nabc", 7, 4);
    check("3\r\nabc\r", 6, 4);
    check("0;", 4, 2);
    check("0\r", 3, 2);
    check("0\r\n", 2, 1);
    check("0\r\n\r", 1, 1);
    check("0\r\nX", 4, 2);
    check("0\r\nX\r", 3, 2);
}

#[test]
fn size_lines() {
    let check = |len: u64, expected: &str| {
        let mut out = Vec::new();
        write_chunk_size(len, &mut out);
        assert_eq!(out, expected.as_bytes());
    };
    check(0, "0\r\n");
    check(15, "f\r\n");
    check(16, "10\r\n");
    check(0x1a2b, "1a2b\r\n");
    check(u64::MAX, "ffffffffffffffff\r\n");
}

proptest! {
    #[test]
    fn encoded_bodies_come_back_however_they_are_cut(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
        cuts in prop::collection::vec(0usize..300, 0..6),
    ) {
        let mut body = Vec::new();
        for chunk in &chunks {
            write_chunk_size(chunk.len() as u64, &mut body);
            body.extend_from_slice(chunk);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(LAST_CHUNK);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
        cuts.sort_unstable();
        for rules in [ChunkRules::STRICT, ChunkRules::LENIENT, KEEP] {
            let expected = Ok((chunks.concat(), body.len()));
            prop_assert_eq!(run(&body, rules, &cuts), expected);
        }
    }

    #[test]
    fn cuts_change_nothing(body in "[0-3a\r\n;X: ]{0,40}", cut in 0usize..40) {
        for rules in [ChunkRules::STRICT, ChunkRules::LENIENT, KEEP] {
            let whole = run(body.as_bytes(), rules, &[]);
            let split = run(body.as_bytes(), rules, &[cut.min(body.len())]);
            prop_assert_eq!(whole, split);
        }
    }
}
