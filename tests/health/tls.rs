//! Checks over TLS, as the location speaks it.

use std::io::Write;
use std::net::TcpListener;

use super::client::Identity;
use super::site::Site;

/// A server that speaks TLS and answers checks with who has asked.
fn start<'a>(behind: &'a Site, own: &Identity) -> super::site::Running<'a> {
    let lines = own.lines();
    behind.conf(&format!(
        "daemon off; error_log stderr notice; events {{}}
        http {{ access_log off;
            server {{ listen 127.0.0.1:PORT ssl; server_name a.test; {lines}
                location = /health {{ return 200 'asked as $ssl_server_name'; }}
                location / {{ return 200 served; }} }} }}"
    ));
    behind.start()
}

fn front(site: &Site, port: u16, lines: &str) {
    site.conf(&format!(
        "daemon off; error_log stderr notice; events {{}}
        http {{ access_log off;
            upstream app {{ zone app 64k; server 127.0.0.1:{port}; }}
            match named {{ status 200; body ~ '^asked as a.test$'; }}
            server {{ listen 127.0.0.1:PORT;
                location / {{ proxy_pass https://app; {lines}
                    health_check mandatory interval=20ms uri=/health match=named; }} }} }}"
    ));
}

#[test]
fn a_check_shakes_hands_and_looks_at_certificates_as_requests_do() {
    let behind = Site::new();
    let own = Identity::new(&behind, "a.test");
    let _peer = start(&behind, &own);
    let trusted = behind.path("conf/a.test.crt").display().to_string();
    let site = Site::new();
    for (lines, words) in [
        (
            format!(
                "proxy_ssl_server_name on; proxy_ssl_name a.test;
                proxy_ssl_verify on; proxy_ssl_trusted_certificate {trusted};"
            ),
            "peer is healthy while checking body, health check \"named\" of peer 127.0.0.1:",
        ),
        (
            format!(
                "proxy_ssl_server_name on; proxy_ssl_name b.test;
                proxy_ssl_verify on; proxy_ssl_trusted_certificate {trusted};"
            ),
            "upstream SSL certificate does not match \"b.test\" while SSL handshaking to upstream, health check \"named\"",
        ),
        (
            String::new(),
            "peer is unhealthy while checking body, health check \"named\"",
        ),
    ] {
        front(&site, behind.port, &lines);
        let mut running = site.start();
        running.expect(words);
        let is_up = words.contains("is healthy");
        assert_eq!(site.get("/") == "served", is_up, "{lines}");
    }
}

#[test]
fn a_peer_that_speaks_no_tls_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let site = Site::new();
    front(&site, listener.local_addr().unwrap().port(), "");
    let mut running = site.start();
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"HTTP/1.1 400 Bad\r\n\r\n").unwrap();
    running.expect("SSL_do_handshake() failed (SSL: ");
    running.expect("peer is unhealthy while SSL handshaking to upstream, health check \"named\"");
}
