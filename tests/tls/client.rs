//! Certificates made for a test, and a client that speaks TLS and remembers sessions.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::compress::CertDecompressor;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, HandshakeKind, RootCertStore,
    SignatureScheme, StreamOwned, SupportedCipherSuite, SupportedProtocolVersion,
};

use crate::site::Site;

/// A server's certificate and key, in files of a site.
pub(crate) struct Identity {
    pub(crate) der: CertificateDer<'static>,
    name: String,
}

impl Identity {
    /// Makes one for `host`, with a key on P-256.
    pub(crate) fn new(site: &Site, host: &str) -> Self {
        let made = generate_simple_self_signed([host.to_owned()]).unwrap();
        Self::keep(site, host, made)
    }

    /// Another for the same host, with a key of its own.
    pub(crate) fn with_rsa(site: &Site, host: &str) -> Self {
        let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let parameters = rcgen::CertificateParams::new([host.to_owned()]).unwrap();
        let cert = parameters.self_signed(&key).unwrap();
        let made = CertifiedKey {
            cert,
            signing_key: key,
        };
        Self::keep(site, &format!("{host}.rsa"), made)
    }

    fn keep(site: &Site, name: &str, made: CertifiedKey<KeyPair>) -> Self {
        let write = |ending: &str, text: String| {
            std::fs::write(site.path(&format!("conf/{name}.{ending}")), text).unwrap();
        };
        write("crt", made.cert.pem());
        write("key", made.signing_key.serialize_pem());
        Self {
            der: made.cert.der().clone(),
            name: name.to_owned(),
        }
    }

    /// The directives that show it.
    pub(crate) fn lines(&self) -> String {
        let name = &self.name;
        format!("ssl_certificate {name}.crt; ssl_certificate_key {name}.key;")
    }
}

/// A client that trusts these servers.
pub(crate) struct Client {
    config: Arc<ClientConfig>,
}

/// An encrypted connection.
pub(crate) type Encrypted = StreamOwned<ClientConnection, TcpStream>;

impl Client {
    pub(crate) fn new(trusted: &[&Identity]) -> Self {
        Self::speaking(trusted, rustls::ALL_VERSIONS)
    }

    pub(crate) fn speaking(
        trusted: &[&Identity],
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        Self::of(trusted, versions, default_provider())
    }

    /// One that speaks TLS 1.2 with this suite only.
    pub(crate) fn with_suite(trusted: &[&Identity], suite: SupportedCipherSuite) -> Self {
        let mut provider = default_provider();
        provider.cipher_suites = vec![suite];
        Self::of(trusted, &[&TLS12], provider)
    }

    /// One that shows this chain, by TLS 1.3.
    pub(crate) fn showing(
        trusted: &[&Identity],
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Self {
        let own = Self::speaking(trusted, &[&TLS13]);
        let mut config = Arc::unwrap_or_clone(own.config);
        let signing = default_provider()
            .key_provider
            .load_private_key(key)
            .unwrap();
        let shown = rustls::sign::CertifiedKey::new(chain, signing);
        config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(shown));
        Self {
            config: Arc::new(config),
        }
    }

    /// One that takes compressed certificates, by TLS 1.3, and remembers no sessions.
    pub(crate) fn decompressing(trusted: &[&Identity], by: &'static dyn CertDecompressor) -> Self {
        let own = Self::speaking(trusted, &[&TLS13]);
        let mut config = Arc::unwrap_or_clone(own.config);
        config.cert_decompressors = vec![by];
        config.resumption = Resumption::disabled();
        Self {
            config: Arc::new(config),
        }
    }

    /// The same that sends early data where it may, and speaks these protocols inside.
    pub(crate) fn with_early_data(self, protocols: &[&[u8]]) -> Self {
        let mut config = Arc::unwrap_or_clone(self.config);
        config.enable_early_data = true;
        config.alpn_protocols = protocols.iter().map(|one| one.to_vec()).collect();
        Self {
            config: Arc::new(config),
        }
    }

    fn of(
        trusted: &[&Identity],
        versions: &[&'static SupportedProtocolVersion],
        provider: CryptoProvider,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        for identity in trusted {
            roots.add(identity.der.clone()).unwrap();
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::in_memory_sessions(32);
        Self {
            config: Arc::new(config),
        }
    }

    /// Connects to `site` as to `host`, without a word yet.
    pub(crate) fn connect(&self, site: &Site, host: &str) -> Encrypted {
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let conn = ClientConnection::new(self.config.clone(), name).unwrap();
        StreamOwned::new(conn, site.connect())
    }

    /// Shakes hands; the certificate that was shown.
    pub(crate) fn shown(&self, site: &Site, host: &str) -> io::Result<CertificateDer<'static>> {
        let mut stream = self.connect(site, host);
        stream.conn.complete_io(&mut stream.sock)?;
        let shown = stream.conn.peer_certificates().unwrap();
        Ok(shown[0].clone())
    }

    /// The OCSP response that comes with the certificate of `host`.
    pub(crate) fn stapled(&self, site: &Site, host: &str) -> Vec<u8> {
        let seen = Arc::new(Seen::default());
        let mut config = ClientConfig::clone(&self.config);
        config.dangerous().set_certificate_verifier(seen.clone());
        let own = Self {
            config: Arc::new(config),
        };
        own.shown(site, host).unwrap();
        seen.0.lock().unwrap().clone()
    }

    /// The whole answer to a request without keep-alive, and how the handshake went.
    pub(crate) fn get(&self, site: &Site, host: &str, path: &str) -> (String, HandshakeKind) {
        let mut stream = self.connect(site, host);
        ask(&mut stream, host, path, "close");
        let mut text = String::new();
        // An end without close_notify is an error here.
        stream.read_to_string(&mut text).unwrap();
        (text, stream.conn.handshake_kind().unwrap())
    }
}

/// Trusts everybody, and keeps the OCSP response.
#[derive(Debug, Default)]
struct Seen(Mutex<Vec<u8>>);

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        response: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.0.lock().unwrap() = response.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Sends a request.
pub(crate) fn ask(stream: &mut impl Write, host: &str, path: &str, connection: &str) {
    let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
}

/// Reads one answer that says its length, as its body.
pub(crate) fn read_body(stream: &mut impl Read) -> Vec<u8> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let (_, rest) = head.split_once("\r\nContent-Length: ").unwrap();
    let length: u64 = rest.lines().next().unwrap().parse().unwrap();
    let mut body = Vec::new();
    stream.take(length).read_to_end(&mut body).unwrap();
    body
}
