//! Request bodies that are refused, or that nobody wants.

use crate::rig::{Act, Conf, Rig, ok, run, seconds};

const POST: &str = "POST / HTTP/1.1\r\nHost: h\r\n";

#[test]
fn bodies_that_are_too_large_are_refused() {
    let length = format!("{POST}Content-Length: 11\r\n\r\n");
    let chunked = format!("{POST}Transfer-Encoding: chunked\r\n\r\nb\r\nx");
    let chunks = format!("{POST}Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\nx");
    for (request, line) in [
        (length, "client intended to send too large body: 11 bytes"),
        (
            chunked,
            "client intended to send too large chunked body: 0+11 bytes",
        ),
        (
            chunks,
            "client intended to send too large chunked body: 6+5 bytes",
        ),
    ] {
        run(async {
            let rig = Rig::serving("client_max_body_size 10;");
            let mut client = rig.connect();
            client.send(&request).await;
            let answer = client.answer().await;
            assert_eq!(answer.status, 413, "{request}");
            assert_eq!(answer.field("connection"), Some("close"));
            assert_eq!(client.rest().await, b"");
            assert_eq!(rig.dialed(), [0; 0]);
            assert_eq!(rig.errors().await, [format!("[error] {line}")]);
        });
    }
}

#[test]
fn a_refused_client_may_finish_sending() {
    run(async {
        let rig = Rig::serving("client_max_body_size 10;");
        let mut client = rig.connect_through(64 * 1024);
        client
            .send(format!("{POST}Content-Length: 20000\r\n\r\n"))
            .await;
        assert_eq!(client.answer().await.status, 413);
        for _ in 0..4 {
            seconds(4).await;
            client.send("x".repeat(5000)).await;
        }
        assert_eq!(rig.open_connections(), 1, "it lingers");
        seconds(6).await;
        assert_eq!(rig.open_connections(), 0, "lingering_timeout is over");
    });
}

/// More of the body is there at each look than is read at once, so that it is never waited for.
#[test]
fn a_client_that_sends_on_and_on_is_let_go_when_its_time_is_over() {
    let body = "x".repeat(1_500_000);
    for (time, answers) in [("", 2), ("lingering_time 0;", 1)] {
        run(async {
            let rig = Rig::new(&Conf {
                server: &format!("{time} client_max_body_size 0; location /no {{ return 403; }}"),
                ..Conf::default()
            });
            let mut client = rig.connect_through(2_000_000);
            let head = format!(
                "POST /no HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let next = "GET /no HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
            client.send(head + &body + next).await;
            let sent = String::from_utf8(client.rest().await).expect("text");
            assert_eq!(sent.matches("HTTP/1.1 403").count(), answers, "{time}");
        });
    }
}

#[test]
fn bodies_that_nobody_wants_are_dropped_and_the_connection_kept() {
    for body in [
        ("Content-Length: 4\r\n\r\n", "wxyz"),
        (
            "Transfer-Encoding: chunked\r\n\r\n",
            "4\r\nwxyz\r\n0\r\n\r\n",
        ),
    ] {
        for pause in [false, true] {
            run(async {
                let rig = Rig::new(&Conf {
                    server: "location /no { return 403; }",
                    ..Conf::default()
                });
                rig.script(9001, &[Act::Send(ok("a"))]);
                let mut client = rig.connect();
                client
                    .send(format!("POST /no HTTP/1.1\r\nHost: h\r\n{}", body.0))
                    .await;
                if pause {
                    assert_eq!(client.answer().await.status, 403);
                    client.send(body.1).await;
                } else {
                    client.send(body.1).await;
                    assert_eq!(client.answer().await.status, 403);
                }
                client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
                assert_eq!(client.answer().await.text(), "a");
                assert_eq!(rig.reached(), ["GET /"]);
                assert_eq!(rig.access().await.len(), 2);
            });
        }
    }
}

#[test]
fn broken_chunks_of_an_upload_are_refused() {
    for (location, body) in [
        ("", "zz\r\n"),
        ("", "3\r\nabcd\r\n"),
        ("proxy_request_buffering off;", "zz\r\n"),
    ] {
        run(async {
            let rig = Rig::serving(location);
            let mut client = rig.connect();
            client
                .send(format!("{POST}Transfer-Encoding: chunked\r\n\r\n{body}"))
                .await;
            assert_eq!(client.answer().await.status, 400, "{location} {body}");
            assert_eq!(client.rest().await, b"");
            assert_eq!(rig.reached(), [""; 0]);
            assert_eq!(
                rig.errors().await,
                ["[error] client sent invalid chunked body"]
            );
        });
    }
}

#[test]
fn broken_chunks_that_nobody_wants_are_refused_before_the_answer() {
    for (path, sent, later, status) in [
        ("/t", "zz\r\n", "", 400),
        ("/t", "3\r\nabcd\r\n", "", 400),
        ("/e", "zz\r\n", "", 403),
        // Too late for another answer.
        ("/t", "3\r\n", "abcdd\r\n", 200),
    ] {
        run(async {
            let rig = Rig::new(&Conf {
                server: "location /t { return 200 t; } location /e { return 403; }",
                ..Conf::default()
            });
            let mut client = rig.connect();
            let head = format!("POST {path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n");
            client.send(format!("{head}\r\n{sent}")).await;
            assert_eq!(client.answer().await.status, status, "{path} {sent}");
            client.send(later).await;
            assert_eq!(client.rest().await, b"");
            assert_eq!(
                rig.errors().await,
                ["[error] client sent invalid chunked body"]
            );
        });
    }
}

#[test]
fn a_chunked_upload_is_read_to_its_end_though_the_connection_closes() {
    run(async {
        let rig = Rig::new(&Conf {
            server: "location /t { return 200 t; }",
            ..Conf::default()
        });
        let mut client = rig.connect();
        client
            .send(
                "POST /t HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
            )
            .await;
        assert_eq!(client.answer().await.text(), "t");
        client.send("3\r\nabc\r\n").await;
        assert!(!client.is_closed().await, "the client is still sending");
        client.send("0\r\n\r\n").await;
        assert_eq!(client.rest().await, b"");
    });
}

#[test]
fn a_client_that_waits_for_leave_to_send_gets_it() {
    let asking = "Expect: 100-continue\r\n";
    for (method, path, fields, told) in [
        ("GET", "/", "", true),
        ("GET", "/t", "", true),
        ("POST", "/t", "Content-Length: 1\r\n", true),
        ("POST", "/e", "Content-Length: 1\r\n", false),
    ] {
        run(async {
            let rig = Rig::new(&Conf {
                server: "location /t { return 200 t; } location /e { return 403; }",
                ..Conf::default()
            });
            rig.script(9001, &[Act::Send(ok("a"))]);
            let mut client = rig.connect();
            client
                .send(format!(
                    "{method} {path} HTTP/1.1\r\nHost: h\r\n{asking}{fields}\r\n"
                ))
                .await;
            let first = client.answer().await.status;
            assert_eq!(first == 100, told, "{method} {path}");
            if told {
                assert_eq!(client.answer().await.status, 200);
            }
        });
    }
}
