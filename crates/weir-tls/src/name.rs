//! Names of subjects and issuers: how they are compared and how they are shown.

use std::fmt::Write as _;

use crate::der::{self, Reader};

/// A distinguished name.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    /// As it stands in the certificate.
    pub(crate) der: Vec<u8>,
    pub(crate) attributes: Vec<Attribute>,
    /// The same for all that are equal: letters small, blanks single, texts in one encoding
    /// (`x509_name_canon`).
    canonical: Vec<u8>,
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Eq for Name {}

/// One part of a name.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    /// What it is: an object identifier.
    pub(crate) kind: Vec<u8>,
    /// In which encoding its text is.
    pub(crate) tag: u8,
    pub(crate) text: Vec<u8>,
    /// It belongs to the one before.
    joined: bool,
}

const UTF8: u8 = 12;
const PRINTABLE: u8 = 0x13;
const TELETEX: u8 = 0x14;
pub(crate) const IA5: u8 = 0x16;
const VISIBLE: u8 = 0x1a;
const UNIVERSAL: u8 = 0x1c;
const BMP: u8 = 0x1e;

impl Name {
    /// Whether it is `issuer`'s with one common name more, as those of proxies are (`check_name_constraints`).
    pub(crate) fn is_name_of_proxy(&self, issuer: &Self) -> bool {
        const COMMON_NAME: &[u8] = &[0x55, 4, 3];
        let [.., _, last] = self.attributes.as_slice() else {
            return false;
        };
        let one_more = self.attributes.len() == issuer.attributes.len() + 1;
        let alone = !last.joined && last.kind == COMMON_NAME;
        one_more && alone && self.canonical.starts_with(&issuer.canonical)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let whole = reader.expect(der::SEQUENCE)?;
        let mut sets = reader.within(&whole);
        let mut attributes = Vec::new();
        while !sets.is_empty() {
            let mut set = sets.enter(der::SET)?;
            let mut joined = false;
            while !set.is_empty() {
                let mut one = set.enter(der::SEQUENCE)?;
                let kind = one.contents(der::OID)?.to_vec();
                let value = one.next()?;
                attributes.push(Attribute {
                    kind,
                    tag: value.tag,
                    text: one.bytes(value.body).to_vec(),
                    joined,
                });
                joined = true;
            }
        }
        Some(Self {
            der: reader.bytes(whole.whole).to_vec(),
            canonical: canonical(&attributes),
            attributes,
        })
    }

    /// Whether it is `above` or below that (`nc_dn`).
    pub(crate) fn is_within(&self, above: &Self) -> bool {
        let rest = self.canonical.strip_prefix(above.canonical.as_slice());
        // A part of several belongs to them all.
        rest.is_some_and(|rest| rest.first() != Some(&JOINED))
    }

    /// As RFC 2253 writes it, the last part first (`X509_NAME_print_ex` with `XN_FLAG_RFC2253`).
    pub(crate) fn rfc2253(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (at, part) in self.attributes.iter().enumerate().rev() {
            if !out.is_empty() {
                // Joined parts are walked in reverse, too.
                let joined = self.attributes.get(at + 1).is_some_and(|next| next.joined);
                out.push(if joined { b'+' } else { b',' });
            }
            match short_name(&part.kind) {
                Some(name) => out.extend_from_slice(name.as_bytes()),
                None => out.extend_from_slice(dotted(&part.kind).as_bytes()),
            }
            out.push(b'=');
            part.escape_into(&mut out);
        }
        out
    }

    /// As OpenSSL wrote names of old: `/C=DE/CN=x` (`X509_NAME_oneline`).
    pub(crate) fn oneline(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for part in &self.attributes {
            out.push(b'/');
            match short_name(&part.kind) {
                Some(name) => out.extend_from_slice(name.as_bytes()),
                None => out.extend_from_slice(dotted(&part.kind).as_bytes()),
            }
            out.push(b'=');
            for byte in part.single_bytes() {
                match byte {
                    b' '..=b'~' => out.push(byte),
                    _ => out.extend_from_slice(format!("\\x{byte:02X}").as_bytes()),
                }
            }
        }
        out
    }
}

/// What says in a canonical name that a part belongs to the one before.
const JOINED: u8 = 1;

fn canonical(attributes: &[Attribute]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in attributes {
        let text = match part.is_text() {
            true => part.utf8(),
            false => part.text.clone(),
        };
        let mut small = Vec::new();
        if part.is_text() {
            let words = text.split(|byte| byte.is_ascii_whitespace() || *byte == 0x0b);
            for word in words.filter(|word| !word.is_empty()) {
                if !small.is_empty() {
                    small.push(b' ');
                }
                small.extend(word.iter().map(u8::to_ascii_lowercase));
            }
        } else {
            small = text;
            small.push(part.tag);
        }
        out.push(u8::from(part.joined));
        for bytes in [&part.kind, &small] {
            out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            out.extend_from_slice(bytes);
        }
    }
    out
}

impl Attribute {
    fn is_text(&self) -> bool {
        matches!(
            self.tag,
            UTF8 | PRINTABLE | TELETEX | IA5 | VISIBLE | UNIVERSAL | BMP
        )
    }

    /// Its text in UTF-8.
    pub(crate) fn utf8(&self) -> Vec<u8> {
        let wide = |size: usize| -> Vec<u8> {
            let chars = self.text.chunks(size).map(|unit| {
                let number = unit.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
                char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)
            });
            chars.collect::<String>().into_bytes()
        };
        match self.tag {
            BMP => wide(2),
            UNIVERSAL => wide(4),
            // Read as Latin 1.
            TELETEX => wide(1),
            _ => self.text.clone(),
        }
    }

    /// Its text a byte for each letter, of wide ones only if all are of a byte.
    fn single_bytes(&self) -> Vec<u8> {
        match self.tag {
            UNIVERSAL if self.text.chunks(4).all(|unit| unit.starts_with(&[0, 0, 0])) => self
                .text
                .chunks(4)
                .filter_map(|unit| unit.get(3).copied())
                .collect(),
            _ => self.text.clone(),
        }
    }

    /// Its text as RFC 2253 escapes it (`do_print_ex` with `ASN1_STRFLGS_RFC2253`).
    fn escape_into(&self, out: &mut Vec<u8>) {
        if !self.is_text() {
            out.push(b'#');
            let length = self.text.len();
            let mut header = vec![self.tag];
            match u8::try_from(length) {
                Ok(short @ ..0x80) => header.push(short),
                Ok(long) => header.extend_from_slice(&[0x81, long]),
                Err(_) => {
                    header.push(0x82);
                    header.extend_from_slice(&(length as u16).to_be_bytes());
                }
            }
            for byte in header.iter().chain(&self.text) {
                out.extend_from_slice(format!("{byte:02X}").as_bytes());
            }
            return;
        }
        let text = self.utf8();
        for (at, byte) in text.iter().enumerate() {
            let end = at == 0 || at + 1 == text.len();
            match byte {
                b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => {
                    out.extend_from_slice(&[b'\\', *byte])
                }
                b' ' if end => out.extend_from_slice(b"\\ "),
                b'#' if at == 0 => out.extend_from_slice(b"\\#"),
                b' '..=b'~' => out.push(*byte),
                _ => out.extend_from_slice(format!("\\{byte:02X}").as_bytes()),
            }
        }
    }
}

/// OpenSSL's short name of a kind of part.
fn short_name(kind: &[u8]) -> Option<&'static str> {
    Some(match kind {
        [0x55, 4, rest @ ..] => match rest {
            [3] => "CN",
            [4] => "SN",
            [5] => "serialNumber",
            [6] => "C",
            [7] => "L",
            [8] => "ST",
            [9] => "street",
            [10] => "O",
            [11] => "OU",
            [12] => "title",
            [13] => "description",
            [15] => "businessCategory",
            [16] => "postalAddress",
            [17] => "postalCode",
            [18] => "postOfficeBox",
            [20] => "telephoneNumber",
            [41] => "name",
            [42] => "GN",
            [43] => "initials",
            [44] => "generationQualifier",
            [45] => "x500UniqueIdentifier",
            [46] => "dnQualifier",
            [65] => "pseudonym",
            [72] => "role",
            [97] => "organizationIdentifier",
            _ => return None,
        },
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1] => "emailAddress",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 2] => "unstructuredName",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25] => "DC",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1] => "UID",
        [0x2b, 6, 1, 4, 1, 0x82, 0x37, 60, 2, 1, 1] => "jurisdictionL",
        [0x2b, 6, 1, 4, 1, 0x82, 0x37, 60, 2, 1, 2] => "jurisdictionST",
        [0x2b, 6, 1, 4, 1, 0x82, 0x37, 60, 2, 1, 3] => "jurisdictionC",
        _ => return None,
    })
}

/// An object identifier in digits.
fn dotted(kind: &[u8]) -> String {
    let mut out = String::new();
    let mut number = 0u64;
    for byte in kind {
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        // Writing to a string does not fail.
        let _ = match out.is_empty() {
            true => {
                let first = (number / 40).min(2);
                write!(out, "{first}.{}", number - first * 40)
            }
            false => write!(out, ".{number}"),
        };
        number = 0;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(parts: &[(u8, u8, &[u8])]) -> Name {
        let mut sets = Vec::new();
        for (kind, tag, text) in parts {
            let mut part = vec![der::OID, 3, 0x55, 4, *kind, *tag, text.len() as u8];
            part.extend_from_slice(text);
            sets.extend_from_slice(&[
                der::SET,
                part.len() as u8 + 2,
                der::SEQUENCE,
                part.len() as u8,
            ]);
            sets.extend_from_slice(&part);
        }
        sets.splice(0..0, [der::SEQUENCE, sets.len() as u8]);
        Name::read(&mut Reader::new(&sets)).expect("a name")
    }

    #[test]
    fn names_are_shown_as_openssl_shows_them() {
        let shown = name(&[
            (6, PRINTABLE, b"DE"),
            (10, UTF8, "Ä, b".as_bytes()),
            (3, UTF8, b"#x "),
        ]);
        assert_eq!(shown.rfc2253(), br"CN=\#x\ ,O=\C3\84\, b,C=DE");
        assert_eq!(shown.oneline(), br"/C=DE/O=\xC3\x84, b/CN=#x ");
    }

    #[test]
    fn names_are_equal_whatever_their_letters_and_blanks() {
        let one = name(&[(3, PRINTABLE, b" A  b")]);
        assert_eq!(one, name(&[(3, UTF8, b"a B ")]));
        assert_ne!(one, name(&[(3, UTF8, b"aB")]));
        assert_ne!(one, name(&[(10, UTF8, b"a b")]));
    }

    #[test]
    fn names_are_below_those_that_they_begin_with() {
        let above = name(&[(6, PRINTABLE, b"DE"), (10, UTF8, b"a")]);
        let below = name(&[(6, UTF8, b"de"), (10, UTF8, b"A"), (3, UTF8, b"b")]);
        let beside = name(&[(6, UTF8, b"de"), (10, UTF8, b"ab"), (3, UTF8, b"b")]);
        assert!(above.is_within(&above));
        assert!(below.is_within(&above));
        assert!(!above.is_within(&below));
        assert!(!beside.is_within(&above));
    }
}
