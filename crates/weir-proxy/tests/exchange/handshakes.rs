//! Handshakes with upstreams that come to nothing, and what follows.

use crate::rig::{Conf, Rig, assert_seconds, run, timed};

const GET_S: &str = "GET /s HTTP/1.1\r\nHost: h\r\n\r\n";

/// A worker that passes `/s` on over TLS.
fn rig(directives: &str, upstream: &str) -> Rig {
    Rig::new(&Conf {
        upstream,
        server: &format!("location /s {{ proxy_pass https://u; {directives} }}"),
        format: "'$status $upstream_addr $upstream_status $upstream_connect_time $upstream_failure'",
        ..Conf::default()
    })
}

const ONE: &str = "server 127.0.0.1:9001;";
const TWO: &str = "server 127.0.0.1:9001; server 127.0.0.1:9002;";

/// A record that is a fatal alert of this number.
fn alert(number: u8) -> Vec<u8> {
    vec![21, 3, 3, 0, 2, 2, number]
}

#[test]
fn a_peer_that_does_not_greet_back_has_as_long_as_connecting_may_take() {
    run(async {
        let rig = rig("proxy_connect_timeout 5s; proxy_read_timeout 1s;", ONE);
        let mut client = rig.connect();
        client.send(GET_S).await;
        let mut peer = rig.accept().await;
        assert!(peer.wire.more().await, "a greeting");
        assert_eq!(peer.wire.ahead[0], 22);
        let (answer, took) = timed(client.answer()).await;
        assert_seconds(took, 5);
        assert_eq!(answer.status, 504);
        let line =
            "upstream timed out (110: Connection timed out) while SSL handshaking to upstream";
        assert_eq!(rig.errors().await, [format!("[error] {line}")]);
        let access = rig.access().await;
        assert_eq!(access, ["504 127.0.0.1:9001 504 - connection_timeout"]);
    });
}

#[test]
fn each_end_of_a_handshake_has_its_words() {
    let failed = |words: &str| format!("SSL_do_handshake() failed (SSL: {words})");
    let cases = [
        (
            alert(40),
            failed(
                "error:0A000410:SSL routines::sslv3 alert handshake failure:SSL alert number 40",
            ),
            "tls_alert_received",
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            failed("error:0A00010B:SSL routines::wrong version number"),
            "tls_protocol_error",
        ),
        (
            Vec::new(),
            "peer closed connection in SSL handshake".to_owned(),
            "connection_terminated",
        ),
    ];
    for (said, line, reason) in cases {
        run(async {
            let rig = rig("", ONE);
            let mut client = rig.connect();
            client.send(GET_S).await;
            let mut peer = rig.accept().await;
            assert!(peer.wire.more().await, "a greeting");
            peer.try_send(&said).await;
            drop(peer);
            assert_eq!(client.answer().await.status, 502, "{line}");
            let errors = rig.errors().await;
            assert_eq!(
                errors,
                [format!("[error] {line} while SSL handshaking to upstream")]
            );
            let access = rig.access().await;
            assert_eq!(access, [format!("502 127.0.0.1:9001 502 - {reason}")]);
        });
    }
}

/// Nothing of the request has been sent, so that anybody may be asked, and whoever failed is to blame.
#[test]
fn a_post_goes_on_to_the_next_peer() {
    run(async {
        let rig = rig("", TWO);
        let mut client = rig.connect();
        let post = "POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab";
        client.send(post).await;
        for _ in 0..2 {
            let mut peer = rig.accept().await;
            assert!(peer.wire.more().await, "a greeting");
            peer.try_send(alert(80)).await;
        }
        assert_eq!(client.answer().await.status, 502);
        assert_eq!(rig.dialed(), [9001, 9002]);
        let errors = rig.errors().await;
        assert!(
            errors[1]
                .starts_with("[warn] upstream server temporarily disabled while SSL handshaking"),
            "{errors:?}"
        );
    });
}

#[test]
fn a_client_that_leaves_in_the_middle_is_booked_as_499() {
    run(async {
        let rig = rig("", TWO);
        let mut client = rig.connect();
        client.send(GET_S).await;
        let mut peer = rig.accept().await;
        assert!(peer.wire.more().await, "a greeting");
        drop(client);
        peer.rest().await;
        assert_eq!(rig.access().await, ["499 127.0.0.1:9001 - - -"]);
        assert_eq!(rig.dialed(), [9001]);
        assert_eq!(rig.held_peers(), 0);
    });
}
