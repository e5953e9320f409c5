//! A worker that goes out of service, or is out of places.

use crate::rig::{Act, Conf, GET, Rig, ok, run, seconds};

#[test]
fn draining_closes_idle_connections_and_lets_others_ask_and_finish() {
    run(async {
        let rig = Rig::location("");
        let mut fresh = rig.connect();
        let mut idle = rig.connect();
        idle.send(GET).await;
        let mut peer = rig.accept().await;
        peer.request().await;
        peer.send(ok("a")).await;
        assert_eq!(idle.answer().await.text(), "a");
        let mut busy = rig.connect();
        busy.send(GET).await;
        peer.request().await;
        rig.worker().drain();
        assert_eq!(idle.rest().await, b"");
        assert_eq!(rig.open_connections(), 2);
        peer.send(ok("last")).await;
        assert_eq!(busy.answer().await.text(), "last");
        assert!(busy.is_closed().await);
        assert_eq!(peer.rest().await, b"", "no upstream connection is kept");
        fresh.send(GET).await;
        let mut peer = rig.accept().await;
        peer.request().await;
        peer.send(ok("first")).await;
        assert_eq!(fresh.answer().await.text(), "first");
        assert!(fresh.is_closed().await);
    });
}

#[test]
fn a_least_time_holds_whoever_wants_the_connection() {
    const SERVER: &str = "keepalive_timeout 8s; keepalive_min_timeout 5s;";
    run(async {
        let conf = Conf {
            server: SERVER,
            ..Conf::default()
        };
        let rig = Rig::new(&conf);
        rig.script(9001, &[Act::Send(ok("a"))]);
        let (mut asks, mut waits) = (rig.connect(), rig.connect());
        for client in [&mut asks, &mut waits] {
            client.send(GET).await;
            assert_eq!(client.answer().await.text(), "a");
        }
        seconds(1).await;
        rig.worker().drain();
        seconds(3).await;
        asks.send(GET).await;
        assert_eq!(asks.answer().await.text(), "a");
        assert!(asks.is_closed().await, "its answer said so");
        assert_eq!(rig.open_connections(), 1);
        seconds(2).await;
        assert!(waits.is_closed().await);
    });
    run(async {
        let rig = Rig::new(&Conf {
            server: SERVER,
            slots: 3,
            ..Conf::default()
        });
        rig.script(9001, &[Act::SendAndClose(ok("a"))]);
        let mut held = rig.connect();
        held.send(GET).await;
        held.answer().await;
        seconds(6).await;
        let mut holds = rig.connect();
        holds.send(GET).await;
        holds.answer().await;
        // The third place is the upstream's.
        let mut third = rig.connect();
        third.send(GET).await;
        assert_eq!(third.answer().await.text(), "a");
        assert!(held.is_closed().await, "its least time was over");
        holds.send(GET).await;
        assert_eq!(holds.answer().await.text(), "a");
    });
}

#[test]
fn aborting_ends_heads_that_are_under_way() {
    run(async {
        let rig = Rig::location("");
        let mut client = rig.connect();
        client.send("GET / HT").await;
        rig.settle().await;
        rig.worker().abort();
        assert_eq!(client.rest().await, b"");
        assert_eq!(rig.open_connections(), 0);
    });
}

#[test]
fn without_a_free_place_no_connection_is_made() {
    for (slots, status, line) in [
        (0, 0, "[alert] 2 worker_connections are not enough"),
        (
            1,
            500,
            "[alert] 3 worker_connections are not enough while connecting to upstream",
        ),
        (2, 200, ""),
    ] {
        run(async {
            let rig = Rig::new(&Conf {
                slots,
                ..Conf::default()
            });
            rig.script(9001, &[Act::Send(ok("a"))]);
            let mut client = rig.connect();
            client.try_send(GET).await;
            let answer = client.answer().await;
            assert_eq!(answer.status, status, "{slots}");
            let lines: &[&str] = if line.is_empty() { &[] } else { &[line] };
            assert_eq!(rig.errors().await, lines, "{slots}");
        });
    }
}

#[test]
fn places_are_given_back() {
    run(async {
        let rig = Rig::new(&Conf {
            slots: 2,
            ..Conf::default()
        });
        rig.script(9001, &[Act::SendAndClose(ok("a"))]);
        for _ in 0..5 {
            let answer = rig.ask("GET / HTTP/1.0\r\n\r\n").await;
            assert_eq!(answer.text(), "a");
            rig.settle().await;
        }
        assert_eq!(rig.errors().await, [""; 0]);
    });
}

#[test]
fn idle_connections_make_room_the_oldest_first() {
    run(async {
        let rig = Rig::new(&Conf {
            slots: 3,
            ..Conf::default()
        });
        rig.script(
            9001,
            &[Act::SendAndClose(ok("a")), Act::SendAndClose(ok("b"))],
        );
        let mut oldest = rig.connect();
        rig.settle().await;
        let mut idle = rig.connect();
        rig.settle().await;
        let mut client = rig.connect();
        client.send("GET / HTTP/1.0\r\n\r\n").await;
        assert_eq!(client.answer().await.text(), "a");
        assert_eq!(oldest.rest().await, b"", "its place went to the upstream");
        idle.send("GET / HTTP/1.0\r\n\r\n").await;
        assert_eq!(idle.answer().await.text(), "b");
        let line = "[warn] 5 worker_connections are not enough, reusing connections";
        assert_eq!(rig.errors().await, [line]);
    });
}

#[test]
fn a_retiring_worker_answers_once_more_on_each_connection() {
    run(async {
        let rig = Rig::location("");
        rig.script(9001, &[Act::Send(ok("a"))]);
        let mut fresh = rig.connect();
        rig.settle().await;
        rig.worker().retire();
        rig.settle().await;
        fresh.send(GET).await;
        let answer = fresh.answer().await;
        assert_eq!(answer.text(), "a");
        assert!(fresh.is_closed().await);
    });
}

#[test]
fn a_request_that_is_dropped_gives_its_peer_back() {
    run(async {
        for act in [
            Act::Stall,
            Act::Send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na".to_owned()),
        ] {
            let rig = Rig::location("proxy_buffering off;");
            rig.script(9001, &[act]);
            let mut client = rig.connect();
            client.send(GET).await;
            rig.settle().await;
            assert_eq!(rig.held_peers(), 1);
            rig.worker().abort();
            client.rest().await;
            assert_eq!(rig.held_peers(), 0);
        }
    });
}

#[test]
fn idle_upstream_connections_make_room_too() {
    run(async {
        let rig = Rig::new(&Conf {
            slots: 2,
            upstream: "server 127.0.0.1:9001; keepalive 8;",
            location: "proxy_http_version 1.1; proxy_set_header Connection '';",
            ..Conf::default()
        });
        let mut first = rig.connect();
        first.send(GET).await;
        let mut kept = rig.accept().await;
        kept.request().await;
        kept.send(ok("a")).await;
        assert_eq!(first.answer().await.text(), "a");
        let mut second = rig.connect();
        rig.settle().await;
        assert_eq!(kept.rest().await, b"", "it fell idle before the client");
        rig.script(9001, &[Act::Send(ok("b"))]);
        second.send(GET).await;
        assert_eq!(second.answer().await.text(), "b");
        assert_eq!(first.rest().await, b"", "its place went to the upstream");
        let line = "[warn] 4 worker_connections are not enough, reusing connections";
        assert_eq!(rig.errors().await, [line], "once a second");
    });
}

#[test]
fn some_make_room_while_few_places_are_left() {
    run(async {
        let rig = Rig::new(&Conf {
            slots: 30,
            location: "return 200 a;",
            ..Conf::default()
        });
        let mut clients = Vec::new();
        for _ in 0..28 {
            clients.push(rig.connect());
            rig.settle().await;
        }
        assert_eq!((rig.open_connections(), rig.errors().await.len()), (28, 0));
        // Two places of 32 are few; of 28 that idle, an eighth goes.
        clients.push(rig.connect());
        rig.settle().await;
        assert_eq!((rig.open_connections(), rig.errors().await.len()), (26, 1));
        for client in &mut clients[..3] {
            assert_eq!(client.rest().await, b"");
        }
    });
}
