//! Which of a server's certificates a client is shown.

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, SignatureAlgorithm, SignatureScheme, SupportedCipherSuite};

use crate::sessions;
use crate::staple::Staple;

/// The certificates of a server, one for each kind of key, and what decides between them.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) certificates: Vec<Arc<CertifiedKey>>,
    /// What some of them are shown with.
    pub(crate) staples: Vec<Arc<Staple>>,
    /// The suites that are offered, in order.
    pub(crate) suites: Vec<SupportedCipherSuite>,
    /// Whether that order counts, and not the client's.
    pub(crate) prefers_own: bool,
    /// Whether clients may speak TLS 1.3.
    pub(crate) newest: bool,
}

impl ResolvesServerCert for Choice {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let client = hello.cipher_suites();
        let schemes = hello.signature_schemes();
        let found = match self.newest && self.has_new(client) {
            true => self.by_scheme(schemes),
            false => self.by_suite(client, schemes),
        };
        // Without one that fits, the handshake ends with the reason.
        let found = found.or_else(|| self.certificates.first())?;
        let staple = self.staples.iter().find(|staple| staple.is_of(found));
        let stapled = staple.and_then(|staple| staple.current(sessions::now_signed()));
        Some(stapled.unwrap_or_else(|| found.clone()))
    }
}

impl Choice {
    /// The same between other certificates.
    pub(crate) fn between(&self, certificates: Vec<Arc<CertifiedKey>>) -> Self {
        Self {
            certificates,
            ..self.clone()
        }
    }

    /// Whether there is a suite of TLS 1.3 among those of the client.
    fn has_new(&self, client: &[CipherSuite]) -> bool {
        let new = |suite: &&SupportedCipherSuite| matches!(suite, SupportedCipherSuite::Tls13(_));
        let mut new = self.suites.iter().filter(new);
        new.any(|suite| client.contains(&suite.suite()))
    }

    /// In TLS 1.3 the client's list of signatures decides (`tls_choose_sigalg`).
    fn by_scheme(&self, schemes: &[SignatureScheme]) -> Option<&Arc<CertifiedKey>> {
        let signs = |scheme: &SignatureScheme| {
            let mut all = self.certificates.iter();
            all.find(|key| key.key.choose_scheme(&[*scheme]).is_some())
        };
        schemes.iter().find_map(signs)
    }

    /// Before that, the first suite that both have and that there is a key for (`ssl3_choose_cipher`).
    fn by_suite(
        &self,
        client: &[CipherSuite],
        schemes: &[SignatureScheme],
    ) -> Option<&Arc<CertifiedKey>> {
        let own = self.suites.iter().map(SupportedCipherSuite::suite);
        let order: Vec<CipherSuite> = match self.prefers_own {
            true => own.filter(|suite| client.contains(suite)).collect(),
            false => client.to_vec(),
        };
        order.iter().find_map(|suite| {
            let known = self.suites.iter().find(|known| known.suite() == *suite)?;
            let SupportedCipherSuite::Tls12(known) = known else {
                return None;
            };
            let rsa = known.sign.iter().any(|scheme| is_rsa(*scheme));
            self.certificates.iter().find(|key| {
                (key.key.algorithm() == SignatureAlgorithm::RSA) == rsa
                    && key.key.choose_scheme(schemes).is_some()
            })
        })
    }
}

fn is_rsa(scheme: SignatureScheme) -> bool {
    matches!(
        scheme,
        SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA512
            | SignatureScheme::RSA_PSS_SHA256
            | SignatureScheme::RSA_PSS_SHA384
            | SignatureScheme::RSA_PSS_SHA512
    )
}
