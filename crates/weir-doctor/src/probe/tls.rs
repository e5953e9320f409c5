//! Whether somebody speaks TLS, and what to.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme,
};

use super::PATIENCE;
use super::socket::{Patient, Target};

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
    let target = Target::Tcp(address);
    let mut stream = Patient::connect(&target, PATIENCE)?;
    open(&mut stream, &target, name).map(drop)
}

/// Shakes hands over a connection that stands; any certificate will do.
pub(super) fn open(
    stream: &mut Patient,
    target: &Target,
    name: Option<&str>,
) -> io::Result<ClientConnection> {
    let provider = Arc::new(provider());
    let verifier = Arc::new(TakesAll(provider.clone()));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let mut connection =
        ClientConnection::new(Arc::new(config), told(target, name)).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        let (read, written) = connection.complete_io(stream)?;
        if read + written == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(connection)
}

/// The name that is told; an address is told to nobody.
fn told(target: &Target, name: Option<&str>) -> ServerName<'static> {
    match name.map(|name| ServerName::try_from(name.to_owned())) {
        Some(Ok(name)) => name,
        Some(Err(_)) | None => ServerName::IpAddress(match target {
            Target::Tcp(address) => address.ip().into(),
            Target::Unix(_) => IpAddr::from([127, 0, 0, 1]).into(),
        }),
    }
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
