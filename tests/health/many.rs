//! Many peers.

#![allow(
    clippy::disallowed_methods,
    reason = "the test's own clock, beside that of the weir it measures"
)]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use super::serve_servers;
use super::site::{PATIENCE, Site};

const PEERS: u32 = 1000;

#[test]
fn the_checks_of_a_thousand_peers_are_spread_over_the_interval() {
    let site = Site::new();
    // One socket has all addresses of the loopback.
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let first = u32::from(Ipv4Addr::new(127, 1, 0, 0));
    let servers = (0..PEERS)
        .map(|number| format!("server {}:{port};", Ipv4Addr::from(first + number)))
        .collect::<String>();
    serve_servers(&site, &servers, "", "health_check interval=2s uri=/health;");
    let _running = site.start();
    let mut arrivals = HashMap::new();
    while arrivals.len() < PEERS as usize {
        let (mut stream, _) = listener.accept().unwrap();
        arrivals
            .entry(stream.local_addr().unwrap())
            .or_insert_with(Instant::now);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
    }
    let earliest = arrivals.values().min().unwrap();
    let mut quarters = [0; 4];
    for arrival in arrivals.values() {
        let part = (*arrival - *earliest).as_millis() / 500;
        quarters[usize::try_from(part).unwrap().min(3)] += 1;
    }
    // A slow machine puts them off, but none comes early.
    assert!(quarters[0] <= 300, "{quarters:?}");
    let latest = arrivals.values().max().unwrap();
    assert!(
        *latest - *earliest >= Duration::from_millis(1900),
        "{quarters:?}"
    );
}
