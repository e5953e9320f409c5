//! Which upstream connections serve another request, and what becomes of those that died meanwhile.

use crate::rig::{Act, Conf, GET, Rig, assert_seconds, ok, run, timed};

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
        let (rest, took) = timed(peer.rest()).await;
        assert_eq!(rest, b"abc");
        assert_seconds(took, 0);
    });
}

/// The second upstream is told of a body that went to the first, and never gets it: what comes next on
/// its connection would be taken for that body.
#[test]
fn a_connection_that_waits_for_a_body_sent_elsewhere_is_not_used_again() {
    let gathered = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n{:50000}",
        ""
    );
    for answer in [ok("early"), gathered] {
        run(async {
            let rig = Rig::new(&Conf {
                http: "upstream two { server 127.0.0.1:9002; keepalive 4; }",
                server: "location @two { proxy_pass http://two; }",
                location: "proxy_request_buffering off; error_page 502 = @two;",
                ..Conf::default()
            });
            let mut client = rig.connect();
            client
                .send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")
                .await;
            let mut first = rig.accept().await;
            first.wire.head().await;
            drop(first);
            let mut second = rig.accept().await;
            assert!(
                second
                    .wire
                    .head()
                    .await
                    .contains("\r\nContent-Length: 9\r\n")
            );
            second.send(answer).await;
            assert_eq!(client.answer().await.status, 200);
            let (rest, took) = timed(second.rest()).await;
            assert_eq!(rest, b"");
            assert_seconds(took, 0);
        });
    }
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
            false,
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

fn pool(upstream: &str, location: &str) -> Rig {
    Rig::new(&Conf {
        upstream,
        location,
        format: "'$status $upstream_addr $upstream_status $upstream_failure'",
        ..Conf::default()
    })
}

fn request(method: &str) -> String {
    format!("{method} / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nxy")
}

#[test]
fn a_kept_connection_that_died_costs_no_try() {
    let again = "127.0.0.1:9001, 127.0.0.1:9001 502, 200 connection_terminated, -";
    let gone = "127.0.0.1:9001 502 connection_terminated";
    for (location, method, line) in [
        ("", "GET", format!("200 {again}")),
        (
            "proxy_next_upstream_tries 1;",
            "GET",
            format!("200 {again}"),
        ),
        ("", "POST", format!("502 {gone}")),
        ("proxy_next_upstream off;", "GET", format!("502 {gone}")),
        ("proxy_next_upstream timeout;", "GET", format!("502 {gone}")),
    ] {
        run(async {
            let rig = pool("server 127.0.0.1:9001; keepalive 4;", location);
            let acts = [Act::Send(ok("1")), Act::Close, Act::Send(ok("3"))];
            rig.script(9001, &acts);
            assert_eq!(rig.get().await.text(), "1");
            rig.ask(&request(method)).await;
            assert_eq!(rig.access().await[1], line, "{method} {location}");
            assert_eq!(
                rig.errors().await,
                [
                    "[error] upstream prematurely closed connection while reading response header \
                  from upstream"
                ]
            );
        });
    }
}

#[test]
fn a_kept_connection_that_closed_while_idle_leaves_no_trace() {
    run(async {
        let rig = pool(
            "server 127.0.0.1:9001; server 127.0.0.1:9002; keepalive 4;",
            "",
        );
        rig.script(9001, &[Act::SendAndClose(ok("1"))]);
        rig.script(9002, &[Act::Send(ok("2"))]);
        for body in ["1", "2", "1", "2"] {
            assert_eq!(rig.get().await.text(), body);
            rig.settle().await;
        }
        assert_eq!(rig.dialed(), [9001, 9002, 9001]);
        assert_eq!(rig.errors().await, [""; 0]);
    });
}

/// Nobody has looked at the idle connection between its end and the request.
#[test]
fn a_kept_connection_that_closes_with_the_request_is_not_used() {
    run(async {
        let rig = pool("server 127.0.0.1:9001; keepalive 4;", "");
        let mut client = rig.connect();
        client.send(GET).await;
        let mut peer = rig.accept().await;
        peer.request().await;
        peer.send(ok("1")).await;
        assert_eq!(client.answer().await.text(), "1");
        client.send(GET).await;
        drop(peer);
        let mut second = rig.accept().await;
        second.request().await;
        second.send(ok("2")).await;
        assert_eq!(client.answer().await.text(), "2");
        assert_eq!(rig.errors().await, [""; 0]);
    });
}

#[test]
fn the_try_that_a_dead_connection_cost_is_given_back() {
    run(async {
        let rig = pool(
            "server 127.0.0.1:9001 weight=9; server 127.0.0.1:9002; server 127.0.0.1:9003; \
             keepalive 4;",
            "proxy_next_upstream_tries 2;",
        );
        rig.script(9001, &[Act::Send(ok("1")), Act::Close]);
        rig.script(9002, &[Act::Refuse]);
        rig.script(9003, &[Act::Send(ok("3"))]);
        assert_eq!(rig.get().await.text(), "1");
        assert_eq!(rig.get().await.text(), "3");
        assert_eq!(rig.dialed(), [9001, 9002, 9003]);
    });
}
