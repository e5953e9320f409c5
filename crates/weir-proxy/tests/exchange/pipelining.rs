//! Requests that come before the answer to the one before.

use crate::rig::{Rig, run};

const POST: &str = "POST / HTTP/1.1\r\nHost: h\r\n";

#[test]
fn requests_sent_ahead_are_answered_in_turn() {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
    let sized = format!("{POST}Content-Length: 3\r\n\r\nabc");
    let chunked = format!("{POST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    for (requests_sent, reached) in [
        (get("/1") + &get("/2"), vec!["GET /1", "GET /2"]),
        (sized.clone() + &get("/2"), vec!["POST / abc", "GET /2"]),
        (chunked + &get("/2"), vec!["POST / abc", "GET /2"]),
        (
            get("/1") + &sized + &get("/3"),
            vec!["GET /1", "POST / abc", "GET /3"],
        ),
        (
            format!("\r\n{}\r\n{}", get("/1"), get("/2")),
            vec!["GET /1", "GET /2"],
        ),
    ] {
        for piece in [requests_sent.len(), 1, 7] {
            run(async {
                let rig = Rig::serving("");
                let mut client = rig.connect();
                for bytes in requests_sent.as_bytes().chunks(piece) {
                    client.send(bytes).await;
                    rig.settle().await;
                }
                for _ in &reached {
                    assert_eq!(client.answer().await.text(), "a");
                }
                assert!(!client.is_closed().await);
                assert_eq!(rig.reached(), reached);
                assert_eq!(rig.access().await.len(), reached.len());
            });
        }
    }
}

#[test]
fn a_request_behind_a_closing_one_is_not_served() {
    run(async {
        let rig = Rig::serving("");
        let mut client = rig.connect();
        client
            .send("GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n")
            .await;
        assert_eq!(client.answer().await.text(), "a");
        assert_eq!(client.rest().await, b"");
        assert_eq!(rig.reached(), ["GET /1"]);
    });
}
