//! What a client's hello says, in the client's order and letters: `$ssl_ciphers`, `$ssl_curves`, `$ssl_sigalgs`.

use std::borrow::Cow;

use rustls::ServerConfig;

use crate::numbers::{GROUPS, SUITES};

/// What a hello says that rustls does not tell, or not as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The name that it asks for.
    pub name: Option<String>,
    /// What it offers.
    pub offers: Offers,
    versions: Vec<u16>,
    /// What it says that it speaks inside.
    protocols: Vec<Vec<u8>>,
}

/// What a client offers: suites, groups and kinds of signatures, kept small for as long as its connection is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    numbers: Box<[u16]>,
    /// How many of them are suites, and how many groups.
    suites: u16,
    groups: u16,
}

const TLS_1_3: u16 = 0x0304;

const SERVER_NAME: u16 = 0;
const GROUPS_EXTENSION: u16 = 10;
const SIGNATURES: u16 = 13;
const PROTOCOLS: u16 = 16;
const VERSIONS: u16 = 43;

impl Said {
    /// What `records` say, which begin with a hello; nothing of what does not come whole.
    pub fn read(records: &[u8]) -> Self {
        let message = message(records);
        let mut own = Self::default();
        // What was read before a fault stays.
        let _whole = own.read_message(&message);
        own
    }

    fn read_message(&mut self, message: &[u8]) -> Option<()> {
        const CLIENT_HELLO: u8 = 1;
        let mut text = Text(message);
        if text.take(1)? != [CLIENT_HELLO] {
            return None;
        }
        let mut text = Text(text.counted(3)?);
        // The version of old, and random bytes.
        text.take(2 + 32)?;
        let _session = text.counted(1)?;
        let suites = numbers(text.counted(2)?);
        self.offers = Offers::of(&suites, &[], &[]);
        let _compressions = text.counted(1)?;
        let mut extensions = Text(text.counted(2)?);
        let (mut groups, mut signatures) = (Vec::new(), Vec::new());
        while let Some(kind) = extensions.number() {
            let body = extensions.counted(2)?;
            match kind {
                SERVER_NAME => self.name = name(body),
                GROUPS_EXTENSION => groups = list(body, 2),
                SIGNATURES => signatures = list(body, 2),
                VERSIONS => self.versions = list(body, 1),
                PROTOCOLS => self.protocols = protocols(body),
                _ => {}
            }
            self.offers = Offers::of(&suites, &groups, &signatures);
        }
        Some(())
    }

    /// Whether it speaks TLS 1.3.
    pub fn speaks_newest(&self) -> bool {
        self.versions.contains(&TLS_1_3)
    }

    /// What will be spoken inside, as far as a server knows before it shows a certificate: of TLS 1.2 nothing yet.
    pub fn protocol<'a>(&self, config: &'a ServerConfig) -> Option<&'a [u8]> {
        let mut own = config.alpn_protocols.iter().map(Vec::as_slice);
        let found = own.find(|own| self.protocols.iter().any(|said| said == own));
        found.filter(|_| self.speaks_newest())
    }
}

impl Offers {
    fn of(suites: &[u16], groups: &[u16], signatures: &[u16]) -> Self {
        // A hello of 64 KB has room for fewer.
        let count = |list: &[u16]| u16::try_from(list.len()).unwrap_or(u16::MAX);
        Self {
            numbers: [suites, groups, signatures].concat().into(),
            suites: count(suites),
            groups: count(groups),
        }
    }

    /// Without what OpenSSL does not look at when a client has come back to a session: kinds of signatures, and
    /// before TLS 1.3 groups.
    pub fn of_resumed(&self, newest: bool) -> Self {
        let groups = if newest { self.groups() } else { &[] };
        Self::of(self.suites(), groups, &[])
    }

    fn suites(&self) -> &[u16] {
        let end = usize::from(self.suites);
        &self.numbers[..end]
    }

    fn groups(&self) -> &[u16] {
        let start = usize::from(self.suites);
        &self.numbers[start..start + usize::from(self.groups)]
    }

    fn signatures(&self) -> &[u16] {
        let start = usize::from(self.suites) + usize::from(self.groups);
        &self.numbers[start..]
    }

    /// Suites by OpenSSL's names, or their numbers (`ngx_ssl_get_ciphers`).
    pub fn suite_names(&self) -> String {
        joined(self.suites(), SUITES)
    }

    /// Groups by OpenSSL's names, or their numbers (`ngx_ssl_get_curves`).
    pub fn group_names(&self) -> String {
        joined(self.groups(), GROUPS)
    }

    /// Kinds of signatures by their numbers, as an nginx on OpenSSL before 4.0 shows them (`ngx_ssl_get_sigalgs`).
    pub fn signature_numbers(&self) -> String {
        joined(self.signatures(), &[])
    }
}

fn joined(numbers: &[u16], names: &[(u16, &str)]) -> String {
    let mut out = String::new();
    for number in numbers {
        if !out.is_empty() {
            out.push(':');
        }
        match names.binary_search_by_key(number, |(known, _)| *known) {
            Ok(at) => out.push_str(names[at].1),
            Err(_) => out.push_str(&format!("0x{number:04x}")),
        }
    }
    out
}

/// The first message in `records`, which may lie in several.
fn message(records: &[u8]) -> Cow<'_, [u8]> {
    const HANDSHAKE: u8 = 22;
    let mut all = Text(records);
    let mut message = Cow::Borrowed(&[][..]);
    while let Some([HANDSHAKE, _, _]) = all.take(3) {
        let Some(body) = all.counted(2) else {
            break;
        };
        match message.is_empty() {
            true => message = Cow::Borrowed(body),
            false => message.to_mut().extend_from_slice(body),
        }
    }
    message
}

/// The host's name in an extension that names the server.
fn name(body: &[u8]) -> Option<String> {
    const HOST_NAME: u8 = 0;
    let mut text = Text(Text(body).counted(2)?);
    if text.take(1)? != [HOST_NAME] {
        return None;
    }
    String::from_utf8(text.counted(2)?.to_vec()).ok()
}

/// Numbers behind their length, which is `width` bytes wide.
fn list(body: &[u8], width: usize) -> Vec<u16> {
    Text(body).counted(width).map(numbers).unwrap_or_default()
}

fn protocols(body: &[u8]) -> Vec<Vec<u8>> {
    let mut text = Text(Text(body).counted(2).unwrap_or_default());
    std::iter::from_fn(|| text.counted(1).map(<[u8]>::to_vec)).collect()
}

fn numbers(bytes: &[u8]) -> Vec<u16> {
    let (pairs, _odd) = bytes.as_chunks();
    pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect()
}

/// What is left of a text that is being read.
struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, behind) = self.0.split_at_checked(length)?;
        self.0 = behind;
        Some(taken)
    }

    fn number(&mut self) -> Option<u16> {
        let [number] = numbers(self.take(2)?)[..] else {
            return None;
        };
        Some(number)
    }

    /// What stands behind its length, which is `width` bytes wide.
    fn counted(&mut self, width: usize) -> Option<&'a [u8]> {
        let length = self.take(width)?.iter();
        let length = length.fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hello that says these, in records of `size` bytes at most.
    fn hello(suites: &[u16], extensions: &[(u16, Vec<u8>)], size: usize) -> Vec<u8> {
        let counted = |width: usize, body: &[u8]| {
            let length = u32::try_from(body.len()).expect("short").to_be_bytes();
            [&length[4 - width..], body].concat()
        };
        let suites: Vec<u8> = suites.iter().flat_map(|one| one.to_be_bytes()).collect();
        let extensions: Vec<u8> = extensions
            .iter()
            .flat_map(|(kind, body)| [&kind.to_be_bytes()[..], &counted(2, body)].concat())
            .collect();
        let body = [
            vec![3, 3],
            vec![7; 32],
            counted(1, &[9; 32]),
            counted(2, &suites),
            counted(1, &[0]),
            counted(2, &extensions),
        ];
        let message = [vec![1], counted(3, &body.concat())].concat();
        let records = message.chunks(size);
        records
            .flat_map(|part| [vec![22, 3, 1], counted(2, part)].concat())
            .collect()
    }

    fn extensions() -> Vec<(u16, Vec<u8>)> {
        vec![
            (0x1a1a, vec![]),
            (SERVER_NAME, [&[0, 9, 0, 0, 6][..], b"A.test"].concat()),
            (
                GROUPS_EXTENSION,
                vec![0, 8, 0x1a, 0x1a, 0x11, 0xec, 0, 29, 0, 29],
            ),
            (SIGNATURES, vec![0, 4, 4, 3, 0x0a, 0x0a]),
            (VERSIONS, vec![4, 3, 4, 3, 3]),
            (PROTOCOLS, [&[0, 3, 2][..], b"h2"].concat()),
        ]
    }

    #[test]
    fn what_is_offered_is_shown_as_nginx_shows_it() {
        let suites = [0x0a0a, 0x1301, 0x1301, 0xc02b, 0x00ff, 0x000a];
        for size in [7, 100, 10_000] {
            let said = Said::read(&hello(&suites, &extensions(), size));
            assert_eq!(said.name.as_deref(), Some("A.test"));
            assert_eq!(
                said.offers.suite_names(),
                "0x0a0a:TLS_AES_128_GCM_SHA256:TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:TLS_EMPTY_RENEGOTIATION_INFO_SCSV:0x000a"
            );
            assert_eq!(
                said.offers.group_names(),
                "0x1a1a:X25519MLKEM768:X25519:X25519"
            );
            assert_eq!(said.offers.signature_numbers(), "0x0403:0x0a0a");
            assert!(said.speaks_newest());
            assert_eq!(said.protocols, [b"h2"]);
            let again = said.offers.of_resumed(false);
            assert_eq!(
                (again.group_names().as_str(), again.signatures()),
                ("", &[][..])
            );
            assert_eq!(again.suites(), suites);
        }
    }

    #[test]
    fn a_broken_hello_is_no_panic() {
        let whole = hello(&[0x1301], &extensions(), 50);
        for at in 0..whole.len() {
            let _part = Said::read(&whole[..at]);
            for change in [0x01, 0x80, 0xff] {
                let mut broken = whole.clone();
                broken[at] ^= change;
                let _said = Said::read(&broken);
            }
        }
    }

    #[test]
    fn tables_are_in_order() {
        assert!(SUITES.is_sorted_by_key(|(number, _)| number));
        assert!(GROUPS.is_sorted_by_key(|(number, _)| number));
    }
}
