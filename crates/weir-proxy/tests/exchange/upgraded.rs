//! After 101 bytes pass both ways untouched.

use crate::rig::{Client, Conf, Peer, Rig, assert_seconds, run, seconds, timed};

const UPGRADE: &str =
    "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";

const REQUEST: &str =
    "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                         Connection: Upgrade\r\nX-Kept: yes\r\n\r\n";

fn upgrading(more: &str) -> Rig {
    Rig::new(&Conf {
        location: &format!("{UPGRADE} {more}"),
        format: "'$status $bytes_sent $request_length $upstream_status $upstream_bytes_sent \
                 $upstream_bytes_received $upstream_failure $request_completion'",
        ..Conf::default()
    })
}

/// An open tunnel; `early` goes along with the request head and `answer` with the 101.
async fn open(rig: &Rig, early: &str, answer: &str) -> (Client, Peer, String) {
    let mut client = rig.connect();
    client.send(format!("{REQUEST}{early}")).await;
    let mut peer = rig.accept().await;
    let head = peer.wire.head().await;
    assert!(head.contains("\r\nUpgrade: websocket\r\n"), "{head}");
    assert!(head.contains("\r\nConnection: upgrade\r\n"), "{head}");
    peer.send(format!("{SWITCHING}{answer}")).await;
    let answer = client.wire.head().await;
    assert!(
        answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
        "{answer}"
    );
    (client, peer, answer)
}

#[test]
fn the_head_says_upgrade() {
    run(async {
        let rig = upgrading("");
        let (_client, _peer, head) = open(&rig, "", "").await;
        for field in ["Connection: upgrade", "Upgrade: websocket", "X-Kept: yes"] {
            assert_eq!(
                head.matches(&format!("\r\n{field}\r\n")).count(),
                1,
                "{head}"
            );
        }
        assert!(!head.contains("Transfer-Encoding"), "{head}");
    });
}

#[test]
fn bytes_pass_both_ways() {
    run(async {
        let rig = upgrading("");
        let (mut client, mut peer, _) = open(&rig, "early question", "early answer").await;
        assert_eq!(peer.arrived().await, "early question");
        assert_eq!(client.arrived().await, "early answer");
        for _ in 0..3 {
            client.send("HTTP/1.1 \r\n\r\n\0up").await;
            assert_eq!(peer.arrived().await, "HTTP/1.1 \r\n\r\n\0up");
            peer.send("0\r\n\r\ndown").await;
            assert_eq!(client.arrived().await, "0\r\n\r\ndown");
        }
    });
}

#[test]
fn a_megabyte_passes_through_a_narrow_tunnel() {
    run(async {
        let rig = upgrading("proxy_buffer_size 4k;");
        rig.set_upstream_room(512);
        let (mut client, mut peer, _) = open(&rig, "", "").await;
        let down: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let sent = down.clone();
        let sending = tokio::task::spawn_local(async move {
            peer.send(sent).await;
        });
        assert!(client.rest().await == down);
        sending.await.unwrap();
    });
}

#[test]
fn either_side_ends_the_tunnel_after_what_it_sent() {
    for client_ends in [true, false] {
        run(async {
            let rig = upgrading("");
            let (mut client, mut peer, head) = open(&rig, "ab", "cde").await;
            if client_ends {
                client.send("last").await;
                drop(client);
                assert_eq!(peer.rest().await, b"ablast");
            } else {
                peer.send("last").await;
                drop(peer);
                assert_eq!(client.rest().await, b"cdelast");
            }
            let down = if client_ends { 3 } else { 7 };
            let line = rig.access().await.pop().unwrap();
            let fields: Vec<&str> = line.split(' ').collect();
            assert_eq!((fields[0], fields[3]), ("101", "101"));
            if !client_ends {
                assert_eq!(fields[1], (head.len() + down).to_string(), "$bytes_sent");
            }
            // As in nginx, the tunnel is no part of the request.
            assert_eq!(fields[2], REQUEST.len().to_string(), "$request_length");
            assert_eq!(fields[5], (SWITCHING.len() + down).to_string());
            assert_eq!(rig.open_connections(), 0);
        });
    }
}

#[test]
fn a_tunnel_ends_when_neither_side_has_talked_for_proxy_read_timeout() {
    for (client_talks, limit) in [(false, 60), (true, 90)] {
        run(async {
            let rig = upgrading("");
            let (mut client, mut peer, _) = open(&rig, "", "").await;
            let ((), took) = timed(async {
                for _ in 0..3 {
                    seconds(10).await;
                    if client_talks {
                        client.try_send("x").await;
                    }
                }
                peer.rest().await;
            })
            .await;
            assert_seconds(took, limit);
            let end = "[info] upstream timed out (110: Connection timed out)";
            assert_ended(&rig, end, "connection_read_timeout OK").await;
        });
    }
}

/// The tunnel's one line begins with `error`, and the access line ends with `failure` and
/// `$request_completion`.
async fn assert_ended(rig: &Rig, error: &str, failure: &str) {
    let errors = rig.errors().await;
    let words = format!("{error} while proxying upgraded connection");
    assert!(
        errors.len() == 1 && errors[0].contains(&words),
        "{errors:?}"
    );
    let line = rig.access().await.pop().expect("an access line");
    assert!(line.ends_with(&format!(" {failure}")), "{line}");
}

/// Who takes nothing ends the tunnel, and each side's clock has its own words.
#[test]
fn a_tunnel_ends_when_one_side_takes_nothing() {
    let long = vec![b'x'; 1_000_000];
    for client_stalls in [true, false] {
        run(async {
            let rig = upgrading("send_timeout 20s; proxy_send_timeout 30s;");
            let (mut client, mut peer, _) = open(&rig, "", "").await;
            let writes = async {
                match client_stalls {
                    true => peer.try_send(&long).await,
                    false => client.try_send(&long).await,
                }
            };
            let (_, took) = timed(writes).await;
            let (limit, end, failure) = match client_stalls {
                true => (20, "client", "- "),
                false => (30, "upstream", "connection_write_timeout OK"),
            };
            assert_seconds(took, limit);
            // Nobody lingers for who has left.
            drop(client);
            let end = format!("[info] {end} timed out (110: Connection timed out)");
            assert_ended(&rig, &end, failure).await;
        });
    }
}

/// The words of a write are others than those of a read, and the request counts as broken off.
#[test]
fn a_failed_write_to_the_client_is_called_send() {
    run(async {
        let rig = upgrading("");
        let (client, mut peer, _) = open(&rig, "", "").await;
        // The worker has its turn only when both have happened, and passes on what it reads first.
        peer.try_send("late").await;
        drop(client);
        peer.rest().await;
        assert_ended(&rig, "[info] send() failed (32: Broken pipe)", "- ").await;
    });
}

/// As nginx, which passes such an answer on and serves the next request.
#[test]
fn a_101_that_nobody_asked_for_opens_no_tunnel() {
    run(async {
        let rig = Rig::location("");
        let mut client = rig.connect();
        client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let mut peer = rig.accept().await;
        peer.request().await;
        peer.send("HTTP/1.1 101 Switching Protocols\r\n\r\n").await;
        drop(peer);
        let answer = client.arrived().await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        client.send("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let next = rig.accept().await.request().await;
        assert!(next.starts_with("GET /2 HTTP/1.1\r\n"), "{next}");
    });
}
