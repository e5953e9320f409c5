//! What upstreams are offered: versions and suites.

use weir_conf::{CipherSuite, NewCipherSuite, Settings, TlsCommand, TlsVersions};

/// What a location offers.
#[derive(Debug)]
pub(crate) struct Offer {
    versions: TlsVersions,
    /// Up to TLS 1.2.
    pub(crate) suites: Vec<CipherSuite>,
    /// Of TLS 1.3.
    pub(crate) new_suites: Vec<NewCipherSuite>,
}

impl Offer {
    /// What the directives say, and the commands behind them.
    pub(crate) fn of(settings: &Settings) -> Self {
        let all = CipherSuite::NAMES.map(|(_, suite)| suite).to_vec();
        let ciphers = settings.proxy_ssl_ciphers.as_ref();
        let mut offer = Self {
            versions: settings.proxy_ssl_protocols,
            suites: ciphers.map_or(all, |ciphers| ciphers.offered.clone()),
            // OpenSSL's order.
            new_suites: vec![
                NewCipherSuite::Aes256,
                NewCipherSuite::Chacha20,
                NewCipherSuite::Aes128,
            ],
        };
        let every = TlsVersions::TLS_1_2.with(TlsVersions::TLS_1_3);
        let (mut least, mut most) = (every, every);
        for command in settings.proxy_ssl_conf_command.iter() {
            match command {
                TlsCommand::Least(versions) => least = *versions,
                TlsCommand::Most(versions) => most = *versions,
                TlsCommand::On(versions) => offer.versions = offer.versions.with(*versions),
                TlsCommand::Off(versions) => offer.versions = offer.versions.without(*versions),
                TlsCommand::Suites(suites) => offer.suites.clone_from(suites),
                TlsCommand::NewSuites(suites) => offer.new_suites.clone_from(suites),
                TlsCommand::Refused(_) => {}
            }
        }
        for version in [TlsVersions::TLS_1_2, TlsVersions::TLS_1_3] {
            if !least.contains(version) || !most.contains(version) {
                offer.versions = offer.versions.without(version);
            }
        }
        offer
    }

    fn allows(&self, version: TlsVersions) -> bool {
        self.versions.contains(version)
    }

    /// Whether TLS 1.2 is offered.
    pub(crate) fn has_old(&self) -> bool {
        self.allows(TlsVersions::TLS_1_2) && !self.suites.is_empty()
    }

    /// Whether TLS 1.3 is.
    pub(crate) fn has_new(&self) -> bool {
        self.allows(TlsVersions::TLS_1_3) && !self.new_suites.is_empty()
    }

    /// What OpenSSL says of a handshake for which nothing is left.
    pub(crate) fn is_nothing(&self) -> Option<&'static str> {
        if !self.allows(TlsVersions::TLS_1_2) && !self.allows(TlsVersions::TLS_1_3) {
            return Some("error:0A0000BF:SSL routines::no protocols available");
        }
        (!self.has_old() && !self.has_new()).then_some(
            "error:0A0000B5:SSL routines::no ciphers available:No ciphers enabled for max supported SSL/TLS version",
        )
    }
}
