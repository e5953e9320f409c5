//! Answers that come in pieces, from a backend that waits for ACKs between them.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::backend::Backend;
use crate::site::{Site, ask, read_answer};

/// Linux acknowledges what it may delay after 40 ms.
const BEFORE_A_DELAYED_ACK: Duration = Duration::from_millis(20);

const TRIES: usize = 20;

/// Of several requests sent at once each answer is a write of its own, and Nagle's algorithm keeps the
/// second back until the client has acknowledged the first. A connection that idled once sends small
/// writes at once, also if its first requests came together (`ngx_http_set_keepalive`).
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a stall of the kernel's is timed, not weir"
)]
fn no_answer_waits_behind_requests_that_came_together() {
    let site = Site::new();
    site.serve("", "return 200 whole;");
    let _running = site.start();
    let mut client = site.connect();
    let mut times: Vec<Duration> = (0..TRIES)
        .map(|_| {
            let begun = Instant::now();
            let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
            client.write_all(request.repeat(3).as_bytes()).unwrap();
            for _ in 0..3 {
                assert!(read_answer(&mut client).ends_with("whole"));
            }
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    // The client acknowledges its first answers at once, and a busy machine is late now and then.
    assert!(times[TRIES / 2] < BEFORE_A_DELAYED_ACK, "{times:?}");
}

/// Without TCP_NODELAY a peer holds its second piece back until the first is acknowledged (RFC 9293,
/// section 3.7.4). weir lets the ACKs of a new connection wait, but not that one: of several
/// exchanges at least one is over before a delayed ACK could have come, however busy the machine is.
#[test]
fn no_piece_waits_for_a_delayed_ack() {
    for pieces in [
        ["HTTP/1.1 200 OK\r\n", "Content-Length: 5\r\n\r\nwhole"],
        ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "whole"],
        ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwh", "ole"],
        [
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nwh\r\n",
            "3\r\nole\r\n0\r\n\r\n",
        ],
    ] {
        let (site, backend) = (Site::new(), Backend::new());
        site.serve("", &backend.location());
        let _running = site.start();
        let in_time = (0..TRIES).any(|_| {
            let mut client = site.connect();
            ask(&mut client, "/", "close");
            let mut upstream = backend.asked();
            for piece in pieces {
                upstream.write_all(piece.as_bytes()).unwrap();
            }
            client.set_read_timeout(Some(BEFORE_A_DELAYED_ACK)).unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).is_ok() && answer.contains("ole")
        });
        assert!(in_time, "{pieces:?}");
    }
}
