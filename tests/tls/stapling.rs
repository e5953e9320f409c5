//! OCSP responses that are shown with certificates.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};

use super::client::{Client, Identity};
use super::site::Site;
use super::{serve, server};

/// The shortest response: try later.
const RESPONSE: &[u8] = &[0x30, 3, 0x0a, 1, 3];

#[test]
fn a_response_from_a_file_is_shown() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    std::fs::write(site.path("conf/a.ocsp"), RESPONSE).unwrap();
    let rest = "ssl_stapling on; ssl_stapling_file a.ocsp;";
    serve(&site, "", &[server(&own, rest)]);
    let running = site.start();
    assert_eq!(Client::new(&[&own]).stapled(&site, "a.test"), RESPONSE);
    drop(running);
    std::fs::write(site.path("conf/a.ocsp"), "none").unwrap();
    let output = site.run(&["-t"]);
    let told = String::from_utf8(output.stderr).unwrap();
    let words = site.fill("d2i_OCSP_RESPONSE_bio(\"PREFIX/conf/a.ocsp\") failed (SSL: error:");
    assert!(told.contains(&words), "{told}");
}

#[test]
fn nobody_is_asked_about_certificates_that_do_not_say_whom() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    serve(&site, "", &[server(&own, "ssl_stapling on;")]);
    let output = site.run(&["-t"]);
    assert!(output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    let words = "\"ssl_stapling\" ignored, issuer certificate not found for certificate \"PREFIX/conf/a.test.crt\"";
    assert!(told.contains(&site.fill(words)), "{told}");
    let rest = "ssl_stapling on; ssl_trusted_certificate a.test.crt;";
    serve(&site, "", &[server(&own, rest)]);
    let output = site.run(&["-t"]);
    let told = String::from_utf8(output.stderr).unwrap();
    let words = "\"ssl_stapling\" ignored, no OCSP responder URL in the certificate \"PREFIX/conf/a.test.crt\"";
    assert!(told.contains(&site.fill(words)), "{told}");
}

#[test]
fn responders_are_asked_once_for_all_and_not_believed() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    let responder = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = responder.local_addr().unwrap();
    let rest = format!(
        "ssl_stapling on; ssl_trusted_certificate a.test.crt; ssl_stapling_responder http://{place}/x;"
    );
    serve(&site, "", &[server(&own, &rest)]);
    let mut running = site.start();
    let client = Client::new(&[&own]);
    assert_eq!(client.stapled(&site, "a.test"), b"");
    let (mut asked, _) = responder.accept().unwrap();
    assert_eq!(client.stapled(&site, "a.test"), b"");
    let mut question = [0; 4096];
    let length = asked.read(&mut question).unwrap();
    let question = String::from_utf8(question[..length].to_vec()).unwrap();
    assert!(question.starts_with("GET /x/MF"), "{question}");
    assert!(
        question.ends_with(" HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"),
        "{question}"
    );
    asked.write_all(b"HTTP/1.0 200 OK\r\n\r\n").unwrap();
    asked.write_all(RESPONSE).unwrap();
    drop(asked);
    let words = format!(
        "OCSP response not successful (3: trylater) while requesting certificate status, responder: 127.0.0.1, peer: {place}, certificate: \"PREFIX/conf/a.test.crt\""
    );
    running.expect(&site.fill(&words));
    responder.set_nonblocking(true).unwrap();
    assert_eq!(client.stapled(&site, "a.test"), b"");
    assert!(responder.accept().is_err());
}

/// Waits for a question about addresses of IPv4 and answers it.
fn answer(names: &UdpSocket, rcode: u8, records: &[u8]) {
    let mut message = [0; 512];
    let (length, from) = names.recv_from(&mut message).unwrap();
    message[2] = 0x81;
    message[3] = 0x80 | rcode;
    message[7] = u8::from(!records.is_empty());
    let answer = [&message[..length], records].concat();
    names.send_to(&answer, from).unwrap();
}

#[test]
fn responders_are_looked_up_where_a_resolver_is_set() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    let names = UdpSocket::bind("127.0.0.1:0").unwrap();
    let responder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = responder.local_addr().unwrap().port();
    let rest = format!(
        "ssl_stapling on; ssl_trusted_certificate a.test.crt; ssl_stapling_responder http://localhost:{port}/x;
         resolver {} ipv6=off;",
        names.local_addr().unwrap()
    );
    serve(&site, "", &[server(&own, &rest)]);
    let running = site.start();
    assert_eq!(Client::new(&[&own]).stapled(&site, "a.test"), b"");
    // The name's place in the question, and 127.0.0.1 for a minute.
    answer(
        &names,
        0,
        b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01",
    );
    let (mut asked, _) = responder.accept().unwrap();
    let mut question = [0; 4096];
    let length = asked.read(&mut question).unwrap();
    let question = String::from_utf8(question[..length].to_vec()).unwrap();
    assert!(question.contains("Host: localhost\r\n"), "{question}");
    drop(running);
    let mut running = site.start();
    assert_eq!(Client::new(&[&own]).stapled(&site, "a.test"), b"");
    answer(&names, 3, b"");
    let words = "localhost could not be resolved (3: Host not found) while requesting certificate status, responder: localhost, certificate: \"PREFIX/conf/a.test.crt\"";
    running.expect(&site.fill(words));
}
