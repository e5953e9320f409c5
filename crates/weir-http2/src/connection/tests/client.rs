//! The two roles with each other, in memory.

use super::{SHARE, all, events, frame, told};
use crate::complaint::Complaint;
use crate::connection::Connection;
use crate::connection::flow::{LOW_WINDOW, MAX_WINDOW};
use crate::connection::frame::{END_HEADERS, END_STREAM, Kind};
use crate::event::Event;
use crate::fault::ErrorCode;
use crate::limits::{Ending, Limits};

type Lines<'a> = &'a [(&'a str, &'a str)];

fn send(connection: &mut Connection, stream: u32, fields: Lines<'_>, ends: bool) {
    let fields = fields.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
    connection.send_fields(stream, fields, ends);
}

/// Carries all output over, and says what it led to.
fn carry(from: &mut Connection, to: &mut Connection) -> Vec<String> {
    let output = std::mem::take(from.output());
    let events = events(to, &output);
    events
        .into_iter()
        .map(|event| format!("{event:?}"))
        .collect()
}

fn fields(connection: &mut Connection) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    connection
        .fields()
        .iter()
        .map(|(n, v)| (text(n), text(v)))
        .collect()
}

/// A client and a server that have exchanged settings.
fn pair() -> (Connection, Connection) {
    let mut client = Connection::client(Limits::default());
    let mut server = Connection::server(Limits::default());
    for _ in 0..2 {
        assert_eq!(carry(&mut client, &mut server), [""; 0]);
        assert_eq!(carry(&mut server, &mut client), [""; 0]);
    }
    (client, server)
}

fn asked() -> (Connection, Connection) {
    let (mut client, mut server) = pair();
    assert_eq!(client.open(), Some(1));
    let head: Lines<'_> = &[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/x"),
        ("TE", "trailers"),
    ];
    send(&mut client, 1, head, false);
    assert_eq!(
        carry(&mut client, &mut server),
        [
            "Opened { stream: 1 }",
            "Head { stream: 1, length: 43, ends: false }"
        ]
    );
    let got = fields(&mut server);
    assert_eq!(got[3], ("te".to_owned(), "trailers".to_owned()));
    (client, server)
}

#[test]
fn a_client_begins_as_nginx_s_grpc_module() {
    let mut client = Connection::client(Limits::default());
    assert_eq!(
        told(client.output()),
        [
            "SETTINGS 00010000000000020000000000047fffffff",
            "WU 0 2147418112"
        ]
    );
}

#[test]
fn a_call_with_bodies_and_trailers_on_both_ways() {
    let (mut client, mut server) = asked();
    assert_eq!(client.send_data(1, &[b"he", b"llo"], SHARE, false), 5);
    assert_eq!(client.send_data(1, &[], SHARE, true), 0);
    let sent = carry(&mut client, &mut server);
    assert_eq!(
        sent[0],
        "Data { stream: 1, bytes: [104, 101, 108, 108, 111], ends: false }"
    );
    assert_eq!(sent[1], "Data { stream: 1, bytes: [], ends: true }");
    server.head().status(103);
    server.send_head(1, false);
    server.head().status(200);
    server.send_head(1, false);
    server.send_data(1, &[b"hi"], SHARE, false);
    assert_eq!(
        carry(&mut server, &mut client),
        [
            "Head { stream: 1, length: 6, ends: false }",
            "Head { stream: 1, length: 1, ends: false }",
            "Data { stream: 1, bytes: [104, 105], ends: false }",
        ]
    );
    assert_eq!(
        fields(&mut client),
        [(":status".to_owned(), "200".to_owned())]
    );
    server.head().field(b"grpc-status", b"0");
    server.send_trailers(1);
    server.close(1, Ending::Done);
    assert_eq!(carry(&mut server, &mut client), ["Trailers { stream: 1 }"]);
    assert_eq!(
        fields(&mut client),
        [("grpc-status".to_owned(), "0".to_owned())]
    );
    client.close(1, Ending::Done);
    assert!(client.output().is_empty());
    assert_eq!((client.streams(), server.streams()), (0, 0));
    assert_eq!(client.open(), Some(3));
}

#[test]
fn a_client_that_gives_up_cancels() {
    let (mut client, mut server) = asked();
    client.close(1, Ending::Done);
    let complaint = Complaint::Canceled(1);
    assert_eq!(
        carry(&mut client, &mut server),
        [format!(
            "{:?}",
            Event::Reset {
                stream: 1,
                code: ErrorCode::CANCEL,
                complaint
            }
        )]
    );
    server.head().status(200);
    server.send_head(1, true);
    server.close(1, Ending::Done);
    assert!(server.output().is_empty());
}

#[test]
fn a_server_that_resets_is_told_of() {
    let (mut client, mut server) = asked();
    server.reset(1, ErrorCode(0x99));
    let events = carry(&mut server, &mut client);
    assert!(
        events[0].starts_with("Reset { stream: 1, code: ErrorCode(153)"),
        "{events:?}"
    );
}

#[test]
fn goaway_leaves_open_streams() {
    let (mut client, mut server) = asked();
    server.go_away(ErrorCode::NO_ERROR);
    assert_eq!(
        carry(&mut server, &mut client),
        ["GoAway { last: 1, code: ErrorCode(0) }"]
    );
    assert_eq!(client.open(), None);
    assert!(!client.is_over());
    server.head().status(204);
    server.send_head(1, true);
    server.close(1, Ending::Done);
    assert!(server.is_over());
    carry(&mut server, &mut client);
    client.close(1, Ending::Done);
    assert!(client.is_over());
}

#[test]
fn the_server_s_limit_on_streams_holds() {
    let mut client = Connection::client(Limits::default());
    events(
        &mut client,
        &frame(Kind::Settings, 0, 0, &[0, 3, 0, 0, 0, 1]),
    );
    assert_eq!(client.open(), Some(1));
    assert_eq!(client.open(), None);
    client.close(1, Ending::Done);
    assert_eq!(client.open(), Some(3));
}

#[test]
fn windows_of_a_client_stay_wide() {
    let (mut client, mut server) = asked();
    server.head().status(200);
    server.send_head(1, false);
    carry(&mut server, &mut client);
    client.recv_window = LOW_WINDOW + 10;
    client.streams.find_mut(1).unwrap().recv_window = LOW_WINDOW + 15;
    events(&mut client, &frame(Kind::Data, 0, 1, &[0; 10]));
    assert!(client.output().is_empty());
    events(&mut client, &frame(Kind::Data, 0, 1, &[0; 6]));
    let up = MAX_WINDOW - LOW_WINDOW;
    assert_eq!(
        told(client.output()),
        [format!("WU 0 {}", up + 6), format!("WU 1 {}", up + 1)]
    );
}

#[test]
fn what_servers_may_not_send() {
    use Complaint::*;
    let check = |input: Vec<u8>, code, complaint| {
        let (mut client, _) = asked();
        let (_, fault) = all(&mut client, &input);
        let fault = fault.expect("a fault");
        assert_eq!((fault.code, fault.complaint), (code, complaint));
        assert_eq!(told(client.output()), [format!("GOAWAY 0 {code}")]);
    };
    let (protocol, size) = (ErrorCode::PROTOCOL_ERROR, ErrorCode::FRAME_SIZE_ERROR);
    check(
        frame(Kind::PushPromise, 4, 1, &[0, 0, 0, 2, 0x82]),
        protocol,
        PushPromise,
    );
    check(frame(Kind::Data, 0, 3, b"x"), protocol, UnknownStream(3));
    check(
        frame(Kind::Headers, 4, 2, &[0x88]),
        protocol,
        UnknownStream(2),
    );
    check(
        frame(Kind::Data, 0, 1, &[0; 16_385]),
        size,
        LargeFrame(16_385),
    );
    let kept = frame(Kind::Headers, 4, 1, &[0x40, 1, b'a', 1, b'b', 0xbe]);
    check(kept, ErrorCode::COMPRESSION_ERROR, IndexOutOfBound(0));
    let table = frame(Kind::Headers, 4, 1, &[0x21, 0x88]);
    check(table, ErrorCode::COMPRESSION_ERROR, TableSize(1));
}

#[test]
fn what_ends_a_client_s_stream_alone() {
    let check = |input: Vec<u8>, code: u32| {
        let (mut client, _) = asked();
        let events = events(&mut client, &input);
        let ended = events
            .iter()
            .filter(|event| matches!(event, Event::Terminated { stream: 1, .. }));
        assert_eq!(ended.count(), 1, "{events:?}");
        assert_eq!(told(client.output()), [format!("RST 1 {code}")]);
    };
    check(frame(Kind::Data, 0, 1, b"x"), 1);
    let head = frame(Kind::Headers, END_HEADERS, 1, &[0x88]);
    check([head.clone(), head].concat(), 1);
    let ended = frame(Kind::Headers, END_HEADERS | END_STREAM, 1, &[0x88]);
    check([ended.clone(), ended.clone()].concat(), 5);
    check([ended, frame(Kind::Data, 0, 1, b"x")].concat(), 5);
}
