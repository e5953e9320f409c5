//! Clients that speak TLS, or should: the binary over sockets, with certificates made on the spot.

#![allow(
    clippy::unwrap_used,
    reason = "all of it is test code; clippy sees the helpers as none"
)]

mod certificates;
mod client;
mod compression;
mod early;
mod hello;
mod named;
mod settings;
#[path = "../command/site.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod site;
mod stapling;
mod upstreams;

use std::fs;
use std::io::{Read, Write};

use nix::sys::signal::Signal;
use rustls::HandshakeKind;
use rustls::crypto::aws_lc_rs::cipher_suite as suites;
use rustls::version::{TLS12, TLS13};

use client::{Client, Identity, ask, read_body};
use site::Site;

/// A configuration of `servers`, whose error log is stderr.
fn serve(site: &Site, http: &str, servers: &[String]) {
    let servers = servers.join("\n");
    site.conf(&format!(
        "daemon off;
        error_log stderr info;
        events {{ worker_connections 64; }}
        http {{
            access_log logs/access.log;
            {http}
            {servers}
        }}"
    ));
}

/// A server that listens with `ssl` and shows `identity`.
fn server(identity: &Identity, rest: &str) -> String {
    let lines = identity.lines();
    format!("server {{ listen 127.0.0.1:PORT ssl; {lines} {rest} }}")
}

#[test]
fn a_name_chooses_the_certificate_and_a_host_the_server() {
    let site = Site::new();
    let [plain, star, regex] =
        ["default.test", "any.star.test", "number7.test"].map(|host| Identity::new(&site, host));
    serve(
        &site,
        "",
        &[
            server(&plain, "server_name default.test; return 200 default;"),
            server(&star, "server_name *.star.test; return 200 star;"),
            server(
                &regex,
                "server_name ~^number\\d\\.test$; return 200 $ssl_server_name;",
            ),
            "server { listen 127.0.0.1:PORT ssl; server_name no.test; ssl_reject_handshake on; }"
                .to_owned(),
        ],
    );
    let mut running = site.start();
    let client = Client::new(&[&plain, &star, &regex]);
    let shown = |host: &str| client.shown(&site, host);
    assert_eq!(shown("default.test").unwrap(), plain.der);
    assert_eq!(shown("any.star.test").unwrap(), star.der);
    assert_eq!(shown("number7.test").unwrap(), regex.der);
    let rejected = shown("no.test").unwrap_err().to_string();
    assert!(rejected.contains("UnrecognisedName"), "{rejected}");
    running.expect("handshake rejected while SSL handshaking, client: 127.0.0.1, server: ");
    let mut stream = client.connect(&site, "number7.test");
    ask(&mut stream, "number7.test", "/", "keep-alive");
    assert_eq!(read_body(&mut stream), b"number7.test");
    ask(&mut stream, "any.star.test", "/", "keep-alive");
    assert_eq!(read_body(&mut stream), b"star");
    ask(&mut stream, "elsewhere.test", "/", "close");
    assert_eq!(read_body(&mut stream), b"default");
}

#[test]
fn plain_http_on_a_tls_port_gets_its_page() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    serve(&site, "", &[server(&own, "server_name a.test;")]);
    let mut running = site.start();
    let answer = site.get("/");
    assert!(
        answer.contains("The plain HTTP request was sent to HTTPS port"),
        "{answer}"
    );
    running.expect("client sent plain HTTP request to HTTPS port while reading client request headers, client: 127.0.0.1, server: a.test, request: \"GET / HTTP/1.1\", host: \"test\"");
    let log = site.read("logs/access.log");
    assert!(log.contains("\" 400 "), "{log}");
    drop(running);
    let page = "error_page 497 =302 https://$host$request_uri;";
    serve(&site, "", &[server(&own, page)]);
    let _running = site.start();
    let mut stream = site.connect();
    site::ask(&mut stream, "/x?y", "close");
    let answer = site::read_to_end(&mut stream);
    assert!(
        answer.contains("\r\nLocation: https://test/x?y\r\n"),
        "{answer}"
    );
}

#[test]
fn clients_come_back_to_sessions_as_long_as_a_server_keeps_them() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    let check = |settings: &str, resumes: bool| {
        let rest = format!("{settings} return 200 $ssl_session_reused;");
        serve(&site, "", &[server(&own, &rest)]);
        let _running = site.start();
        for version in [&TLS12, &TLS13] {
            let client = Client::speaking(&[&own], &[version]);
            let (first, kind) = client.get(&site, "a.test", "/");
            assert_eq!(kind, HandshakeKind::Full, "{settings} {version:?}");
            assert!(first.ends_with('.'), "{first}");
            let (second, kind) = client.get(&site, "a.test", "/");
            let resumed = kind == HandshakeKind::Resumed;
            assert_eq!(resumed, resumes, "{settings} {version:?}");
            assert!(
                second.ends_with(if resumes { 'r' } else { '.' }),
                "{second}"
            );
        }
    };
    check("", true);
    check(
        "ssl_session_tickets off; ssl_session_cache shared:s:1m;",
        true,
    );
    check("ssl_session_tickets off;", false);
    check("ssl_session_tickets off; ssl_session_cache builtin;", true);
}

#[test]
fn sessions_of_a_zone_outlive_a_reload() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    let servers = |body: &str| {
        let rest = format!("ssl_session_cache shared:s:1m; return 200 {body};");
        serve(&site, "", &[server(&own, &rest)]);
    };
    servers("old");
    let mut running = site.start();
    let client = Client::new(&[&own]);
    let mut kept = client.connect(&site, "a.test");
    ask(&mut kept, "a.test", "/", "keep-alive");
    assert_eq!(read_body(&mut kept), b"old");
    servers("new");
    running.reload();
    let (answer, kind) = client.get(&site, "a.test", "/");
    assert!(answer.ends_with("new"), "{answer}");
    assert_eq!(kind, HandshakeKind::Resumed);
}

#[test]
fn a_reload_with_a_bad_certificate_keeps_what_there_is() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    serve(&site, "", &[server(&own, "return 200 old;")]);
    let mut running = site.start();
    fs::write(site.path("conf/a.test.crt"), "gone").unwrap();
    running.signal(Signal::SIGHUP);
    running.expect(&site.fill(
        "cannot load certificate \"PREFIX/conf/a.test.crt\": PEM_read_bio_X509_AUX() failed (SSL: error:0480006C:PEM routines::no start line:Expecting: TRUSTED CERTIFICATE)",
    ));
    let (answer, _) = Client::new(&[&own]).get(&site, "a.test", "/");
    assert!(answer.ends_with("old"), "{answer}");
}

#[test]
fn long_bodies_go_both_ways_unharmed() {
    const LENGTH: usize = 3_000_000;
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    let body: Vec<u8> = (0..LENGTH).map(|at| ((at * 31) >> 3) as u8).collect();
    fs::create_dir(site.path("html")).unwrap();
    fs::write(site.path("html/long"), &body).unwrap();
    let back = "server { listen unix:PREFIX/back; client_max_body_size 0;
        location / { root PREFIX/html; }
        location /up { return 200 $content_length; } }";
    let rest = "client_max_body_size 0;
        location /file { alias PREFIX/html/long; }
        location / { proxy_pass http://unix:PREFIX/back; }
        location /unbuffered/ { proxy_buffering off; proxy_request_buffering off;
            proxy_pass http://unix:PREFIX/back:/; }";
    let servers = [
        server(&own, &format!("ssl_buffer_size 4k; {rest}")),
        back.to_owned(),
    ];
    serve(&site, "", &servers);
    let _running = site.start();
    let client = Client::new(&[&own]);
    let mut stream = client.connect(&site, "a.test");
    for path in ["/file", "/long", "/unbuffered/long"] {
        ask(&mut stream, "a.test", path, "keep-alive");
        assert!(read_body(&mut stream) == body, "{path}");
    }
    for path in ["/up", "/unbuffered/up"] {
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: {LENGTH}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        assert_eq!(read_body(&mut stream), LENGTH.to_string().as_bytes());
    }
}

#[test]
fn what_is_no_handshake_is_told_and_closed() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    let http = "client_header_timeout 300ms;";
    serve(&site, http, &[server(&own, "server_name a.test;")]);
    let mut running = site.start();
    let place = site.fill(" while SSL handshaking, client: 127.0.0.1, server: 127.0.0.1:PORT");
    let mut expect = |sent: &[u8], closes: bool, words: &str| {
        let mut stream = site.connect();
        stream.write_all(sent).unwrap();
        if closes {
            stream.shutdown(std::net::Shutdown::Write).unwrap();
        }
        let mut answer = Vec::new();
        // A reset is an end, too.
        let _ = stream.read_to_end(&mut answer);
        running.expect(&format!("{words}{place}"));
        answer
    };
    // Nothing, the beginning of a hello and no more, a client that leaves, and garbage.
    expect(b"", false, "client timed out (110: Connection timed out)");
    expect(
        b"\x16\x03\x01\x02\x00\x01",
        false,
        "client timed out (110: Connection timed out)",
    );
    expect(b"", true, "client closed connection");
    expect(
        b"\x16\x03\x01\x02\x00\x01",
        true,
        "peer closed connection in SSL handshake",
    );
    let failed = "SSL_do_handshake() failed (SSL: error:";
    let said = expect(
        &[0x16; 600],
        false,
        &format!("{failed}0A00010B:SSL routines::wrong version number)"),
    );
    assert_eq!(said, b"");
    let finished = b"\x16\x03\x01\x00\x04\x14\x00\x00\x00";
    let said = expect(
        finished,
        false,
        &format!("{failed}0A0000F4:SSL routines::unexpected message)"),
    );
    assert_eq!(said, [21, 3, 3, 0, 2, 2, 10]);
}

#[test]
fn several_certificates_are_shown_by_what_a_client_can() {
    let site = Site::new();
    let ecdsa = Identity::new(&site, "a.test");
    let rsa = Identity::with_rsa(&site, "a.test");
    let rest = format!("{} return 200 x;", rsa.lines());
    serve(&site, "", &[server(&ecdsa, &rest)]);
    let _running = site.start();
    let both = [&ecdsa, &rsa];
    let shown = |suite| {
        Client::with_suite(&both, suite)
            .shown(&site, "a.test")
            .unwrap()
    };
    assert_eq!(
        shown(suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
        ecdsa.der
    );
    assert_eq!(
        shown(suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
        rsa.der
    );
    assert_eq!(
        Client::new(&both).shown(&site, "a.test").unwrap(),
        ecdsa.der
    );
}

#[test]
fn variables_say_what_the_handshake_settled() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    let rest = "location / { return 200 '$scheme|$https|$server_port|$ssl_protocol|$ssl_cipher|$ssl_curve|$ssl_server_name|$ssl_alpn_protocol|$ssl_early_data'; }
        location /moved { return 301 /there; }";
    serve(&site, "", &[server(&own, rest)]);
    let _running = site.start();
    let client = Client::speaking(&[&own], &[&TLS12]);
    let (answer, _) = client.get(&site, "a.test", "/");
    let wanted = "https|on|PORT|TLSv1.2|ECDHE-ECDSA-AES256-GCM-SHA384|X25519|a.test||";
    assert!(answer.ends_with(&site.fill(wanted)), "{answer}");
    let client = Client::speaking(&[&own], &[&TLS13]);
    let (answer, _) = client.get(&site, "a.test", "/");
    let wanted = "https|on|PORT|TLSv1.3|TLS_AES_256_GCM_SHA384|X25519|a.test||";
    assert!(answer.ends_with(&site.fill(wanted)), "{answer}");
    let (answer, _) = client.get(&site, "a.test", "/moved");
    let wanted = site.fill("\r\nLocation: https://a.test:PORT/there\r\n");
    assert!(answer.contains(&wanted), "{answer}");
}

#[test]
fn a_proxy_protocol_header_comes_before_the_handshake() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    let rest = "return 200 $proxy_protocol_addr;";
    let server = server(&own, rest).replace(" ssl;", " ssl proxy_protocol;");
    serve(&site, "", &[server]);
    let _running = site.start();
    let mut stream = Client::new(&[&own]).connect(&site, "a.test");
    stream
        .sock
        .write_all(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n")
        .unwrap();
    ask(&mut stream, "a.test", "/", "close");
    assert_eq!(read_body(&mut stream), b"192.0.2.7");
}
