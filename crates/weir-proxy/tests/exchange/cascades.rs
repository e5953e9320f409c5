//! What keeps a pool from being pushed over, and what the log says of requests that were not passed on.

use crate::rig::{Act, Conf, GET, Rig, ok, run, seconds};

const TWO: &str = "server 127.0.0.1:9001; server 127.0.0.1:9002;";

fn pool(upstream: &str, location: &str) -> Rig {
    Rig::new(&Conf {
        upstream,
        location,
        format: "'$status $upstream_addr $upstream_status'",
        ..Conf::default()
    })
}

/// A pool whose first server fails for ever without being taken out.
fn limping(budget: &str, location: &str, act: Act) -> Rig {
    let upstream = format!("server 127.0.0.1:9001 max_fails=0; server 127.0.0.1:9002; {budget}");
    let rig = pool(&upstream, location);
    rig.script(9001, &[act]);
    rig.script(9002, &[Act::SendAndClose(ok("well"))]);
    rig
}

async fn statuses(rig: &Rig, requests: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..requests {
        statuses.push(rig.get().await.status);
    }
    statuses
}

#[test]
fn a_spent_budget_lets_requests_keep_the_failure_they_have() {
    let listed = "proxy_next_upstream http_503;";
    for (location, act, status) in [("", Act::Refuse, 502), (listed, Act::status(503), 503)] {
        run(async {
            let rig = limping("retry_budget 0% min=2;", location, act);
            assert_eq!(statuses(&rig, 5).await, [200, 200, 200, 200, status]);
            assert_eq!(rig.dialed(), [9001, 9002, 9002, 9001, 9002, 9002, 9001]);
            seconds(1).await;
            assert_eq!(statuses(&rig, 2).await, [200, 200]);
        });
    }
}

#[test]
fn requests_earn_retries() {
    run(async {
        let rig = limping("retry_budget 50% min=0;", "", Act::Refuse);
        let statuses = statuses(&rig, 12).await;
        let failed = statuses.iter().filter(|status| **status == 502).count();
        let tried_again = rig.dialed().len() - statuses.len();
        assert!(tried_again <= 6, "{statuses:?}");
        assert!((1..=3).contains(&failed), "{statuses:?}");
    });
}

#[test]
fn an_answer_that_the_budget_holds_is_the_upstreams_own() {
    run(async {
        let location = "proxy_next_upstream http_503; log_not_retried on;";
        let rig = limping("retry_budget 0% min=0;", location, Act::status(503));
        let answer = rig.get().await;
        assert_eq!((answer.status, answer.text().as_str()), (503, "b"));
        assert_eq!(
            rig.errors().await,
            [
                "[warn] not passed to another server: the retry budget is spent while \
              reading response header from upstream"
            ]
        );
    });
}

#[test]
fn the_try_for_a_kept_connection_that_was_closed_is_free() {
    run(async {
        let rig = pool(
            "server 127.0.0.1:9001; keepalive 4; retry_budget 0% min=0;",
            "",
        );
        rig.script(9001, &[Act::Send(ok("a")), Act::Close, Act::Send(ok("b"))]);
        assert_eq!(rig.get().await.text(), "a");
        assert_eq!(rig.get().await.text(), "b");
        assert_eq!(rig.dialed(), [9001, 9001]);
    });
}

#[test]
fn the_log_says_why_a_failure_stays() {
    let one = "server 127.0.0.1:9001;";
    let off = "proxy_next_upstream off;";
    let only_503 = "proxy_next_upstream http_503;";
    let cut = Act::SendAndClose("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".into());
    let head = "reading response header from upstream";
    let connecting = "connecting to upstream";
    let get = || GET.to_owned();
    let post = || "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nxy".to_owned();
    for (upstream, location, request, act, reason) in [
        (
            TWO,
            off,
            get(),
            Act::Refuse,
            format!("proxy_next_upstream does not list it while {connecting}"),
        ),
        (
            TWO,
            off,
            get(),
            Act::status(502),
            format!("proxy_next_upstream does not list it while {head}"),
        ),
        (
            TWO,
            "",
            post(),
            Act::Close,
            format!("it was sent and is not idempotent while {head}"),
        ),
        (
            one,
            "",
            get(),
            Act::Refuse,
            format!("no tries are left while {connecting}"),
        ),
        (
            one,
            only_503,
            get(),
            Act::status(503),
            format!("no tries are left while {head}"),
        ),
        (
            TWO,
            "proxy_next_upstream_tries 1;",
            get(),
            Act::Close,
            format!("no tries are left while {head}"),
        ),
        (
            TWO,
            "proxy_read_timeout 5s; proxy_next_upstream_timeout 5s;",
            get(),
            Act::Stall,
            format!("proxy_next_upstream_timeout is over while {head}"),
        ),
        (
            TWO,
            "",
            get(),
            cut,
            "the response had begun while reading upstream".to_owned(),
        ),
    ] {
        for log in ["on", "off"] {
            run(async {
                let rig = pool(upstream, &format!("{location} log_not_retried {log};"));
                rig.script(9001, std::slice::from_ref(&act));
                rig.script(9002, &[Act::Send(ok("b"))]);
                rig.ask(&request).await;
                let lines = rig.errors().await;
                let said: Vec<_> = (lines.iter())
                    .filter(|line| line.contains("not passed to another server"))
                    .collect();
                let expected = format!("[warn] not passed to another server: {reason}");
                match log {
                    "on" => assert_eq!(said, [&expected], "{location} {act:?}: {lines:#?}"),
                    _ => assert!(said.is_empty(), "{said:?}"),
                }
            });
        }
    }
}

#[test]
fn no_other_server_is_told_of_only_where_one_was_tried() {
    for (upstream, told) in [
        (
            "server 127.0.0.1:9001 down; server 127.0.0.1:9002 down;",
            false,
        ),
        (
            "server 127.0.0.1:9001; server 127.0.0.1:9002; keepalive 4;",
            true,
        ),
    ] {
        run(async {
            let rig = pool(upstream, "log_not_retried on;");
            for port in [9001, 9002] {
                rig.script(port, &[Act::Send(ok("a")), Act::Close]);
                rig.get().await;
            }
            assert_eq!(rig.get().await.status, 502);
            let lines = rig.errors().await;
            let line = "[warn] not passed to another server: no other server is live while connecting to upstream";
            assert_eq!(lines.iter().any(|said| said == line), told, "{lines:#?}");
        });
    }
}

#[test]
fn what_is_no_failure_or_was_passed_on_is_not_told() {
    for (location, act) in [
        ("", Act::status(404)),
        ("", Act::status(403)),
        ("", Act::status(501)),
        ("", Act::Send(ok("a"))),
        ("", Act::Close),
        ("proxy_next_upstream http_404;", Act::status(404)),
    ] {
        run(async {
            let rig = pool(TWO, &format!("{location} log_not_retried on;"));
            rig.script(9001, std::slice::from_ref(&act));
            rig.script(9002, &[Act::Send(ok("b"))]);
            rig.get().await;
            let lines = rig.errors().await;
            let told = lines.iter().any(|line| line.contains("not passed"));
            assert!(!told, "{act:?}: {lines:#?}");
        });
    }
}

#[test]
fn an_upload_under_way_is_told() {
    run(async {
        let rig = pool(TWO, "proxy_request_buffering off; log_not_retried on;");
        let mut client = rig.connect();
        client
            .send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")
            .await;
        let mut peer = rig.accept().await;
        peer.wire.head().await;
        drop(peer);
        assert_eq!(client.answer().await.status, 502);
        let lines = rig.errors().await;
        let told = lines
            .iter()
            .any(|line| line.contains("its body was on its way"));
        assert!(told, "{lines:#?}");
    });
}

const FOUR: &str =
    "server 127.0.0.1:9001; server 127.0.0.1:9002; server 127.0.0.1:9003; server 127.0.0.1:9004;";

#[test]
fn in_a_panic_servers_that_are_out_are_used_and_the_log_says_so_once() {
    for (threshold, used) in [("", 0), ("panic_threshold 50%;", 4)] {
        run(async {
            let rig = pool(&format!("{FOUR} {threshold}"), "");
            let well = || Act::SendAndClose(ok("a"));
            for port in [9001, 9002, 9003] {
                rig.script(port, &[Act::Close, well()]);
            }
            rig.script(9004, &[well()]);
            // The first request finds the fourth server; all others are out now.
            assert_eq!(rig.get().await.status, 200);
            let before = rig.dialed().len();
            assert_eq!(statuses(&rig, 8).await, [200; 8]);
            let others = rig.dialed()[before..]
                .iter()
                .filter(|port| **port != 9004)
                .count();
            assert!(
                others >= used && (used > 0 || others == 0),
                "{:?}",
                rig.dialed()
            );
            // After fail_timeout each is on trial, and well.
            seconds(11).await;
            assert_eq!(statuses(&rig, 8).await, [200; 8]);
            seconds(1).await;
            assert_eq!(statuses(&rig, 4).await, [200; 4]);
            let lines = rig.errors().await;
            let told: Vec<_> = lines
                .iter()
                .filter(|line| line.contains("in upstream"))
                .collect();
            let expected = [
                "[warn] 1 of 4 servers in upstream \"u\" is in use, the others are used, too while connecting to upstream",
                "[notice] 4 of 4 servers in upstream \"u\" are in use, the others are not used any more while connecting to upstream",
            ];
            match used {
                0 => assert!(told.is_empty(), "{told:#?}"),
                _ => assert_eq!(told, expected),
            }
        });
    }
}
