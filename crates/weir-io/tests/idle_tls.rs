//! What TLS says on connections to upstreams that idle.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, ServerConfig, ServerConnection, SignatureScheme,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use weir_io::stream::Stream;

/// Lets anybody pass.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

fn client() -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = builder.dangerous();
    let config = builder.with_custom_certificate_verifier(Arc::new(Anybody));
    Arc::new(config.with_no_client_auth())
}

fn server() -> ServerConnection {
    let made = rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).expect("made");
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::from(key))
        .expect("a certificate");
    ServerConnection::new(Arc::new(config)).expect("a connection")
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
    stream.begin_tls_to(client(), name).expect("a handshake");
    let mut server = server();
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
