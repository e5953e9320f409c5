//! Pools that come out of variables: what of one request is there for the next.

use crate::rig::{Act, Conf, Rig, ok, run, seconds};

const LOCATION: &str = "location /to/ { proxy_pass http://127.0.0.1:$arg_port; }";

/// A worker that asks the port of the query, with more of `main` and of the location.
fn rig(main: &str, location: &str) -> Rig {
    let server = LOCATION.replace('}', &format!("{location} }}"));
    Rig::new(&Conf {
        main,
        server: &server,
        ..Conf::default()
    })
}

fn request(method: &str, port: u16) -> String {
    format!(
        "{method} /to/?port={port}&a=127.0.0.1 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
    )
}

#[test]
fn connections_are_kept_for_requests_that_a_dead_one_cannot_harm() {
    let twice = vec![9001, 9001];
    for (main, location, method, dialed) in [
        ("", "", "GET", vec![9001]),
        ("", "", "PUT", vec![9001]),
        ("", "", "POST", twice.clone()),
        (
            "",
            "proxy_next_upstream error non_idempotent;",
            "POST",
            vec![9001],
        ),
        ("", "proxy_next_upstream timeout;", "GET", twice.clone()),
        ("", "proxy_next_upstream_tries 1;", "GET", vec![9001]),
        ("", "proxy_method POST;", "GET", twice.clone()),
        ("", "proxy_bind 127.0.0.1;", "GET", vec![9001]),
        ("", "proxy_bind $arg_a;", "GET", twice.clone()),
        // nginx keeps none.
        ("compat 1.31;", "", "GET", twice.clone()),
    ] {
        run(async {
            let rig = rig(main, location);
            rig.script(9001, &[Act::Send(ok("a"))]);
            for _ in 0..2 {
                assert_eq!(rig.ask(&request(method, 9001)).await.text(), "a");
            }
            assert_eq!(rig.dialed(), dialed, "{main} {location} {method}");
        });
    }
}

#[test]
fn a_connection_that_died_meanwhile_costs_another_try() {
    run(async {
        let rig = rig("", "");
        rig.script(9001, &[Act::Send(ok("a")), Act::Close, Act::Send(ok("b"))]);
        for body in ["a", "b"] {
            assert_eq!(rig.ask(&request("GET", 9001)).await.text(), body);
        }
        assert_eq!(rig.dialed(), [9001, 9001]);
        let last = rig.access().await.pop();
        let expected = "200 1 127.0.0.1:9001, 127.0.0.1:9001 502, 200";
        assert_eq!(last.as_deref(), Some(expected));
    });
}

#[test]
fn idle_ones_close_when_their_time_is_up() {
    run(async {
        let rig = rig("", "");
        rig.script(9001, &[Act::Send(ok("a"))]);
        for wait in [59, 61, 0] {
            rig.ask(&request("GET", 9001)).await;
            seconds(wait).await;
        }
        assert_eq!(rig.dialed(), [9001, 9001]);
    });
}

#[test]
fn each_port_has_its_own_and_the_one_that_waited_longest_gives_way() {
    run(async {
        let rig = Rig::new(&Conf {
            server: LOCATION,
            slots: 2000,
            ..Conf::default()
        });
        let ports = 10_000..10_513;
        for port in ports.clone() {
            rig.script(port, &[Act::Send(ok(&port.to_string()))]);
            let answer = rig.ask(&request("GET", port)).await;
            assert_eq!(answer.text(), port.to_string());
        }
        let before = rig.dialed().len();
        assert_eq!(before, ports.len());
        for port in [10_001, 10_512, 10_000] {
            let answer = rig.ask(&request("GET", port)).await;
            assert_eq!(answer.text(), port.to_string());
        }
        assert_eq!(rig.dialed()[before..], [10_000]);
    });
}

#[test]
fn a_failure_is_forgotten_with_its_request() {
    run(async {
        let rig = rig("", "");
        // Each request finds out for itself that nobody listens there.
        rig.script(9002, &[Act::Refuse]);
        for _ in 0..3 {
            assert_eq!(rig.ask(&request("GET", 9002)).await.status, 502);
        }
        assert_eq!(rig.dialed(), [9002, 9002, 9002]);
        let errors = rig.errors().await;
        let refused = "[error] connect() to 127.0.0.1:9002 failed (111: Connection refused) while \
                       connecting to upstream";
        assert_eq!(errors, [refused; 3]);
    });
}

/// nginx would have asked on a fresh connection at once: what the dead one costs is no try, and no time-out ends it.
#[test]
fn a_dead_connection_is_no_try_whatever_limits_them() {
    for location in [
        "proxy_next_upstream_tries 1;",
        "proxy_next_upstream_timeout 1s;",
    ] {
        run(async {
            let rig = rig("", location);
            let mut client = rig.connect();
            client.send(request("GET", 9001)).await;
            let mut peer = rig.accept().await;
            peer.request().await;
            peer.send(ok("a")).await;
            assert_eq!(client.answer().await.text(), "a");
            client.send(request("GET", 9001)).await;
            peer.request().await;
            seconds(2).await;
            drop(peer);
            let mut fresh = rig.accept().await;
            fresh.request().await;
            fresh.send(ok("b")).await;
            let answer = client.answer().await;
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (200, "b"),
                "{location}"
            );
            let errors = rig.errors().await;
            assert!(
                !errors.iter().any(|line| line.contains("disabled")),
                "{errors:?}"
            );
        });
    }
}

/// A login that holds for a connection is not to serve the next client.
#[test]
fn connections_that_belong_to_a_login_are_not_kept() {
    let login = |scheme: &str| {
        format!("GET /to/?port=9001 HTTP/1.1\r\nHost: h\r\nAuthorization: {scheme} abc\r\n\r\n")
    };
    for (scheme, dialed) in [
        ("Basic", vec![9001]),
        ("NTLM", vec![9001, 9001]),
        ("negotiate", vec![9001, 9001]),
    ] {
        run(async {
            let rig = rig("", "");
            rig.script(9001, &[Act::Send(ok("a"))]);
            for _ in 0..2 {
                rig.ask(&login(scheme)).await;
            }
            assert_eq!(rig.dialed(), dialed, "{scheme}");
        });
    }
    run(async {
        let rig = rig("", "");
        rig.script(9001, &[Act::status(401)]);
        for _ in 0..2 {
            rig.ask(&request("GET", 9001)).await;
        }
        assert_eq!(rig.dialed(), [9001, 9001]);
    });
}

/// A server that serves one connection after the other would let the new one wait for the idle one.
#[test]
fn who_may_not_use_an_idle_connection_closes_it() {
    run(async {
        let rig = rig("", "");
        let mut client = rig.connect();
        client.send(request("GET", 9001)).await;
        let mut first = rig.accept().await;
        first.request().await;
        first.send(ok("a")).await;
        client.answer().await;
        client.send(request("POST", 9001)).await;
        assert_eq!(first.rest().await, b"");
        let mut second = rig.accept().await;
        second.request().await;
        second.send(ok("b")).await;
        assert_eq!(client.answer().await.text(), "b");
    });
}
