//! Whether somebody speaks TLS, and what to.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme,
};

use super::PATIENCE;

/// What came of a greeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// There is TLS.
    Spoken,
    /// TLS is spoken, and this greeting refused: the alert's name.
    Refused(String),
    /// Something else was said.
    NotTls,
    /// Nothing was said, or the connection ended.
    Silent(String),
}

/// Greets whoever listens there, with this name or without one. No certificate is looked at.
pub fn greet(address: SocketAddr, name: Option<&str>) -> Greeting {
    match attempt(address, name) {
        Ok(()) => Greeting::Spoken,
        Err(error) => of_error(&error),
    }
}

fn of_error(error: &io::Error) -> Greeting {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::AlertReceived(AlertDescription::CloseNotify)) | None => {
            Greeting::Silent(error.to_string())
        }
        Some(Error::AlertReceived(alert)) => Greeting::Refused(format!("{alert:?}")),
        Some(Error::InvalidMessage(_)) => Greeting::NotTls,
        Some(other) => Greeting::Refused(other.to_string()),
    }
}

fn attempt(address: SocketAddr, name: Option<&str>) -> io::Result<()> {
    let provider = Arc::new(provider());
    let verifier = Arc::new(TakesAll(provider.clone()));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    // An address is told to nobody.
    let told = match name.map(|name| ServerName::try_from(name.to_owned())) {
        Some(Ok(name)) => name,
        Some(Err(_)) | None => ServerName::IpAddress(address.ip().into()),
    };
    let mut connection = ClientConnection::new(Arc::new(config), told).map_err(io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    while connection.is_handshaking() {
        let (read, written) = connection.complete_io(&mut stream)?;
        if read + written == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

#[cfg(feature = "aws-lc-rs")]
fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

#[cfg(not(feature = "aws-lc-rs"))]
fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

/// Takes any certificate: only whether TLS is spoken is asked, nothing is said after the handshake.
#[derive(Debug)]
struct TakesAll(Arc<CryptoProvider>);

impl ServerCertVerifier for TakesAll {
    fn verify_server_cert(
        &self,
        _own: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _own: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _own: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// What is made of a server that says this to a greeting.
    fn said(bytes: &'static [u8]) -> Greeting {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|fault| panic!("{fault}"));
        let address = listener
            .local_addr()
            .unwrap_or_else(|fault| panic!("{fault}"));
        let server = std::thread::spawn(move || -> io::Result<()> {
            let (mut stream, _) = listener.accept()?;
            let mut greeting = [0; 4096];
            let _length = stream.read(&mut greeting)?;
            stream.write_all(bytes)
        });
        let greeting = greet(address, Some("a.test"));
        let served = server.join();
        assert!(served.is_ok_and(|served| served.is_ok()));
        greeting
    }

    #[test]
    fn what_is_said_tells_who_speaks_tls() {
        assert_eq!(said(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Greeting::NotTls);
        assert_eq!(
            said(b"\x15\x03\x03\x00\x02\x02\x70"),
            Greeting::Refused("UnrecognisedName".to_owned())
        );
        assert!(matches!(said(b""), Greeting::Silent(_)));
    }
}
