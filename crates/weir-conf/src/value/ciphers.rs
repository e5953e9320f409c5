//! OpenSSL's language for lists of cipher suites (`openssl-ciphers(1)`, `ssl_create_cipher_list`).

use crate::Place;

/// A suite of TLS 1.2 that weir offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CipherSuite {
    /// `ECDHE-ECDSA-AES256-GCM-SHA384`
    EcdsaAes256,
    /// `ECDHE-RSA-AES256-GCM-SHA384`
    RsaAes256,
    /// `ECDHE-ECDSA-CHACHA20-POLY1305`
    EcdsaChacha20,
    /// `ECDHE-RSA-CHACHA20-POLY1305`
    RsaChacha20,
    /// `ECDHE-ECDSA-AES128-GCM-SHA256`
    EcdsaAes128,
    /// `ECDHE-RSA-AES128-GCM-SHA256`
    RsaAes128,
}

impl CipherSuite {
    /// All, by OpenSSL's names.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("ECDHE-ECDSA-AES256-GCM-SHA384", Self::EcdsaAes256),
        ("ECDHE-RSA-AES256-GCM-SHA384", Self::RsaAes256),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", Self::EcdsaChacha20),
        ("ECDHE-RSA-CHACHA20-POLY1305", Self::RsaChacha20),
        ("ECDHE-ECDSA-AES128-GCM-SHA256", Self::EcdsaAes128),
        ("ECDHE-RSA-AES128-GCM-SHA256", Self::RsaAes128),
    ];

    fn named(name: &str) -> Option<Self> {
        let known = Self::NAMES.iter().find(|(known, _)| *known == name);
        known.map(|(_, suite)| *suite)
    }
}

/// `ssl_ciphers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ciphers {
    /// As written.
    pub(crate) text: String,
    /// Where.
    pub(crate) place: Place,
    /// What weir has of it, in the order wanted.
    pub offered: Vec<CipherSuite>,
    /// Why OpenSSL refuses it, in its words.
    pub(crate) fault: Option<&'static str>,
}

impl Ciphers {
    /// Reads `text`; also the suites that it names one by one and that weir does not have.
    pub(crate) fn read(text: String, place: Place) -> (Self, Vec<&'static str>) {
        let list = List::read(&text);
        let chosen: Vec<&str> = list.chosen().collect();
        let offered = chosen.iter().filter_map(|name| CipherSuite::named(name));
        let lacking = chosen
            .iter()
            .filter(|name| CipherSuite::named(name).is_none() && is_word_of(&text, name));
        let lacking = lacking
            .filter_map(|name| rows().find(|row| row.name == *name))
            .map(|row| row.name)
            .collect();
        let ciphers = Self {
            offered: offered.collect(),
            fault: match (list.is_invalid, list.is_empty()) {
                (true, _) => Some("error:0A000118:SSL routines::invalid command"),
                (false, true) => Some("error:0A0000B9:SSL routines::no cipher match"),
                (false, false) => None,
            },
            text,
            place,
        };
        (ciphers, lacking)
    }
}

const SEPARATORS: [char; 4] = [':', ' ', ';', ','];

fn is_word_of(text: &str, name: &str) -> bool {
    text.split(SEPARATORS).any(|word| word == name)
}

/// A suite that OpenSSL 3.0 knows.
#[derive(Clone, Copy, Debug)]
struct Row {
    name: &'static str,
    /// The version that it came with.
    version: &'static str,
    exchange: &'static str,
    /// Whose signature vouches for the key.
    authentication: &'static str,
    encryption: &'static str,
    bits: u32,
    mac: &'static str,
}

/// All suites up to TLS 1.2 in the order that OpenSSL puts them in before it reads a list.
fn rows() -> impl Iterator<Item = Row> {
    include_str!("ciphers/table.txt")
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let mut next = || words.next();
            let (name, version, exchange, authentication) = (next()?, next()?, next()?, next()?);
            let (encryption, mac) = (next()?, next()?);
            let (encryption, bits) = match encryption.split_once('(') {
                Some((encryption, bits)) => (encryption, bits.trim_end_matches(')').parse().ok()?),
                None => (encryption, 0),
            };
            Some(Row {
                name,
                version,
                exchange,
                authentication,
                encryption,
                bits,
                mac,
            })
        })
}

impl Row {
    /// Whether it is one of those that `word` stands for; `None`: no such word is known.
    fn is(&self, word: &str) -> Option<bool> {
        let anonymous = self.authentication == "None";
        let null = self.encryption == "None";
        let enc = |name: &str, bits: u32| self.encryption == name && self.bits == bits;
        Some(match word {
            _ if word == self.name => true,
            "ALL" => !null,
            "COMPLEMENTOFALL" | "eNULL" | "NULL" => null,
            "COMPLEMENTOFDEFAULT" => {
                !null
                    && (anonymous
                        || self.authentication == "DSS"
                        || matches!(self.encryption, "ARIAGCM" | "Camellia"))
            }
            "kRSA" => self.exchange == "RSA",
            "kEDH" | "kDHE" => self.exchange == "DH",
            "DH" => self.exchange == "DH",
            "kEECDH" | "kECDHE" | "ECDH" => self.exchange == "ECDH",
            "EDH" | "DHE" => self.exchange == "DH" && !anonymous,
            "EECDH" | "ECDHE" => self.exchange == "ECDH" && !anonymous,
            "kPSK" => self.exchange == "PSK",
            "kRSAPSK" => self.exchange == "RSAPSK",
            "kECDHEPSK" => self.exchange == "ECDHEPSK",
            "kDHEPSK" => self.exchange == "DHEPSK",
            "PSK" => self.exchange.ends_with("PSK"),
            "kSRP" | "SRP" => self.exchange == "SRP",
            "ADH" => self.exchange == "DH" && anonymous,
            "AECDH" => self.exchange == "ECDH" && anonymous,
            "aRSA" => self.authentication == "RSA",
            "RSA" => self.exchange == "RSA" && self.authentication == "RSA",
            "aDSS" | "DSS" => self.authentication == "DSS",
            "aNULL" => anonymous,
            "aECDSA" | "ECDSA" => self.authentication == "ECDSA",
            "aPSK" => self.authentication == "PSK",
            "aSRP" => self.authentication == "SRP",
            "AES128" => self.encryption.starts_with("AES") && self.bits == 128,
            "AES256" => self.encryption.starts_with("AES") && self.bits == 256,
            "AES" => self.encryption.starts_with("AES"),
            "AESGCM" => self.encryption == "AESGCM",
            "AESCCM" => self.encryption.starts_with("AESCCM"),
            "AESCCM8" => self.encryption == "AESCCM8",
            "CAMELLIA128" => enc("Camellia", 128),
            "CAMELLIA256" => enc("Camellia", 256),
            "CAMELLIA" => self.encryption == "Camellia",
            "CHACHA20" => self.encryption == "CHACHA20/POLY1305",
            "ARIA" | "ARIAGCM" => self.encryption == "ARIAGCM",
            "ARIA128" => enc("ARIAGCM", 128),
            "ARIA256" => enc("ARIAGCM", 256),
            "MD5" => self.mac == "MD5",
            "SHA1" | "SHA" => self.mac == "SHA1",
            "SHA256" => self.mac == "SHA256",
            "SHA384" => self.mac == "SHA384",
            "SSLv3" => self.version == "SSLv3",
            "TLSv1" | "TLSv1.0" => self.version == "TLSv1",
            "TLSv1.2" => self.version == "TLSv1.2",
            "HIGH" => !null,
            "FIPS" => self.encryption.starts_with("AES") || null && self.mac != "MD5",
            "LOW" | "MEDIUM" | "RC4" | "RC2" | "IDEA" | "SEED" | "DES" | "3DES" | "GOST"
            | "GOST89MAC" | "GOST94" | "aGOST" | "aGOST01" | "aGOST12" | "kGOST" | "kGOST18" => {
                false
            }
            _ => return None,
        })
    }
}

/// The suites while a list is read.
struct List {
    all: Vec<(Row, bool)>,
    /// Bits that each must have.
    least: u32,
    /// There is a command that nobody knows, or a character that no word has.
    is_invalid: bool,
}

impl List {
    fn read(text: &str) -> Self {
        let mut list = Self {
            all: rows().map(|row| (row, false)).collect(),
            least: 0,
            is_invalid: false,
        };
        let mut rest = text;
        if let Some(behind) = text.strip_prefix("DEFAULT") {
            for word in ["ALL", "!COMPLEMENTOFDEFAULT", "!eNULL"] {
                list.apply(word);
            }
            rest = behind;
        }
        for word in rest.split(SEPARATORS).filter(|word| !word.is_empty()) {
            list.apply(word);
        }
        list
    }

    /// Whether no suite is on; weak ones count.
    fn is_empty(&self) -> bool {
        self.all.iter().all(|(_, on)| !on)
    }

    fn chosen(&self) -> impl Iterator<Item = &'static str> {
        let strong = |row: &Row| row.bits >= self.least;
        let chosen = self.all.iter().filter(move |(row, on)| *on && strong(row));
        chosen.map(|(row, _)| row.name)
    }

    /// Obeys one word (`ssl_cipher_process_rulestr`).
    fn apply(&mut self, word: &str) {
        let (rule, word) = match word.as_bytes().first() {
            Some(rule @ (b'-' | b'!' | b'+' | b'@')) => (*rule, &word[1..]),
            _ => (b' ', word),
        };
        if rule == b'@' {
            return self.command(word);
        }
        // Of a word that nobody knows, the whole rule is left out.
        let known = |part: &str| self.all.iter().any(|(row, _)| row.is(part) == Some(true));
        let odd = |byte: u8| !byte.is_ascii_alphanumeric() && !b"-.=_+".contains(&byte);
        self.is_invalid |= word.bytes().any(odd);
        if word.is_empty() || !word.split('+').all(known) {
            return;
        }
        let meant = |row: &Row| word.split('+').all(|part| row.is(part) == Some(true));
        let all = std::mem::take(&mut self.all);
        let (mut moved, mut stay) = (Vec::new(), Vec::new());
        for (row, on) in all {
            let moves = match rule {
                b' ' => !on,
                b'+' | b'-' => on,
                _ => true,
            };
            if moves && meant(&row) {
                moved.push((row, rule != b'-'));
            } else {
                stay.push((row, on));
            }
        }
        self.all = match rule {
            b'!' => stay,
            b'-' => [moved, stay].concat(),
            _ => [stay, moved].concat(),
        };
    }

    fn command(&mut self, word: &str) {
        if word == "STRENGTH" {
            // The sort keeps the order among equals.
            self.all
                .sort_by_key(|(row, on)| (*on, std::cmp::Reverse(row.bits)));
        } else if let Some(level) = word.strip_prefix("SECLEVEL=") {
            let least = [0, 80, 112, 128, 192, 256];
            let level = level.parse::<usize>().ok();
            self.is_invalid |= level.is_none_or(|level| level >= least.len());
            self.least = level
                .and_then(|level| least.get(level))
                .map_or(self.least, |bits| *bits);
        } else {
            self.is_invalid = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, offered: &[&str]) {
        let place = Place {
            file: std::path::Path::new("x").into(),
            line: 1,
        };
        let (ciphers, _) = Ciphers::read(text.to_owned(), place);
        let name = |suite: &CipherSuite| {
            let known = CipherSuite::NAMES.iter().find(|(_, known)| known == suite);
            known.map_or("", |(name, _)| *name)
        };
        let found: Vec<_> = ciphers.offered.iter().map(name).collect();
        assert_eq!(found, offered, "{text}");
    }

    #[test]
    fn lists_are_read_as_openssl_reads_them() {
        let [e256, r256, ec, rc, e128, r128] = CipherSuite::NAMES.map(|(name, _)| name);
        check("HIGH:!aNULL:!MD5", &[e256, r256, ec, rc, e128, r128]);
        check("DEFAULT", &[e256, r256, ec, rc, e128, r128]);
        check(&format!("{r128}:{e128}"), &[r128, e128]);
        check("AES128+EECDH:AES256+EECDH", &[e128, r128, e256, r256]);
        check("HIGH:!ECDSA:+CHACHA20", &[r256, r128, rc]);
        check("HIGH:-AES256:@STRENGTH", &[ec, rc, e128, r128]);
        check("NONSENSE:AES128-SHA", &[]);
        check("ECDHE+AESGCM:@SECLEVEL=5", &[e256, r256]);
        check("ALL:!CHACHA20:!AES128:ECDHE", &[e256, r256]);
    }
}
