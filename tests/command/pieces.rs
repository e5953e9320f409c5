//! Answers that come in pieces, from a backend that waits for ACKs between them.

use std::io::{Read, Write};
use std::time::Duration;

use crate::backend::Backend;
use crate::site::{Site, ask};

/// Linux acknowledges what it may delay after 40 ms.
const BEFORE_A_DELAYED_ACK: Duration = Duration::from_millis(20);

const TRIES: usize = 20;

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
