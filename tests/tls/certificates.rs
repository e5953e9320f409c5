//! Clients that show certificates.

use std::io::Read as _;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    DistinguishedName, DnType, IsCa, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use rustls::HandshakeKind;

use super::client::{Client, Identity, ask};
use super::site::Site;
use super::{serve, server};

type Ca = CertifiedIssuer<'static, KeyPair>;

fn parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::new([]).unwrap();
    parameters.distinguished_name = DistinguishedName::new();
    parameters
        .distinguished_name
        .push(DnType::OrganizationName, "Some, Inc");
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.serial_number = Some(SerialNumber::from(0xab));
    parameters
}

fn ca(site: &Site, name: &str) -> Ca {
    let mut parameters = parameters(name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let made = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(site.path(&format!("conf/{name}.crt")), made.pem()).unwrap();
    made
}

fn client(site: &Site, trusted: &Identity, name: &str, issuer: &Ca) -> Client {
    let key = KeyPair::generate().unwrap();
    let made = parameters(name).signed_by(&key, issuer).unwrap();
    std::fs::write(site.path(&format!("conf/{name}.pem")), made.pem()).unwrap();
    Client::showing(&[trusted], vec![made.der().clone()], key.into())
}

#[test]
fn clients_show_certificates_of_those_who_are_trusted() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    let trusted = ca(&site, "trusted");
    let known = client(&site, &own, "known", &trusted);
    let unknown = client(&site, &own, "unknown", &ca(&site, "other"));
    let without = Client::new(&[&own]);
    let rest = "server_name a.test;
        ssl_verify_client on; ssl_client_certificate trusted.crt;
        return 200 '$ssl_client_verify|$ssl_client_s_dn|$ssl_client_i_dn_legacy|$ssl_client_serial|$ssl_client_v_remain';";
    serve(&site, "", &[server(&own, rest)]);
    let mut running = site.start();
    let (answer, kind) = known.get(&site, "a.test", "/");
    let shown = r"SUCCESS|CN=known,O=Some\, Inc|/O=Some, Inc/CN=trusted|AB|";
    assert!(answer.contains(shown), "{answer}");
    assert_eq!(kind, HandshakeKind::Full);
    // The session remembers the certificate.
    let (answer, kind) = known.get(&site, "a.test", "/");
    assert!(answer.contains(shown), "{answer}");
    assert_eq!(kind, HandshakeKind::Resumed);
    let (answer, _) = unknown.get(&site, "a.test", "/");
    assert!(
        answer.contains("<center>The SSL certificate error</center>"),
        "{answer}"
    );
    running.expect("client SSL certificate verify error: (21:unable to verify the first certificate) while reading client request headers, client: 127.0.0.1, server: a.test, request: \"GET / HTTP/1.1\", host: \"a.test\"");
    let (answer, _) = without.get(&site, "a.test", "/");
    assert!(
        answer.contains("<center>No required SSL certificate was sent</center>"),
        "{answer}"
    );
    running.expect("client sent no required SSL certificate while reading client request headers");
    let log = site.read("logs/access.log");
    assert_eq!(log.matches("\" 400 ").count(), 2, "{log}");
    drop(running);
    serve(
        &site,
        "",
        &[server(
            &own,
            &rest.replace("client on", "client optional_no_ca"),
        )],
    );
    let _running = site.start();
    let (answer, _) = unknown.get(&site, "a.test", "/");
    let shown = "FAILED:unable to verify the first certificate|CN=unknown";
    assert!(answer.contains(shown), "{answer}");
    let (answer, _) = without.get(&site, "a.test", "/");
    assert!(answer.ends_with("NONE||||"), "{answer}");
}

#[test]
fn sessions_without_a_certificate_are_worth_none_where_one_is_asked_for() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    ca(&site, "trusted");
    let client = Client::new(&[&own]);
    let rest = "ssl_session_cache shared:s:1m; return 200 let;";
    serve(&site, "", &[server(&own, rest)]);
    let mut running = site.start();
    client.get(&site, "a.test", "/");
    let rest = format!("ssl_verify_client optional; ssl_client_certificate trusted.crt; {rest}");
    serve(&site, "", &[server(&own, &rest)]);
    running.reload();
    let (_, kind) = client.get(&site, "a.test", "/");
    assert_eq!(kind, HandshakeKind::Full);
    let (_, kind) = client.get(&site, "a.test", "/");
    assert_eq!(kind, HandshakeKind::Resumed);
}

#[test]
fn revoked_certificates_are_refused() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    let trusted = ca(&site, "trusted");
    let revoked = client(&site, &own, "revoked", &trusted);
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2025, 1, 1),
        next_update: date_time_ymd(2125, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from(0xab),
            revocation_time: date_time_ymd(2025, 1, 1),
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = list.signed_by(&trusted).unwrap();
    std::fs::write(site.path("conf/trusted.crl"), list.pem().unwrap()).unwrap();
    let rest = "ssl_verify_client on; ssl_trusted_certificate trusted.crt; ssl_crl trusted.crl;
        error_page 495 = /why; location /why { return 200 '$status $ssl_client_verify'; }";
    serve(&site, "", &[server(&own, rest)]);
    let _running = site.start();
    let (answer, _) = revoked.get(&site, "a.test", "/");
    assert!(
        answer.ends_with("200 FAILED:certificate revoked"),
        "{answer}"
    );
    std::fs::write(site.path("conf/trusted.crl"), "").unwrap();
    let output = site.run(&["-t"]);
    let told = String::from_utf8(output.stderr).unwrap();
    let words = "cannot load CRL \"PREFIX/conf/trusted.crl\": PEM_read_bio_X509_CRL() failed (SSL: error:0480006C:PEM routines::no start line:Expecting: X509 CRL)";
    assert!(told.contains(&site.fill(words)), "{told}");
}

#[test]
fn a_host_that_asks_for_certificates_is_not_had_by_another_name() {
    let site = Site::new();
    let [open, closed] = ["open.test", "closed.test"].map(|host| Identity::new(&site, host));
    ca(&site, "trusted");
    let asks = "server_name closed.test; ssl_verify_client optional;
        ssl_client_certificate trusted.crt; return 200 secret;";
    serve(
        &site,
        "",
        &[
            server(&open, "server_name open.test; return 200 open;"),
            server(&closed, asks),
        ],
    );
    let mut running = site.start();
    let client = Client::new(&[&open, &closed]);
    let get = |name: &str, host: &str| {
        let mut stream = client.connect(&site, name);
        ask(&mut stream, host, "/", "close");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(get("closed.test", "closed.test").ends_with("secret"));
    assert!(get("closed.test", "open.test").ends_with("open"));
    let answer = get("open.test", "closed.test");
    assert!(
        answer.starts_with("HTTP/1.1 421 Misdirected Request\r\n"),
        "{answer}"
    );
    running.expect("client attempted to request the server name different from the one that was negotiated while reading client request headers, client: 127.0.0.1, server: open.test, request: \"GET / HTTP/1.1\", host: \"closed.test\"");
}
