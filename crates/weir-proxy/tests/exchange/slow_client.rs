//! Answers that come faster than the client reads: memory, the temporary file, back-pressure.

use std::time::Duration;

use crate::rig::{Act, GET, Rig, run, seconds, timed};

const MIB: usize = 1024 * 1024;

/// Bytes without a period that a lost or repeated block could hide behind.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn framed(framing: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut bytes = b"HTTP/1.1 200 OK\r\n".to_vec();
    match framing {
        "length" => bytes.extend(format!("Content-Length: {length}\r\n\r\n").bytes()),
        "chunked" => bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n"),
        _ => bytes.extend(b"\r\n"),
    }
    if framing == "chunked" {
        for chunk in body.chunks(10_007) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
            bytes.extend(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
    } else {
        bytes.extend(body);
    }
    bytes
}

#[test]
fn a_long_answer_waits_in_a_file_for_a_slow_client() {
    // What comes at once may be more than is gathered before the client gets some.
    let rooms = [64 * 1024, MIB];
    for (framing, room) in ["length", "chunked", "close"]
        .into_iter()
        .flat_map(|framing| rooms.map(|room| (framing, room)))
    {
        run(async {
            let rig = Rig::location("");
            rig.set_upstream_room(room);
            let body = noise(MIB);
            let mut client = rig.connect_through(1024);
            client.send(GET).await;
            let mut peer = rig.accept().await;
            peer.request().await;
            // The upstream is rid of it although the client has read nothing.
            peer.send(framed(framing, &body)).await;
            drop(peer);
            let errors = rig.errors().await;
            assert_eq!(errors.len(), 1, "{framing} {room}: {errors:?}");
            let prefix = "[warn] an upstream response is buffered to a temporary file ";
            assert!(errors[0].starts_with(prefix), "{errors:?}");
            let path = errors[0].strip_prefix(prefix).unwrap();
            let path = path.split(' ').next().unwrap();
            assert!(path.starts_with(rig.folder().to_str().unwrap()));
            assert!(!std::path::Path::new(path).exists(), "the file has no name");
            let answer = client.answer().await;
            assert!(answer.whole);
            assert!(answer.body == body, "{framing}: the bytes differ");
        });
    }
}

#[test]
fn without_a_file_the_upstream_has_to_wait() {
    for directives in [
        "proxy_max_temp_file_size 0;",
        "proxy_buffering off;",
        "proxy_max_temp_file_size 64k; proxy_temp_file_write_size 64k;",
    ] {
        run(async {
            let rig = Rig::location(directives);
            let body = noise(MIB);
            let mut client = rig.connect_through(1024);
            client.send(GET).await;
            let mut peer = rig.accept().await;
            peer.request().await;
            let bytes = framed("length", &body);
            let sending = tokio::task::spawn_local(async move { peer.send(bytes).await });
            seconds(30).await;
            assert!(!sending.is_finished(), "{directives}");
            let answer = client.answer().await;
            assert!(answer.whole && answer.body == body, "{directives}");
            sending.await.unwrap();
            let warned = !rig.errors().await.is_empty();
            assert_eq!(warned, directives.contains("64k"), "{directives}");
        });
    }
}

#[test]
fn a_client_that_leaves_early_frees_the_upstream() {
    run(async {
        let rig = Rig::location("");
        rig.script(
            9001,
            &[Act::Send(
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab".into(),
            )],
        );
        let mut client = rig.connect_through(16);
        client.send(GET).await;
        rig.settle().await;
        drop(client);
        rig.settle().await;
        assert_eq!(rig.open_connections(), 0);
    });
}

#[test]
fn rates_are_kept() {
    for (directives, header, took_seconds) in [
        ("limit_rate 1000;", "", 9),
        ("limit_rate 1000; limit_rate_after 5000;", "", 4),
        ("", "X-Accel-Limit-Rate: 2000\r\n", 4),
        ("limit_rate 1000;", "X-Accel-Limit-Rate: 5000\r\n", 1),
        ("limit_rate 1000;", "X-Accel-Limit-Rate: 0\r\n", 0),
        (
            "proxy_ignore_headers X-Accel-Limit-Rate;",
            "X-Accel-Limit-Rate: 1\r\n",
            0,
        ),
        ("proxy_limit_rate 1000;", "", 9),
        ("proxy_limit_rate 1000; proxy_buffering off;", "", 0),
    ] {
        run(async {
            let rig = Rig::location(directives);
            let body = "x".repeat(9500);
            let head = format!("HTTP/1.1 200 OK\r\n{header}Content-Length: 9500\r\n\r\n");
            rig.script(9001, &[Act::Send(head + &body)]);
            let (answer, took) = timed(rig.get()).await;
            assert!(answer.whole && answer.text() == body);
            assert_eq!(answer.field("x-accel-limit-rate"), None);
            let seconds = took.as_secs();
            assert!(
                seconds.abs_diff(took_seconds) <= 1,
                "{directives} {header}: {took:?}"
            );
        });
    }
}

#[test]
fn a_throttled_client_is_not_a_slow_one() {
    run(async {
        let rig = Rig::location("limit_rate 10; send_timeout 3s;");
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n";
        rig.script(9001, &[Act::Send(format!("{head}{}", "x".repeat(300)))]);
        let (answer, took) = timed(rig.get()).await;
        assert!(answer.whole);
        assert!(took > Duration::from_secs(30), "{took:?}");
        assert_eq!(rig.errors().await, [""; 0]);
    });
}
