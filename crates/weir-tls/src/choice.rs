//! Which of a server's certificates a client is shown.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, SignatureAlgorithm, SignatureScheme, SupportedCipherSuite};

use crate::certificate::Certificates;

impl ResolvesServerCert for Certificates {
    /// The certificate whose key makes signatures of the kind that the client likes best, in a suite that
    /// it takes (`tls_choose_sigalg`).
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let suites = hello.cipher_suites();
        let fits = |key: &&Arc<CertifiedKey>| takes(suites, key.key.algorithm());
        let signs = |scheme: SignatureScheme| {
            let mut all = self.0.iter().filter(fits);
            all.find(|key| key.key.choose_scheme(&[scheme]).is_some())
        };
        let found = hello.signature_schemes().iter().copied().find_map(signs);
        // Without one that fits, the handshake ends with the reason.
        found.or_else(|| self.0.first()).cloned()
    }
}

/// Whether a client that offers `suites` can use such a key: any suite of TLS 1.3 will do.
fn takes(suites: &[CipherSuite], key: SignatureAlgorithm) -> bool {
    ALL_CIPHER_SUITES.iter().any(|known| {
        suites.contains(&known.suite())
            && match known {
                SupportedCipherSuite::Tls13(_) => true,
                SupportedCipherSuite::Tls12(suite) => {
                    suite.sign.iter().any(|scheme| scheme_is(*scheme, key))
                }
            }
    })
}

fn scheme_is(scheme: SignatureScheme, key: SignatureAlgorithm) -> bool {
    let rsa = matches!(
        scheme,
        SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA512
            | SignatureScheme::RSA_PSS_SHA256
            | SignatureScheme::RSA_PSS_SHA384
            | SignatureScheme::RSA_PSS_SHA512
    );
    rsa == (key == SignatureAlgorithm::RSA)
}
