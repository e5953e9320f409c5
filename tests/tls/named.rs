//! Certificates whose names depend on connections.

use std::fs;

use super::client::{Client, Identity};
use super::serve;
use super::site::Site;

const NAMED: &str = "ssl_certificate $ssl_server_name.crt; ssl_certificate_key $ssl_server_name.key; return 200 $ssl_server_name;";

/// A server that shows what its lines say.
fn showing(lines: &str) -> String {
    format!("server {{ listen 127.0.0.1:PORT ssl; {lines} }}")
}

#[test]
fn the_name_asked_for_is_the_name_of_a_file() {
    let site = Site::new();
    let both = ["a.test", "b.test"].map(|host| Identity::new(&site, host));
    serve(&site, "", &[showing(NAMED)]);
    let mut running = site.start();
    let client = Client::new(&[&both[0], &both[1]]);
    for (host, identity) in ["a.test", "b.test"].into_iter().zip(&both) {
        assert_eq!(client.shown(&site, host).unwrap(), identity.der);
        let (answer, _) = client.get(&site, host, "/");
        assert!(answer.ends_with(host), "{answer}");
    }
    let refused = client.shown(&site, "c.test").unwrap_err().to_string();
    assert!(refused.contains("InternalError"), "{refused}");
    let place = "while SSL handshaking, client: 127.0.0.1, server: 127.0.0.1:PORT";
    running.expect(&site.fill(&format!(
        "cannot load certificate \"PREFIX/conf/c.test.crt\": BIO_new_file() failed (SSL: error:80000002:system library::No such file or directory:calling fopen(PREFIX/conf/c.test.crt, r) error:10000080:BIO routines::no such file) {place}"
    )));
    running.expect(&site.fill(&format!(
        "SSL_do_handshake() failed (SSL: error:0A000179:SSL routines::cert cb error) {place}"
    )));
    // Another's key.
    fs::copy(site.path("conf/b.test.key"), site.path("conf/a.test.key")).unwrap();
    client.shown(&site, "a.test").unwrap_err();
    running.expect(&site.fill(&format!(
        "SSL_use_PrivateKey(\"PREFIX/conf/a.test.key\") failed (SSL: error:05800074:x509 certificate routines::key values mismatch) {place}"
    )));
}

#[test]
fn files_are_read_in_each_handshake_unless_a_cache_keeps_them() {
    let check = |cache: &str, kept: bool| {
        let site = Site::new();
        let old = Identity::new(&site, "a.test");
        serve(&site, "", &[showing(&format!("{cache} {NAMED}"))]);
        let _running = site.start();
        let shown = |trusted: &Identity| Client::new(&[trusted]).shown(&site, "a.test");
        assert_eq!(shown(&old).unwrap(), old.der);
        let new = Identity::new(&site, "a.test");
        let expected = if kept { &old } else { &new };
        assert_eq!(shown(expected).unwrap(), expected.der, "{cache}");
    };
    check("", false);
    check("ssl_certificate_cache off;", false);
    check("ssl_certificate_cache max=2 inactive=1h valid=1h;", true);
}

#[test]
fn certificates_may_be_values_and_keys_may_have_passwords() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    let text = |end: &str| site.read(&format!("conf/a.test.{end}"));
    let http = format!(
        "map $ssl_server_name $crt {{ a.test \"{}\"; }} map $ssl_server_name $key {{ a.test \"{}\"; }}",
        text("crt"),
        text("key"),
    );
    let lines = "ssl_certificate data:$crt; ssl_certificate_key data:$key; return 200 x;";
    serve(&site, &http, &[showing(lines)]);
    let running = site.start();
    let client = Client::new(&[&own]);
    assert_eq!(client.shown(&site, "a.test").unwrap(), own.der);
    client.shown(&site, "b.test").unwrap_err();
    drop(running);
    fs::write(site.path("conf/enc.crt"), super::settings::CERTIFICATE).unwrap();
    fs::write(site.path("conf/a.test.key"), super::settings::NEW_KEY).unwrap();
    fs::write(site.path("conf/passwords"), "wrong\nright\n").unwrap();
    let lines = |rest: &str| {
        showing(&format!(
            "ssl_certificate enc.crt; ssl_certificate_key $ssl_server_name.key; return 200 x; {rest}"
        ))
    };
    serve(&site, "", &[lines("ssl_password_file passwords;")]);
    let running = site.start();
    assert_eq!(client.stapled(&site, "a.test"), b"");
    drop(running);
    serve(&site, "", &[lines("")]);
    let mut running = site.start();
    client.shown(&site, "a.test").unwrap_err();
    running.expect("PEM_read_bio_PrivateKey() failed (SSL: error:1C800064:Provider routines::bad decrypt error:11800074:PKCS12 routines::pkcs12 cipherfinal error:empty password");
}

#[test]
fn a_file_without_an_end_is_not_read_to_it() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    serve(&site, "", &[showing(NAMED)]);
    let mut running = site.start();
    std::os::unix::fs::symlink("/dev/zero", site.path("conf/zero.test.crt")).unwrap();
    let client = Client::new(&[&own]);
    client.shown(&site, "zero.test").unwrap_err();
    running.expect(&site.fill("cannot load certificate \"PREFIX/conf/zero.test.crt\": PEM_read_bio_X509_AUX() failed (SSL: error:0480006C:PEM routines::no start line:"));
    assert_eq!(client.shown(&site, "a.test").unwrap(), own.der);
}
