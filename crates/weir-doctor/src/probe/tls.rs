//! Whether somebody speaks TLS, and what to.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

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
    let mut stream = Patient::new(TcpStream::connect_timeout(&address, PATIENCE)?, PATIENCE);
    while connection.is_handshaking() {
        let (read, written) = connection.complete_io(&mut stream)?;
        if read + written == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// A connection with one clock over all that is read and written: one per read would let who sends a byte now and then hold
/// the doctor for hours.
struct Patient {
    stream: TcpStream,
    begun: Instant,
    patience: Duration,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a probe is no request: no worker's clock runs here"
)]
impl Patient {
    fn new(stream: TcpStream, patience: Duration) -> Self {
        Self {
            stream,
            begun: Instant::now(),
            patience,
        }
    }

    fn left(&self) -> io::Result<Duration> {
        match self.patience.saturating_sub(self.begun.elapsed()) {
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            left => Ok(left),
        }
    }
}

impl Read for Patient {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(into).map_err(in_time)
    }
}

impl Write for Patient {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(from).map_err(in_time)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// A socket's time-out, which the system calls "Resource temporarily unavailable", by its name.
fn in_time(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
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

    #[test]
    fn one_clock_runs_over_all_that_is_read() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        let (mut server, _) = listener.accept()?;
        server.write_all(b"ab")?;
        let mut patient = Patient::new(stream, Duration::from_secs(3600));
        let mut byte = [0];
        assert_eq!(patient.read(&mut byte)?, 1);
        // What still comes is too late, however soon after the last byte.
        patient.patience = Duration::ZERO;
        let late = patient.read(&mut byte).map_err(|error| error.kind());
        assert_eq!(late, Err(io::ErrorKind::TimedOut));
        Ok(())
    }

    #[test]
    fn who_says_nothing_in_time_is_silent() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        let mut patient = Patient::new(stream, Duration::from_millis(1));
        let waited = patient.read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(waited, Err(io::ErrorKind::TimedOut));
        Ok(())
    }
}
