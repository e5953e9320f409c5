//! However bytes are cut, the same comes of them; whatever they are, nothing panics.

use proptest::prelude::*;

use super::{Site, opening};
use crate::fuzz;
use crate::limits::Limits;

/// Frames that are mostly valid.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let block = prop_oneof![
        Just(b"\x82\x86\x04\x05/page\x41\x01x".to_vec()),
        Just(b"\x82\x86\x04\x05/wait\x41\x01x".to_vec()),
        Just(b"\x82\x86\x84\x40\x01a\x81\x1f\xbe\x3f\xe1\x1f\x00\x01b\x7f\x03aaa".to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    let payload = prop_oneof![
        4 => block,
        1 => prop::collection::vec(any::<u8>(), 0..12),
        1 => Just(vec![0, 4, 0, 0, 0, 9]),
        1 => Just(vec![0, 0, 0, 5]),
    ];
    let kind = prop_oneof![3 => Just(1_u8), 3 => 0_u8..11, 1 => any::<u8>()];
    let flags = prop_oneof![3 => Just(5_u8), 2 => Just(4_u8), 1 => Just(0), 1 => any::<u8>()];
    let stream =
        prop_oneof![2 => Just(0_u32), 6 => (0_u32..6).prop_map(|n| 2 * n + 1), 1 => any::<u32>()];
    (kind, flags, stream, payload).prop_map(|(kind, flags, stream, payload)| {
        let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        out.extend([kind, flags]);
        out.extend(stream.to_be_bytes());
        out.extend(payload);
        out
    })
}

fn run(pieces: &[&[u8]]) -> (Vec<u8>, Vec<String>, usize) {
    let mut site = Site::new(Limits::default(), 3, 65_536);
    for piece in pieces {
        site.receive(piece);
    }
    let streams = site.connection.streams();
    (
        std::mem::take(site.connection.output()),
        site.lines,
        streams,
    )
}

proptest! {
    #[test]
    fn frames_in_pieces(frames in prop::collection::vec(frames(), 0..12), piece in 1_usize..40) {
        let mut input = opening();
        input.extend(frames.concat());
        let whole = run(&[&input]);
        let pieces: Vec<_> = input.chunks(piece).collect();
        prop_assert_eq!(run(&pieces), whole);
    }

    #[test]
    fn arbitrary_bytes(mut input: Vec<u8>, cut: u8, mangle in prop::option::of((any::<prop::sample::Index>(), any::<u8>()))) {
        if let Some((index, value)) = mangle && !input.is_empty() {
            *index.get_mut(&mut input) = value;
        }
        input.insert(0, cut);
        fuzz::frames(&input);
        fuzz::header_block(&input);
    }
}
