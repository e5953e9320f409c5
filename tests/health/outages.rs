//! Peers that fail their checks, and come back.

use std::net::TcpListener;

use super::peer::Peer;
use super::site::{Site, eventually};
use super::{of, serve, serve_servers, told};

#[test]
fn a_peer_that_answers_500_is_out_until_it_passes() {
    let site = Site::new();
    let [a, b] = ["a", "b"].map(Peer::healthy);
    serve(
        &site,
        &[&a, &b],
        "",
        "health_check interval=20ms uri=/health;",
    );
    let mut running = site.start();
    a.always(Some("500 No"));
    running.expect(&format!(
        "peer is unhealthy while checking status code, {}",
        of("", &a)
    ));
    let before = a.requests();
    for _ in 0..6 {
        assert_eq!(site.get("/"), "b");
    }
    assert_eq!(a.requests(), before);
    a.always(Some("302 Elsewhere"));
    running.expect(&format!(
        "peer is healthy while checking status code, {}",
        of("", &a)
    ));
    let answers: Vec<_> = (0..4).map(|_| site.get("/")).collect();
    assert!(answers.contains(&"a".to_owned()), "{answers:?}");
    let log = site.read("logs/access.log");
    assert_eq!(log.matches("health").count(), 0, "{log}");
    let log = site.read("logs/error.log");
    let levels: Vec<_> = ["[warn]", "[notice]"]
        .iter()
        .zip(["peer is unhealthy", "peer is healthy"])
        .map(|(level, words)| {
            log.lines()
                .any(|line| line.contains(level) && line.contains(words))
        })
        .collect();
    assert_eq!(levels, [true, true], "{log}");
}

#[test]
fn a_flapping_peer_needs_so_many_answers_in_a_row() {
    let site = Site::new();
    let peer = Peer::new("a");
    let line = "health_check interval=1ms uri=/health fails=2 passes=3;";
    serve(&site, &[&peer], "", line);
    let _running = site.start();
    let mut changes = Vec::new();
    for (passes, expected) in [
        (true, (0, 0)),
        (false, (0, 0)),
        (true, (0, 0)),
        (false, (0, 0)),
        (false, (1, 0)),
        (true, (1, 0)),
        (true, (1, 0)),
        (false, (1, 0)),
        (true, (1, 0)),
        (true, (1, 0)),
        (true, (1, 1)),
        (true, (1, 1)),
    ] {
        // Whoever asks again has told what became of the answer before.
        let check = peer.check();
        if let Some(expected) = changes.pop() {
            let found = (
                told(&site, "peer is unhealthy"),
                told(&site, "peer is healthy"),
            );
            assert_eq!(found, expected);
        }
        match passes {
            true => check.passes(),
            false => check.fails(),
        }
        changes.push(expected);
    }
}

#[test]
fn the_only_peer_of_a_pool_is_out_too() {
    let site = Site::new();
    let peer = Peer::healthy("a");
    serve(
        &site,
        &[&peer],
        "",
        "health_check interval=20ms uri=/health;",
    );
    let mut running = site.start();
    assert_eq!(site.get("/"), "a");
    peer.always(Some("404 Gone"));
    running.expect("peer is unhealthy while checking status code");
    assert!(site.get("/").contains("502 Bad Gateway"));
    running.expect("no live upstreams while connecting to upstream, client: 127.0.0.1");
    peer.always(Some("204 Fine"));
    running.expect("peer is healthy while checking status code");
    assert_eq!(site.get("/"), "a");
    assert_eq!(peer.requests(), 2);
}

#[test]
fn a_peer_that_refuses_connections_comes_back_when_it_listens() {
    let site = Site::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let line = "health_check interval=20ms uri=/health;";
    serve_servers(&site, &format!("server {address};"), "", line);
    let mut running = site.start();
    let place = format!("health check \"\" of peer {address} in upstream \"app\"");
    running.expect(&format!(
        "connect() failed (111: Connection refused) while connecting to upstream, {place}"
    ));
    running.expect(&format!(
        "peer is unhealthy while connecting to upstream, {place}"
    ));
    let peer = Peer::behind("a", TcpListener::bind(address).unwrap());
    peer.always(Some("200 OK"));
    running.expect(&format!(
        "peer is healthy while checking status code, {place}"
    ));
    assert_eq!(site.get("/"), "a");
}

#[test]
fn a_peer_that_does_not_answer_in_time_fails() {
    let site = Site::new();
    let peer = Peer::new("a");
    let line = "proxy_read_timeout 50ms; health_check interval=20ms uri=/health;";
    serve(&site, &[&peer], "", line);
    let mut running = site.start();
    let slow = peer.check();
    running.expect(&format!(
        "upstream timed out (110: Connection timed out) while reading response header from upstream, {}",
        of("", &peer)
    ));
    running.expect("peer is unhealthy while reading response header from upstream");
    drop(slow);
    peer.always(Some("200 OK"));
    running.expect("peer is healthy while checking status code");
}

#[test]
fn a_single_failure_of_any_of_several_checks_takes_a_peer_out() {
    let site = Site::new();
    let [a, b] = ["a", "b"].map(Peer::healthy);
    let port = b.address.port();
    let servers = format!("server {};", a.address);
    let line = format!(
        "health_check interval=20ms uri=/health;
         location /other/ {{ proxy_pass http://app; health_check interval=20ms uri=/health port={port}; }}"
    );
    serve_servers(&site, &servers, "", &line);
    let mut running = site.start();
    assert_eq!(site.get("/"), "a");
    b.always(Some("500 No"));
    running.expect(&format!(
        "peer is unhealthy while checking status code, {}, port {port}",
        of("", &a)
    ));
    assert!(site.get("/").contains("502 Bad Gateway"));
    b.always(Some("200 OK"));
    running.expect(&format!("{}, port {port}", of("", &a)));
    assert_eq!(site.get("/"), "a");
    assert_eq!(b.requests(), 0);
}

#[test]
fn backups_serve_while_no_primary_is_well() {
    let site = Site::new();
    let [a, b] = ["a", "b"].map(Peer::healthy);
    let servers = format!("server {}; server {} backup;", a.address, b.address);
    let line = "health_check interval=20ms uri=/health;";
    serve_servers(&site, &servers, "", line);
    let _running = site.start();
    assert_eq!(site.get("/"), "a");
    a.always(Some("500 No"));
    eventually(|| site.get("/") == "b");
    a.always(Some("200 OK"));
    eventually(|| site.get("/") == "a");
}

#[test]
fn a_check_that_cannot_be_made_here_says_nothing_of_the_peer() {
    let site = Site::new();
    let peer = Peer::new("a");
    let line = "location /checks/ { proxy_pass http://app; proxy_bind 192.0.2.1;
        health_check interval=20ms uri=/health; }";
    serve(&site, &[&peer], "", line);
    let mut running = site.start();
    for _ in 0..2 {
        running.expect(&format!("[crit] {pid}#", pid = running.pid()));
    }
    assert_eq!(site.get("/"), "a");
    assert_eq!(told(&site, "bind(192.0.2.1) failed"), told(&site, "[crit]"));
    assert_eq!(told(&site, "peer is unhealthy"), 0);
}
