//! What a server offers its clients: versions, suites, groups, by its directives and by `ssl_conf_command`
//! (`ngx_ssl_conf_commands`).

use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::version::{TLS12, TLS13};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};
use weir_conf::{CipherSuite, ConfEffect, NewCipherSuite, ServerTls, TlsGroup, TlsVersions};

use crate::backend::{cipher_suite as suites, default_provider, kx_group};

/// A server's directives with its commands in them.
pub(crate) struct Offer {
    pub(crate) tls: ServerTls,
    /// Suites of TLS 1.3, in order.
    suites: Vec<NewCipherSuite>,
    /// How many tickets a client of TLS 1.3 gets, if that is said.
    pub(crate) tickets: Option<usize>,
}

impl Offer {
    pub(crate) fn of(tls: &ServerTls) -> Self {
        use NewCipherSuite::{Aes128, Aes256, Chacha20};
        let mut own = Self {
            tls: tls.clone(),
            // OpenSSL's order.
            suites: vec![Aes256, Chacha20, Aes128],
            tickets: None,
        };
        let commands = tls.ssl_conf_command.iter();
        for effect in commands.flat_map(|command| &command.effects) {
            own.apply(effect);
        }
        own
    }

    fn apply(&mut self, effect: &ConfEffect) {
        let tls = &mut self.tls;
        match effect {
            ConfEffect::Only(versions) => {
                let others = tls.ssl_protocols.without(*versions);
                tls.ssl_protocols = tls.ssl_protocols.without(others);
            }
            ConfEffect::Ciphers(ciphers) => tls.ssl_ciphers = ciphers.clone(),
            ConfEffect::Suites(suites) => self.suites.clone_from(suites),
            ConfEffect::Groups(groups) => tls.ssl_ecdh_curve = groups.clone(),
            ConfEffect::ServerPreference(on) => tls.ssl_prefer_server_ciphers = *on,
            ConfEffect::SessionTicket(on) => tls.ssl_session_tickets = *on,
            ConfEffect::Tickets(count) => self.tickets = Some(*count),
        }
    }

    /// Whether clients may speak TLS 1.3.
    pub(crate) fn newest(&self) -> bool {
        self.tls.ssl_protocols.contains(TlsVersions::TLS_1_3) && !self.suites.is_empty()
    }

    /// The versions that clients may speak.
    pub(crate) fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let old = self.tls.ssl_protocols.contains(TlsVersions::TLS_1_2);
        let old = old && !self.tls.ssl_ciphers.offered.is_empty();
        let new = self.newest().then_some(&TLS13);
        new.into_iter().chain(old.then_some(&TLS12)).collect()
    }

    /// The suites and groups, for rustls.
    pub(crate) fn provider(&self) -> CryptoProvider {
        let mut provider = default_provider();
        let new = self.suites.iter().map(|suite| match suite {
            NewCipherSuite::Aes256 => suites::TLS13_AES_256_GCM_SHA384,
            NewCipherSuite::Chacha20 => suites::TLS13_CHACHA20_POLY1305_SHA256,
            NewCipherSuite::Aes128 => suites::TLS13_AES_128_GCM_SHA256,
        });
        let old = self.tls.ssl_ciphers.offered.iter();
        let old = old.map(|suite| supported(*suite));
        provider.cipher_suites = new.chain(old).collect();
        if let Some(groups) = &self.tls.ssl_ecdh_curve.offered {
            provider.kx_groups = groups.iter().filter_map(|group| exchange(*group)).collect();
        }
        provider
    }
}

pub(crate) fn supported(suite: CipherSuite) -> SupportedCipherSuite {
    match suite {
        CipherSuite::EcdsaAes256 => suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::RsaAes256 => suites::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::EcdsaChacha20 => suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        CipherSuite::RsaChacha20 => suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        CipherSuite::EcdsaAes128 => suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::RsaAes128 => suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    }
}

/// `None`: the provider has it not.
fn exchange(group: TlsGroup) -> Option<&'static dyn SupportedKxGroup> {
    Some(match group {
        TlsGroup::X25519 => kx_group::X25519,
        TlsGroup::P256 => kx_group::SECP256R1,
        TlsGroup::P384 => kx_group::SECP384R1,
        #[cfg(feature = "aws-lc-rs")]
        TlsGroup::X25519MlKem768 => kx_group::X25519MLKEM768,
        #[cfg(not(feature = "aws-lc-rs"))]
        TlsGroup::X25519MlKem768 => return None,
    })
}
