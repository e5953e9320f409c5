//! What a server sends: heads as nginx encodes them, frames as windows allow.

use super::{SHARE, events, frame, get, server, told};
use crate::connection::Connection;
use crate::connection::frame::{END_HEADERS, Kind};
use crate::event::Event;
use crate::fault::ErrorCode;
use crate::hpack::encode::Name;
use crate::limits::{Ending, Share};

fn opened(path: &str) -> Connection {
    let mut server = server();
    events(&mut server, &get(1, path));
    server
}

fn setting(id: u16, value: u32) -> Vec<u8> {
    let mut payload = id.to_be_bytes().to_vec();
    payload.extend(value.to_be_bytes());
    frame(Kind::Settings, 0, 0, &payload)
}

/// The very octets of nginx 1.31.5 with `server_tokens off`, behind SETTINGS_HEADER_TABLE_SIZE, for
/// `return 200 "0123456789abcdefghijklmnopqrstuvwxyz"`.
#[test]
fn a_head_is_encoded_as_nginx_encodes_it() {
    let mut server = server();
    events(&mut server, &setting(1, 0));
    events(&mut server, &get(1, "/page"));
    events(&mut server, &get(3, "/page"));
    server.output().clear();
    for stream in [1, 3] {
        let head = server.head();
        head.status(200);
        head.named(Name::Server, b"nginx");
        head.named(Name::Date, b"Mon, 30 Nov 2026 00:45:37 GMT");
        head.named(Name::ContentType, b"text/plain");
        head.content_length(36);
        server.send_head(stream, false);
    }
    let expected = "887684aa6355e76196d07abe94640a693f75040138a00171a6ee32ea98b46f\
                    5f87497ca58ae819aa5c023336";
    let hex: String = server
        .output()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    let (first, second) = ("00002d010400000001", "00002c010400000003");
    assert_eq!(hex, format!("{first}20{expected}{second}{expected}"));
}

#[test]
fn a_head_larger_than_a_frame_goes_on_in_continuations() {
    let mut server = opened("/");
    events(&mut server, &setting(1, 4096));
    server.output().clear();
    server.head().field(b"X-Long", &[b'!'; 40_000]);
    server.send_head(1, true);
    let frames = told(server.output());
    assert_eq!(
        frames,
        [
            "HEADERS 1 end",
            "CONTINUATION 1 16384",
            "CONTINUATION 1 7244"
        ]
    );
    let mut client = Connection::client(crate::Limits {
        field: 40_000,
        fields: 41_000,
        ..Default::default()
    });
    assert_eq!(client.open(), Some(1));
    let output = std::mem::take(server.output());
    let head = Event::Head {
        stream: 1,
        length: 40_012,
        ends: true,
    };
    assert_eq!(events(&mut client, &output), [head]);
    let long = client
        .fields()
        .iter()
        .next()
        .map(|(name, value)| (name.len(), value.len()));
    assert_eq!(long, Some((6, 40_000)));
}

#[test]
fn data_goes_out_in_chunks_as_far_as_windows_allow() {
    let mut server = opened("/");
    server.head().status(200);
    server.send_head(1, false);
    server.output().clear();
    let body = [b'x'; 100_000];
    assert_eq!(server.window(1), 65_535);
    let share = Share {
        most: 20_000,
        chunk: 8192,
    };
    assert_eq!(
        server.send_data(1, &[&body[..5], &body[5..]], share, true),
        20_000
    );
    assert_eq!(
        told(server.output()),
        ["DATA 1 8192", "DATA 1 8192", "DATA 1 3616"]
    );
    let share = Share {
        chunk: 100_000,
        ..SHARE
    };
    server.output().clear();
    assert_eq!(server.send_data(1, &[&body], share, true), 45_535);
    assert_eq!(
        told(server.output()),
        ["DATA 1 16384", "DATA 1 16384", "DATA 1 12767"]
    );
    assert_eq!(server.send_data(1, &[&body], share, true), 0);
    assert_eq!(server.window(1), 0);
    let update = |stream| frame(Kind::WindowUpdate, 0, stream, &[0, 0, 0, 9]);
    assert_eq!(
        events(&mut server, &update(1)),
        [Event::Writable { stream: Some(1) }]
    );
    assert_eq!(server.send_data(1, &[&body], SHARE, true), 0);
    assert_eq!(
        events(&mut server, &update(0)),
        [Event::Writable { stream: None }]
    );
    server.output().clear();
    assert_eq!(server.send_data(1, &[b"123456789"], SHARE, true), 9);
    assert_eq!(server.send_data(1, &[b""], SHARE, true), 0);
    assert_eq!(told(server.output()), ["DATA 1 9 end"]);
}

#[test]
fn an_end_needs_no_window() {
    let mut server = opened("/");
    events(&mut server, &setting(4, 0));
    server.output().clear();
    server.head().status(200);
    server.send_head(1, false);
    assert_eq!(server.send_data(1, &[b"x"], SHARE, true), 0);
    assert_eq!(server.send_data(1, &[], SHARE, false), 0);
    assert_eq!(server.send_data(1, &[b"", b""], SHARE, true), 0);
    assert_eq!(told(server.output()), ["HEADERS 1", "DATA 1 0 end"]);
    server.close(1, Ending::Done);
    assert_eq!(server.streams(), 0);
    assert_eq!(told(server.output()).len(), 2);
}

#[test]
fn settings_move_windows_below_nothing_and_back() {
    let mut server = opened("/");
    server.head().status(200);
    server.send_head(1, false);
    assert_eq!(server.send_data(1, &[&[0; 1000]], SHARE, false), 1000);
    assert_eq!(events(&mut server, &setting(4, 500)), []);
    assert_eq!(server.window(1), 0);
    assert_eq!(events(&mut server, &setting(4, 1000)), []);
    assert_eq!(
        events(&mut server, &setting(4, 1001)),
        [Event::Writable { stream: None }]
    );
    assert_eq!(server.window(1), 1);
}

#[test]
fn trailers_end_a_stream() {
    let mut server = opened("/");
    server.head().status(200);
    server.send_head(1, false);
    server.send_data(1, &[b"x"], SHARE, false);
    server.head().field(b"Grpc-Status", b"0");
    server.send_trailers(1);
    server.send_data(1, &[b"more"], SHARE, false);
    server.send_head(1, true);
    server.close(1, Ending::Done);
    assert_eq!(
        told(server.output()),
        ["HEADERS 1", "DATA 1 1", "HEADERS 1 end"]
    );
}

#[test]
fn closing_resets_what_is_open() {
    let post = frame(Kind::Headers, END_HEADERS, 1, &[0x83, 0x86, 0x84]);
    let check = |ending, answered, expected: &[&str]| {
        let mut server = server();
        events(&mut server, &post);
        if answered {
            server.head().status(204);
            server.send_head(1, true);
        }
        server.close(1, ending);
        assert_eq!(told(server.output()), expected);
        server.close(1, ending);
        assert_eq!(told(server.output()), expected);
    };
    check(Ending::Done, false, &["RST 1 2"]);
    check(Ending::TimedOut, false, &["RST 1 1"]);
    check(Ending::TimedOut, true, &["HEADERS 1 end", "RST 1 0"]);
}

#[test]
fn a_stream_is_reset_once() {
    let mut server = opened("/");
    server.reset(1, ErrorCode::INTERNAL_ERROR);
    server.reset(1, ErrorCode::CANCEL);
    server.head().status(200);
    server.send_head(1, false);
    server.close(1, Ending::Done);
    assert_eq!(told(server.output()), ["RST 1 2"]);
}

#[test]
fn a_head_closed_while_it_is_read_is_not_told_of() {
    let mut server = server();
    let begun = frame(Kind::Headers, 1, 1, &[0x82, 0x86, 0x40, 1, b'a', 1, b'b']);
    assert_eq!(events(&mut server, &begun), [Event::Opened { stream: 1 }]);
    assert_eq!(server.reading_head(), Some(1));
    assert!(server.is_incomplete());
    server.close(1, Ending::TimedOut);
    assert_eq!(server.reading_head(), None);
    assert_eq!(told(server.output()), ["RST 1 1"]);
    let end = frame(Kind::Continuation, 4, 1, &[0x84]);
    assert_eq!(events(&mut server, &end), []);
    assert!(!server.is_incomplete());
    // What it put into the table is there.
    let next = frame(Kind::Headers, 5, 3, &[0xbe]);
    assert_eq!(events(&mut server, &next).len(), 2);
    assert_eq!(server.fields().iter().next(), Some((&b"a"[..], &b"b"[..])));
}
