//! What the files and lines of administrators do to handshakes: passwords, keys of tickets, OpenSSL's commands.

use rustls::HandshakeKind;
use rustls::crypto::aws_lc_rs::cipher_suite as suites;
use rustls::version::{TLS12, TLS13};

use super::client::{Client, Identity};
use super::site::Site;
use super::{serve, server};

/// A key on P-256 and its certificate, made by OpenSSL, and the key encrypted with `right` in PKCS#8 by AES-256,
/// and in armour of old by 3DES.
pub(crate) const KEYS: [(&str, &str); 2] = [("new.key", NEW_KEY), ("old.key", OLD_KEY)];

#[test]
fn passwords_open_keys() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    std::fs::write(site.path("conf/enc.crt"), CERTIFICATE).unwrap();
    std::fs::write(site.path("conf/passwords"), "wrong\nright\r\n").unwrap();
    std::fs::write(site.path("conf/others"), "wrong\n").unwrap();
    for (name, text) in KEYS {
        std::fs::write(site.path(&format!("conf/{name}")), text).unwrap();
        let lines = |file: &str| {
            format!(
                "server {{ listen 127.0.0.1:PORT ssl; ssl_certificate enc.crt; ssl_certificate_key {name}; ssl_password_file {file}; return 200 x; }}"
            )
        };
        serve(&site, "", &[lines("passwords")]);
        let running = site.start();
        // A handshake is signed with it.
        assert_eq!(Client::new(&[&own]).stapled(&site, "a.test"), b"");
        drop(running);
        serve(&site, "", &[lines("others")]);
        let output = site.run(&["-t"]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("routines::bad decrypt"), "{told}");
    }
}

#[test]
fn tickets_are_good_wherever_the_keys_are() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    std::fs::write(site.path("conf/first"), [7; 48]).unwrap();
    std::fs::write(site.path("conf/second"), [9; 80]).unwrap();
    let with = |files: &[&str]| {
        let lines = files
            .iter()
            .map(|file| format!("ssl_session_ticket_key {file};"));
        let rest = format!("{} return 200 x;", lines.collect::<String>());
        serve(&site, "", &[server(&own, &rest)]);
        site.start()
    };
    for version in [&TLS12, &TLS13] {
        let client = Client::speaking(&[&own], &[version]);
        let come = |files: &[&str]| {
            let _running = with(files);
            client.get(&site, "a.test", "/").1
        };
        assert_eq!(come(&["first"]), HandshakeKind::Full);
        assert_eq!(come(&["first"]), HandshakeKind::Resumed);
        assert_eq!(come(&["second", "first"]), HandshakeKind::Resumed);
        assert_eq!(come(&["second"]), HandshakeKind::Resumed);
        assert_eq!(come(&["first"]), HandshakeKind::Full);
    }
}

/// As 1.22.1, which knows TLS 1.3 only by name.
#[test]
fn before_nginx_1_23_the_newest_version_must_be_named() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    for (rest, newest) in [("", false), ("ssl_protocols TLSv1.2 TLSv1.3;", true)] {
        let server = server(&own, &format!("{rest} return 200 $ssl_protocol;"));
        site.conf(&format!(
            "compat 1.22; daemon off; error_log stderr info; events {{ }} http {{ access_log off; {server} }}"
        ));
        let _running = site.start();
        let expected = if newest { "TLSv1.3" } else { "TLSv1.2" };
        let (answer, _) = Client::new(&[&own]).get(&site, "a.test", "/");
        assert!(answer.ends_with(expected), "{answer}");
        let new = Client::speaking(&[&own], &[&TLS13]);
        assert_eq!(new.shown(&site, "a.test").is_ok(), newest);
    }
}

#[test]
fn commands_of_openssl_are_obeyed() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    let rest = "ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
        ssl_conf_command Groups P-384;
        ssl_conf_command CipherString ECDHE-ECDSA-CHACHA20-POLY1305;
        return 200 '$ssl_cipher $ssl_curve';";
    serve(&site, "", &[server(&own, rest)]);
    let running = site.start();
    let (answer, _) = Client::new(&[&own]).get(&site, "a.test", "/");
    assert!(
        answer.ends_with("TLS_AES_128_GCM_SHA256 secp384r1"),
        "{answer}"
    );
    let old = Client::speaking(&[&own], &[&TLS12]);
    let (answer, _) = old.get(&site, "a.test", "/");
    assert!(
        answer.ends_with("ECDHE-ECDSA-CHACHA20-POLY1305 secp384r1"),
        "{answer}"
    );
    drop(running);
    let rest = "ssl_conf_command MinProtocol TLSv1.3; ssl_conf_command NumTickets 0; return 200 x;";
    serve(&site, "", &[server(&own, rest)]);
    let _running = site.start();
    let old = Client::with_suite(&[&own], suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
    assert!(old.shown(&site, "a.test").is_err());
    let client = Client::new(&[&own]);
    for _ in 0..2 {
        assert_eq!(client.get(&site, "a.test", "/").1, HandshakeKind::Full);
    }
}

pub(crate) const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIUOqGjQUcO8c2kn91PKbPS6AqhPz0wCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGYS50ZXN0MCAXDTI2MTEzMDAxMTY1OFoYDzIxMjYxMTA2MDEx
NjU4WjARMQ8wDQYDVQQDDAZhLnRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAREasLJSDXiRKCS/xUudIzoXMi8/s2r1dXLUjRzr6DviToTgSUWygiqe1QIDJxl
+ER4Rm+ZNupg6flwljuzGsoco1MwUTAdBgNVHQ4EFgQUYQJdZtUFYHnvRo8Lx2xo
4Y72OkkwHwYDVR0jBBgwFoAUYQJdZtUFYHnvRo8Lx2xo4Y72OkkwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBjc+QVGw2aP7GioRIqAU23B5uNzvVQ
6r7rEa3GzMGnZQIhALGzH4xWahks7+Kk+z5ytCGVlG5x0tfog/ilnPowhFSF
-----END CERTIFICATE-----
";
pub(crate) const NEW_KEY: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgT9iV+UhE8dAICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEECw2HPo7HmKvBYC51RS9f94EgZAv
k+PG/Xp4bbpR8RvmBPPFFTKUrwSwHYWYoOyfq6+MKwvNmda4uFzTDO3dj4CZeWWn
x4Gay9sCA6pxDh3rNvERLPYtdn+4V7Gb5ZAqazd4KBZt8lIwdiTDC9aTKZRoyPSy
g1uqSuETlMmszetUXnGlefz9gTv6eWrpivsJRC1de5acLpGuuzF7CevxvtAbigg=
-----END ENCRYPTED PRIVATE KEY-----
";
const OLD_KEY: &str = "-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: DES-EDE3-CBC,C42E2032D2D0EF62

MsgtVJdxw4hJbyaDCGUJDo5zgzxcP/O0UBSaejIUf/PvJyPLzOdZTP4O34yPwrJ9
LqdtJtfm+PknINBt/qNyv7Pgh/KnmsSGv4pqu0qmv5edS3+CUMyRNISQKQXMRxFn
xNIZ9050XIzSTCPfUpEp8PuM1GVA/8NYOQeiBVlZjO0=
-----END EC PRIVATE KEY-----
";

#[test]
fn parameters_for_dhe_are_of_either_kind() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    serve(&site, "", &[server(&own, "ssl_dhparam dh.pem;")]);
    let told = |kind: &str| {
        let text = format!("-----BEGIN {kind}-----\nMAYCAQsCAQI=\n-----END {kind}-----\n");
        std::fs::write(site.path("conf/dh.pem"), text).unwrap();
        let output = site.run(&["-t"]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.success(), !told.contains("[emerg]"), "{told}");
        told
    };
    for kind in ["DH PARAMETERS", "X9.42 DH PARAMETERS"] {
        assert!(told(kind).contains("test is successful"));
    }
    let words = "PEM_read_bio_DHparams(\"PREFIX/conf/dh.pem\") failed (SSL: error:0480006C:";
    assert!(told("DSA PARAMETERS").contains(&site.fill(words)));
}
