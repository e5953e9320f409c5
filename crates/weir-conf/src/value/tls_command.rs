//! Commands of OpenSSL's for connections (`SSL_CONF_cmd(3)`), as far as something comes of them.

use super::{CipherSuite, Ciphers, NewCipherSuite, TlsVersions};
use crate::Place;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsCommand {
    /// `MinProtocol`: of the versions these only.
    Least(TlsVersions),
    /// `MaxProtocol`: the same.
    Most(TlsVersions),
    /// `Protocol`: these, too.
    On(TlsVersions),
    /// The same: not these.
    Off(TlsVersions),
    /// `CipherString`: suites up to TLS 1.2, in the order wanted.
    Suites(Vec<CipherSuite>),
    /// `Ciphersuites`: suites of TLS 1.3.
    NewSuites(Vec<NewCipherSuite>),
    /// OpenSSL refuses it, in these words.
    Refused(String),
}

/// What becomes of a command.
pub(crate) enum Taken {
    /// It is obeyed, or refused as OpenSSL does.
    All(Vec<TlsCommand>),
    /// Nothing comes of it.
    Nothing,
    /// A directive says the same.
    Instead(&'static str),
}

/// Commands from which nothing comes.
const WITHOUT_EFFECT: [&str; 9] = [
    "Options",
    "SignatureAlgorithms",
    "ClientSignatureAlgorithms",
    "Groups",
    "Curves",
    "ECDHParameters",
    "DHParameters",
    "RecordPadding",
    "NumTickets",
];

/// Commands of files, and the directives for these.
const DIRECTIVES: [(&str, &str); 9] = [
    ("Certificate", "proxy_ssl_certificate"),
    ("PrivateKey", "proxy_ssl_certificate_key"),
    ("VerifyMode", "proxy_ssl_verify"),
    ("VerifyCAFile", "proxy_ssl_trusted_certificate"),
    ("VerifyCAPath", "proxy_ssl_trusted_certificate"),
    ("VerifyCAStore", "proxy_ssl_trusted_certificate"),
    ("ChainCAFile", "proxy_ssl_certificate"),
    ("ChainCAPath", "proxy_ssl_certificate"),
    ("ChainCAStore", "proxy_ssl_certificate"),
];

impl TlsCommand {
    /// Reads the command of this name.
    pub(crate) fn read(name: &str, value: &str, place: Place) -> Taken {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if let Some((_, directive)) = DIRECTIVES.iter().find(|(known, _)| is(known)) {
            return Taken::Instead(directive);
        }
        if WITHOUT_EFFECT.iter().any(|known| is(known)) {
            return Taken::Nothing;
        }
        let refused = |words: &str| {
            let text = format!("SSL_CONF_cmd(\"{name}\", \"{value}\") failed (SSL: {words})");
            vec![Self::Refused(text)]
        };
        let bad = format!("error:0A000180:SSL routines::bad value:cmd={name}, value={value}");
        let no_match = format!("error:0A0000B9:SSL routines::no cipher match {bad}");
        Taken::All(if is("MinProtocol") {
            let least = versions(value, |all, at| &all[at..]);
            least.map_or_else(|| refused(&bad), |least| vec![Self::Least(least)])
        } else if is("MaxProtocol") {
            let most = versions(value, |all, at| &all[..=at]);
            most.map_or_else(|| refused(&bad), |most| vec![Self::Most(most)])
        } else if is("Protocol") {
            protocols(value).unwrap_or_else(|| refused(&bad))
        } else if is("CipherString") {
            let (ciphers, _) = Ciphers::read(value.to_owned(), place);
            match ciphers.fault {
                None => vec![Self::Suites(ciphers.offered)],
                Some(_) => refused(&no_match),
            }
        } else if is("Ciphersuites") {
            new_suites(value).map_or_else(|| refused(&no_match), |new| vec![Self::NewSuites(new)])
        } else {
            refused(&format!(
                "error:0A000182:SSL routines::unknown cmd name:cmd={name}"
            ))
        })
    }
}

/// A version and its name.
type Named = (&'static str, TlsVersions);

/// The versions that `side` takes of all, from where the one of this name stands; `None` is no limit.
fn versions(
    value: &str,
    side: impl for<'a> Fn(&'a [Named], usize) -> &'a [Named],
) -> Option<TlsVersions> {
    const ORDER: [Named; 5] = [
        ("SSLv3", TlsVersions::SSL_3),
        ("TLSv1", TlsVersions::TLS_1_0),
        ("TLSv1.1", TlsVersions::TLS_1_1),
        ("TLSv1.2", TlsVersions::TLS_1_2),
        ("TLSv1.3", TlsVersions::TLS_1_3),
    ];
    let taken = match value {
        "None" => &ORDER[..],
        _ => side(&ORDER, ORDER.iter().position(|(name, _)| *name == value)?),
    };
    let taken = taken.iter().map(|(_, version)| *version);
    Some(taken.fold(TlsVersions::EMPTY, TlsVersions::with))
}

fn protocols(value: &str) -> Option<Vec<TlsCommand>> {
    let words = value.split(',').map(str::trim);
    words
        .map(|word| {
            let (off, name) = match word.strip_prefix('-') {
                Some(name) => (true, name),
                None => (false, word.strip_prefix('+').unwrap_or(word)),
            };
            let versions = match name.to_ascii_lowercase().as_str() {
                "all" => TlsVersions::TLS_1_2.with(TlsVersions::TLS_1_3),
                "sslv2" => TlsVersions::SSL_2,
                "sslv3" => TlsVersions::SSL_3,
                "tlsv1" => TlsVersions::TLS_1_0,
                "tlsv1.1" => TlsVersions::TLS_1_1,
                "tlsv1.2" => TlsVersions::TLS_1_2,
                "tlsv1.3" => TlsVersions::TLS_1_3,
                _ => return None,
            };
            Some(match off {
                true => TlsCommand::Off(versions),
                false => TlsCommand::On(versions),
            })
        })
        .collect()
}

fn new_suites(value: &str) -> Option<Vec<NewCipherSuite>> {
    let mut suites = Vec::new();
    for name in value.split(':').filter(|name| !name.is_empty()) {
        match name {
            "TLS_AES_256_GCM_SHA384" => suites.push(NewCipherSuite::Aes256),
            "TLS_CHACHA20_POLY1305_SHA256" => suites.push(NewCipherSuite::Chacha20),
            "TLS_AES_128_GCM_SHA256" => suites.push(NewCipherSuite::Aes128),
            // OpenSSL has these, and offers them only where they are named.
            "TLS_AES_128_CCM_SHA256" | "TLS_AES_128_CCM_8_SHA256" => {}
            _ => return None,
        }
    }
    Some(suites)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str, expected: &str) {
        let place = Place {
            file: std::path::Path::new("x").into(),
            line: 1,
        };
        let shown = match TlsCommand::read(name, value, place) {
            Taken::All(commands) => match commands.as_slice() {
                [TlsCommand::Refused(text)] => text.clone(),
                commands => format!("{commands:?}"),
            },
            Taken::Nothing => "nothing".to_owned(),
            Taken::Instead(directive) => directive.to_owned(),
        };
        assert_eq!(shown, expected, "{name} {value}");
    }

    #[test]
    fn commands_are_read_as_openssl_reads_them() {
        check("Options", "-SessionTicket", "nothing");
        check("Certificate", "x", "proxy_ssl_certificate");
        check(
            "ciphersuites",
            "TLS_AES_128_GCM_SHA256",
            "[NewSuites([Aes128])]",
        );
        check(
            "CipherString",
            "ECDHE-RSA-AES128-GCM-SHA256",
            "[Suites([RsaAes128])]",
        );
        check(
            "Nope",
            "y",
            "SSL_CONF_cmd(\"Nope\", \"y\") failed (SSL: error:0A000182:SSL routines::unknown cmd name:cmd=Nope)",
        );
        check(
            "MinProtocol",
            "X",
            "SSL_CONF_cmd(\"MinProtocol\", \"X\") failed (SSL: error:0A000180:SSL routines::bad value:cmd=MinProtocol, value=X)",
        );
        check(
            "Ciphersuites",
            "X",
            "SSL_CONF_cmd(\"Ciphersuites\", \"X\") failed (SSL: error:0A0000B9:SSL routines::no cipher match error:0A000180:SSL routines::bad value:cmd=Ciphersuites, value=X)",
        );
    }
}
