//! Requests that come before the answer to the one before.

use crate::rig::{Rig, run, seconds};

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

/// The last answer of a client that has sent requests ahead is not followed by a reset, whatever more it
/// sends (`ngx_http_finalize_connection`); who has not sent ahead is not waited for.
#[test]
fn who_has_sent_ahead_is_waited_for_after_the_last_answer() {
    let get = "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n";
    let last = "GET /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    for (sent, answers, waits) in [(get.to_owned() + last, 2, 1), (last.to_owned(), 1, 0)] {
        run(async {
            let rig = Rig::serving("");
            let mut client = rig.connect();
            client.send(sent).await;
            for _ in 0..answers {
                assert_eq!(client.answer().await.text(), "a");
            }
            rig.settle().await;
            assert_eq!(rig.open_connections(), waits);
            seconds(6).await;
            assert_eq!(rig.open_connections(), 0, "lingering_timeout is over");
        });
    }
}
