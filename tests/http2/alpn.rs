//! HTTP/2 over TLS, where client and server agree on it.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::floods::{HEAD, PREFACE, frame};
use crate::site::Site;
use crate::tls::Identity;

/// What was agreed on, of `offered`, and what came back until the end.
fn ask(site: &Site, own: &Identity, offered: &[&str], words: &[u8]) -> (Option<String>, String) {
    let mut roots = RootCertStore::empty();
    roots.add(own.der.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = offered
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let name = ServerName::try_from("a.test").unwrap();
    let conn = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(conn, site.connect());
    stream.write_all(words).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let agreed = stream.conn.alpn_protocol();
    let agreed = agreed.map(|name| String::from_utf8_lossy(name).into_owned());
    (agreed, String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn clients_choose_between_http2_and_http1_on_the_same_address() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    // The first request is the last: the connection ends behind it.
    site.serve(
        "",
        &format!(
            "{} http2 on; keepalive_requests 1;
            return 200 \"[$http2|$ssl_alpn_protocol|$server_protocol]\";",
            own.lines()
        ),
    );
    let conf = site.read("conf/nginx.conf");
    let listen = site.fill("listen 127.0.0.1:PORT;");
    let tls = site.fill("listen 127.0.0.1:PORT ssl;");
    site.conf(&conf.replace(&listen, &tls));
    let _running = site.start();
    let http2 = [PREFACE, &frame(1, 5, 1, HEAD)].concat();
    let http1 = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
    let check = |offered: &[&str], words: &[u8], agreed: Option<&str>, shown: &str| {
        let (got, answer) = ask(&site, &own, offered, words);
        assert_eq!(got.as_deref(), agreed, "{offered:?}");
        assert!(answer.contains(shown), "{offered:?}: {answer}");
    };
    check(&["h2", "http/1.1"], &http2, Some("h2"), "[h2|h2|HTTP/2.0]");
    check(
        &["http/1.1"],
        http1,
        Some("http/1.1"),
        "[|http/1.1|HTTP/1.1]",
    );
    check(&[], http1, None, "[||HTTP/1.1]");
}
