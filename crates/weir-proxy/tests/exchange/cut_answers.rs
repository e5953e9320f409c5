//! What a client gets of an answer that breaks off.

use crate::rig::{Act, Conf, GET, Rig, run};

fn logging(location: &str) -> Rig {
    Rig::new(&Conf {
        location,
        format: "'$status $body_bytes_sent $upstream_response_length [$request_completion]'",
        ..Conf::default()
    })
}

#[test]
fn a_body_that_breaks_off_reaches_the_client_visibly_cut() {
    for head in ["Content-Length: 9", "Transfer-Encoding: chunked"] {
        for buffering in ["on", "off"] {
            run(async {
                let rig = logging(&format!("proxy_buffering {buffering};"));
                let chunked = head.starts_with('T');
                let piece = if chunked { "5\r\nhello\r\n" } else { "hello" };
                let bytes = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{piece}");
                rig.script(9001, &[Act::SendAndClose(bytes)]);
                let mut client = rig.connect();
                client.send(GET).await;
                let answer = client.answer().await;
                assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
                assert!(!answer.whole, "{head} {buffering}");
                assert!(client.is_closed().await);
                let received = piece.len();
                let sent = if chunked { piece.len() } else { 5 };
                assert_eq!(rig.access().await, [format!("200 {sent} {received} [OK]")]);
                let errors = rig.errors().await;
                assert_eq!(errors.len(), 1, "{errors:?}");
                assert!(errors[0].starts_with("[error] upstream prematurely closed connection"));
            });
        }
    }
}

#[test]
fn a_body_cut_by_a_time_out_loses_the_buffer_that_is_not_full() {
    for (directives, framing, delivered) in [
        ("", "Content-Length: 9999\r\n\r\n", 0),
        ("", "Connection: close\r\n\r\n", 0),
        ("proxy_buffering off;", "Content-Length: 9999\r\n\r\n", 5000),
        // One full buffer, counted without the head, went on; the second was not full.
        (
            "proxy_buffer_size 4k; proxy_buffers 8 4k;",
            "Content-Length: 9999\r\n\r\n",
            4096 - "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n".len(),
        ),
    ] {
        run(async {
            let rig = Rig::location(&format!("proxy_buffer_size 8k; {directives}").replace(
                "proxy_buffer_size 8k; proxy_buffer_size",
                "proxy_buffer_size",
            ));
            let bytes = format!("HTTP/1.1 200 OK\r\n{framing}{}", "x".repeat(5000));
            rig.script(9001, &[Act::Send(bytes)]);
            let answer = rig.get().await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.body.len(), delivered, "{directives} {framing}");
        });
    }
}

#[test]
fn broken_chunks_end_the_answer_and_the_connection() {
    for (first, second, delivered) in [
        ("zz\r\n", "", None),
        ("3\r\nabc\r\n", "zz\r\n", Some("abc")),
        ("3\r\nabc\r\n", "3\r\nabcd\r\n", Some("abc")),
    ] {
        run(async {
            let rig = logging("");
            let mut client = rig.connect();
            client.send(GET).await;
            let mut peer = rig.accept().await;
            peer.request().await;
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            peer.send(format!("{head}{first}")).await;
            rig.settle().await;
            if !second.is_empty() {
                peer.send(second).await;
            }
            let answer = client.answer().await;
            match delivered {
                // The head waits for its body, and none is to be had.
                None => assert_eq!(answer.head, ""),
                Some(body) => assert_eq!((answer.text().as_str(), answer.whole), (body, false)),
            }
            assert!(client.is_closed().await);
            assert_eq!(
                rig.errors().await,
                ["[error] upstream sent invalid chunked response while reading upstream"]
            );
            let access = rig.access().await;
            assert!(access[0].ends_with("[]"), "{access:?}");
        });
    }
}
