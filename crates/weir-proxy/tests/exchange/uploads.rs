//! Request bodies on their way upstream: `100 Continue`, memory, files, passing on at once.

use crate::rig::{Act, Conf, Rig, ok, run};

const POST: &str = "POST / HTTP/1.1\r\nHost: h\r\n";

#[test]
fn who_expects_100_continue_gets_it_once_the_body_is_wanted() {
    let expect = "Expect: 100-continue\r\n";
    for (location, framing, body, continued) in [
        ("", "Content-Length: 3\r\n", "abc", true),
        (
            "",
            "Transfer-Encoding: chunked\r\n",
            "3\r\nabc\r\n0\r\n\r\n",
            true,
        ),
        (
            "proxy_request_buffering off;",
            "Content-Length: 3\r\n",
            "abc",
            true,
        ),
        (
            "client_max_body_size 2;",
            "Content-Length: 3\r\n",
            "abc",
            false,
        ),
        ("return 403;", "Content-Length: 3\r\n", "abc", false),
    ] {
        run(async {
            let rig = Rig::serving(location);
            let mut client = rig.connect();
            client.send(format!("{POST}{expect}{framing}\r\n")).await;
            let interim = client.arrived().await;
            let said = interim == "HTTP/1.1 100 Continue\r\n\r\n";
            assert_eq!(said, continued, "{location} {framing}: {interim}");
            if continued {
                client.send(body).await;
                assert_eq!(client.answer().await.text(), "a");
                assert_eq!(rig.reached(), ["POST / abc"]);
            }
        });
    }
}

#[test]
fn a_body_that_comes_along_is_asked_for_all_the_same() {
    run(async {
        let rig = Rig::serving("");
        let mut client = rig.connect();
        client
            .send(format!(
                "{POST}Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"
            ))
            .await;
        assert_eq!(client.answer().await.status, 100);
        assert_eq!(client.answer().await.status, 200);
    });
}

#[test]
fn a_buffered_upload_waits_for_its_end_before_any_connect() {
    for (framing, first, last) in [
        ("Content-Length: 6\r\n", "abc", "def"),
        (
            "Transfer-Encoding: chunked\r\n",
            "3\r\nabc\r\n",
            "3\r\ndef\r\n0\r\n\r\n",
        ),
    ] {
        run(async {
            let rig = Rig::serving("");
            let mut client = rig.connect();
            client.send(format!("{POST}{framing}\r\n{first}")).await;
            rig.settle().await;
            assert_eq!(rig.dialed(), [0; 0]);
            client.send(last).await;
            assert_eq!(client.answer().await.text(), "a");
            let (_, seen) = rig.seen().pop().unwrap();
            assert!(seen.contains("Content-Length: 6\r\n"), "{seen}");
            assert!(!seen.contains("Transfer-Encoding"), "{seen}");
            assert!(seen.ends_with("\r\n\r\nabcdef"), "{seen}");
        });
    }
}

#[test]
fn an_unbuffered_upload_goes_on_as_it_comes() {
    for (framing, first, last, sent_first, sent_last) in [
        ("Content-Length: 6", "abc", "def", "abc", "def"),
        (
            "Transfer-Encoding: chunked",
            "1\r\na\r\n2\r\nbc\r\n",
            "3\r\ndef\r\n0\r\n\r\n",
            "3\r\nabc\r\n",
            "3\r\ndef\r\n0\r\n\r\n",
        ),
    ] {
        run(async {
            let rig = Rig::location("proxy_request_buffering off;");
            let mut client = rig.connect();
            client.send(format!("{POST}{framing}\r\n\r\n{first}")).await;
            let mut peer = rig.accept().await;
            let head = peer.wire.head().await;
            assert!(head.contains(&format!("\r\n{framing}\r\n")), "{head}");
            assert_eq!(peer.arrived().await, sent_first);
            client.send(last).await;
            assert_eq!(peer.arrived().await, sent_last);
            peer.send(ok("a")).await;
            assert_eq!(client.answer().await.text(), "a");
        });
    }
}

#[test]
fn a_body_beyond_its_buffer_goes_to_a_file_and_arrives_whole() {
    let body = "0123456789".repeat(3000);
    let chunks: String = body
        .as_bytes()
        .chunks(999)
        .map(|chunk| {
            format!(
                "{:x}\r\n{}\r\n",
                chunk.len(),
                std::str::from_utf8(chunk).unwrap()
            )
        })
        .collect();
    for (framing, bytes) in [
        (format!("Content-Length: {}", body.len()), body.clone()),
        (
            "Transfer-Encoding: chunked".to_owned(),
            chunks + "0\r\n\r\n",
        ),
    ] {
        for (size, in_file) in [("8k", true), ("64k", false)] {
            run(async {
                let rig = Rig::new(&Conf {
                    location: &format!("client_body_buffer_size {size};"),
                    format: "'$status $request_body_file'",
                    ..Conf::default()
                });
                rig.script(9001, &[Act::Send(ok("a"))]);
                let mut client = rig.connect();
                client.send(format!("{POST}{framing}\r\n\r\n{bytes}")).await;
                assert_eq!(client.answer().await.text(), "a");
                let (_, seen) = rig.seen().pop().unwrap();
                assert!(
                    seen.ends_with(&format!("\r\n\r\n{body}")),
                    "{framing} {size}"
                );
                let warned = rig.errors().await;
                assert_eq!(warned.len(), usize::from(in_file), "{warned:?}");
                let line = &rig.access().await[0];
                assert_eq!(line == "200 -", !in_file, "{line}");
                if in_file {
                    let text = "[warn] a client request body is buffered to a temporary file ";
                    let path = line.strip_prefix("200 ").unwrap();
                    assert_eq!(warned[0], format!("{text}{path}"));
                }
            });
        }
    }
}

#[test]
fn an_early_answer_to_an_upload_is_passed_on() {
    for buffering in ["on", "off"] {
        run(async {
            let rig = Rig::location(&format!("proxy_request_buffering {buffering};"));
            rig.set_upstream_room(1024);
            let mut client = rig.connect();
            let body = "x".repeat(3000);
            client
                .send(format!("{POST}Content-Length: 3000\r\n\r\n{body}"))
                .await;
            let mut peer = rig.accept().await;
            peer.wire.head().await;
            peer.send("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
                .await;
            let answer = client.answer().await;
            assert_eq!((answer.status, answer.text().as_str()), (413, "no"));
            peer.rest().await;
        });
    }
}

/// A body that is passed on while it comes and has reached nobody belongs to whoever is asked next; one
/// of which something is gone is never made to look whole.
#[test]
fn of_a_body_in_flight_the_next_location_gets_all_or_no_end() {
    let frames = [
        ("Content-Length: 6\r\n", "abc", "def"),
        (
            "Transfer-Encoding: chunked\r\n",
            "3\r\nabc\r\n",
            "3\r\ndef\r\n0\r\n\r\n",
        ),
    ];
    for (framing, first, last) in frames {
        for (act, whole) in [(Act::Refuse, true), (Act::Close, false)] {
            run(async {
                let rig = Rig::new(&Conf {
                    server: "proxy_http_version 1.1; error_page 502 504 @next; \
                             location @next { proxy_pass http://127.0.0.1:9002; \
                             proxy_request_buffering off; proxy_read_timeout 5s; }",
                    location: "proxy_request_buffering off;",
                    ..Conf::default()
                });
                rig.script(9001, std::slice::from_ref(&act));
                rig.script(9002, &[Act::Send(ok("next"))]);
                let mut client = rig.connect();
                client.send(format!("{POST}{framing}\r\n{first}")).await;
                rig.settle().await;
                client.send(last).await;
                let answer = client.answer().await;
                if whole {
                    assert_eq!(answer.text(), "next", "{framing}");
                    assert_eq!(rig.reached(), ["POST / abcdef"]);
                } else {
                    // Its backend waits for the rest and is waited for.
                    assert_eq!(answer.status, 504, "{framing}");
                }
            });
        }
    }
}
