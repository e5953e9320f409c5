//! `ssl_conf_command` and `proxy_ssl_conf_command`: what OpenSSL's own configuration says (`SSL_CONF_cmd(3)`).

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
    /// Of the versions these only, and what [`ConfEffect::Most`] says.
    Least(TlsVersions),
    /// Of the versions these only, and what [`ConfEffect::Least`] says.
    Most(TlsVersions),
    /// These versions, too.
    On(TlsVersions),
    /// Not these versions.
    Off(TlsVersions),
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

/// Whose handshakes a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Clients', with a server of ours.
    Server,
    /// Ours, with an upstream.
    Upstream,
}

/// What becomes of a command.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It is obeyed, or OpenSSL refuses it.
    Read(ConfCommand),
    /// A directive says the same.
    Instead(&'static str),
    /// weir does not have it.
    Lacking,
}

/// Commands of files, and the directives that say the same: of servers, and for upstreams.
const DIRECTIVES: [(&str, &str, Option<&str>); 5] = [
    (
        "Certificate ChainCAFile ChainCAPath ChainCAStore",
        "ssl_certificate",
        Some("proxy_ssl_certificate"),
    ),
    (
        "PrivateKey",
        "ssl_certificate_key",
        Some("proxy_ssl_certificate_key"),
    ),
    ("VerifyMode", "ssl_verify_client", Some("proxy_ssl_verify")),
    (
        "VerifyCAFile VerifyCAPath VerifyCAStore",
        "ssl_trusted_certificate",
        Some("proxy_ssl_trusted_certificate"),
    ),
    (
        "RequestCAFile RequestCAPath RequestCAStore ClientCAFile ClientCAPath",
        "ssl_client_certificate",
        None,
    ),
];

/// Commands that OpenSSL has and weir does not.
const LACKING: &str = "SignatureAlgorithms ClientSignatureAlgorithms ECDHParameters DHParameters RecordPadding \
    ServerInfoFile";

/// Options that are so in any case, or mean nothing to rustls.
const SETTLED: &str = "Bugs EmptyFragments DHSingle ECDHSingle NoRenegotiation EncryptThenMac ExtendedMasterSecret \
    NoResumptionOnRenegotiation MiddleboxCompat CANames";
/// Options that weir does not have.
const OPTIONS: &str = "KTLS PrioritizeChaCha AllowNoDHEKEX AntiReplay Compression UnsafeRenegotiation \
    UnsafeLegacyRenegotiation UnsafeLegacyServerConnect";

fn among(list: &str, name: &str) -> bool {
    list.split(' ').any(|word| word.eq_ignore_ascii_case(name))
}

impl ConfCommand {
    /// Reads the command of this name.
    pub(crate) fn read(side: Side, name: &str, value: &str, place: &Place) -> Taken {
        let mut directives = DIRECTIVES.iter();
        let directive = directives.find(|(known, ..)| among(known, name));
        if let Some((_, of_server, of_upstream)) = directive {
            let directive = match side {
                Side::Server => Some(*of_server),
                Side::Upstream => *of_upstream,
            };
            return directive.map_or(Taken::Lacking, Taken::Instead);
        }
        if among(LACKING, name) {
            return Taken::Lacking;
        }
        let mut own = Self::default();
        let failed = |why: &str| {
            Some(format!(
                "SSL_CONF_cmd(\"{name}\", \"{value}\") failed (SSL: {why}:cmd={name}"
            ))
        };
        match own.take(name, value, place) {
            Some(true) if own.leaves_no_group() => {
                own.fault = Some(format!(
                    "SSL_CONF_cmd(\"{name}\", \"{value}\") leaves no group that weir has"
                ));
            }
            Some(true) => {}
            Some(false) => {
                let first = own.reason.take().unwrap_or_default();
                let fault = failed(&format!("{first}error:0A000180:SSL routines::bad value"));
                own.fault = fault.map(|fault| format!("{fault}, value={value})"));
            }
            None => {
                let fault = failed("error:0A000182:SSL routines::unknown cmd name");
                own.fault = fault.map(|fault| format!("{fault})"));
            }
        }
        Taken::Read(own)
    }

    /// Takes what a command says; whether OpenSSL takes it, too, is the value, and `None` that it does not know
    /// the command.
    fn take(&mut self, name: &str, value: &str, place: &Place) -> Option<bool> {
        Some(match name.to_ascii_lowercase().as_str() {
            "minprotocol" => self.limit(value, ConfEffect::Least, |all, at| &all[at..]),
            "maxprotocol" => self.limit(value, ConfEffect::Most, |all, at| &all[..=at]),
            "protocol" => value
                .split(',')
                .all(|word| self.version(word.trim()).is_some()),
            "cipherstring" => {
                let (ciphers, lacking) = Ciphers::read(value.to_owned(), place.clone());
                self.lacking.extend(lacking.into_iter().map(Into::into));
                let known = ciphers.fault.is_none();
                self.reason = ciphers.fault.map(|words| format!("{words} "));
                self.effects.push(ConfEffect::Ciphers(ciphers));
                known
            }
            "ciphersuites" => self.suites(value),
            "curves" | "groups" => self.groups(value),
            "options" => value.split(',').all(|option| self.option(option.trim())),
            "numtickets" => {
                // `atoi`: what is no number is none.
                let end = value.bytes().position(|byte| !byte.is_ascii_digit());
                let count = value[..end.unwrap_or(value.len())].parse().unwrap_or(0);
                self.effects.push(ConfEffect::Tickets(count));
                !value.starts_with('-')
            }
            _ => return None,
        })
    }

    fn limit(
        &mut self,
        value: &str,
        effect: impl Fn(TlsVersions) -> ConfEffect,
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
        self.effects.extend(kept.map(effect));
        true
    }

    /// Takes a word of `Protocol`; `None`: OpenSSL does not know it.
    fn version(&mut self, word: &str) -> Option<()> {
        let (name, on) = switched(word);
        let mut all = TlsVersions::WORDS.iter();
        let versions = match name.eq_ignore_ascii_case("all") {
            true => all.map(|(_, version)| *version).reduce(TlsVersions::with)?,
            false => all.find(|(known, _)| name.eq_ignore_ascii_case(known))?.1,
        };
        self.effects.push(match on {
            true => ConfEffect::On(versions),
            false => ConfEffect::Off(versions),
        });
        Some(())
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

    fn leaves_no_group(&self) -> bool {
        let mut effects = self.effects.iter();
        effects.any(|effect| match effect {
            ConfEffect::Groups(groups) => groups.offered.as_ref().is_some_and(Vec::is_empty),
            _ => false,
        })
    }

    fn option(&mut self, option: &str) -> bool {
        let (name, on) = switched(option);
        match name.to_ascii_lowercase().as_str() {
            "serverpreference" => self.effects.push(ConfEffect::ServerPreference(on)),
            "sessionticket" => self.effects.push(ConfEffect::SessionTicket(on)),
            _ if among(SETTLED, name) => {}
            _ if among(OPTIONS, name) => {
                if on {
                    self.lacking.push(name.to_owned());
                }
            }
            _ => return false,
        }
        true
    }
}

/// A word with `+`, `-` or neither before it, and whether it is switched on.
fn switched(word: &str) -> (&str, bool) {
    match word.strip_prefix('-') {
        Some(name) => (name, false),
        None => (word.strip_prefix('+').unwrap_or(word), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(side: Side, name: &str, value: &str, expected: &str) {
        let place = Place {
            file: std::path::Path::new("x").into(),
            line: 1,
        };
        let shown = match ConfCommand::read(side, name, value, &place) {
            Taken::Read(command) => {
                command
                    .fault
                    .unwrap_or_else(|| match command.effects.as_slice() {
                        [ConfEffect::Ciphers(ciphers)] => format!("{:?}", ciphers.offered),
                        effects => format!("{effects:?} {:?}", command.lacking),
                    })
            }
            Taken::Instead(directive) => directive.to_owned(),
            Taken::Lacking => "lacking".to_owned(),
        };
        assert_eq!(shown, expected, "{name} {value}");
    }

    #[test]
    fn commands_are_read_as_openssl_reads_them() {
        let check =
            |name: &str, value: &str, expected: &str| check(Side::Server, name, value, expected);
        check("Options", "-SessionTicket", "[SessionTicket(false)] []");
        check("Options", "Bugs,KTLS", "[] [\"KTLS\"]");
        check(
            "ciphersuites",
            "TLS_AES_128_GCM_SHA256",
            "[Suites([Aes128])] []",
        );
        check("CipherString", "ECDHE-RSA-AES128-GCM-SHA256", "[RsaAes128]");
        let (old, new) = (TlsVersions::TLS_1_2, TlsVersions::TLS_1_3);
        let switched = format!("[Off({new:?}), On({old:?})] []");
        check("Protocol", "-TLSv1.3, tlsv1.2", &switched);
        check(
            "Groups",
            "P-521",
            "SSL_CONF_cmd(\"Groups\", \"P-521\") leaves no group that weir has",
        );
        check(
            "Nope",
            "y",
            "SSL_CONF_cmd(\"Nope\", \"y\") failed (SSL: error:0A000182:SSL routines::unknown cmd name:cmd=Nope)",
        );
        for (name, value) in [("MinProtocol", "X"), ("Protocol", "X"), ("Options", "X")] {
            check(
                name,
                value,
                &format!(
                    "SSL_CONF_cmd(\"{name}\", \"X\") failed (SSL: error:0A000180:SSL routines::bad value:cmd={name}, value=X)"
                ),
            );
        }
        check(
            "Ciphersuites",
            "X",
            "SSL_CONF_cmd(\"Ciphersuites\", \"X\") failed (SSL: error:0A0000B9:SSL routines::no cipher match error:0A000180:SSL routines::bad value:cmd=Ciphersuites, value=X)",
        );
    }

    #[test]
    fn what_directives_say_is_left_to_them() {
        check(Side::Server, "Certificate", "x", "ssl_certificate");
        check(Side::Upstream, "Certificate", "x", "proxy_ssl_certificate");
        check(Side::Server, "ClientCAFile", "x", "ssl_client_certificate");
        check(Side::Upstream, "ClientCAFile", "x", "lacking");
        check(Side::Upstream, "DHParameters", "x", "lacking");
    }
}
