//! The clocks of the upstream and of its answer: each ends what it watches at its time, not before.

use std::time::Duration;

use tokio::io::AsyncReadExt;

use crate::rig::{Act, Conf, GET, Rig, assert_seconds, ok, run, seconds, timed};

const TIMED_OUT: &str = "upstream timed out (110: Connection timed out) while";

#[test]
fn a_silent_upstream_has_as_long_as_proxy_read_timeout_says() {
    for (directives, limit) in [
        ("", 60),
        ("proxy_read_timeout 5s;", 5),
        ("proxy_read_timeout 2m;", 120),
    ] {
        run(async {
            let rig = Rig::location(directives);
            rig.script(9001, &[Act::Stall]);
            let (answer, took) = timed(rig.get()).await;
            assert_seconds(took, limit);
            assert_eq!(answer.status, 504);
            assert_eq!(
                rig.errors().await,
                [format!(
                    "[error] {TIMED_OUT} reading response header from upstream"
                )]
            );
        });
    }
}

#[test]
fn a_head_that_dribbles_in_does_not_extend_its_time() {
    run(async {
        let rig = Rig::location("");
        let mut client = rig.connect();
        client.send(GET).await;
        let mut peer = rig.accept().await;
        peer.request().await;
        let ((), took) = timed(async {
            for piece in ["HTTP/1.1 200 OK\r\n", "A: b\r\n"] {
                seconds(25).await;
                peer.send(piece).await;
            }
            assert_eq!(client.answer().await.status, 504);
        })
        .await;
        assert_seconds(took, 60);
    });
}

#[test]
fn each_piece_of_a_body_begins_the_time_anew() {
    for buffering in ["proxy_buffering on;", "proxy_buffering off;"] {
        run(async {
            let rig = Rig::location(buffering);
            let mut client = rig.connect();
            client.send(GET).await;
            let mut peer = rig.accept().await;
            peer.request().await;
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
                .await;
            for piece in ["a", "b", "c"] {
                seconds(59).await;
                peer.send(piece).await;
            }
            let (answer, took) = timed(client.answer()).await;
            assert_seconds(took, 60);
            assert_eq!((answer.status, answer.whole), (200, false));
            assert!(client.is_closed().await);
            assert_eq!(
                rig.errors().await,
                [format!("[error] {TIMED_OUT} reading upstream")]
            );
        });
    }
}

#[test]
fn an_upstream_that_takes_nothing_has_as_long_as_proxy_send_timeout_says() {
    for (bytes_taken_at_30_s, limit) in [(0, 60), (1, 90)] {
        run(async {
            let rig = Rig::location("proxy_read_timeout 1s;");
            rig.set_upstream_room(16);
            let mut client = rig.connect();
            client.send(GET).await;
            let mut peer = rig.accept().await;
            let ((), took) = timed(async {
                seconds(30).await;
                let mut taken = vec![0; bytes_taken_at_30_s];
                peer.wire.stream.read_exact(&mut taken).await.unwrap();
                assert_eq!(client.answer().await.status, 504);
            })
            .await;
            assert_seconds(took, limit);
            assert_eq!(
                rig.errors().await,
                [format!("[error] {TIMED_OUT} sending request to upstream")]
            );
        });
    }
}

#[test]
fn proxy_next_upstream_timeout_ends_the_search() {
    for (limit, status, tried, took_seconds) in [
        ("0", 200, vec![9001, 9002, 9003], 20),
        ("25s", 200, vec![9001, 9002, 9003], 20),
        ("15s", 504, vec![9001, 9002], 20),
        ("10s", 504, vec![9001], 10),
    ] {
        run(async {
            let rig = Rig::new(&Conf {
                upstream: "server 127.0.0.1:9001; server 127.0.0.1:9002; server 127.0.0.1:9003;",
                location: &format!("proxy_read_timeout 10s; proxy_next_upstream_timeout {limit};"),
                ..Conf::default()
            });
            rig.script(9001, &[Act::Stall]);
            rig.script(9002, &[Act::Stall]);
            rig.script(9003, &[Act::Send(ok("c"))]);
            let (answer, took) = timed(rig.get()).await;
            assert_seconds(took, took_seconds);
            assert_eq!((answer.status, rig.dialed()), (status, tried), "{limit}");
        });
    }
}

#[test]
fn a_failed_peer_comes_back_after_fail_timeout() {
    run(async {
        let rig = Rig::new(&Conf {
            upstream: "server 127.0.0.1:9001 fail_timeout=7s; server 127.0.0.1:9002;",
            ..Conf::default()
        });
        rig.script(9001, &[Act::Refuse, Act::Send(ok("a"))]);
        rig.script(9002, &[Act::Send(ok("b"))]);
        for _ in 0..4 {
            assert_eq!(rig.get().await.text(), "b");
        }
        seconds(6).await;
        assert_eq!(rig.get().await.text(), "b", "after 6 s");
        seconds(2).await;
        // Its weight recovers step by step.
        let mut bodies = String::new();
        for _ in 0..4 {
            bodies += &rig.get().await.text();
        }
        assert!(bodies.contains('a'), "{bodies}");
    });
}

#[test]
fn idle_upstream_connections_are_let_go() {
    for (upstream, limit) in [
        ("server 127.0.0.1:9001;", 60),
        (
            "server 127.0.0.1:9001; keepalive 4; keepalive_timeout 5s;",
            5,
        ),
    ] {
        run(async {
            let rig = Rig::new(&Conf {
                upstream,
                ..Conf::default()
            });
            let mut client = rig.connect();
            client.send(GET).await;
            let mut peer = rig.accept().await;
            peer.request().await;
            peer.send(ok("a")).await;
            assert_eq!(client.answer().await.text(), "a");
            let (_, took) = timed(peer.rest()).await;
            // The worker looks at them once a second.
            let late = took - Duration::from_secs(limit);
            assert!(late < Duration::from_secs(2), "{took:?}");
        });
    }
}

#[test]
fn the_clock_of_the_head_runs_on_behind_an_interim_head() {
    run(async {
        let rig = Rig::location("early_hints 1;");
        let mut client = rig.connect();
        client.send(GET).await;
        let mut peer = rig.accept().await;
        peer.request().await;
        let (answer, took) = timed(async {
            peer.send("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")
                .await;
            client.answer().await;
            client.answer().await
        })
        .await;
        assert_eq!(answer.status, 504);
        assert_seconds(took, 60);
    });
}
