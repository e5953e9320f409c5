//! Signatures in handshakes: whether a peer has the key of the certificate that it shows. Whether that is to be
//! trusted is asked once the handshake is over, as nginx does (`ngx_ssl_verify_callback` lets everything pass).

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, SignatureVerificationAlgorithm, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved,
    SignatureScheme,
};

use crate::x509::Certificate;

/// Lets whoever shows a certificate pass that has its key.
#[derive(Debug)]
pub(crate) struct Signatures {
    algorithms: WebPkiSupportedAlgorithms,
    /// Names that clients are told who are asked for a certificate.
    hints: Vec<DistinguishedName>,
}

const BAD_ENCODING: Error = Error::InvalidCertificate(CertificateError::BadEncoding);

impl Signatures {
    /// Those of servers.
    pub(crate) fn of_servers(algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self::of_clients(algorithms, Vec::new())
    }

    /// Those of clients, who are told the names in `hints`.
    pub(crate) fn of_clients(
        algorithms: WebPkiSupportedAlgorithms,
        hints: Vec<DistinguishedName>,
    ) -> Self {
        Self { algorithms, hints }
    }

    /// Whether the peer has the certificate's key.
    fn verify(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
        version: Version,
    ) -> Result<HandshakeSignatureValid, Error> {
        let certificate = Certificate::read(certificate).ok_or(BAD_ENCODING)?;
        let mut algorithms = self.algorithms_of(signed.scheme, version)?.iter();
        let verified = algorithms.any(|algorithm| {
            algorithm.public_key_alg_id().as_ref() == certificate.key_algorithm()
                && algorithm
                    .verify_signature(certificate.key_bits(), message, signed.signature())
                    .is_ok()
        });
        match verified {
            true => Ok(HandshakeSignatureValid::assertion()),
            false => Err(CertificateError::BadSignature.into()),
        }
    }

    /// What a scheme may mean.
    fn algorithms_of(
        &self,
        scheme: SignatureScheme,
        version: Version,
    ) -> Result<&[&'static dyn SignatureVerificationAlgorithm], Error> {
        let of_old = matches!(
            scheme,
            SignatureScheme::RSA_PKCS1_SHA256
                | SignatureScheme::RSA_PKCS1_SHA384
                | SignatureScheme::RSA_PKCS1_SHA512
        );
        let known = self.algorithms.mapping.iter();
        let mut known = known.filter(|(known, _)| *known == scheme);
        match (known.next(), version) {
            (Some((_, algorithms)), Version::Tls12) => Ok(algorithms),
            // It ties a scheme to a curve, which stands first.
            (Some((_, algorithms)), Version::Tls13) if !of_old => {
                Ok(&algorithms[..algorithms.len().min(1)])
            }
            (Some(_) | None, _) => {
                Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into())
            }
        }
    }
}

/// By whose rules a handshake is signed.
#[derive(Clone, Copy)]
enum Version {
    Tls12,
    Tls13,
}

impl ServerCertVerifier for Signatures {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Certificate::read(end_entity).ok_or(BAD_ENCODING)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, cert, dss, Version::Tls12)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, cert, dss, Version::Tls13)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Clients are asked, and need not have a certificate: requests are answered without one.
impl ClientCertVerifier for Signatures {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Certificate::read(end_entity).ok_or(BAD_ENCODING)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, cert, dss, Version::Tls12)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, cert, dss, Version::Tls13)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
