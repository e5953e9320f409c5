//! Certificates of clients: who is asked for one, and what it is worth (`ngx_ssl_client_certificate`).

use std::sync::Arc;

use rustls::DistinguishedName;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;
use sha1::{Digest as _, Sha1};
use weir_conf::{ServerTls, VerifyClient};

use crate::authorities::{load_authorities, load_revoked};
use crate::certificate::CertificateFault;
use crate::signatures::Signatures;
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
            let hints = self.hints.clone();
            Arc::new(Signatures::of_clients(self.trust.algorithms, hints))
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
