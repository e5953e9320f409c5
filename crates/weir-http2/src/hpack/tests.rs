//! The examples of RFC 7541, appendix C, and header blocks as nginx takes them.

use proptest::prelude::*;

use super::decode::{Decoder, Step, Wrong};
use super::encode::{Block, Name};
use crate::complaint::Complaint;
use crate::fault::ErrorCode;
use crate::fields::Fields;

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

/// Decodes a block of one frame, in pieces.
fn decode(decoder: &mut Decoder, block: &[u8], piece: usize) -> Result<Fields, Wrong> {
    let mut fields = Fields::default();
    decoder.begin(block.len() as u32, true, true, 32_768);
    for bytes in block.chunks(piece.max(1)) {
        let mut used = 0;
        let step = decoder.run(bytes, &mut used, &mut fields, 8192)?;
        assert_eq!(used, bytes.len());
        if step == Step::Done {
            assert_eq!(decoder.rest(), 0);
            return Ok(fields);
        }
    }
    panic!("a block without an end");
}

fn check(blocks: &[(&str, &[(&str, &str)])]) {
    for piece in [1, 2, 3, 7, 1000] {
        let mut decoder = Decoder::new(4096);
        for (hex, expected) in blocks {
            let fields = decode(&mut decoder, &octets(hex), piece).expect("a valid block");
            let expected = expected.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
            assert!(fields.iter().eq(expected), "{hex}");
        }
    }
}

#[test]
fn literals_of_appendix_c_2() {
    check(&[(
        "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
        &[("custom-key", "custom-header")],
    )]);
    check(&[(
        "040c 2f73 616d 706c 652f 7061 7468",
        &[(":path", "/sample/path")],
    )]);
    check(&[(
        "1008 7061 7373 776f 7264 0673 6563 7265 74",
        &[("password", "secret")],
    )]);
    check(&[("82", &[(":method", "GET")])]);
}

const REQUESTS: [&[(&str, &str)]; 3] = [
    &[
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "www.example.com"),
    ],
    &[
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "www.example.com"),
        ("cache-control", "no-cache"),
    ],
    &[
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/index.html"),
        (":authority", "www.example.com"),
        ("custom-key", "custom-value"),
    ],
];

#[test]
fn requests_of_appendix_c_3_and_c_4() {
    let plain = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    let huffman = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];
    for blocks in [plain, huffman] {
        let blocks: Vec<_> = blocks.into_iter().zip(REQUESTS).collect();
        check(&blocks);
    }
}

const RESPONSES: [&[(&str, &str)]; 3] = [
    &[
        (":status", "302"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("location", "https://www.example.com"),
    ],
    &[
        (":status", "307"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("location", "https://www.example.com"),
    ],
    &[
        (":status", "200"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:22 GMT"),
        ("location", "https://www.example.com"),
        ("content-encoding", "gzip"),
        (
            "set-cookie",
            "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
        ),
    ],
];

#[test]
fn responses_of_appendix_c_5_and_c_6_in_a_table_of_256() {
    let plain = [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a \
         3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 \
         677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 \
         553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
    ];
    let huffman = [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e \
         919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 \
         821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed \
         4ee5 b106 3d50 07",
    ];
    for blocks in [plain, huffman] {
        let mut decoder = Decoder::new(256);
        for (hex, expected) in blocks.iter().zip(RESPONSES) {
            let fields = decode(&mut decoder, &octets(hex), 5).expect("a valid block");
            let expected = expected.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
            assert!(fields.iter().eq(expected), "{hex}");
        }
    }
}

#[test]
fn what_blocks_may_not_have() {
    use Complaint::*;
    let (size, compression) = (ErrorCode::FRAME_SIZE_ERROR, ErrorCode::COMPRESSION_ERROR);
    let calm = ErrorCode::ENHANCE_YOUR_CALM;
    let cases = [
        ("80", compression, IndexZero),
        ("be", compression, IndexOutOfBound(0)),
        ("c0", compression, IndexOutOfBound(2)),
        ("7f00", compression, IndexOutOfBound(1)),
        ("3fe2 1f", compression, TableSize(4097)),
        ("3fff ffff 7f", compression, LongSizeUpdate),
        ("ffff ffff 7f", compression, LongIndex),
        ("ffff ffff", size, BlockLength),
        ("ff", size, BlockLength),
        ("3f80", size, BlockLength),
        ("40", size, BlockLength),
        ("4001 61", size, BlockLength),
        ("4003 6162", size, FieldLength),
        ("4001 6102 63", size, FieldLength),
        ("407f ffff ff7f", compression, LongLength),
        ("407f ff", size, BlockLength),
        ("407f 823f", calm, LargeField),
        ("4000 0161", ErrorCode::PROTOCOL_ERROR, EmptyName),
        ("4081 ff", ErrorCode::PROTOCOL_ERROR, EmptyName),
        ("4084 ffff ffff", compression, Encoding),
        ("4081 1f81 00", compression, Encoding),
    ];
    for (hex, code, complaint) in cases {
        for piece in [1, 2, 100] {
            let found = decode(&mut Decoder::new(4096), &octets(hex), piece);
            assert_eq!(found, Err((code, complaint.clone())), "{hex}");
        }
    }
}

#[test]
fn size_updates_may_stand_anywhere() {
    check(&[
        (
            "3fe1 1f82 2020 3f00 8620",
            &[(":method", "GET"), (":scheme", "http")],
        ),
        ("20", &[]),
    ]);
}

#[test]
fn a_head_has_no_more_than_its_limit() {
    let mut decoder = Decoder::new(4096);
    let name = octets("4001 6101 62");
    let (mut fields, mut used) = (Fields::default(), 0);
    decoder.begin(5 + 6, true, true, 10);
    let step = decoder.run(&name, &mut used, &mut fields, 8192);
    assert_eq!(step, Ok(Step::NeedMore));
    used = 0;
    let step = decoder.run(&[0xbe; 6], &mut used, &mut fields, 8192);
    let complaint = Complaint::LargeHeader;
    assert_eq!(step, Err((ErrorCode::ENHANCE_YOUR_CALM, complaint)));
    assert_eq!(fields.lines().len(), 5);
}

/// What nginx 1.31.5 sends, with `server_tokens off`, for a page of its own.
#[test]
fn heads_are_encoded_as_nginx_encodes_them() {
    let mut block = Block::default();
    block.status(200);
    block.named(Name::Server, b"nginx");
    block.content_length(1234);
    block.named(Name::Vary, b"Accept-Encoding");
    block.status(302);
    block.field(b"X-Y", b"!!");
    assert_eq!(
        block.bytes(),
        octets(
            "88 7684 aa63 55e7 5c04 3132 3334 7b8b 8484 2d69 5b05 443c 86aa 6f 4803 3330 32 0003 782d 79 0221 21"
        )
    );
}

#[test]
fn lengths_of_a_hundred_and_more() {
    for length in [126, 127, 128, 254, 255, 256, 20_000] {
        let mut block = Block::default();
        block.field(&vec![b'!'; length], &vec![b'#'; length]);
        let mut decoder = Decoder::new(0);
        let mut fields = Fields::default();
        decoder.begin(block.bytes().len() as u32, true, true, u32::MAX);
        let step = decoder.run(block.bytes(), &mut 0, &mut fields, 20_000);
        assert_eq!(step, Ok(Step::Done));
        let line = fields.lines()[0];
        assert_eq!(fields.name(&line), vec![b'!'; length]);
        assert_eq!(fields.value(&line), vec![b'#'; length]);
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        sent in prop::collection::vec((prop::collection::vec(any::<u8>(), 1..40), prop::collection::vec(any::<u8>(), 0..300)), 1..20),
        piece in 1_usize..50,
    ) {
        let mut block = Block::default();
        for (name, value) in &sent {
            block.field(name, value);
        }
        let fields = decode(&mut Decoder::new(4096), block.bytes(), piece).unwrap();
        let sent: Vec<_> = sent.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        let found: Vec<_> = fields.iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
        prop_assert_eq!(found, sent);
    }
}
