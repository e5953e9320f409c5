//! What is offered in handshakes, with clients or with upstreams: versions, suites, groups, by directives and by
//! commands of OpenSSL's own configuration behind them (`ngx_ssl_conf_commands`).

use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::version::{TLS12, TLS13};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};
use weir_conf::{
    CipherSuite, ConfCommand, ConfEffect, NewCipherSuite, ServerTls, Settings, TlsGroup,
    TlsVersions,
};

use crate::backend::{cipher_suite as suites, default_provider, kx_group};

/// The versions that weir speaks.
const SPOKEN: TlsVersions = TlsVersions::TLS_1_2.with(TlsVersions::TLS_1_3);

/// What a server or a location offers.
#[derive(Debug)]
pub(crate) struct Offer {
    versions: TlsVersions,
    /// Versions that are not too old, and that are not too new.
    limits: [TlsVersions; 2],
    /// Up to TLS 1.2, in order.
    suites: Vec<CipherSuite>,
    /// Of TLS 1.3, in order.
    new_suites: Vec<NewCipherSuite>,
    /// `None`: whatever the provider has.
    groups: Option<Vec<TlsGroup>>,
    /// Whether a server's own order of suites counts.
    pub(crate) prefers_own: bool,
    /// Whether sessions may be kept by clients.
    pub(crate) has_tickets: bool,
    /// How many tickets a client of TLS 1.3 gets, if that is said.
    pub(crate) tickets: Option<usize>,
}

impl Offer {
    /// A server's.
    pub(crate) fn of_server(tls: &ServerTls) -> Self {
        let own = Self {
            suites: tls.ssl_ciphers.offered.clone(),
            groups: tls.ssl_ecdh_curve.offered.clone(),
            prefers_own: tls.ssl_prefer_server_ciphers,
            has_tickets: tls.ssl_session_tickets,
            ..Self::of_versions(tls.ssl_protocols)
        };
        own.with(&tls.ssl_conf_command)
    }

    /// A location's, to upstreams.
    pub(crate) fn to_upstreams(settings: &Settings) -> Self {
        let ciphers = settings.upstream.ssl_ciphers.as_ref();
        let mut own = Self::of_versions(settings.upstream.ssl_protocols);
        if let Some(ciphers) = ciphers {
            own.suites.clone_from(&ciphers.offered);
        }
        own.with(&settings.upstream.ssl_conf_command)
    }

    /// All that weir has, in OpenSSL's order.
    fn of_versions(versions: TlsVersions) -> Self {
        use NewCipherSuite::{Aes128, Aes256, Chacha20};
        Self {
            versions,
            limits: [SPOKEN, SPOKEN],
            suites: CipherSuite::NAMES.map(|(_, suite)| suite).to_vec(),
            new_suites: vec![Aes256, Chacha20, Aes128],
            groups: None,
            prefers_own: false,
            has_tickets: true,
            tickets: None,
        }
    }

    fn with(mut self, commands: &[ConfCommand]) -> Self {
        for effect in commands.iter().flat_map(|command| &command.effects) {
            match effect {
                ConfEffect::Least(versions) => self.limits[0] = *versions,
                ConfEffect::Most(versions) => self.limits[1] = *versions,
                ConfEffect::On(versions) => self.versions = self.versions.with(*versions),
                ConfEffect::Off(versions) => self.versions = self.versions.without(*versions),
                ConfEffect::Ciphers(ciphers) => self.suites.clone_from(&ciphers.offered),
                ConfEffect::Suites(suites) => self.new_suites.clone_from(suites),
                ConfEffect::Groups(groups) => self.groups.clone_from(&groups.offered),
                ConfEffect::ServerPreference(on) => self.prefers_own = *on,
                ConfEffect::SessionTicket(on) => self.has_tickets = *on,
                ConfEffect::Tickets(count) => self.tickets = Some(*count),
            }
        }
        self
    }

    fn allows(&self, version: TlsVersions) -> bool {
        let [least, most] = self.limits;
        [self.versions, least, most]
            .iter()
            .all(|versions| versions.contains(version))
    }

    /// Whether TLS 1.3 is offered.
    pub(crate) fn has_newest(&self) -> bool {
        self.allows(TlsVersions::TLS_1_3) && !self.new_suites.is_empty()
    }

    /// Whether TLS 1.2 is.
    fn has_old(&self) -> bool {
        self.allows(TlsVersions::TLS_1_2) && !self.suites.is_empty()
    }

    /// The versions that are spoken.
    pub(crate) fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let new = self.has_newest().then_some(&TLS13);
        let old = self.has_old().then_some(&TLS12);
        new.into_iter().chain(old).collect()
    }

    /// What OpenSSL says of a handshake for which nothing is left.
    pub(crate) fn is_nothing(&self) -> Option<&'static str> {
        if !self.allows(TlsVersions::TLS_1_2) && !self.allows(TlsVersions::TLS_1_3) {
            return Some("error:0A0000BF:SSL routines::no protocols available");
        }
        (!self.has_old() && !self.has_newest()).then_some(
            "error:0A0000B5:SSL routines::no ciphers available:No ciphers enabled for max supported SSL/TLS version",
        )
    }

    /// The suites and groups, for rustls.
    pub(crate) fn provider(&self) -> CryptoProvider {
        let mut provider = default_provider();
        let new = self.new_suites.iter().map(|suite| match suite {
            NewCipherSuite::Aes256 => suites::TLS13_AES_256_GCM_SHA384,
            NewCipherSuite::Chacha20 => suites::TLS13_CHACHA20_POLY1305_SHA256,
            NewCipherSuite::Aes128 => suites::TLS13_AES_128_GCM_SHA256,
        });
        let old = self.suites.iter().map(|suite| supported(*suite));
        provider.cipher_suites = new.chain(old).collect();
        if let Some(groups) = &self.groups {
            provider.kx_groups = groups.iter().filter_map(|group| exchange(*group)).collect();
        }
        provider
    }
}

fn supported(suite: CipherSuite) -> SupportedCipherSuite {
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

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: TlsVersions = TlsVersions::TLS_1_2;
    const NEW: TlsVersions = TlsVersions::TLS_1_3;

    /// Which versions are offered behind commands with these effects, TLS 1.2 and 1.3.
    fn check(versions: TlsVersions, effects: &[ConfEffect], expected: [bool; 2]) {
        let mut command = ConfCommand::default();
        command.effects = effects.to_vec();
        let offer = Offer::of_versions(versions).with(&[command]);
        let found = [offer.has_old(), offer.has_newest()];
        assert_eq!(found, expected, "{versions:?} {effects:?}");
        assert_eq!(offer.is_nothing().is_some(), expected == [false; 2]);
    }

    #[test]
    fn commands_limit_versions_and_switch_them() {
        use ConfEffect::{Least, Most, Off, On};
        check(SPOKEN, &[], [true, true]);
        check(SPOKEN, &[Least(NEW)], [false, true]);
        check(SPOKEN, &[Most(OLD)], [true, false]);
        check(SPOKEN, &[Least(NEW), Least(SPOKEN)], [true, true]);
        check(SPOKEN, &[Least(NEW), Most(OLD)], [false, false]);
        check(OLD, &[Least(NEW)], [false, false]);
        check(OLD, &[On(NEW)], [true, true]);
        check(SPOKEN, &[Off(SPOKEN), On(OLD)], [true, false]);
        check(SPOKEN, &[ConfEffect::Suites(Vec::new())], [true, false]);
    }

    #[test]
    fn commands_choose_suites() {
        let mut command = ConfCommand::default();
        command.effects = vec![ConfEffect::Suites(vec![NewCipherSuite::Aes128])];
        let provider = Offer::of_versions(NEW).with(&[command]).provider();
        assert_eq!(
            provider.cipher_suites.first(),
            Some(&suites::TLS13_AES_128_GCM_SHA256)
        );
    }
}
