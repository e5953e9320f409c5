//! What an idle connection keeps.

use super::{events, frame, get, server};
use crate::connection::frame::Kind;
use crate::limits::Ending;

#[test]
fn an_idle_connection_is_small() {
    let mut server = server();
    // A browser's fields, kept in the table.
    let mut block = vec![0x82, 0x86, 0x84];
    for length in [15_u8, 100, 80, 60, 30, 20, 20, 20, 20] {
        block.extend([0x40, 10]);
        block.extend([b'n'; 10]);
        block.push(length);
        block.extend(std::iter::repeat_n(b'v', usize::from(length)));
    }
    events(&mut server, &frame(Kind::Headers, 5, 1, &block));
    server.head().status(204);
    server.send_head(1, true);
    server.close(1, Ending::Done);
    server.output().clear();
    server.shrink();
    assert!(size_of_val(&server) < 600, "{}", size_of_val(&server));
    assert!(server.memory() <= 3072, "{}", server.memory());
}

#[test]
fn a_full_table_and_many_streams_are_bounded() {
    let mut server = server();
    for number in 0..64_u32 {
        let mut block = vec![0x82, 0x86, 0x84, 0x40, 1, b'a' + number as u8 % 26, 100];
        block.extend([b'x'; 100]);
        events(
            &mut server,
            &frame(Kind::Headers, 5, 2 * number + 1, &block),
        );
    }
    assert_eq!(server.streams(), 64);
    assert!(server.memory() < 12_000, "{}", server.memory());
    for number in 0..64 {
        server.close(2 * number + 1, Ending::Done);
    }
    server.shrink();
    assert!(server.memory() < 6_000, "{}", server.memory());
}

#[test]
fn requests_on_a_warm_connection_take_no_more() {
    let mut server = server();
    let mut warm = 0;
    for number in 0..100 {
        let stream = 2 * number + 1;
        events(&mut server, &get(stream, "/some/path"));
        server.head().status(204);
        server.send_head(stream, true);
        server.close(stream, Ending::Done);
        server.output().clear();
        if number == 0 {
            warm = server.memory();
        }
        assert_eq!(server.memory(), warm);
    }
}

#[test]
fn buffers_in_use_are_not_given_back() {
    let mut server = server();
    let mut block = vec![0x82, 0x86, 0x84, 0x40, 2, b'a'];
    events(&mut server, &frame(Kind::Headers, 1, 1, &block));
    server.close(1, Ending::TimedOut);
    server.output().clear();
    server.shrink();
    events(&mut server, &frame(Kind::Continuation, 4, 1, b"b\x01c"));
    block = vec![0xbe];
    events(&mut server, &frame(Kind::Headers, 5, 3, &block));
    assert_eq!(server.fields().iter().next(), Some((&b"ab"[..], &b"c"[..])));
}
