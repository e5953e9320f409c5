//! Certificates of clients: who is asked for one, and what it is worth (`ngx_ssl_client_certificate`).

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved,
    SignatureScheme,
};
use sha1::{Digest as _, Sha1};
use weir_conf::{ServerTls, VerifyClient};

use crate::authorities::{load_authorities, load_revoked};
use crate::certificate::CertificateFault;
use crate::verify::{Peer, Trust};
use crate::verify_fault::VerifyFault;
use crate::x509::Certificate;

/// Whom a server asks for a certificate, and whom it trusts.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    pub(crate) trust: Arc<Trust>,
    /// Names that clients are told.
    hints: Vec<DistinguishedName>,
    asks: bool,
}

/// A client's certificate.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// What stands in it.
    pub certificate: Arc<Certificate>,
    /// What is wrong with it.
    pub fault: Option<VerifyFault>,
}

impl Clients {
    pub(crate) fn load(
        tls: &ServerTls,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Result<Self, CertificateFault> {
        let asks = tls.ssl_verify_client != VerifyClient::Off;
        let load = |path: &Option<std::path::PathBuf>| match path {
            Some(path) => load_authorities(path),
            None => Ok(Vec::new()),
        };
        let mut trusted = match asks {
            true => load(&tls.ssl_client_certificate)?,
            false => Vec::new(),
        };
        let mut hints: Vec<DistinguishedName> = Vec::new();
        for one in &trusted {
            let name = one.subject_der();
            if hints.iter().all(|known| known.as_ref() != name) {
                hints.push(name.to_vec().into());
            }
        }
        trusted.extend(load(&tls.ssl_trusted_certificate)?);
        let revoked = tls.ssl_crl.as_deref().map(load_revoked).transpose()?;
        Ok(Self {
            trust: Arc::new(Trust {
                trusted,
                revoked,
                depth: tls.ssl_verify_depth,
                peer: Peer::Client,
                algorithms,
            }),
            hints,
            asks,
        })
    }

    /// What asks clients, if they are.
    pub(crate) fn verifier(&self) -> Option<Arc<dyn ClientCertVerifier>> {
        self.asks.then(|| -> Arc<dyn ClientCertVerifier> {
            Arc::new(Asking {
                hints: self.hints.clone(),
                algorithms: self.trust.algorithms,
            })
        })
    }

    /// The same for servers that ask for the same: sessions are good where it is the same
    /// (`ngx_ssl_session_id_context`).
    pub(crate) fn context(&self) -> [u8; 8] {
        let mut digest = Sha1::new();
        digest.update([u8::from(self.asks)]);
        for one in self
            .asks
            .then_some(&self.trust.trusted)
            .into_iter()
            .flatten()
        {
            digest.update(one.der());
        }
        let digest = digest.finalize();
        digest.first_chunk().copied().unwrap_or_default()
    }
}

impl ClientCertificate {
    /// What a client has shown, verified; `now` is in seconds since 1970.
    pub(crate) fn verified(trust: &Trust, sent: &[CertificateDer<'_>], now: i64) -> Option<Self> {
        let certificate = Arc::new(Certificate::read(sent.first()?)?);
        let others = sent[1..].iter();
        let others = others.filter_map(|der| Certificate::read(der).map(Arc::new));
        let fault = trust.verify_read(certificate.clone(), others.collect(), now);
        Some(Self {
            certificate,
            fault: fault.err(),
        })
    }
}

/// Asks clients, and takes whatever they show if it is theirs: what it is worth is found out behind the
/// handshake, so that requests are answered and log lines name the client.
#[derive(Debug)]
struct Asking {
    hints: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Asking {
    /// Whether the client has the certificate's key; `newest`: by the rules of TLS 1.3.
    fn verify(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
        newest: bool,
    ) -> Result<HandshakeSignatureValid, Error> {
        let unknown = || PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into();
        let old = matches!(
            signed.scheme,
            SignatureScheme::RSA_PKCS1_SHA256
                | SignatureScheme::RSA_PKCS1_SHA384
                | SignatureScheme::RSA_PKCS1_SHA512
        );
        let known = self.algorithms.mapping.iter();
        let mut known = known.filter(|(scheme, _)| *scheme == signed.scheme);
        let (_, algorithms) = known.next().ok_or_else(unknown)?;
        if newest && old {
            return Err(unknown());
        }
        // TLS 1.3 ties a scheme to a curve, which stands first.
        let count = if newest { 1 } else { algorithms.len() };
        let certificate = Certificate::read(cert);
        let certificate = certificate.ok_or(CertificateError::BadEncoding)?;
        let verified = algorithms.iter().take(count).any(|algorithm| {
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
}

impl ClientCertVerifier for Asking {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match Certificate::read(end_entity) {
            Some(_) => Ok(ClientCertVerified::assertion()),
            None => Err(CertificateError::BadEncoding.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, cert, signed, false)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, cert, signed, true)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
