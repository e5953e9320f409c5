//! What upstreams are shown, and what they are offered, by a weir to a weir behind it.

use super::client::Identity;
use super::serve;
use super::settings::{CERTIFICATE, KEYS};
use super::site::Site;

/// A server that says who has asked it, behind a site's own.
struct Behind {
    site: Site,
    own: Identity,
}

impl Behind {
    fn new() -> Self {
        let site = Site::new();
        let own = Identity::new(&site, "a.test");
        Self { site, own }
    }

    /// Starts it with these lines.
    fn start(&self, lines: &str) -> super::site::Running<'_> {
        serve(&self.site, "", &[super::server(&self.own, lines)]);
        self.site.start()
    }

    /// A server before it, with these lines in its location.
    fn front(&self, lines: &str) -> String {
        let port = self.site.port;
        format!(
            "server {{ listen 127.0.0.1:PORT; location / {{ proxy_pass https://127.0.0.1:{port}; {lines} }} }}"
        )
    }
}

/// What nginx says where no password is right, of a key in PKCS#8 and of one in armour of old.
fn refused(name: &str, last: &str) -> String {
    let both = format!(
        "error:1C800064:Provider routines::bad decrypt \
         error:11800074:PKCS12 routines::pkcs12 cipherfinal error:{last}"
    );
    let old =
        "error:1C800064:Provider routines::bad decrypt error:04800065:PEM routines::bad decrypt";
    let reason = match name {
        "new.key" => format!("{both} {both}"),
        _ => old.to_owned(),
    };
    format!("{name}\": PEM_read_bio_PrivateKey() failed (SSL: {reason})")
}

/// A site whose folder has the keys, and files of passwords.
fn site() -> Site {
    let site = Site::new();
    for (name, text) in KEYS.iter().chain(&[
        ("enc.crt", CERTIFICATE),
        ("passwords", "wrong\nright\r\n"),
        ("others", "wrong\n"),
    ]) {
        std::fs::write(site.path(&format!("conf/{name}")), text).unwrap();
    }
    site
}

#[test]
fn passwords_open_keys_for_upstreams() {
    let behind = Behind::new();
    let _running = behind.start("ssl_verify_client optional_no_ca; return 200 $ssl_client_s_dn;");
    let site = site();
    for (name, _) in KEYS {
        let serve_with = |file: &str| {
            let lines = format!(
                "proxy_ssl_certificate enc.crt; proxy_ssl_certificate_key {name}; proxy_ssl_password_file {file};"
            );
            serve(&site, "", &[behind.front(&lines)]);
        };
        serve_with("passwords");
        let running = site.start();
        assert_eq!(site.get("/"), "CN=a.test");
        drop(running);
        serve_with("others");
        let output = site.run(&["-t"]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(
            told.contains(&refused(name, "maybe wrong password")),
            "{told}"
        );
    }
}

#[test]
fn a_key_that_depends_on_the_request_opens_or_ends_it() {
    let behind = Behind::new();
    let _running = behind.start("ssl_verify_client optional_no_ca; return 200 $ssl_client_s_dn;");
    let site = site();
    for (file, last) in [
        ("proxy_ssl_password_file passwords;", None),
        (
            "proxy_ssl_password_file others;",
            Some("maybe wrong password"),
        ),
        ("", Some("empty password")),
    ] {
        let lines =
            format!("proxy_ssl_certificate enc.crt; proxy_ssl_certificate_key $arg_key; {file}");
        serve(&site, "", &[behind.front(&lines)]);
        for (name, _) in KEYS {
            let mut running = site.start();
            let answer = site.get(&format!("/?key={name}"));
            match last {
                None => assert_eq!(answer, "CN=a.test"),
                Some(last) => {
                    assert!(answer.contains("500 Internal Server Error"), "{answer}");
                    running.expect(&refused(name, last));
                }
            }
        }
    }
}

#[test]
fn commands_of_openssl_are_obeyed_to_upstreams() {
    let behind = Behind::new();
    let _running = behind.start("return 200 '$ssl_protocol $ssl_cipher $ssl_curve';");
    let site = Site::new();
    for (commands, expected) in [
        (
            "proxy_ssl_conf_command Groups P-384; proxy_ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;",
            "TLSv1.3 TLS_AES_128_GCM_SHA256 secp384r1",
        ),
        (
            "proxy_ssl_conf_command Protocol -TLSv1.3; proxy_ssl_conf_command Curves P-256;
             proxy_ssl_conf_command CipherString ECDHE-ECDSA-CHACHA20-POLY1305;",
            "TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305 prime256v1",
        ),
    ] {
        serve(&site, "", &[behind.front(commands)]);
        let _running = site.start();
        assert_eq!(site.get("/"), expected, "{commands}");
    }
}
