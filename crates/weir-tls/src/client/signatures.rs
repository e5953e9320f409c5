//! Signatures in handshakes, by whatever certificate the server shows: whether that is to be trusted is asked
//! once the handshake is over, as nginx does (`ngx_ssl_verify_callback` lets everything pass).

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme};

use crate::client::x509;

/// Checks that who shakes hands has the key of the certificate that it shows.
#[derive(Debug)]
pub(crate) struct Signatures(pub(crate) WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Signatures {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // Without a key to find there is nothing to check.
        x509::public_key(end_entity).ok_or(BAD_ENCODING)?;
        Ok(ServerCertVerified::assertion())
    }

    /// In TLS 1.2 a scheme does not say which curve a key is on.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = x509::public_key(cert).ok_or(BAD_ENCODING)?;
        let known = self.0.mapping.iter();
        let mut algorithms = known
            .filter(|(scheme, _)| *scheme == dss.scheme)
            .flat_map(|(_, algorithms)| algorithms.iter())
            .filter(|algorithm| algorithm.public_key_alg_id().as_ref() == key.algorithm);
        let algorithm = algorithms
            .next()
            .ok_or(PeerIncompatible::NoSignatureSchemesInCommon)?;
        match algorithm.verify_signature(key.bits, message, dss.signature()) {
            Ok(()) => Ok(HandshakeSignatureValid::assertion()),
            Err(_) => Err(CertificateError::BadSignature.into()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = x509::public_key(cert).ok_or(BAD_ENCODING)?;
        let key = SubjectPublicKeyInfoDer::from(key.whole);
        verify_tls13_signature_with_raw_key(message, &key, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

const BAD_ENCODING: Error = Error::InvalidCertificate(CertificateError::BadEncoding);
