//! Which failures send a request to the next peer, and what the client gets when none is left.

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

fn request(method: &str) -> String {
    format!("{method} / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nxy")
}

/// What becomes of a request whose first peer does `first`, the second one being well.
struct Case {
    location: &'static str,
    method: &'static str,
    first: Act,
    /// The client's status; 200 is the second peer's.
    status: u16,
    /// `$upstream_status` and `$upstream_failure`.
    tried: &'static str,
}

fn check(case: &Case) {
    run(async {
        let rig = pool(TWO, case.location);
        rig.script(9001, std::slice::from_ref(&case.first));
        rig.script(9002, &[Act::Send(ok("second"))]);
        let answer = rig.ask(&request(case.method)).await;
        let name = format!("{} {:?} {}", case.method, case.first, case.location);
        assert_eq!(answer.status, case.status, "{name}");
        let retried = case.tried.contains(", ");
        let (ports, addresses): (&[u16], _) = if retried {
            (&[9001, 9002], "127.0.0.1:9001, 127.0.0.1:9002")
        } else {
            (&[9001], "127.0.0.1:9001")
        };
        assert_eq!(rig.dialed(), ports, "{name}");
        assert_eq!(
            rig.access().await,
            [format!("{} {addresses} {}", case.status, case.tried)],
            "{name}"
        );
        if retried {
            let (port, seen) = rig.seen().pop().expect("a second request");
            assert_eq!(port, 9002, "{name}");
            assert!(seen.ends_with("\r\n\r\nxy"), "{name}: {seen}");
        }
    });
}

#[test]
fn failures_lead_on_as_proxy_next_upstream_says() {
    let stall = Act::Stall;
    let invalid = Act::send("HTTP/1.1 200 OK\r\nA B: c\r\n\r\n");
    let half = Act::SendAndClose("HTTP/1.1 200 O".to_owned());
    let table = [
        ("", Act::Refuse, "502, 200 connection_refused, -"),
        ("", Act::Close, "502, 200 connection_terminated, -"),
        ("", half, "502, 200 connection_terminated, -"),
        ("", stall.clone(), "504, 200 http_response_timeout, -"),
        ("", invalid.clone(), "502 http_protocol_error"),
        (
            "proxy_next_upstream invalid_header;",
            invalid,
            "502, 200 http_protocol_error, -",
        ),
        (
            "proxy_next_upstream timeout;",
            Act::Refuse,
            "502 connection_refused",
        ),
        (
            "proxy_next_upstream error;",
            stall,
            "504 http_response_timeout",
        ),
        (
            "proxy_next_upstream off;",
            Act::Refuse,
            "502 connection_refused",
        ),
        ("", Act::status(503), "503 -"),
    ];
    for (location, first, tried) in table {
        check(&Case {
            location,
            method: "GET",
            status: if tried.contains(", ") {
                200
            } else {
                tried[..3].parse().unwrap()
            },
            first,
            tried,
        });
    }
}

#[test]
fn statuses_lead_on_where_they_are_listed() {
    for status in [500, 502, 503, 504, 403, 404, 429] {
        for listed in [true, false] {
            let (location, tried) = if listed {
                (
                    format!("proxy_next_upstream http_{status};"),
                    format!("{status}, 200 http_status, -"),
                )
            } else {
                (
                    "proxy_next_upstream error timeout;".into(),
                    format!("{status} -"),
                )
            };
            check(&Case {
                location: location.leak(),
                method: "GET",
                first: Act::status(status),
                status: if listed { 200 } else { status },
                tried: tried.leak(),
            });
        }
    }
}

#[test]
fn what_may_not_be_repeated_is_not_once_it_was_sent() {
    let closed = "502 connection_terminated";
    let closed_then_ok = "502, 200 connection_terminated, -";
    let refused_then_ok = "502, 200 connection_refused, -";
    let non_idempotent = "proxy_next_upstream error non_idempotent;";
    for (method, location, first, status, tried) in [
        ("POST", "", Act::Close, 502, closed),
        ("LOCK", "", Act::Close, 502, closed),
        ("PATCH", "", Act::Close, 502, closed),
        ("PUT", "", Act::Close, 200, closed_then_ok),
        ("DELETE", "", Act::Close, 200, closed_then_ok),
        ("BREW", "", Act::Close, 200, closed_then_ok),
        ("POST", "", Act::Refuse, 200, refused_then_ok),
        ("POST", non_idempotent, Act::Close, 200, closed_then_ok),
        (
            "POST",
            "proxy_next_upstream http_503;",
            Act::status(503),
            503,
            "503 -",
        ),
        // A body that was read whole may be sent again, however it was to be passed on.
        (
            "PUT",
            "proxy_request_buffering off;",
            Act::Close,
            200,
            closed_then_ok,
        ),
    ] {
        check(&Case {
            location,
            method,
            first,
            status,
            tried,
        });
    }
}

#[test]
fn a_body_in_a_file_is_sent_again_from_its_beginning() {
    run(async {
        let rig = pool(TWO, "client_body_buffer_size 1k;");
        rig.script(9001, &[Act::Close]);
        rig.script(9002, &[Act::Send(ok("second"))]);
        let body = "0123456789".repeat(20_000);
        let head = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n";
        assert_eq!(rig.ask(&format!("{head}{body}")).await.text(), "second");
        for (port, seen) in rig.seen() {
            assert!(seen.ends_with(&format!("\r\n\r\n{body}")), "{port}");
        }
    });
}

#[test]
fn an_upload_under_way_is_not_repeated() {
    run(async {
        let rig = pool(TWO, "proxy_request_buffering off;");
        rig.script(9002, &[Act::Send(ok("second"))]);
        let mut client = rig.connect();
        client
            .send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")
            .await;
        let mut peer = rig.accept().await;
        peer.wire.head().await;
        drop(peer);
        assert_eq!(client.answer().await.status, 502);
        assert_eq!(rig.dialed(), [9001]);
    });
}

#[test]
fn tries_are_limited() {
    let three = "server 127.0.0.1:9001; server 127.0.0.1:9002; server 127.0.0.1:9003;";
    for (limit, dialed) in [
        (0, vec![9001, 9002, 9003]),
        (1, vec![9001]),
        (2, vec![9001, 9002]),
        (9, vec![9001, 9002, 9003]),
    ] {
        run(async {
            let rig = pool(three, &format!("proxy_next_upstream_tries {limit};"));
            for port in [9001, 9002, 9003] {
                rig.script(port, &[Act::Refuse]);
            }
            assert_eq!(rig.get().await.status, 502);
            assert_eq!(rig.dialed(), dialed, "{limit}");
        });
    }
}

#[test]
fn the_last_answer_is_passed_on() {
    run(async {
        let rig = pool(TWO, "proxy_next_upstream http_503 http_500;");
        rig.script(9001, &[Act::status(503)]);
        rig.script(
            9002,
            &[Act::send(
                "HTTP/1.1 500 Mine\r\nContent-Length: 4\r\n\r\nlast",
            )],
        );
        let answer = rig.get().await;
        assert!(answer.head.starts_with("HTTP/1.1 500 Mine\r\n"));
        assert_eq!(answer.text(), "last");
    });
}
