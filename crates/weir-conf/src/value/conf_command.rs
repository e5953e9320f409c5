//! `ssl_conf_command`: what OpenSSL's own configuration says (`SSL_CONF_cmd`).

use crate::Place;

use super::{Ciphers, Keyword as _, TlsGroups, TlsVersions, keywords};

keywords! {
    /// A suite of TLS 1.3 that weir has.
    NewCipherSuite {
        /// AES-256-GCM.
        Aes256 = "TLS_AES_256_GCM_SHA384",
        /// ChaCha20-Poly1305.
        Chacha20 = "TLS_CHACHA20_POLY1305_SHA256",
        /// AES-128-GCM.
        Aes128 = "TLS_AES_128_GCM_SHA256",
    }
}

/// One of the things that a command changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfEffect {
    /// These versions and no others may be spoken.
    Only(TlsVersions),
    /// These suites, up to TLS 1.2.
    Ciphers(Ciphers),
    /// These suites of TLS 1.3.
    Suites(Vec<NewCipherSuite>),
    /// These groups.
    Groups(TlsGroups),
    /// Whether the server's order of suites counts.
    ServerPreference(bool),
    /// Whether clients keep their sessions themselves.
    SessionTicket(bool),
    /// How many tickets a client of TLS 1.3 gets.
    Tickets(usize),
}

/// A command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfCommand {
    /// What it changes.
    pub effects: Vec<ConfEffect>,
    /// What OpenSSL says of it.
    pub(crate) fault: Option<String>,
    /// What weir does not have of it.
    pub(crate) lacking: Vec<String>,
    /// The first of several reasons for a fault.
    reason: Option<String>,
}

/// Commands that OpenSSL has and weir does not.
const LACKING: &str = "SignatureAlgorithms ClientSignatureAlgorithms ECDHParameters DHParameters RecordPadding \
    Certificate PrivateKey ServerInfoFile ChainCAPath ChainCAFile ChainCAStore VerifyCAPath VerifyCAFile VerifyCAStore \
    RequestCAFile ClientCAFile ClientCAPath VerifyMode Protocol";

/// Options that are so in any case, or mean nothing to rustls.
const SETTLED: &str = "Bugs EmptyFragments DHSingle ECDHSingle NoRenegotiation EncryptThenMac ExtendedMasterSecret \
    NoResumptionOnRenegotiation MiddleboxCompat CANames";
/// Options that weir does not have.
const OPTIONS: &str = "KTLS PrioritizeChaCha AllowNoDHEKEX AntiReplay Compression UnsafeRenegotiation \
    UnsafeLegacyRenegotiation UnsafeLegacyServerConnect";

impl ConfCommand {
    /// Reads a command; `None`: weir does not have it.
    pub(crate) fn read(name: &str, value: &str, place: &Place) -> Option<Self> {
        let mut own = Self::default();
        let known = match name.to_ascii_lowercase().as_str() {
            "minprotocol" => own.limit(value, |all, at| &all[at..]),
            "maxprotocol" => own.limit(value, |all, at| &all[..=at]),
            "cipherstring" => {
                let (ciphers, lacking) = Ciphers::read(value.to_owned(), place.clone());
                own.lacking.extend(lacking.into_iter().map(Into::into));
                let known = ciphers.fault.is_none();
                own.reason = ciphers.fault.map(|words| format!("{words} "));
                own.effects.push(ConfEffect::Ciphers(ciphers));
                known
            }
            "ciphersuites" => own.suites(value),
            "curves" | "groups" => own.groups(value),
            "options" => value.split(',').all(|option| own.option(option.trim())),
            "numtickets" => {
                // `atoi`: what is no number is none.
                let end = value.bytes().position(|byte| !byte.is_ascii_digit());
                let count = value[..end.unwrap_or(value.len())].parse().unwrap_or(0);
                own.effects.push(ConfEffect::Tickets(count));
                !value.starts_with('-')
            }
            _ if LACKING
                .split(' ')
                .any(|word| word.eq_ignore_ascii_case(name)) =>
            {
                return None;
            }
            _ => {
                own.fault = Some(format!(
                    "SSL_CONF_cmd(\"{name}\", \"{value}\") failed (SSL: error:0A000182:SSL routines::unknown cmd name:cmd={name})"
                ));
                true
            }
        };
        if !known {
            let first = own.reason.take().unwrap_or_default();
            own.fault = Some(format!(
                "SSL_CONF_cmd(\"{name}\", \"{value}\") failed (SSL: {first}error:0A000180:SSL routines::bad value:cmd={name}, value={value})"
            ));
        }
        Some(own)
    }

    fn limit(
        &mut self,
        value: &str,
        part: impl Fn(
            &'static [(&'static str, TlsVersions)],
            usize,
        ) -> &'static [(&'static str, TlsVersions)],
    ) -> bool {
        let all = TlsVersions::WORDS;
        let kept = match all.iter().position(|(word, _)| *word == value) {
            Some(at) if value != "SSLv2" => part(all, at),
            None if value == "None" => all,
            Some(_) | None => return false,
        };
        let kept = kept.iter().map(|(_, version)| *version);
        let kept = kept.reduce(TlsVersions::with);
        self.effects.extend(kept.map(ConfEffect::Only));
        true
    }

    fn suites(&mut self, value: &str) -> bool {
        let mut offered = Vec::new();
        let mut unknown = false;
        for name in value.split(':').filter(|name| !name.is_empty()) {
            let known = NewCipherSuite::WORDS.iter().find(|(word, _)| *word == name);
            match known {
                Some((_, suite)) => offered.push(*suite),
                None if matches!(name, "TLS_AES_128_CCM_SHA256" | "TLS_AES_128_CCM_8_SHA256") => {
                    self.lacking.push(name.to_owned());
                }
                None => unknown = true,
            }
        }
        // Of several that are not known the others count.
        let known = !unknown || !offered.is_empty() || !self.lacking.is_empty();
        if !known {
            self.reason = Some("error:0A0000B9:SSL routines::no cipher match ".to_owned());
        }
        self.effects.push(ConfEffect::Suites(offered));
        known
    }

    fn groups(&mut self, value: &str) -> bool {
        let (groups, lacking) = TlsGroups::read(value);
        self.lacking.extend(lacking);
        let known = groups.unknown.is_none();
        if let Some(name) = groups.unknown.as_ref().filter(|name| !name.is_empty()) {
            self.reason = Some(format!(
                "error:0A080106:SSL routines::passed invalid argument:group '{name}' cannot be set "
            ));
        }
        self.effects.push(ConfEffect::Groups(groups));
        known
    }

    fn option(&mut self, option: &str) -> bool {
        let (name, on) = match option.strip_prefix('-') {
            Some(name) => (name, false),
            None => (option.strip_prefix('+').unwrap_or(option), true),
        };
        let among = |list: &str| list.split(' ').any(|word| word.eq_ignore_ascii_case(name));
        match name.to_ascii_lowercase().as_str() {
            "serverpreference" => self.effects.push(ConfEffect::ServerPreference(on)),
            "sessionticket" => self.effects.push(ConfEffect::SessionTicket(on)),
            _ if among(SETTLED) => {}
            _ if among(OPTIONS) => {
                if on {
                    self.lacking.push(name.to_owned());
                }
            }
            _ => return false,
        }
        true
    }
}
