//! Floods: each ends, in bounded memory, and as nginx ends it.

use super::{all, events, frame, get, opening, server, told};
use crate::complaint::Complaint;
use crate::connection::Connection;
use crate::connection::frame::{ACK, END_HEADERS, END_STREAM, Kind};
use crate::event::Event;
use crate::fault::{ErrorCode, Fault};
use crate::limits::{Ending, Limits};

/// Sends `piece` again and again, the output taken each time, until the connection ends.
fn until_over(server: &mut Connection, piece: &[u8], most: usize) -> (usize, Fault) {
    for sent in 0..most {
        let (events, fault) = all(server, piece);
        for event in events {
            if let Event::Reset { stream, .. } = event {
                server.close(stream, Ending::Done);
            }
        }
        if let Some(fault) = fault {
            return (sent, fault);
        }
        server.output().clear();
    }
    panic!("{most} pieces, and no end");
}

fn is_flood(fault: &Fault, code: ErrorCode) {
    assert_eq!((fault.code, &fault.complaint), (code, &Complaint::Flood));
}

#[test]
fn pings_of_a_client_that_does_not_read() {
    let mut server = server();
    let pings = frame(Kind::Ping, 0, 0, b"12345678").repeat(10_001);
    let (events, fault) = all(&mut server, &pings);
    assert_eq!(events, []);
    is_flood(&fault.expect("a fault"), ErrorCode::INTERNAL_ERROR);
    // Nothing more is sent to it, not even GOAWAY.
    assert_eq!(server.output().len(), 10_001 * 17);
    assert!(server.is_over());
    assert_eq!(server.receive(&pings, &mut 0), Ok(None));
    assert_eq!(server.output().len(), 10_001 * 17);
}

#[test]
fn pings_of_a_client_that_reads() {
    let mut server = server();
    let pings = frame(Kind::Ping, 0, 0, b"12345678").repeat(1000);
    let (sent, fault) = until_over(&mut server, &pings, 1000);
    is_flood(&fault, ErrorCode::NO_ERROR);
    // 8 MiB, of which half are the answers.
    assert_eq!(sent, 8 * 1_048_576 / (2 * 17 * 1000));
    assert_eq!(told(server.output()).last().unwrap(), "GOAWAY 0 0");
}

#[test]
fn settings() {
    let mut server = server();
    let settings = frame(Kind::Settings, 0, 0, &[]).repeat(10_001);
    let (_, fault) = all(&mut server, &settings);
    is_flood(&fault.expect("a fault"), ErrorCode::INTERNAL_ERROR);
    let settings = frame(Kind::Settings, ACK, 0, &[]).repeat(10_000);
    let (sent, fault) = until_over(&mut self::server(), &settings, 1000);
    is_flood(&fault, ErrorCode::NO_ERROR);
    assert_eq!(sent, 8 * 1_048_576 / (9 * 10_000));
}

#[test]
fn empty_frames() {
    let mut server = server();
    let post = frame(Kind::Headers, END_HEADERS, 1, &[0x83, 0x86, 0x84]);
    assert_eq!(events(&mut server, &post).len(), 2);
    let empty = frame(Kind::Data, 0, 1, &[]).repeat(10_000);
    let (_, fault) = until_over(&mut server, &empty, 1000);
    is_flood(&fault, ErrorCode::NO_ERROR);
}

#[test]
fn padding() {
    let mut server = server();
    let post = frame(Kind::Headers, END_HEADERS, 1, &[0x83, 0x86, 0x84]);
    assert_eq!(events(&mut server, &post).len(), 2);
    server.open_window(1);
    let mut payload = [0; 257];
    payload[0] = 255;
    let padded = frame(Kind::Data, 8, 1, &payload).repeat(100);
    let (_, fault) = until_over(&mut server, &padded, 1000);
    is_flood(&fault, ErrorCode::NO_ERROR);
}

#[test]
fn continuations_without_an_end() {
    let mut server = server();
    let begun = frame(Kind::Headers, 0, 1, &[0x82, 0x86, 0x84]);
    assert_eq!(events(&mut server, &begun), [Event::Opened { stream: 1 }]);
    let empty = frame(Kind::Continuation, 0, 1, &[]).repeat(10_000);
    let (sent, fault) = until_over(&mut server, &empty, 1000);
    is_flood(&fault, ErrorCode::NO_ERROR);
    assert_eq!(sent, 8 * 1_048_576 / 90_000);
}

#[test]
fn continuations_of_fields_without_an_end() {
    let mut server = server();
    let begun = frame(Kind::Headers, 0, 1, &[0x82, 0x86, 0x84]);
    assert_eq!(events(&mut server, &begun), [Event::Opened { stream: 1 }]);
    let fields = frame(Kind::Continuation, 0, 1, &[0x82; 1000]);
    let (sent, fault) = until_over(&mut server, &fields, 1000);
    assert_eq!(fault.complaint, Complaint::LargeHeader);
    assert_eq!(fault.code, ErrorCode::ENHANCE_YOUR_CALM);
    assert_eq!(sent, 3);
}

#[test]
fn resets() {
    let mut server = server();
    server.begin_read().expect("few wakes");
    let mut input = Vec::new();
    for stream in (1..1000).step_by(2) {
        input.extend(get(stream, "/"));
        input.extend(frame(Kind::RstStream, 0, stream, &[0, 0, 0, 8]));
    }
    let mut at = 0;
    let (mut opened, mut refused, mut most) = (0, 0, 0);
    let fault = loop {
        match server.receive(&input, &mut at) {
            Ok(Some(Event::Opened { .. })) => opened += 1,
            Ok(Some(Event::Refused { complaint, .. })) => {
                assert_eq!(complaint, Complaint::StreamsAtOnce);
                refused += 1;
            }
            Ok(Some(Event::Reset { stream, .. })) => server.close(stream, Ending::Done),
            Ok(Some(_)) => {}
            Ok(None) => panic!("no end"),
            Err(fault) => break fault,
        }
        most = most.max(server.streams());
    };
    // Twice as many as may be open at once are begun in one wake, then as many are refused.
    assert_eq!((opened, refused, most), (256, 129, 1));
    assert_eq!(fault.complaint, Complaint::RefusedStreams);
    assert_eq!(fault.code, ErrorCode::NO_ERROR);
    assert_eq!(told(server.output()).last().unwrap(), "GOAWAY 771 0");
}

#[test]
fn another_wake_may_open_as_many_streams() {
    let mut server = server();
    for wake in 0..5 {
        server.begin_read().expect("few wakes");
        for stream in 0..256 {
            let stream = wake * 512 + stream * 2 + 1;
            let input = get(stream, "/");
            assert_eq!(events(&mut server, &input).len(), 2);
            server.head().status(204);
            server.send_head(stream, true);
            server.close(stream, Ending::Done);
        }
        server.output().clear();
    }
}

#[test]
fn wakes_of_an_idle_connection() {
    let mut server = Connection::server(Limits {
        idle_wakes: 10,
        ..Limits::default()
    });
    let ack = frame(Kind::Settings, ACK, 0, &[]);
    server.begin_read().expect("the first");
    events(&mut server, &opening());
    server.output().clear();
    for _ in 0..11 {
        server.begin_read().expect("few wakes");
        events(&mut server, &ack);
    }
    is_flood(&server.begin_read().unwrap_err(), ErrorCode::NO_ERROR);
    assert_eq!(told(server.output()), ["GOAWAY 0 0"]);
}

#[test]
fn a_table_that_expands_to_more_than_a_head_may_have() {
    let mut server = server();
    // An entry of some 4000 octets, then references to it, of one octet each.
    let mut block = vec![0x82, 0x86, 0x84, 0x40, 0x01, b'a', 0x7f, 0xa1, 0x1e];
    block.extend([b'b'; 4000]);
    let kept = frame(Kind::Headers, END_HEADERS | END_STREAM, 1, &block);
    assert_eq!(events(&mut server, &kept).len(), 2);
    let bomb = frame(Kind::Headers, END_HEADERS | END_STREAM, 3, &[0xbe; 16_000]);
    let (_, fault) = all(&mut server, &bomb);
    let fault = fault.expect("a fault");
    assert_eq!(fault.complaint, Complaint::LargeHeader);
    assert!(server.fields().text().len() < 32_768 + 4100);
    assert!(server.memory() < 80_000, "{}", server.memory());
}

#[test]
fn small_fields_in_great_numbers() {
    let mut server = server();
    let mut block = vec![0x82, 0x86, 0x84, 0x40, 0x01, b'a', 0x00];
    block.extend([0xbe; 40_000]);
    let head = frame(Kind::Headers, END_HEADERS | END_STREAM, 1, &block);
    let (_, fault) = all(&mut server, &head);
    assert_eq!(fault.expect("a fault").complaint, Complaint::LargeHeader);
    assert!(server.memory() < 1 << 20, "{}", server.memory());
    server.shrink();
    assert!(server.memory() < 4096, "{}", server.memory());
}

#[test]
fn a_second_goaway_is_not_sent() {
    let mut server = server();
    events(&mut server, &get(1, "/wait"));
    server.go_away(ErrorCode::NO_ERROR);
    assert!(!server.is_over());
    let mut input = frame(Kind::Headers, END_STREAM, 3, &[0x82]);
    input.extend(frame(Kind::Continuation, END_HEADERS, 3, &[0x86]));
    let (events, fault) = all(&mut server, &input);
    assert_eq!(events, []);
    let fault = fault.expect("a fault");
    assert_eq!(fault.complaint, Complaint::ContinuationUnexpected);
    assert_eq!(told(server.output()), ["GOAWAY 1 0"]);
    assert!(server.is_over());
}
