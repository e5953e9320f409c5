//! The client's clocks: for its head, its body, its silence between requests, its slow reading.

use std::time::Duration;

use crate::rig::{Act, GET, Rig, assert_seconds, ok, run, seconds, timed};
use crate::rig::{Client, Conf};

const CLIENT_TIMED_OUT: &str = "[info] client timed out (110: Connection timed out)";

fn server(directives: &str) -> Rig {
    let rig = Rig::new(&Conf {
        server: directives,
        ..Conf::default()
    });
    rig.script(9001, &[Act::Send(ok("a"))]);
    rig
}

/// Sends `pieces`, each `gap` seconds after the one before, and waits for the end: how many seconds
/// after the last piece it came, and what was read.
async fn dribble(client: &mut Client, pieces: &[&str], gap: u64) -> (String, Duration) {
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            seconds(gap).await;
        }
        client.send(piece).await;
    }
    let (rest, took) = timed(client.rest()).await;
    (String::from_utf8(rest).expect("text"), took)
}

/// The first head's time runs from accept, five seconds before its first byte.
#[test]
fn a_head_must_come_within_client_header_timeout() {
    let table: [(&[&str], u64, &str); 4] = [
        (&[], 55, "waiting for request"),
        (&["GET / HT"], 55, "reading client request line"),
        (
            &["GET / HTTP/1.1\r\nHos"],
            55,
            "reading client request headers",
        ),
        // Further bytes do not begin the time anew.
        (
            &["GET / HTTP/1.1\r\n", "Host: ", "h"],
            35,
            "reading client request headers",
        ),
    ];
    for (pieces, limit, action) in table {
        run(async {
            let rig = server("");
            let mut client = rig.connect();
            seconds(5).await;
            let (read, took) = dribble(&mut client, pieces, 10).await;
            assert_eq!(read, "");
            assert_seconds(took, limit);
            assert_eq!(
                rig.errors().await,
                [format!("{CLIENT_TIMED_OUT} while {action}")]
            );
            let logged = rig.access().await;
            let expected: &[&str] = if pieces.is_empty() {
                &[]
            } else {
                &["408 0 - -"]
            };
            assert_eq!(logged, expected, "{pieces:?}");
        });
    }
}

#[test]
fn an_idle_client_is_let_go_without_a_word() {
    for (directives, limit) in [
        ("", 75),
        ("keepalive_timeout 5s;", 5),
        ("keepalive_timeout 5s 3s; client_header_timeout 1s;", 5),
    ] {
        run(async {
            let rig = server(directives);
            let mut client = rig.connect();
            client.send(GET).await;
            let answer = client.answer().await;
            let hint = directives.contains("3s").then_some("timeout=3");
            assert_eq!(answer.field("keep-alive"), hint);
            let (rest, took) = timed(client.rest()).await;
            assert_eq!(rest, b"");
            assert_seconds(took, limit);
            assert_eq!(rig.errors().await, [""; 0]);
            assert_eq!(rig.access().await.len(), 1);
        });
    }
}

#[test]
fn a_later_head_has_its_own_time() {
    run(async {
        let rig = server("client_header_timeout 9s;");
        let mut client = rig.connect();
        client.send(GET).await;
        client.answer().await;
        seconds(50).await;
        let (read, took) = dribble(&mut client, &["GET / "], 0).await;
        assert_eq!(read, "");
        assert_seconds(took, 9);
        assert_eq!(rig.access().await[1], "408 0 - -");
    });
}

#[test]
fn gaps_in_a_request_body_are_limited() {
    let upload = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n";
    let chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (head, buffering, tried) in [
        (upload, "on", "- -"),
        (chunked, "on", "- -"),
        (upload, "off", "127.0.0.1:9001 -"),
        (chunked, "off", "127.0.0.1:9001 -"),
    ] {
        run(async {
            let rig = server(&format!("proxy_request_buffering {buffering};"));
            let mut client = rig.connect();
            let pieces = [head, "1\r\n", "x\r\n"];
            let (read, took) = dribble(&mut client, &pieces, 59).await;
            assert_eq!(read, "");
            assert_seconds(took, 60);
            let logged = rig.access().await;
            assert_eq!(logged, [format!("408 0 {tried}")], "{buffering} {head}");
        });
    }
}

#[test]
fn a_client_that_reads_nothing_is_cut_after_send_timeout() {
    let body = "x".repeat(5000);
    for buffering in ["on", "off"] {
        run(async {
            let rig = Rig::location(&format!("proxy_buffering {buffering};"));
            rig.script(9001, &[Act::Send(ok(&body))]);
            let mut client = rig.connect_through(64);
            let ((), took) = timed(async {
                client.send(GET).await;
                seconds(59).await;
                assert!(client.wire.more().await);
                while rig.open_connections() > 0 {
                    rig.settle().await;
                }
            })
            .await;
            assert_seconds(took, 119);
            assert_eq!(
                rig.errors().await,
                [format!("{CLIENT_TIMED_OUT} while sending to client")]
            );
            let access = rig.access().await;
            assert!(access[0].starts_with("200 "), "{access:?}");
        });
    }
}
