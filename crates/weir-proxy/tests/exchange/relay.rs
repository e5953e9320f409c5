//! Response bodies: the framing that each kind of client gets, and when bytes are handed on.

use crate::rig::{Act, Answer, Client, Conf, GET, Peer, Rig, ok, run};

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
                    let rig = Rig::location(&format!("proxy_buffering {buffering};"));
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

async fn begin(rig: &Rig) -> (Client, Peer) {
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
        let rig = Rig::location("");
        rig.script(9001, &[Act::SendAndClose("just text\n".to_owned())]);
        let mut client = rig.connect();
        client.send(GET).await;
        assert_eq!(client.arrived().await, "just text\n");
        assert_eq!(rig.access().await, ["009 10 127.0.0.1:9001 200"]);
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

/// After a long answer the next one is read in larger pieces, which nginx's buffer would not hold:
/// what is wrong behind it nginx never sees.
#[test]
fn a_head_is_too_big_before_it_is_invalid() {
    run(async {
        let rig = Rig::location("proxy_buffer_size 4k; proxy_buffers 8 4k;");
        let long = "a".repeat(5000);
        let broken = format!("HTTP/1.1 200 OK\r\nX: {long}\r\nbro ken\r\n\r\n");
        let answers = [ok(&"b".repeat(20_000)), broken];
        rig.script(9001, &answers.map(Act::Send));
        assert_eq!(rig.get().await.body.len(), 20_000);
        assert_eq!(rig.get().await.status, 502);
        assert_eq!(
            rig.errors().await,
            ["[error] upstream sent too big header while reading response header from upstream"]
        );
    });
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

#[test]
fn early_hints_are_passed_on_where_asked_for() {
    for (directive, passed) in [
        ("", false),
        ("early_hints $http_x;", true),
        ("early_hints $http_y;", false),
    ] {
        run(async {
            let rig = Rig::location(directive);
            let hints = "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n";
            rig.script(9001, &[Act::Send(format!("{hints}{}", ok("final")))]);
            let mut client = rig.connect();
            client
                .send("GET / HTTP/1.1\r\nHost: h\r\nX: 1\r\n\r\n")
                .await;
            if passed {
                assert_eq!(client.answer().await.head, hints);
            }
            assert_eq!(client.answer().await.text(), "final", "{directive}");
        });
    }
}

#[test]
fn who_speaks_an_older_version_gets_no_early_hints() {
    run(async {
        let rig = Rig::location("early_hints 1;");
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n";
        rig.script(9001, &[Act::Send(format!("{hints}{}", ok("final")))]);
        let answer = rig.ask("GET / HTTP/1.0\r\n\r\n").await;
        assert_eq!((answer.status, &*answer.text()), (200, "final"));
    });
}

#[test]
fn trailers_are_passed_where_the_configuration_says_so() {
    for (directive, field, passed) in [
        ("", "TE: trailers\r\n", false),
        ("proxy_pass_trailers on;", "", true),
        ("proxy_pass_trailers on;", "TE: trailers\r\n", true),
    ] {
        run(async {
            let rig = Rig::new(&Conf {
                location: directive,
                format: "'$upstream_trailer_x_sum $sent_trailer_x_sum'",
                ..Conf::default()
            });
            let bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                         1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n";
            rig.script(9001, &[Act::send(bytes)]);
            let mut client = rig.connect();
            client
                .send(format!("GET / HTTP/1.1\r\nHost: h\r\n{field}\r\n"))
                .await;
            let answer = client.arrived().await;
            let end = if passed {
                "0\r\nX-Sum: 7\r\n\r\n"
            } else {
                "\r\n0\r\n\r\n"
            };
            assert!(answer.ends_with(end), "{directive} {field}: {answer}");
            let line = rig.access().await.remove(0);
            if passed {
                assert_eq!(line, "7 7");
            }
        });
    }
}
