//! What TLS says on connections to upstreams that idle.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use weir_io::stream::Stream;

/// Both ends, and the client trusts the server.
fn ends() -> (Arc<ClientConfig>, ServerConnection) {
    let made = rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).expect("made");
    let shown = made.cert.der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(shown.clone()).expect("a certificate");
    let client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![shown], PrivateKeyDer::from(key))
        .expect("a certificate");
    let server = ServerConnection::new(Arc::new(server)).expect("a connection");
    (Arc::new(client), server)
}

/// What the server has to say now.
fn said(server: &mut ServerConnection) -> Vec<u8> {
    let mut out = Vec::new();
    while server.wants_write() {
        server.write_tls(&mut out).expect("memory");
    }
    out
}

async fn hear(server: &mut ServerConnection, socket: &mut DuplexStream) {
    let mut buffer = [0; 4096];
    let count = socket.read(&mut buffer).await.expect("bytes");
    let mut received = &buffer[..count];
    while !received.is_empty() {
        server.read_tls(&mut received).expect("room");
        server.process_new_packets().expect("TLS");
    }
}

/// An idle connection stays good for the next request whatever TLS itself says on it, until its end.
#[tokio::test]
async fn tickets_leave_a_connection_quiet() {
    let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
    let mut stream = Stream::Memory(ours);
    let name = ServerName::try_from("a.test").expect("a name");
    let (client, mut server) = ends();
    stream.begin_tls_to(client, name).expect("a handshake");
    let shake = poll_fn(|cx| match stream.tls_mut() {
        Some(tls) => tls.poll_handshake(cx),
        None => Poll::Pending,
    });
    let answer = async {
        hear(&mut server, &mut theirs).await;
        let flight = said(&mut server);
        theirs.write_all(&flight).await.expect("room");
        hear(&mut server, &mut theirs).await;
    };
    let (shaken, ()) = tokio::join!(shake, answer);
    assert!(shaken.is_ok());
    let tickets = said(&mut server);
    assert!(!tickets.is_empty() && !server.is_handshaking());
    assert!(stream.is_quiet());
    let (first, rest) = tickets.split_at(20);
    theirs.write_all(first).await.expect("room");
    assert!(stream.is_quiet(), "part of a ticket");
    theirs.write_all(rest).await.expect("room");
    assert!(stream.is_quiet(), "a ticket");
    server.send_close_notify();
    let farewell = said(&mut server);
    theirs.write_all(&farewell).await.expect("room");
    assert!(!stream.is_quiet(), "the end");
}
