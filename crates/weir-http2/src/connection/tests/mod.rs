//! Whole connections, bytes in and bytes out.

mod client;
mod exchange;
mod floods;
mod memory;
mod recorded;
mod sending;
mod splits;

use std::fmt::Write;

use super::frame::{self, Head, Kind};
use super::{Connection, PREFACE};
use crate::event::Event;
use crate::fault::Fault;
use crate::limits::{Ending, Limits, Share};

/// What nginx has without directives.
const SHARE: Share = Share {
    most: usize::MAX,
    chunk: 8192,
};

/// A frame.
fn frame(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write(&mut out, kind, flags, stream, payload.len());
    out.extend_from_slice(payload);
    out
}

/// HEADERS of a GET for `path`, which is shorter than 127 bytes.
fn get(stream: u32, path: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x86, 0x04, path.len() as u8];
    block.extend_from_slice(path.as_bytes());
    let flags = frame::END_HEADERS | frame::END_STREAM;
    frame(Kind::Headers, flags, stream, &block)
}

/// The preface, settings, and the acknowledgement of the server's.
fn opening() -> Vec<u8> {
    let mut out = PREFACE.to_vec();
    out.extend(frame(Kind::Settings, 0, 0, &[]));
    out.extend(frame(Kind::Settings, frame::ACK, 0, &[]));
    out
}

/// A server behind the opening, with an empty output.
fn server() -> Connection {
    let mut server = Connection::server(Limits::default());
    let opening = opening();
    assert_eq!(server.receive(&opening, &mut 0), Ok(None));
    server.output().clear();
    server
}

/// Everything that bytes lead to, which must not end the connection.
fn events<'i>(connection: &mut Connection, input: &'i [u8]) -> Vec<Event<'i>> {
    let (events, fault) = all(connection, input);
    assert_eq!(fault, None);
    events
}

fn all<'i>(connection: &mut Connection, input: &'i [u8]) -> (Vec<Event<'i>>, Option<Fault>) {
    let (mut at, mut events) = (0, Vec::new());
    loop {
        match connection.receive(input, &mut at) {
            Ok(Some(event)) => events.push(event),
            Ok(None) => {
                assert_eq!(at, input.len());
                return (events, None);
            }
            Err(fault) => return (events, Some(fault)),
        }
    }
}

/// Frames in short, as the records have them.
fn told(mut bytes: &[u8]) -> Vec<String> {
    let mut told = Vec::new();
    bytes = bytes.strip_prefix(PREFACE).unwrap_or(bytes);
    while let Some((head, rest)) = bytes.split_first_chunk() {
        let head = Head::read(*head);
        let (payload, rest) = rest.split_at(head.length as usize);
        told.push(one(head, payload));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "a cut frame");
    told
}

fn one(head: Head, payload: &[u8]) -> String {
    let number = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("room");
            hex
        })
    };
    let end = if head.has(frame::END_STREAM) {
        " end"
    } else {
        ""
    };
    let (stream, length) = (head.stream, head.length);
    match Kind::of(head.kind).expect("a known type") {
        Kind::Data => format!("DATA {stream} {length}{end}"),
        Kind::Headers => format!("HEADERS {stream}{end}"),
        Kind::RstStream => format!("RST {stream} {}", number(0)),
        Kind::Settings if head.has(frame::ACK) => "ACK".to_owned(),
        Kind::Settings => format!("SETTINGS {}", hex(payload)),
        Kind::Ping => format!("PING {} {}", head.flags, hex(payload)),
        Kind::GoAway => format!("GOAWAY {} {}", number(0), number(4)),
        Kind::WindowUpdate => format!("WU {stream} {}", number(0)),
        Kind::Continuation => format!("CONTINUATION {stream} {length}"),
        Kind::Priority | Kind::PushPromise => panic!("{head:?}"),
    }
}

/// A server's program: what a configuration did when the records were made.
struct Site {
    connection: Connection,
    /// GOAWAY goes out with so many requests.
    requests: u32,
    /// Room for a body that is not gathered first.
    buffer: u32,
    /// Pages that wait for a window, and what is left of them.
    pages: Vec<(u32, usize)>,
    lines: Vec<String>,
    opened: u32,
    fault: Option<Fault>,
}

const PAGE: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

impl Site {
    fn new(limits: Limits, requests: u32, buffer: u32) -> Self {
        Self {
            connection: Connection::server(limits),
            requests,
            buffer,
            pages: Vec::new(),
            lines: Vec::new(),
            opened: 0,
            fault: None,
        }
    }

    fn receive(&mut self, input: &[u8]) {
        let mut at = 0;
        loop {
            match self.connection.receive(input, &mut at) {
                Ok(Some(event)) => self.on(event),
                Ok(None) => return,
                Err(fault) => {
                    self.lines.push(fault.to_string());
                    self.fault = Some(fault);
                    return;
                }
            }
        }
    }

    /// Bodies are taken over when a wake's bytes are used up.
    fn refill(&mut self) {
        for stream in 1..10 {
            let unbuffered = self.connection.streams.find(stream).is_some_and(|found| {
                !found.wide && !found.in_closed && !found.out_closed && found.recv_window == 1000
            });
            if unbuffered {
                self.connection.refill_window(stream, self.buffer);
            }
        }
    }

    fn on(&mut self, event: Event<'_>) {
        match event {
            Event::Opened { .. } => {
                self.opened += 1;
                if self.opened >= self.requests {
                    self.connection.go_away(crate::ErrorCode::NO_ERROR);
                }
            }
            Event::Head { stream, ends, .. } => self.answer(stream, ends),
            Event::Reset {
                stream, complaint, ..
            } => self.end(stream, Some(complaint.to_string())),
            Event::Terminated {
                stream, complaint, ..
            } => {
                self.end(stream, complaint.map(|complaint| complaint.to_string()));
            }
            Event::Refused { complaint, .. } | Event::Complaint(complaint) => {
                self.lines.push(complaint.to_string());
            }
            Event::Writable { .. } => {
                for (stream, left) in std::mem::take(&mut self.pages) {
                    self.page(stream, left);
                }
            }
            Event::Data { .. } => {}
            Event::Trailers { .. } | Event::GoAway { .. } => panic!("{event:?}"),
        }
    }

    fn end(&mut self, stream: u32, line: Option<String>) {
        self.lines.extend(line);
        self.connection.close(stream, Ending::Done);
    }

    fn answer(&mut self, stream: u32, ends: bool) {
        let fields = self.connection.fields();
        let path = fields.iter().find(|(name, _)| name == b":path");
        let path = path.map(|(_, value)| value.to_vec());
        match path.as_deref() {
            Some(b"/wait") if !ends => self.connection.open_window(stream),
            Some(b"/stream") => self.connection.widen_window(stream, self.buffer),
            Some(b"/wait") => {}
            Some(b"/page") => {
                self.head(stream, 200, false);
                self.page(stream, PAGE.len());
            }
            Some(_) => {
                self.head(stream, 204, true);
                self.connection.close(stream, Ending::Done);
            }
            None => {
                self.head(stream, 400, false);
                self.connection
                    .send_data(stream, &[&[b' '; 150]], SHARE, true);
                self.connection.close(stream, Ending::Done);
            }
        }
    }

    fn head(&mut self, stream: u32, status: u16, ends: bool) {
        self.connection.ignore_body(stream);
        self.connection.head().status(status);
        self.connection.send_head(stream, ends);
    }

    fn page(&mut self, stream: u32, left: usize) {
        let rest = &PAGE[PAGE.len() - left..];
        let sent = self.connection.send_data(stream, &[rest], SHARE, true);
        if sent == left {
            self.connection.close(stream, Ending::Done);
        } else {
            self.pages.push((stream, left - sent));
        }
    }
}
