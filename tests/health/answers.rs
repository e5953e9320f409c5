//! What is sent in checks, and what answers are to be.

use super::peer::Peer;
use super::site::Site;
use super::{of, serve};

#[test]
fn a_check_is_a_get_with_the_fields_that_the_location_sets() {
    let site = Site::new();
    let peer = Peer::new("a");
    let line = "proxy_http_version 1.0; proxy_method POST; proxy_set_body text;
        proxy_set_header Host $host; proxy_set_header X-Fixed text; proxy_set_header X-Proxy $proxy_host:$proxy_port;
        proxy_set_header X-Empty $remote_addr$http_user_agent$arg_a; proxy_set_header X-Way $request_uri;
        health_check interval=20ms uri=/health?deep=1;";
    serve(&site, &[&peer], "", line);
    let _running = site.start();
    let check = peer.check();
    assert_eq!(
        check.head,
        "GET /health?deep=1 HTTP/1.0\r\nX-Fixed: text\r\nX-Proxy: app:80\r\n\r\n"
    );
}

#[test]
fn a_kept_connection_serves_one_check_after_the_other() {
    for (parameter, expected) in [("", [0, 1, 2]), ("keepalive_time=60s", [0, 0, 0])] {
        let site = Site::new();
        let peer = Peer::new("a");
        let line = format!("health_check interval=1ms uri=/health {parameter};");
        serve(&site, &[&peer], "", &line);
        let _running = site.start();
        let connections = [(); 3].map(|()| {
            let check = peer.check();
            let connection = check.connection;
            check.passes();
            connection
        });
        assert_eq!(connections, expected, "{parameter}");
    }
}

#[test]
fn each_test_of_a_match_can_fail() {
    // Much as in the manual.
    let tests = "match fine { status 200-399; header Content-Type = text/html; header ! Refresh;
        body ~ \"Welcome\"; require $good; }";
    let http = format!("map $upstream_http_x_mode $good {{ default 1; maintenance 0; }} {tests}");
    let site = Site::new();
    let peer = Peer::new("a");
    let line = "health_check interval=1ms uri=/health match=fine;";
    serve(&site, &[&peer], &http, line);
    let mut running = site.start();
    let html = "Content-Type: text/html\r\n";
    for (status, fields, body, place) in [
        ("500 No", html, "Welcome", "checking status code"),
        (
            "200 OK",
            "Content-Type: text/plain\r\n",
            "Welcome",
            "checking header",
        ),
        (
            "200 OK",
            "Content-Type: text/html\r\nRefresh: 1\r\n",
            "Welcome",
            "checking header",
        ),
        ("200 OK", html, "welcome", "checking body"),
        (
            "200 OK",
            "Content-Type: text/html\r\nX-Mode: maintenance\r\n",
            "Welcome",
            "checking variables",
        ),
    ] {
        peer.check().answer(status, fields, body);
        running.expect(&format!(
            "peer is unhealthy while {place}, {}",
            of("fine", &peer)
        ));
        peer.check().answer("302 Go", html, "All are Welcome here");
        running.expect(&format!(
            "peer is healthy while checking variables, {}",
            of("fine", &peer)
        ));
    }
}

#[test]
fn only_the_beginning_of_a_long_body_is_looked_at() {
    let site = Site::new();
    let peer = Peer::new("a");
    let line = "health_check interval=1ms uri=/health match=fine;";
    serve(&site, &[&peer], "match fine { body ~ needle; }", line);
    let mut running = site.start();
    const EXAMINED: usize = 256 * 1024;
    let body = |before: usize| format!("{}needle{}", "-".repeat(before), "-".repeat(1000));
    peer.check().answer("200 OK", "", &body(EXAMINED - 5));
    running.expect("peer is unhealthy while checking body");
    peer.check().answer("500 No", "", &body(EXAMINED - 6));
    running.expect("peer is healthy while checking body");
}

#[test]
fn chunks_are_joined_and_a_body_that_breaks_off_fails() {
    let site = Site::new();
    let peer = Peer::new("a");
    let line = "health_check interval=1ms uri=/health match=fine;";
    serve(&site, &[&peer], "match fine { body ~ ^fine$; }", line);
    let mut running = site.start();
    peer.check()
        .raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfi", true);
    running.expect("upstream prematurely closed connection while reading upstream, health check");
    running.expect("peer is unhealthy while reading upstream, health check");
    peer.check().raw(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfi\r\n2\r\nne\r\n0\r\n\r\n",
        false,
    );
    running.expect("peer is healthy while checking body");
    peer.check().raw("HTTP/1.1 200 OK\r\n\r\nfine", true);
    peer.check().raw("no head at all\n", true);
    running.expect("upstream sent no valid HTTP/1.0 header while reading response header from upstream, health check");
    running.expect("peer is unhealthy while reading response header from upstream");
}
