//! What the fuzz targets call: in one piece and in several, and the invariants checked.

use crate::connection::{Connection, PREFACE};
use crate::event::Event;
use crate::hpack::encode::Block;
use crate::limits::{Ending, Limits, Share};

/// Frames for a connection: the first octet says how they are cut, and in which role they are taken.
///
/// # Panics
///
/// If an invariant does not hold, here and below.
pub fn frames(input: &[u8]) {
    let [settings, input @ ..] = input else {
        return;
    };
    let piece = usize::from(settings >> 1) + 1;
    let begin = || {
        let limits = Limits {
            concurrent_streams: 4,
            ..Limits::default()
        };
        if settings & 1 == 0 {
            let mut server = Connection::server(limits);
            let mut at = 0;
            assert_eq!(server.receive(PREFACE, &mut at), Ok(None));
            server
        } else {
            let mut client = Connection::client(limits);
            assert_eq!((client.open(), client.open()), (Some(1), Some(3)));
            client
        }
    };
    let whole = serve(begin(), input, input.len().max(1));
    assert_eq!(serve(begin(), input, piece), whole);
}

/// Answers what is whole, and says all that came of it.
fn serve(mut connection: Connection, input: &[u8], piece: usize) -> (Vec<u8>, String, usize) {
    let mut told = String::new();
    for piece in input.chunks(piece) {
        let mut at = 0;
        loop {
            match connection.receive(piece, &mut at) {
                Ok(Some(event)) => answer(&mut connection, &event, &mut told),
                Ok(None) => break,
                Err(fault) => {
                    assert!(connection.is_over());
                    told += &format!("{fault} {}", fault.code);
                    break;
                }
            }
        }
        assert!(connection.memory() < 1 << 20);
    }
    let streams = connection.streams();
    assert!(streams <= 4);
    (std::mem::take(connection.output()), told, streams)
}

fn answer(connection: &mut Connection, event: &Event<'_>, told: &mut String) {
    match event {
        Event::Head { stream, ends, .. } => {
            *told += &format!("{event:?}{:?}", connection.fields().lines());
            if *ends {
                connection.head().status(200);
                connection.send_head(*stream, false);
                let share = Share {
                    most: usize::MAX,
                    chunk: 100,
                };
                connection.send_data(*stream, &[&[b'x'; 300]], share, true);
                connection.close(*stream, Ending::Done);
            } else {
                connection.open_window(*stream);
            }
        }
        Event::Reset { stream, .. } | Event::Terminated { stream, .. } => {
            *told += &format!("{event:?}");
            connection.close(*stream, Ending::Done);
        }
        // Its pieces depend on how it came.
        Event::Data { bytes, ends, .. } => {
            for byte in *bytes {
                told.push(char::from(*byte));
            }
            if *ends {
                *told += "end";
            }
        }
        Event::Opened { .. }
        | Event::Trailers { .. }
        | Event::Refused { .. }
        | Event::Writable { .. }
        | Event::GoAway { .. }
        | Event::Complaint(_) => *told += &format!("{event:?}"),
    }
}

/// A header block, cut into frames by its first octet; what comes out of it is encoded and decoded again.
///
/// # Panics
///
/// If an invariant does not hold.
pub fn header_block(input: &[u8]) {
    let [cut, input @ ..] = input else {
        return;
    };
    let Some(found) = decode(input, input.len().max(1)) else {
        return;
    };
    assert_eq!(
        decode(input, usize::from(*cut).max(1)).as_ref(),
        Some(&found)
    );
    if found.is_empty() {
        return;
    }
    let mut block = Block::default();
    for (name, value) in &found {
        block.field(name, value);
    }
    let again = decode(block.bytes(), block.bytes().len().max(1)).expect("what was encoded");
    let lower = found
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value));
    assert!(again.into_iter().eq(lower));
}

/// The fields of a block in frames of `size`, if there is a whole head in it.
fn decode(block: &[u8], size: usize) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut server = Connection::server(Limits::default());
    let mut input = PREFACE.to_vec();
    let count = block.len().div_ceil(size);
    for (number, fragment) in block.chunks(size).enumerate() {
        let length = (fragment.len() as u32).to_be_bytes();
        input.extend(&length[1..]);
        let kind = if number == 0 { 1 } else { 9 };
        let flags = if number + 1 == count { 5 } else { 1 };
        input.extend([kind, flags, 0, 0, 0, 1]);
        input.extend(fragment);
    }
    let mut at = 0;
    while let Some(event) = server.receive(&input, &mut at).ok()? {
        if matches!(event, Event::Head { .. }) {
            let fields = server.fields().iter();
            return Some(fields.map(|(n, v)| (n.to_vec(), v.to_vec())).collect());
        }
    }
    None
}
