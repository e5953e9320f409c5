//! However a body is framed and cut into pieces, it arrives as it was sent.

use std::future::Future;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};
use tokio::io::AsyncReadExt;

use crate::rig::{Client, Conf, Peer, Rig, ok, run};

#[derive(Clone, Copy, Debug)]
enum Framing {
    Length,
    Chunked,
    Close,
}

/// A body and the sizes of the pieces in which it is sent and read; the sizes are used in turn.
#[derive(Clone, Debug)]
struct Body {
    bytes: Vec<u8>,
    framing: Framing,
    chunks: Vec<usize>,
    pieces: Vec<usize>,
    reads: Vec<usize>,
    /// Room of the client's pipe and of the upstream's.
    rooms: (usize, usize),
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    let size = prop_oneof![1..20_usize, 100..5000_usize, Just(60_000_usize)];
    prop::collection::vec(size, 1..6)
}

fn body(framings: &'static [Framing]) -> impl Strategy<Value = Body> {
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        (any::<u8>(), 300..150_000_usize).prop_map(|(start, length)| {
            (0..length)
                .map(|index| start.wrapping_add(((index * index) >> 7) as u8))
                .collect()
        }),
    ];
    let room = prop_oneof![16..100_usize, 1000..70_000_usize];
    let rooms = (room.clone(), room);
    (
        bytes,
        prop::sample::select(framings),
        sizes(),
        sizes(),
        sizes(),
        rooms,
    )
        .prop_map(|(bytes, framing, chunks, pieces, reads, rooms)| Body {
            bytes,
            framing,
            chunks,
            pieces,
            reads,
            rooms,
        })
}

/// Settings that change the way bytes take.
fn settings() -> impl Strategy<Value = String> {
    let on_off = || prop::sample::select(&["on", "off"][..]);
    let temp = prop::sample::select(&["0", "64k", "1024m"][..]);
    let version = prop::sample::select(&["1.0", "1.1"][..]);
    (on_off(), on_off(), temp, version).prop_map(|(answers, uploads, temp, version)| {
        format!(
            "proxy_buffering {answers}; proxy_request_buffering {uploads}; \
             proxy_max_temp_file_size {temp}; proxy_http_version {version}; \
             proxy_buffer_size 1k; proxy_buffers 4 1k; proxy_busy_buffers_size 2k; \
             proxy_temp_file_write_size 2k; client_body_buffer_size 2k; client_max_body_size 0;"
        )
    })
}

impl Body {
    /// The body as it stands on the wire.
    fn framed(&self) -> Vec<u8> {
        if !matches!(self.framing, Framing::Chunked) {
            return self.bytes.clone();
        }
        let mut out = Vec::new();
        let mut rest = self.bytes.as_slice();
        for size in self.chunks.iter().cycle() {
            let (chunk, more) = rest.split_at(rest.len().min(*size));
            out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            out.extend_from_slice(chunk);
            out.extend_from_slice(b"\r\n");
            if chunk.is_empty() {
                return out;
            }
            rest = more;
        }
        out
    }

    fn fields(&self) -> String {
        match self.framing {
            Framing::Length => format!("Content-Length: {}\r\n\r\n", self.bytes.len()),
            Framing::Chunked => "Transfer-Encoding: chunked\r\n\r\n".to_owned(),
            Framing::Close => "Connection: close\r\n\r\n".to_owned(),
        }
    }

    /// `head` and the body in the order and the pieces in which they are sent.
    fn cut(&self, head: &str) -> Vec<Vec<u8>> {
        let mut bytes = head.as_bytes().to_vec();
        bytes.extend(self.fields().bytes());
        bytes.extend(self.framed());
        let mut out = Vec::new();
        let mut sizes = self.pieces.iter().cycle();
        while !bytes.is_empty() {
            let size = sizes.next().map_or(1, |&size| size.min(bytes.len()));
            out.push(bytes.drain(..size).collect());
        }
        out
    }
}

async fn send_pieces(peer: &mut Peer, pieces: Vec<Vec<u8>>) {
    for piece in pieces {
        peer.send(piece).await;
        tokio::task::yield_now().await;
    }
}

/// Reads the beginning of the answer in bites of at most these sizes.
async fn nibble(client: &mut Client, sizes: &[usize]) {
    for &size in sizes {
        let mut bite = vec![0; size];
        let count = client.wire.stream.read(&mut bite).await.expect("a read");
        client.wire.ahead.extend_from_slice(&bite[..count]);
        tokio::task::yield_now().await;
    }
}

fn check(test: impl Future<Output = Result<(), TestCaseError>>) -> Result<(), TestCaseError> {
    run(test)
}

fn cases() -> Config {
    Config {
        cases: 96,
        failure_persistence: None,
        ..Config::default()
    }
}

const ANSWERS: &[Framing] = &[Framing::Length, Framing::Chunked, Framing::Close];

const UPLOADS: &[Framing] = &[Framing::Length, Framing::Chunked];

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn an_answer_arrives_whole(body in body(ANSWERS), settings in settings(), minor in 0..2) {
        check(async {
            let rig = Rig::location(&settings);
            rig.set_upstream_room(body.rooms.1);
            let mut client = rig.connect_through(body.rooms.0);
            let request = format!("GET / HTTP/1.{minor}\r\nHost: h\r\n\r\n");
            let pieces = body.cut("HTTP/1.1 200 OK\r\n");
            let upstream = async {
                let mut peer = rig.accept().await;
                peer.request().await;
                send_pieces(&mut peer, pieces).await;
            };
            let downstream = async {
                client.send(request).await;
                nibble(&mut client, &body.reads).await;
                client.answer().await
            };
            let ((), answer) = tokio::join!(upstream, downstream);
            prop_assert_eq!(answer.status, 200);
            prop_assert!(answer.whole);
            prop_assert!(answer.body == body.bytes, "{} bytes differ", answer.body.len());
            let errors = rig.errors().await;
            prop_assert!(errors.iter().all(|line| line.starts_with("[warn]")), "{errors:?}");
            Ok(())
        })?;
    }

    #[test]
    fn an_upload_arrives_whole(body in body(UPLOADS), settings in settings()) {
        check(async {
            let rig = Rig::new(&Conf { location: &settings, ..Conf::default() });
            rig.set_upstream_room(body.rooms.1);
            let mut client = rig.connect_through(body.rooms.0);
            let pieces = body.cut("PUT / HTTP/1.1\r\nHost: h\r\n");
            let upstream = async {
                let mut peer = rig.accept().await;
                let head = peer.wire.head().await;
                let received = peer.wire.body(&head, false).await;
                peer.send(ok("thanks")).await;
                (peer, received)
            };
            let downstream = async {
                for piece in pieces {
                    client.send(piece).await;
                    tokio::task::yield_now().await;
                }
                client.answer().await
            };
            let ((_peer, received), answer) = tokio::join!(upstream, downstream);
            prop_assert!(received.whole);
            prop_assert!(received.bytes == body.bytes, "{} bytes differ", received.bytes.len());
            prop_assert_eq!(answer.text(), "thanks");
            Ok(())
        })?;
    }
}
