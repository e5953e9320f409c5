//! Requests that come with the first flight of TLS 1.3.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use rustls::version::TLS12;
use rustls::{ClientConnection, HandshakeKind};

use super::client::{Client, Identity, read_body};
use super::site::Site;
use super::{serve, server};

/// Most bytes of early data.
const MOST: usize = 16384;

/// A client whose early data was sent, and nothing after it.
struct Early {
    conn: ClientConnection,
    socket: TcpStream,
}

impl Early {
    /// Sends `text` with the hello; the bytes on the wire, too.
    fn send(client: &Client, site: &Site, text: &[u8]) -> (Self, Vec<u8>) {
        let stream = client.connect(site, "a.test");
        let (mut conn, mut socket) = (stream.conn, stream.sock);
        let mut early = conn.early_data().expect("a session with early data");
        early.write_all(text).unwrap();
        let mut flight = Vec::new();
        while conn.wants_write() {
            conn.write_tls(&mut flight).unwrap();
        }
        socket.write_all(&flight).unwrap();
        (Self { conn, socket }, flight)
    }

    /// Reads text until it ends with `end`, and sends nothing.
    fn read_until(&mut self, end: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        while !text.ends_with(end) {
            assert!(
                self.conn.read_tls(&mut self.socket).unwrap() > 0,
                "{text:?}"
            );
            let state = self.conn.process_new_packets().unwrap();
            let mut more = vec![0; state.plaintext_bytes_to_read()];
            self.conn.reader().read_exact(&mut more).unwrap();
            text.extend_from_slice(&more);
        }
        text
    }

    /// Goes on as any other.
    fn go_on(self) -> rustls::StreamOwned<ClientConnection, TcpStream> {
        rustls::StreamOwned::new(self.conn, self.socket)
    }
}

fn request(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n").into_bytes()
}

/// A site that takes early data, and a client that has a session with it.
fn bed(settings: &str) -> (Site, Identity, Client) {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    let rest = format!(
        "ssl_early_data on; {settings} location / {{ return 200 '$request_uri early=$ssl_early_data;'; }}"
    );
    serve(&site, "", &[server(&own, &rest)]);
    let client = Client::new(&[&own]);
    (site, own, client)
}

#[test]
fn early_requests_are_answered_before_the_handshake_is_over() {
    for settings in [
        "",
        "ssl_session_cache off;",
        "ssl_session_tickets off; ssl_session_cache shared:s:1m;",
    ] {
        let (site, _own, client) = bed(settings);
        let client = client.with_early_data(&[]);
        let _running = site.start();
        let (answer, kind) = client.get(&site, "a.test", "/first");
        assert!(answer.ends_with("/first early=;"), "{answer}");
        assert_eq!(kind, HandshakeKind::Full);
        let (mut early, _) = Early::send(&client, &site, &request("/early"));
        let answer = early.read_until(b";");
        assert!(answer.ends_with(b"/early early=1;"), "{settings}");
        assert!(early.conn.is_early_data_accepted());
        let mut stream = early.go_on();
        stream.write_all(&request("/late")).unwrap();
        assert_eq!(read_body(&mut stream), b"/late early=;");
    }
}

#[test]
fn early_data_and_what_follows_it_is_one_text() {
    const REQUESTS: usize = 300;
    let (site, _own, client) = bed("");
    let client = client.with_early_data(&[]);
    let _running = site.start();
    client.get(&site, "a.test", "/");
    let path = |number: usize| format!("/{number:0>40}");
    let all: Vec<u8> = (0..REQUESTS).flat_map(|one| request(&path(one))).collect();
    assert!(all.len() > MOST);
    let (early, _) = Early::send(&client, &site, &all[..MOST]);
    let mut stream = early.go_on();
    stream.write_all(&all[MOST..]).unwrap();
    assert!(stream.conn.is_early_data_accepted());
    for number in 0..REQUESTS {
        let body = String::from_utf8(read_body(&mut stream)).unwrap();
        let (shown, _) = body.split_once(' ').unwrap();
        assert_eq!(shown, path(number));
    }
}

#[test]
fn what_is_sent_again_is_not_served_again() {
    let (site, _own, client) = bed("");
    let client = client.with_early_data(&[]);
    let _running = site.start();
    client.get(&site, "a.test", "/");
    let (mut early, flight) = Early::send(&client, &site, &request("/once"));
    early.read_until(b";");
    for _ in 0..2 {
        let mut socket = site.connect();
        socket.write_all(&flight).unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        // A handshake that ends with it, or a reset.
        let _ = socket.read_to_end(&mut answer);
    }
    // Its line is written before another's.
    let log = site.read("logs/access.log");
    assert_eq!(log.matches("/once").count(), 1, "{log}");
}

#[test]
fn http2_comes_early_too() {
    let (site, _own, client) = bed("http2 on;");
    let client = client.with_early_data(&[b"h2"]);
    let _running = site.start();
    // GET, https, /, and the authority.
    let head = [&[0x82, 0x87, 0x84, 0x41, 6][..], b"a.test"].concat();
    let frames = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(),
        &[0, 0, 0, 4, 0, 0, 0, 0, 0],
        &[0, 0, head.len() as u8, 1, 0x5, 0, 0, 0, 1],
        &head,
    ]
    .concat();
    let mut stream = client.connect(&site, "a.test");
    stream.write_all(&frames).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"/ early=;") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    let (mut early, _) = Early::send(&client, &site, &frames);
    let answer = early.read_until(b";");
    assert!(answer.ends_with(b"/ early=1;"), "{answer:?}");
}

#[test]
fn who_speaks_tls_1_2_keeps_tickets() {
    let (site, own, _) = bed("");
    let client = Client::speaking(&[&own], &[&TLS12]);
    let _running = site.start();
    assert_eq!(client.get(&site, "a.test", "/").1, HandshakeKind::Full);
    let (answer, kind) = client.get(&site, "a.test", "/");
    assert_eq!(kind, HandshakeKind::Resumed);
    assert!(answer.ends_with("early=;"), "{answer}");
}

#[test]
fn the_default_server_decides() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    let check = |first: &str, second: &str, early: bool| {
        serve(
            &site,
            "",
            &[
                server(
                    &own,
                    &format!("server_name b.test; ssl_early_data {first};"),
                ),
                server(
                    &own,
                    &format!("server_name a.test; ssl_early_data {second}; return 200 x;"),
                ),
            ],
        );
        let _running = site.start();
        let client = Client::new(&[&own]).with_early_data(&[]);
        client.get(&site, "a.test", "/");
        let mut stream = client.connect(&site, "a.test");
        assert_eq!(
            stream.conn.early_data().is_some(),
            early,
            "{first} {second}"
        );
    };
    check("on", "off", true);
    check("off", "on", false);
}
