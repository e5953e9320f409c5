//! Peers that have to pass first, reloads, and who of several workers asks.

use super::peer::{Check, Peer};
use super::site::{Site, eventually};
use super::{serve, told, write};

const PAGE: &str = "502 Bad Gateway";

#[test]
fn a_mandatory_check_comes_before_the_first_request() {
    let site = Site::new();
    let peer = Peer::new("a");
    let line = "health_check interval=20ms uri=/health mandatory fails=3 passes=3;";
    serve(&site, &[&peer], "", line);
    let mut running = site.start();
    let check = peer.check();
    assert!(site.get("/").contains(PAGE));
    assert_eq!(peer.requests(), 0);
    check.passes();
    running.expect("peer is healthy while checking status code");
    assert_eq!(site.get("/"), "a");
}

#[test]
fn a_mandatory_check_that_fails_leaves_the_peer_out() {
    let site = Site::new();
    let peer = Peer::new("a");
    let line = "health_check interval=20ms uri=/health mandatory;";
    serve(&site, &[&peer], "", line);
    let mut running = site.start();
    peer.check().fails();
    running.expect("peer is unhealthy while checking status code");
    assert!(site.get("/").contains(PAGE));
    peer.check().passes();
    running.expect("peer is healthy while checking status code");
    assert_eq!(site.get("/"), "a");
}

#[test]
fn a_reload_asks_anew_unless_the_check_is_persistent() {
    for (persistent, expected) in [("", PAGE), ("persistent", "a")] {
        let site = Site::new();
        let peer = Peer::healthy("a");
        let line = format!("health_check interval=20ms uri=/health mandatory {persistent};");
        serve(&site, &[&peer], "", &line);
        let mut running = site.start();
        running.expect("peer is healthy");
        assert_eq!(site.get("/"), "a");
        peer.always(None);
        // The last one of the old configuration, which is given up.
        let _unanswered = peer.check();
        running.reload();
        let check = peer.check();
        let answer = site.get("/");
        assert!(answer.contains(expected), "{persistent}: {answer}");
        peer.always(Some("200 OK"));
        check.passes();
        running.answers("/", "a");
    }
}

#[test]
fn a_peer_that_a_reload_adds_has_to_pass_first() {
    let site = Site::new();
    let [a, b] = ["a", "b"].map(Peer::healthy);
    let line = "health_check interval=20ms uri=/health mandatory persistent;";
    serve(&site, &[&a], "", line);
    let mut running = site.start();
    running.expect("peer is healthy");
    b.always(None);
    serve(&site, &[&a, &b], "", line);
    running.reload();
    let check = b.check();
    for _ in 0..4 {
        assert_eq!(site.get("/"), "a");
    }
    check.passes();
    running.answers("/", "b");
}

#[test]
fn what_a_check_has_found_outlives_a_reload_and_ends_with_the_check() {
    let site = Site::new();
    let peer = Peer::healthy("a");
    let line = "health_check interval=20ms uri=/health;";
    serve(&site, &[&peer], "", line);
    let mut running = site.start();
    peer.always(Some("500 No"));
    running.expect("peer is unhealthy");
    running.reload();
    assert!(site.get("/").contains(PAGE));
    serve(&site, &[&peer], "", "");
    running.reload();
    running.answers("/", "a");
}

/// A location with a check of its own, behind what else a location has.
fn also(name: &str) -> String {
    format!(
        "}} location /{name} {{ proxy_pass http://app; health_check interval=20ms uri=/health/{name};"
    )
}

/// The checks of two locations that wait for an answer, by what they ask for.
fn both(peer: &Peer, uris: [&str; 2]) -> [Check; 2] {
    let mut checks = [peer.check(), peer.check()];
    if checks[0].head.starts_with(&format!("GET {} ", uris[1])) {
        checks.reverse();
    }
    for (check, uri) in checks.iter().zip(uris) {
        assert!(check.head.starts_with(&format!("GET {uri} ")), "{uri}");
    }
    checks
}

#[test]
fn what_a_check_has_found_holds_although_the_one_in_front_of_it_is_gone() {
    let site = Site::new();
    let peer = Peer::new("a");
    let second = also("second");
    serve(&site, &[&peer], "", &format!("{} {second}", also("first")));
    let mut running = site.start();
    let [_unanswered, failing] = both(&peer, ["/health/first", "/health/second"]);
    failing.fails();
    running.expect("peer is unhealthy");
    // The last one of the old configuration, which is given up.
    let _unanswered = peer.check();
    serve(&site, &[&peer], "", &second);
    running.reload();
    let check = peer.check();
    assert!(site.get("/").contains(PAGE));
    check.passes();
    running.expect("peer is healthy");
    assert_eq!(site.get("/"), "a");
}

#[test]
fn a_check_put_in_front_of_one_that_failed_inherits_nothing() {
    let site = Site::new();
    let peer = Peer::new("a");
    let second = also("second");
    serve(&site, &[&peer], "", &second);
    let mut running = site.start();
    peer.check().fails();
    running.expect("peer is unhealthy");
    // The last one of the old configuration, which is given up.
    let _unanswered = peer.check();
    serve(&site, &[&peer], "", &format!("{} {second}", also("first")));
    running.reload();
    let [first, second] = both(&peer, ["/health/first", "/health/second"]);
    first.passes();
    let _the_next = peer.check();
    assert!(site.get("/").contains(PAGE), "it is not what has failed");
    second.passes();
    running.expect("peer is healthy");
    assert_eq!(site.get("/"), "a");
}

#[test]
fn reloads_in_quick_succession_put_no_check_off() {
    const RELOADS: usize = 2000;
    let site = Site::new();
    let [a, b] = ["a", "b"].map(Peer::healthy);
    b.always(None);
    // The second one is asked half a second after the first.
    serve(
        &site,
        &[&a, &b],
        "",
        "health_check interval=1s uri=/health;",
    );
    let mut running = site.start();
    let is_asked = (0..RELOADS).any(|_| {
        running.reload();
        b.next_check().is_some()
    });
    assert!(is_asked);
}

#[test]
fn one_worker_asks_for_all_and_another_takes_over() {
    let site = Site::new();
    let peer = Peer::new("a");
    let line = "health_check interval=1ms uri=/health mandatory persistent;";
    let serve = |workers: usize| {
        let servers = format!("server {};", peer.address);
        write(
            &site,
            &format!("worker_processes {workers};"),
            &servers,
            "",
            line,
        );
    };
    serve(4);
    let mut running = site.start();
    for workers in [1, 3, 1] {
        let mut check = peer.check();
        // Meanwhile all others could ask, too.
        let _answers: Vec<_> = (0..40).map(|_| site.get("/")).collect();
        while let Some(next) = peer.next_check() {
            // Who asked last has ended meanwhile.
            eventually(|| check.is_given_up());
            check = next;
        }
        peer.always(Some("200 OK"));
        check.passes();
        serve(workers);
        running.reload();
        peer.always(None);
    }
    peer.check().passes();
    assert_eq!(site.get("/"), "a");
    assert_eq!(told(&site, "peer is unhealthy"), 0);
}
