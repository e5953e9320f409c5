//! Peers that failed too often.

use crate::rig::{Act, Conf, Rig, ok, run};

const TWO: &str = "server 127.0.0.1:9001; server 127.0.0.1:9002;";

fn pool(upstream: &str, location: &str) -> Rig {
    Rig::new(&Conf {
        upstream,
        location,
        format: "'$status $upstream_addr $upstream_status $upstream_failure'",
        ..Conf::default()
    })
}

#[test]
fn without_a_live_peer_the_answer_is_502_and_names_the_pool() {
    run(async {
        let rig = pool("server 127.0.0.1:9001 down; server 127.0.0.1:9002;", "");
        rig.script(9002, &[Act::Refuse]);
        assert_eq!(rig.get().await.status, 502);
        assert_eq!(rig.get().await.status, 502);
        let nobody = "no live upstreams while connecting to upstream";
        let context = "client: 127.0.0.1, server: localhost, request: \"GET / HTTP/1.1\"";
        let lines = rig.error_lines().await;
        assert!(
            lines.contains(&format!(
                "[error] {nobody}, {context}, upstream: \"http://u/\", host: \"h\""
            )),
            "{lines:#?}"
        );
        assert_eq!(rig.access().await[1], "502 u 502 destination_unavailable");
    });
}

#[test]
fn a_peer_that_is_taken_out_is_named_after_an_error_but_before_a_time_out() {
    let out = |words: &str| format!("[warn] upstream server temporarily disabled while {words}");
    let connecting = "connecting to upstream";
    let reading = "reading response header from upstream";
    for (act, lines) in [
        (
            Act::Refuse,
            [
                format!(
                    "[error] connect() to 127.0.0.1:9001 failed (111: Connection refused) while {connecting}"
                ),
                out(connecting),
            ],
        ),
        (
            Act::Close,
            [
                format!("[error] upstream prematurely closed connection while {reading}"),
                out(reading),
            ],
        ),
        (
            Act::Stall,
            [
                out(reading),
                format!("[error] upstream timed out (110: Connection timed out) while {reading}"),
            ],
        ),
    ] {
        run(async {
            let rig = pool(TWO, "");
            rig.script(9001, &[act]);
            rig.script(9002, &[Act::Send(ok("b"))]);
            assert_eq!(rig.get().await.status, 200);
            assert_eq!(rig.errors().await, lines);
        });
    }
}

#[test]
fn failures_are_counted_up_to_max_fails() {
    for (upstream, location, act, dialed) in [
        // Taken out at once.
        (TWO, "", Act::Refuse, 1),
        (
            "server 127.0.0.1:9001 max_fails=2; server 127.0.0.1:9002;",
            "",
            Act::Refuse,
            2,
        ),
        (
            "server 127.0.0.1:9001 max_fails=0; server 127.0.0.1:9002;",
            "",
            Act::Refuse,
            4,
        ),
        // An answer that is not retried is no failure.
        (TWO, "", Act::status(503), 4),
        (TWO, "proxy_next_upstream http_503;", Act::status(503), 1),
        (TWO, "proxy_next_upstream http_404;", Act::status(404), 4),
        (TWO, "proxy_next_upstream off;", Act::Refuse, 1),
    ] {
        run(async {
            let rig = pool(upstream, location);
            rig.script(9001, &[act]);
            rig.script(9002, &[Act::SendAndClose(ok("b"))]);
            for _ in 0..8 {
                let request = "GET / HTTP/1.0\r\n\r\n";
                rig.ask(request).await;
            }
            let seen = rig.access().await;
            let tried = seen.iter().filter(|line| line.contains(":9001")).count();
            assert_eq!(tried, dialed, "{upstream} {location}: {seen:#?}");
        });
    }
}
