//! Clients that leave before their answer is complete.

use crate::rig::{Act, Conf, GET, Rig, ok, run};

const LEFT: &str = "[info] epoll_wait() reported that client prematurely closed connection, so \
                    upstream connection is closed too while";

#[test]
fn a_client_that_leaves_is_booked_as_499() {
    for half_close in [false, true] {
        run(async {
            let rig = Rig::location("");
            let mut client = rig.connect();
            client.send(GET).await;
            let mut peer = rig.accept().await;
            peer.request().await;
            if half_close {
                client.finish().await;
                assert_eq!(client.rest().await, b"");
            } else {
                drop(client);
            }
            assert_eq!(peer.rest().await, b"", "the upstream is let go");
            assert_eq!(rig.access().await, ["499 0 127.0.0.1:9001 -"]);
            let errors = rig.errors().await;
            assert_eq!(errors, [format!("{LEFT} sending request to upstream")]);
        });
    }
}

#[test]
fn leaving_takes_no_peer_out_and_retries_nothing() {
    run(async {
        let rig = Rig::new(&Conf {
            upstream: "server 127.0.0.1:9001; server 127.0.0.1:9002;",
            ..Conf::default()
        });
        for _ in 0..4 {
            let mut client = rig.connect();
            client.send(GET).await;
            let mut peer = rig.accept().await;
            peer.request().await;
            drop(client);
            peer.rest().await;
        }
        assert_eq!(rig.dialed(), [9001, 9002, 9001, 9002]);
    });
}

#[test]
fn proxy_ignore_client_abort_lets_the_upstream_finish() {
    for half_close in [false, true] {
        run(async {
            let rig = Rig::location("proxy_ignore_client_abort on;");
            let mut client = rig.connect();
            client.send(GET).await;
            let mut peer = rig.accept().await;
            peer.request().await;
            if half_close {
                client.finish().await;
                rig.settle().await;
                peer.send(ok("done")).await;
                assert_eq!(client.answer().await.text(), "done");
                assert_eq!(rig.access().await, ["200 4 127.0.0.1:9001 200"]);
            } else {
                drop(client);
                rig.settle().await;
                assert!(peer.try_send(ok("done")).await);
                let access = rig.access().await;
                assert!(access[0].starts_with("200 "), "{access:?}");
                assert!(access[0].ends_with(" 127.0.0.1:9001 200"), "{access:?}");
            }
        });
    }
}

#[test]
fn leaving_within_the_answer_keeps_its_status() {
    run(async {
        let rig = Rig::location("proxy_buffering off;");
        let mut client = rig.connect();
        client.send(GET).await;
        let mut peer = rig.accept().await;
        peer.request().await;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
            .await;
        assert!(client.arrived().await.ends_with("abc"));
        drop(client);
        assert_eq!(peer.rest().await, b"");
        assert_eq!(rig.access().await, ["200 3 127.0.0.1:9001 200"]);
        assert_eq!(rig.errors().await, [format!("{LEFT} sending to client")]);
    });
}

#[test]
fn leaving_within_a_head_or_body_is_400() {
    let line = "[info] client prematurely closed connection";
    for (sent, expected, words) in [
        (
            "GE",
            vec!["400 0 - -"],
            " while reading client request line",
        ),
        (
            "GET / HTTP/1.1\r\nHost",
            vec!["400 0 - -"],
            " while reading client request headers",
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc",
            vec!["400 0 - -"],
            "",
        ),
        ("", vec![], ""),
    ] {
        run(async {
            let rig = Rig::location("");
            rig.script(9001, &[Act::Send(ok("a"))]);
            let mut client = rig.connect();
            client.send(sent).await;
            rig.settle().await;
            drop(client);
            assert_eq!(rig.access().await, expected, "{sent}");
            let errors = rig.errors().await;
            let expected = match sent {
                "" => "[info] client closed connection while waiting for request".to_owned(),
                _ => format!("{line}{words}"),
            };
            assert_eq!(errors, [expected], "{sent}");
            assert_eq!(rig.dialed(), [0; 0]);
        });
    }
}

#[test]
fn leaving_while_an_upload_passes_is_400_and_frees_the_upstream() {
    run(async {
        let rig = Rig::location("proxy_request_buffering off;");
        let mut client = rig.connect();
        client
            .send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")
            .await;
        let mut peer = rig.accept().await;
        peer.wire.head().await;
        assert_eq!(peer.arrived().await, "abc");
        drop(client);
        peer.rest().await;
        assert_eq!(rig.access().await, ["400 0 127.0.0.1:9001 -"]);
    });
}
