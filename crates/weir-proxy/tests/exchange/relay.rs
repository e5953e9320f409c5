//! Response bodies: framing towards each kind of client, and what a broken body looks like.

use crate::rig::{Act, Answer, Client, Conf, Rig, ok, run};

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

fn logging(location: &str) -> Rig {
    Rig::new(&Conf {
        location,
        format: "'$status $body_bytes_sent $upstream_response_length [$request_completion]'",
        ..Conf::default()
    })
}

/// How an upstream frames the body `hello`, and whether it must close to end it.
const FRAMINGS: [(&str, bool); 3] = [
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nT: u\r\n\r\n",
        false,
    ),
    ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", true),
];

#[test]
fn each_client_gets_a_framing_that_it_understands() {
    for (version, headers, kept) in [
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.0", "", false),
        ("1.0", "Connection: keep-alive\r\n", true),
    ] {
        for (bytes, closes) in FRAMINGS {
            for buffering in ["on", "off"] {
                run(async {
                    let rig = logging(&format!("proxy_buffering {buffering};"));
                    let act = match closes {
                        true => Act::SendAndClose(bytes.to_owned()),
                        false => Act::send(bytes),
                    };
                    rig.script(9001, &[act]);
                    let mut client = rig.connect();
                    let request = format!("GET / HTTP/{version}\r\nHost: h\r\n{headers}\r\n");
                    client.send(request).await;
                    let answer = client.answer().await;
                    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
                    assert!(answer.whole);
                    let has_length = bytes.contains("Content-Length");
                    let chunks = version == "1.1" && !has_length;
                    let framing = (
                        answer.field("content-length"),
                        answer.field("transfer-encoding"),
                    );
                    let expected = (has_length.then_some("5"), chunks.then_some("chunked"));
                    assert_eq!(framing, expected, "HTTP/{version} {bytes}");
                    let kept = kept && (has_length || chunks);
                    let said = if kept { "keep-alive" } else { "close" };
                    assert_eq!(answer.field("connection"), Some(said));
                    assert_eq!(client.is_closed().await, !kept, "HTTP/{version} {bytes}");
                });
            }
        }
    }
}

#[test]
fn a_body_that_breaks_off_reaches_the_client_visibly_cut() {
    for head in ["Content-Length: 9", "Transfer-Encoding: chunked"] {
        for buffering in ["on", "off"] {
            run(async {
                let rig = logging(&format!("proxy_buffering {buffering};"));
                let chunked = head.starts_with('T');
                let piece = if chunked { "5\r\nhello\r\n" } else { "hello" };
                let bytes = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{piece}");
                rig.script(9001, &[Act::SendAndClose(bytes)]);
                let mut client = rig.connect();
                client.send(GET).await;
                let answer = client.answer().await;
                assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
                assert!(!answer.whole, "{head} {buffering}");
                assert!(client.is_closed().await);
                let received = piece.len();
                let sent = if chunked { piece.len() } else { 5 };
                assert_eq!(rig.access().await, [format!("200 {sent} {received} [OK]")]);
                let errors = rig.errors().await;
                assert_eq!(errors.len(), 1, "{errors:?}");
                assert!(errors[0].starts_with("[error] upstream prematurely closed connection"));
            });
        }
    }
}

#[test]
fn a_body_cut_by_a_time_out_loses_the_buffer_that_is_not_full() {
    for (directives, framing, delivered) in [
        ("", "Content-Length: 9999\r\n\r\n", 0),
        ("", "Connection: close\r\n\r\n", 0),
        ("proxy_buffering off;", "Content-Length: 9999\r\n\r\n", 5000),
        // One full buffer, counted without the head, went on; the second was not full.
        (
            "proxy_buffer_size 4k; proxy_buffers 8 4k;",
            "Content-Length: 9999\r\n\r\n",
            4096 - "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n".len(),
        ),
    ] {
        run(async {
            let rig = Rig::location(&format!("proxy_buffer_size 8k; {directives}").replace(
                "proxy_buffer_size 8k; proxy_buffer_size",
                "proxy_buffer_size",
            ));
            let bytes = format!("HTTP/1.1 200 OK\r\n{framing}{}", "x".repeat(5000));
            rig.script(9001, &[Act::Send(bytes)]);
            let answer = rig.get().await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.body.len(), delivered, "{directives} {framing}");
        });
    }
}

#[test]
fn broken_chunks_end_the_answer_and_the_connection() {
    for (first, second, delivered) in [
        ("zz\r\n", "", None),
        ("3\r\nabc\r\n", "zz\r\n", Some("abc")),
        ("3\r\nabc\r\n", "3\r\nabcd\r\n", Some("abc")),
    ] {
        run(async {
            let rig = logging("");
            let mut client = rig.connect();
            client.send(GET).await;
            let mut peer = rig.accept().await;
            peer.request().await;
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            peer.send(format!("{head}{first}")).await;
            rig.settle().await;
            if !second.is_empty() {
                peer.send(second).await;
            }
            let answer = client.answer().await;
            match delivered {
                // The head waits for its body, and none is to be had.
                None => assert_eq!(answer.head, ""),
                Some(body) => assert_eq!((answer.text().as_str(), answer.whole), (body, false)),
            }
            assert!(client.is_closed().await);
            assert_eq!(
                rig.errors().await,
                ["[error] upstream sent invalid chunked response while reading upstream"]
            );
            let access = rig.access().await;
            assert!(access[0].ends_with("[]"), "{access:?}");
        });
    }
}

#[test]
fn surplus_bytes_are_dropped_and_the_connection_with_them() {
    let sized = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabXX";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nXX";
    let bodyless = "HTTP/1.1 304 Not Modified\r\n\r\nXX";
    let by_length = "upstream sent more data than specified in \"Content-Length\" header";
    for (bytes, body, warning) in [
        (sized, "ab", by_length),
        (chunked, "ab", "upstream sent data after final chunk"),
        (bodyless, "", by_length),
    ] {
        for buffering in ["on", "off"] {
            run(async {
                let rig = Rig::location(&format!("proxy_buffering {buffering};"));
                rig.script(9001, &[Act::send(bytes)]);
                for _ in 0..2 {
                    let answer = rig.get().await;
                    assert_eq!((answer.text().as_str(), answer.whole), (body, true));
                }
                assert_eq!(rig.dialed(), [9001, 9001], "{bytes}");
                let errors = rig.errors().await;
                assert!(
                    errors[0].starts_with(&format!("[warn] {warning} while")),
                    "{errors:?}"
                );
            });
        }
    }
}

/// What is still to come of an answer must not become part of the next one.
#[test]
fn a_connection_whose_answer_broke_off_is_not_used_again() {
    let chunked = "Transfer-Encoding: chunked\r\n\r\n";
    for bytes in [
        "Content-Length: 9\r\n\r\nabc".to_owned(),
        format!("{chunked}3\r\nabc\r\n"),
        format!("{chunked}3\r\nabc\r\nzz\r\n"),
    ] {
        run(async {
            let rig = Rig::location("");
            rig.script(9001, &[Act::Send(format!("HTTP/1.1 200 OK\r\n{bytes}"))]);
            for _ in 0..2 {
                let answer = rig.get().await;
                assert!(answer.head.is_empty() || !answer.whole, "{bytes}");
            }
            assert_eq!(rig.dialed(), [9001, 9001], "{bytes}");
        });
    }
}

#[test]
fn a_connection_whose_request_was_not_sent_whole_is_not_used_again() {
    run(async {
        let rig = Rig::location("proxy_request_buffering off;");
        let mut client = rig.connect();
        client
            .send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")
            .await;
        let mut peer = rig.accept().await;
        peer.wire.head().await;
        peer.send(ok("early")).await;
        assert_eq!(client.answer().await.text(), "early");
        assert_eq!(peer.rest().await, b"abc");
    });
}

/// Whether a second request goes over the connection that brought this answer.
async fn is_reused(method: &str, bytes: &str) -> bool {
    let rig = Rig::location("");
    rig.script(9001, &[Act::send(bytes)]);
    for _ in 0..2 {
        let answer = rig
            .ask(&format!("{method} / HTTP/1.1\r\nHost: h\r\n\r\n"))
            .await;
        assert!(answer.whole, "{bytes}");
        assert_eq!(
            answer.body.len(),
            if method == "HEAD" {
                0
            } else {
                answer.body.len()
            }
        );
    }
    rig.dialed().len() == 1
}

#[test]
fn answers_without_a_body_end_with_their_head() {
    for (method, bytes, reused) in [
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", true),
        (
            "GET",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\n\r\n",
            true,
        ),
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n",
            true,
        ),
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            true,
        ),
        ("HEAD", "HTTP/1.1 200 OK\r\n\r\n", true),
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
            true,
        ),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            false,
        ),
        ("GET", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false),
        (
            "GET",
            "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
            false,
        ),
        ("GET", "HTTP/1.1 500 No\r\nContent-Length: 1\r\n\r\nx", true),
    ] {
        run(async {
            assert_eq!(is_reused(method, bytes).await, reused, "{method} {bytes}");
        });
    }
}

#[test]
fn heads_and_bodies_come_as_one_or_as_they_come() {
    for (buffering, first, second) in [("on", "", "abcdef"), ("off", "abc", "def")] {
        run(async {
            let rig = Rig::location(&format!("proxy_buffering {buffering};"));
            let mut client = rig.connect();
            client.send(GET).await;
            let mut peer = rig.accept().await;
            peer.request().await;
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
                .await;
            rig.settle().await;
            peer.send("abc").await;
            assert_eq!(body_part(&client.arrived().await), first, "{buffering}");
            peer.send("def").await;
            assert_eq!(body_part(&client.arrived().await), second, "{buffering}");
        });
    }
}

#[test]
fn without_buffering_the_head_does_not_wait_for_the_body() {
    for (buffering, waits) in [("on", true), ("off", false)] {
        run(async {
            let rig = Rig::location(&format!("proxy_buffering {buffering};"));
            let (mut client, mut peer) = begin(&rig).await;
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
                .await;
            assert_eq!(client.arrived().await.is_empty(), waits, "{buffering}");
        });
    }
}

async fn begin(rig: &Rig) -> (Client, crate::rig::Peer) {
    let mut client = rig.connect();
    client.send(GET).await;
    let mut peer = rig.accept().await;
    peer.request().await;
    (client, peer)
}

/// What follows the head, or all if there is none.
fn body_part(bytes: &str) -> &str {
    bytes.split_once("\r\n\r\n").map_or(bytes, |(_, body)| body)
}

#[test]
fn chunks_are_handed_on_as_they_come() {
    for buffering in ["on", "off"] {
        run(async {
            let rig = Rig::location(&format!("proxy_buffering {buffering};"));
            let (mut client, mut peer) = begin(&rig).await;
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
                .await;
            assert_eq!(body_part(&client.arrived().await), "3\r\nabc\r\n");
            peer.send("3\r\ndef\r\n").await;
            assert_eq!(client.arrived().await, "3\r\ndef\r\n");
            peer.send("0\r\n\r\n").await;
            assert_eq!(client.arrived().await, "0\r\n\r\n");
        });
    }
}

#[test]
fn an_upstream_without_a_head_is_passed_through() {
    run(async {
        let rig = logging("");
        rig.script(9001, &[Act::SendAndClose("just text\n".to_owned())]);
        let mut client = rig.connect();
        client.send(GET).await;
        assert_eq!(client.arrived().await, "just text\n");
        assert_eq!(rig.access().await, ["009 10 10 [OK]"]);
        assert_eq!(
            rig.errors().await,
            [
                "[error] upstream sent no valid HTTP/1.0 header while reading response header from \
              upstream"
            ]
        );
        client.send(GET).await;
        assert_eq!(
            client.arrived().await,
            "just text\n",
            "the connection is kept"
        );
    });
}

#[test]
fn a_head_must_fit_its_buffer() {
    for (size, status) in [(4000, 200), (5000, 502)] {
        run(async {
            let rig = Rig::location("proxy_buffer_size 4k; proxy_buffers 8 4k;");
            let long = "a".repeat(size);
            let bytes = format!("HTTP/1.1 200 OK\r\nX: {long}\r\nContent-Length: 1\r\n\r\nb");
            rig.script(9001, &[Act::Send(bytes)]);
            assert_eq!(rig.get().await.status, status, "{size}");
            if status == 502 {
                assert_eq!(
                    rig.errors().await,
                    [
                        "[error] upstream sent too big header while reading response header from \
                      upstream"
                    ]
                );
            }
        });
    }
}

#[test]
fn interim_heads_pass_by() {
    run(async {
        let rig = Rig::location("");
        let bytes = format!(
            "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n{}",
            ok("final")
        );
        rig.script(9001, &[Act::Send(bytes)]);
        let answer: Answer = rig.get().await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "final"));
        assert_eq!(rig.access().await, ["200 5 127.0.0.1:9001 103"]);
    });
}
