//! Heads that no upstream may see: two readings are possible, or none.

use crate::rig::{Rig, run};

#[test]
fn ambiguous_requests_are_refused_whole() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 0\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "A: b\rX: y\r\n",
        "Content-Length\r: 5\r\n",
        "Host: other\r\n",
        "Content-Length: 5\0\r\n",
    ] {
        run(async {
            let rig = Rig::serving("");
            let mut client = rig.connect();
            let head = format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n0\r\n\r\n");
            client.send(format!("{head}{smuggled}")).await;
            let answer = client.answer().await;
            assert_eq!(answer.status, 400, "{fields:?}");
            assert_eq!(answer.field("connection"), Some("close"));
            assert_eq!(client.rest().await, b"", "{fields:?}");
            assert_eq!(rig.dialed(), [0; 0], "{fields:?}");
            // The worker lingers for the rest of what is refused.
            drop(client);
            assert_eq!(rig.access().await, ["400 157 - -"], "{fields:?}");
            let errors = rig.errors().await;
            assert_eq!(errors.len(), 1, "{errors:?}");
            assert!(errors[0].starts_with("[info] client sent "), "{errors:?}");
        });
    }
}

/// nginx leaves such fields out, with a line, instead of refusing the request.
#[test]
fn fields_with_invalid_names_do_not_pass() {
    for field in [" folded", "A B: c", "under_score: x", "no colon"] {
        run(async {
            let rig = Rig::serving("");
            let request = format!("GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n{field}\r\n\r\n");
            let answer = rig.ask(&request).await;
            if answer.status == 200 {
                let (_, seen) = rig.seen().pop().unwrap();
                let name = field.split(':').next().unwrap().trim();
                assert!(!seen.contains(name), "{field}: {seen}");
                assert!(seen.contains("\r\nX: y\r\n"), "{field}: {seen}");
                let errors = rig.errors().await;
                assert!(
                    errors[0].starts_with("[info] client sent invalid header line: "),
                    "{errors:?}"
                );
            } else {
                assert_eq!((answer.status, rig.dialed()), (400, vec![]), "{field}");
            }
        });
    }
}

#[test]
fn requests_that_cannot_be_served_get_their_status() {
    for (request, status, kept) in [
        ("GET / HTTP/1.1\r\n\r\n", 400, false),
        ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505, false),
        ("nonsense\r\n\r\n", 400, false),
        ("get / HTTP/1.1\r\nHost: h\r\n\r\n", 400, false),
        ("GET nowhere HTTP/1.1\r\nHost: h\r\n\r\n", 400, false),
        ("GET /../../etc HTTP/1.1\r\nHost: h\r\n\r\n", 400, false),
        ("GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400, false),
        ("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 405, false),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
            501,
            false,
        ),
    ] {
        run(async {
            let rig = Rig::serving("");
            let mut client = rig.connect();
            client.send(request).await;
            let answer = client.answer().await;
            assert_eq!(answer.status, status, "{request}");
            assert_eq!(client.is_closed().await, !kept, "{request}");
            assert_eq!(rig.dialed(), [0; 0], "{request}");
        });
    }
}

#[test]
fn large_heads_are_refused() {
    let long = "x".repeat(9000);
    let many: String = (0..5)
        .map(|n| format!("X{n}: {}\r\n", "y".repeat(8000)))
        .collect();
    for (request, status, line) in [
        (
            format!("GET /{long} HTTP/1.1\r\nHost: h\r\n\r\n"),
            414,
            "client sent too long URI while reading client request line",
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: h\r\nX: {long}\r\n\r\n"),
            400,
            "client sent too long header line: ",
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: h\r\n{many}\r\n"),
            400,
            // All buffers are full, and so the line that finds no room is the long one.
            "client sent too long header line: \"X4: y",
        ),
    ] {
        run(async {
            let rig = Rig::serving("");
            let answer = rig.ask(&request).await;
            assert_eq!(answer.status, status);
            let errors = rig.errors().await;
            assert!(
                errors[0].starts_with(&format!("[info] {line}")),
                "{errors:?}"
            );
        });
    }
}

#[test]
fn http_0_9_gets_a_body_and_nothing_else() {
    run(async {
        let rig = Rig::serving("");
        let mut client = rig.connect();
        client.send("GET /old\r\n").await;
        assert_eq!(client.rest().await, b"a");
        let (_, seen) = rig.seen().pop().unwrap();
        assert!(
            seen.starts_with("GET /old HTTP/1.1\r\nHost: u\r\n"),
            "{seen}"
        );
        assert_eq!(rig.access().await, ["200 1 127.0.0.1:9001 200"]);
    });
}

#[test]
fn a_refused_head_request_gets_no_page() {
    for request in [
        "HEAD / HTTP/1.1\r\n\r\n",
        "HEAD /%zz HTTP/1.1\r\nHost: h\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
    ] {
        run(async {
            let rig = Rig::location("");
            let mut client = rig.connect();
            client.send(request).await;
            assert_eq!(client.head_answer().await.status, 400, "{request}");
            assert_eq!(client.rest().await, b"", "{request}");
        });
    }
}
