//! Requests that wait until a server is free.

use std::time::Duration;

use weir_io::clock;

use crate::rig::{
    Act, Client, Conf, GET, Peer, Rig, assert_seconds, ok, pass, run, seconds, timed,
};

fn pool<'a>(upstream: &'a str, location: &'a str) -> Conf<'a> {
    Conf {
        upstream,
        location,
        format: "'$status $upstream_status $upstream_failure $upstream_queue_time'",
        ..Conf::default()
    }
}

const ONE: &str = "server 127.0.0.1:9001 max_conns=1; queue 2;";

/// A client whose request has been read by the worker.
async fn sent(rig: &Rig, path: &str) -> Client {
    let mut client = rig.connect();
    let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
    client.send(request).await;
    rig.settle().await;
    client
}

/// The next connection, with a request for this path.
async fn asked(rig: &Rig, path: &str) -> Peer {
    let mut peer = rig.accept().await;
    let request = peer.request().await;
    assert!(request.starts_with(&format!("GET {path} ")), "{request}");
    peer
}

async fn answer(mut peer: Peer, client: &mut Client) {
    peer.send(ok("a")).await;
    drop(peer);
    assert_eq!(client.answer().await.status, 200);
}

#[test]
fn who_waits_longest_gets_the_next_free_server() {
    run(async {
        let rig = Rig::new(&pool(ONE, ""));
        let mut clients = Vec::new();
        for path in ["/1", "/2", "/3"] {
            clients.push(sent(&rig, path).await);
        }
        for (path, client) in ["/1", "/2", "/3"].into_iter().zip(&mut clients) {
            let peer = asked(&rig, path).await;
            pass(Duration::from_millis(500)).await;
            answer(peer, client).await;
        }
        assert_eq!(rig.dialed().len(), 3);
        let lines = rig.access().await;
        for (line, waited) in lines
            .iter()
            .zip(["200 200 - -", "200 200 - 0.5", "200 200 - 1.0"])
        {
            assert!(line.starts_with(waited), "{lines:?}");
        }
        assert!(rig.errors().await.is_empty());
    });
}

#[test]
fn a_newcomer_does_not_pass_those_who_wait() {
    run(async {
        let rig = Rig::new(&pool("server 127.0.0.1:9001 max_conns=1; queue 9;", ""));
        let mut first = sent(&rig, "/1").await;
        let mut second = sent(&rig, "/2").await;
        let mut peer = asked(&rig, "/1").await;
        peer.send(ok("a")).await;
        drop(peer);
        let mut third = rig.connect();
        third.send("GET /3 HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(first.answer().await.status, 200);
        answer(asked(&rig, "/2").await, &mut second).await;
        answer(asked(&rig, "/3").await, &mut third).await;
    });
}

#[test]
fn a_full_queue_is_a_502_at_once() {
    run(async {
        let rig = Rig::new(&pool(
            "server 127.0.0.1:9001 max_conns=1; queue 1;",
            "log_not_retried on;",
        ));
        let mut first = sent(&rig, "/1").await;
        let mut second = sent(&rig, "/2").await;
        let (third, took) = timed(rig.get()).await;
        assert_eq!(third.status, 502);
        assert_seconds(took, 0);
        assert_eq!(
            rig.errors().await,
            ["[error] no live upstreams, and the queue is full while connecting to upstream",]
        );
        answer(asked(&rig, "/1").await, &mut first).await;
        answer(asked(&rig, "/2").await, &mut second).await;
        assert_eq!(rig.access().await[0], "502 502 destination_unavailable -");
    });
}

#[test]
fn a_request_waits_no_longer_than_the_queue_says() {
    for (queue, waits) in [("queue 1;", 60), ("queue 1 timeout=5s;", 5)] {
        run(async {
            let upstream = format!("server 127.0.0.1:9001 max_conns=1; {queue}");
            let rig = Rig::new(&pool(&upstream, "proxy_read_timeout 1h;"));
            let mut first = sent(&rig, "/1").await;
            let (second, took) = timed(rig.get()).await;
            assert_eq!(second.status, 502);
            assert_seconds(took, waits);
            assert_eq!(
                rig.errors().await,
                [
                    "[error] no live upstreams for as long as the queue lets wait while connecting to upstream"
                ]
            );
            assert_eq!(
                rig.access().await,
                [format!("502 502 destination_unavailable {waits}.000")]
            );
            // There is room for another.
            let mut third = sent(&rig, "/3").await;
            answer(asked(&rig, "/1").await, &mut first).await;
            answer(asked(&rig, "/3").await, &mut third).await;
            assert_eq!(rig.held_peers(), 0);
        });
    }
}

#[test]
fn who_leaves_is_a_499_and_makes_room() {
    run(async {
        let rig = Rig::new(&pool("server 127.0.0.1:9001 max_conns=1; queue 1;", ""));
        let mut first = sent(&rig, "/1").await;
        drop(sent(&rig, "/2").await);
        seconds(2).await;
        let mut third = sent(&rig, "/3").await;
        assert_eq!(rig.access().await.len(), 1);
        assert!(
            rig.access().await[0].starts_with("499 - - "),
            "{:?}",
            rig.access().await
        );
        assert_eq!(
            rig.errors().await,
            [
                "[info] epoll_wait() reported that client prematurely closed connection while connecting to upstream"
            ]
        );
        answer(asked(&rig, "/1").await, &mut first).await;
        answer(asked(&rig, "/3").await, &mut third).await;
        assert_eq!(rig.held_peers(), 0);
    });
}

#[test]
fn a_server_that_comes_back_serves_those_who_wait() {
    run(async {
        let rig = Rig::new(&pool(
            "server 127.0.0.1:9001; server 127.0.0.1:9002; queue 9;",
            "",
        ));
        for port in [9001, 9002] {
            rig.script(port, &[Act::Refuse, Act::SendAndClose(ok("back"))]);
        }
        assert_eq!(rig.get().await.status, 502, "each was asked once");
        let (answer, took) = timed(rig.get()).await;
        assert_eq!(answer.text(), "back");
        assert!((10..=12).contains(&took.as_secs()), "{took:?}");
    });
}

#[test]
fn a_request_that_has_failed_waits_for_a_server_that_it_has_not_tried() {
    run(async {
        let upstream =
            "server 127.0.0.1:9001 max_conns=1; server 127.0.0.1:9002 max_conns=1; queue 9;";
        let rig = Rig::new(&pool(upstream, ""));
        let mut first = sent(&rig, "/1").await;
        let mut second = sent(&rig, "/2").await;
        let one = asked(&rig, "/1").await;
        drop(asked(&rig, "/2").await);
        rig.settle().await;
        // The second request waits for the first server; the third may have the second, once it is back.
        let mut third = sent(&rig, "/3").await;
        seconds(12).await;
        answer(asked(&rig, "/3").await, &mut third).await;
        answer(one, &mut first).await;
        answer(asked(&rig, "/2").await, &mut second).await;
        assert_eq!(rig.dialed(), [9001, 9002, 9002, 9001]);
    });
}

#[test]
fn a_queue_full_of_failed_requests_keeps_nobody_from_a_free_server() {
    run(async {
        let upstream = "server 127.0.0.1:9001 max_conns=1; \
             server 127.0.0.1:9002 max_conns=1 max_fails=0; queue 1;";
        let rig = Rig::new(&pool(upstream, ""));
        let mut first = sent(&rig, "/1").await;
        let mut second = sent(&rig, "/2").await;
        let one = asked(&rig, "/1").await;
        drop(asked(&rig, "/2").await);
        rig.settle().await;
        // The second request waits for the first server, and fills the queue.
        let mut third = sent(&rig, "/3").await;
        let two = asked(&rig, "/3").await;
        assert_eq!(rig.get().await.status, 502, "there is no third server");
        answer(two, &mut third).await;
        answer(one, &mut first).await;
        answer(asked(&rig, "/2").await, &mut second).await;
    });
}

#[test]
fn who_finds_the_queue_full_looks_before_it_fails() {
    run(async {
        let rig = Rig::new(&pool(
            "server 127.0.0.1:9001; server 127.0.0.1:9002; queue 1;",
            "",
        ));
        for port in [9001, 9002] {
            rig.script(port, &[Act::Refuse, Act::SendAndClose(ok("back"))]);
        }
        assert_eq!(rig.get().await.status, 502, "each was asked once");
        // The first in line looks in the middle of each second, and servers come back as one begins.
        let now = clock::monotonic(clock::now());
        let into_second = Duration::from_nanos(now.subsec_nanos().into());
        pass(Duration::from_millis(1500) - into_second).await;
        let mut waits = sent(&rig, "/waits").await;
        let mut refused = 0;
        while rig.get().await.status == 502 {
            refused += 1;
            pass(Duration::from_millis(50)).await;
        }
        assert!(refused > 100);
        assert_eq!(rig.reached()[0], "GET /", "the first had not looked yet");
        assert_eq!(waits.answer().await.status, 200);
    });
}

#[test]
fn a_request_that_has_tried_all_servers_does_not_wait() {
    run(async {
        let upstream = "server 127.0.0.1:9001; server 127.0.0.1:9002; keepalive 4; queue 9;";
        let rig = Rig::new(&pool(upstream, ""));
        for port in [9001, 9002] {
            rig.script(port, &[Act::Send(ok("a")), Act::Close]);
            assert_eq!(rig.get().await.status, 200);
        }
        // Each of the kept connections turns out to be closed, which costs no try.
        let (answer, took) = timed(rig.get()).await;
        assert_eq!(answer.status, 502);
        assert_seconds(took, 0);
        let lines = rig.errors().await;
        let last = "[error] no live upstreams while connecting to upstream";
        assert_eq!(lines.last().map(String::as_str), Some(last), "{lines:#?}");
    });
}

#[test]
fn a_failed_request_waits_no_longer_than_it_may_be_passed_on() {
    run(async {
        let upstream = "server 127.0.0.1:9001; server 127.0.0.1:9002 max_conns=1; queue 9;";
        let limit = "proxy_next_upstream_timeout 5s; proxy_read_timeout 1h;";
        let rig = Rig::new(&pool(upstream, limit));
        rig.script(9001, &[Act::SendAndClose(ok("a")), Act::Refuse]);
        assert_eq!(rig.get().await.status, 200);
        let mut busy = sent(&rig, "/2").await;
        let peer = asked(&rig, "/2").await;
        let (failed, took) = timed(rig.get()).await;
        assert_eq!(failed.status, 502);
        assert_seconds(took, 5);
        // Who has tried nobody is not passed on, and waits for the first server to come back.
        rig.script(9001, &[Act::SendAndClose(ok("b"))]);
        let (served, took) = timed(rig.get()).await;
        assert_eq!(served.text(), "b");
        assert!((5..=7).contains(&took.as_secs()), "{took:?}");
        answer(peer, &mut busy).await;
    });
}

#[test]
fn nobody_waits_for_servers_that_are_all_marked_down() {
    run(async {
        let rig = Rig::new(&pool(
            "server 127.0.0.1:9001 down; server 127.0.0.1:9002 down; queue 9;",
            "",
        ));
        let (answer, took) = timed(rig.get()).await;
        assert_eq!(answer.status, 502);
        assert_seconds(took, 0);
        assert_eq!(
            rig.errors().await,
            ["[error] no live upstreams while connecting to upstream"]
        );
    });
}

#[test]
fn a_reload_leaves_those_who_wait_in_line() {
    run(async {
        let mut rig = Rig::new(&pool(ONE, ""));
        let mut first = sent(&rig, "/1").await;
        let mut second = sent(&rig, "/2").await;
        rig.reload(&pool(ONE, ""));
        let mut third = sent(&rig, "/3").await;
        answer(asked(&rig, "/1").await, &mut first).await;
        answer(asked(&rig, "/2").await, &mut second).await;
        answer(asked(&rig, "/3").await, &mut third).await;
        assert_eq!(rig.held_peers(), 0);
    });
}

#[test]
fn those_who_wait_since_before_a_reload_keep_no_new_server_from_others() {
    run(async {
        let mut rig = Rig::new(&pool("server 127.0.0.1:9001 max_conns=1; queue 9;", ""));
        let mut first = sent(&rig, "/1").await;
        let mut second = sent(&rig, "/2").await;
        let one = asked(&rig, "/1").await;
        rig.reload(&pool("server 127.0.0.1:9002 max_conns=1; queue 9;", ""));
        let mut third = sent(&rig, "/3").await;
        let mut fourth = sent(&rig, "/4").await;
        // The second request waits for a server that the others do not know, and knows none of theirs.
        answer(asked(&rig, "/3").await, &mut third).await;
        answer(asked(&rig, "/4").await, &mut fourth).await;
        answer(one, &mut first).await;
        answer(asked(&rig, "/2").await, &mut second).await;
        assert_eq!(rig.dialed(), [9001, 9002, 9002, 9001]);
        let lines = rig.access().await;
        let waited: Vec<_> = lines.iter().map(|line| line.ends_with(" -")).collect();
        assert_eq!(waited, [true, false, true, false], "{lines:#?}");
    });
}

#[test]
fn those_who_wait_keep_no_drained_server_from_who_wants_it() {
    run(async {
        let upstream = "server 127.0.0.1:9001 max_conns=1; \
             server 127.0.0.1:9002 max_conns=1 route=b drain; sticky route $arg_r; queue 9;";
        let rig = Rig::new(&pool(upstream, ""));
        let mut first = sent(&rig, "/1").await;
        let mut second = sent(&rig, "/2").await;
        let one = asked(&rig, "/1").await;
        let mut third = sent(&rig, "/3?r=b").await;
        let mut fourth = sent(&rig, "/4?r=b").await;
        answer(asked(&rig, "/3?r=b").await, &mut third).await;
        answer(asked(&rig, "/4?r=b").await, &mut fourth).await;
        answer(one, &mut first).await;
        answer(asked(&rig, "/2").await, &mut second).await;
        assert_eq!(rig.dialed(), [9001, 9002, 9002, 9001]);
    });
}

#[test]
fn without_a_queue_nobody_waits() {
    run(async {
        let rig = Rig::new(&pool("server 127.0.0.1:9001 max_conns=1;", ""));
        let mut first = sent(&rig, "/1").await;
        let (second, took) = timed(rig.ask(GET)).await;
        assert_eq!(second.status, 502);
        assert_seconds(took, 0);
        answer(asked(&rig, "/1").await, &mut first).await;
        assert!(rig.access().await[0].ends_with(" -"));
    });
}
