//! Bodies of all sizes, through windows of all sizes, between the two roles.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::connection::Connection;
use crate::event::Event;
use crate::limits::{Ending, Limits, Share};

/// How a server takes bodies.
#[derive(Clone, Copy, Debug)]
enum Taking {
    Wide,
    /// Into a buffer of so many octets more than may be sent unread.
    Into(u32),
}

const PREREAD: u32 = 3000;

struct Server {
    connection: Connection,
    taking: Taking,
    bodies: BTreeMap<u32, Vec<u8>>,
    /// Octets in a stream's buffer.
    buffered: BTreeMap<u32, u32>,
    answers: BTreeMap<u32, (Vec<u8>, usize)>,
}

impl Server {
    fn new(taking: Taking) -> Self {
        let limits = Limits {
            preread: PREREAD,
            ..Limits::default()
        };
        Self {
            connection: Connection::server(limits),
            taking,
            bodies: BTreeMap::new(),
            buffered: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }

    fn room(&self) -> Option<u32> {
        match self.taking {
            Taking::Wide => None,
            Taking::Into(more) => Some(PREREAD + more),
        }
    }

    fn receive(&mut self, input: &[u8]) {
        let mut at = 0;
        while let Some(event) = self.connection.receive(input, &mut at).expect("no fault") {
            match event {
                Event::Opened { .. } | Event::Writable { .. } => {}
                Event::Head { stream, ends, .. } => self.head(stream, ends),
                Event::Data {
                    stream,
                    bytes,
                    ends,
                } => self.data(stream, bytes, ends),
                other => panic!("{other:?}"),
            }
        }
    }

    fn head(&mut self, stream: u32, ends: bool) {
        self.bodies.insert(stream, Vec::new());
        if ends {
            return self.answer(stream);
        }
        match self.room() {
            None => self.connection.open_window(stream),
            Some(room) => self.connection.widen_window(stream, room),
        }
    }

    fn data(&mut self, stream: u32, bytes: &[u8], ends: bool) {
        let body = self.bodies.get_mut(&stream).expect("a request");
        body.extend_from_slice(bytes);
        let buffered = self.buffered.entry(stream).or_default();
        *buffered += bytes.len() as u32;
        let count = *buffered;
        if let Some(room) = self.room() {
            assert!(count <= room, "{count} octets in a buffer of {room}");
        }
        if ends {
            self.answer(stream);
        }
    }

    /// The buffers are passed on.
    fn empty_buffers(&mut self) {
        for (stream, _) in std::mem::take(&mut self.buffered) {
            if let Some(room) = self.room() {
                self.connection.refill_window(stream, room);
            }
        }
    }

    fn answer(&mut self, stream: u32) {
        self.connection.head().status(200);
        self.connection.send_head(stream, false);
        let body = self.bodies.remove(&stream).expect("a request");
        self.answers.insert(stream, (body, 0));
    }

    fn send(&mut self, share: Share) {
        let Self {
            connection,
            answers,
            ..
        } = self;
        answers.retain(|stream, (body, sent)| {
            *sent += connection.send_data(*stream, &[&body[*sent..]], share, true);
            let left = *sent < body.len();
            if !left {
                connection.close(*stream, Ending::Done);
            }
            left
        });
    }
}

struct Client {
    connection: Connection,
    /// What is still to be sent, and what came back.
    sending: BTreeMap<u32, usize>,
    received: BTreeMap<u32, Vec<u8>>,
    done: usize,
}

impl Client {
    /// Bodies that come before settings are acknowledged would be refused.
    fn new(settings: &[u8], bodies: &[Vec<u8>]) -> Self {
        let mut connection = Connection::client(Limits::default());
        assert_eq!(connection.receive(settings, &mut 0), Ok(None));
        let mut sending = BTreeMap::new();
        for body in bodies {
            let stream = connection.open().expect("a stream");
            connection.send_fields(stream, [(&b":path"[..], &b"/"[..])], body.is_empty());
            sending.insert(stream, 0);
        }
        Self {
            connection,
            sending,
            received: BTreeMap::new(),
            done: 0,
        }
    }

    fn send(&mut self, bodies: &[Vec<u8>], share: Share) {
        for (stream, sent) in &mut self.sending {
            let rest = &bodies[*stream as usize / 2][*sent..];
            let (first, second) = rest.split_at(rest.len() / 2);
            *sent += self
                .connection
                .send_data(*stream, &[first, second], share, true);
        }
    }

    fn receive(&mut self, input: &[u8]) {
        let mut at = 0;
        while let Some(event) = self.connection.receive(input, &mut at).expect("no fault") {
            match event {
                Event::Head { ends: false, .. } | Event::Writable { .. } => {}
                Event::Data {
                    stream,
                    bytes,
                    ends,
                } => {
                    self.received
                        .entry(stream)
                        .or_default()
                        .extend_from_slice(bytes);
                    if ends {
                        self.connection.close(stream, Ending::Done);
                        self.done += 1;
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

proptest! {
    #[test]
    fn bodies_come_back_as_they_were_sent(
        sizes in prop::collection::vec(prop_oneof![Just(0), 1_usize..100, 1_usize..60_000], 1..6),
        taking in prop_oneof![Just(Taking::Wide), (0_u32..20_000).prop_map(Taking::Into)],
        most in prop_oneof![Just(usize::MAX), 1000_usize..70_000],
        chunk in 100_usize..20_000,
        piece in 50_usize..100_000,
    ) {
        let share = Share { most, chunk };
        let bodies: Vec<Vec<u8>> = sizes.iter().map(|size| (0..*size).map(|n| (n * 7 / 3) as u8).collect()).collect();
        let mut server = Server::new(taking);
        let settings = std::mem::take(server.connection.output());
        let mut client = Client::new(&settings, &bodies);
        let mut rounds = 0;
        while client.done < bodies.len() {
            rounds += 1;
            prop_assert!(rounds < 10_000, "stalled");
            client.send(&bodies, share);
            for piece in std::mem::take(client.connection.output()).chunks(piece) {
                server.receive(piece);
                server.empty_buffers();
            }
            server.send(share);
            for piece in std::mem::take(server.connection.output()).chunks(piece) {
                client.receive(piece);
            }
        }
        for (stream, body) in &client.received {
            prop_assert_eq!(body, &bodies[*stream as usize / 2]);
        }
        prop_assert_eq!(client.connection.streams() + server.connection.streams(), 0);
    }
}
