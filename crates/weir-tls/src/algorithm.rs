//! Kinds of keys and of signatures, as AlgorithmIdentifiers tell them, and what of them OpenSSL finds too weak at
//! its security level 2.

use crate::der::{self, Reader};

/// A kind of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Rsa,
    RsaPss,
    Ec,
    Dsa,
    Ed25519,
    Ed448,
}

/// PKCS#1, but for its last number.
const PKCS_1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1];
const EC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4];
const DSA_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1];
const DSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3];
/// NIST's signatures, but for their last number.
const NIST: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const ED448: &[u8] = &[0x2b, 0x65, 0x71];
const SHA1: &[u8] = &[0x2b, 14, 3, 2, 26];
const PSS: u8 = 10;

impl KeyKind {
    /// The kind of a key whose AlgorithmIdentifier has these contents.
    pub(crate) fn of(algorithm: &[u8]) -> Option<Self> {
        match kind(algorithm)? {
            EC_KEY => Some(Self::Ec),
            DSA_KEY => Some(Self::Dsa),
            ED25519 => Some(Self::Ed25519),
            ED448 => Some(Self::Ed448),
            other => match other.strip_prefix(PKCS_1)? {
                [1] => Some(Self::Rsa),
                [PSS] => Some(Self::RsaPss),
                _ => None,
            },
        }
    }

    /// The kind of the keys that make signatures whose AlgorithmIdentifier has these contents
    /// (`OBJ_find_sigid_algs`).
    fn of_signature(algorithm: &[u8]) -> Option<Self> {
        let kind = kind(algorithm)?;
        match kind {
            DSA_SHA1 => return Some(Self::Dsa),
            ED25519 => return Some(Self::Ed25519),
            ED448 => return Some(Self::Ed448),
            _ if kind.starts_with(ECDSA) => return Some(Self::Ec),
            _ => {}
        }
        match (kind.strip_prefix(PKCS_1), kind.strip_prefix(NIST)) {
            (Some([2..=5 | 11..=16]), _) | (_, Some([13..=16])) => Some(Self::Rsa),
            (Some([PSS]), _) => Some(Self::RsaPss),
            (_, Some([1..=8])) => Some(Self::Dsa),
            (_, Some([9..=12])) => Some(Self::Ec),
            _ => None,
        }
    }

    /// Whether a key of the kind can have made such a signature (`check_sig_alg_match`).
    pub(crate) fn makes(self, algorithm: &[u8]) -> bool {
        let signature = Self::of_signature(algorithm);
        signature == Some(self) || (self == Self::Rsa && signature == Some(Self::RsaPss))
    }
}

/// The object identifier that an AlgorithmIdentifier begins with.
fn kind(algorithm: &[u8]) -> Option<&[u8]> {
    Reader::new(algorithm).contents(der::OID)
}

/// Whether a key is of RSA and has fewer than 2048 bits, or on a curve of 192 (`check_key_level`).
pub(crate) fn is_weak_key(algorithm: &[u8], key: &[u8]) -> bool {
    match KeyKind::of(algorithm) {
        Some(KeyKind::Rsa | KeyKind::RsaPss) => is_weak_rsa(key),
        Some(KeyKind::Ec) => is_weak_curve(algorithm),
        Some(KeyKind::Dsa | KeyKind::Ed25519 | KeyKind::Ed448) | None => false,
    }
}

fn is_weak_curve(algorithm: &[u8]) -> bool {
    /// ANSI's curves over prime fields, but for their last number; the first three are of 192 bits.
    const ANSI: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1];
    let mut fields = Reader::new(algorithm);
    let curve = fields.next().and_then(|_| fields.contents(der::OID));
    let number = curve.and_then(|curve| curve.strip_prefix(ANSI));
    matches!(number, Some([1..=3]))
}

fn is_weak_rsa(key: &[u8]) -> bool {
    const LEAST: usize = 2048;
    let modulus = Reader::new(key)
        .enter(der::SEQUENCE)
        .and_then(|mut parts| parts.contents(der::INTEGER));
    modulus.is_none_or(|modulus| {
        let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
        let first = modulus.get(zeros).map_or(8, |byte| byte.leading_zeros());
        (modulus.len() - zeros) * 8 < LEAST + first as usize
    })
}

/// Whether a signature is over MD5, SHA-1 or what is older (`check_sig_level`).
pub(crate) fn is_weak_digest(algorithm: &[u8]) -> bool {
    let ecdsa_sha1 = [ECDSA, &[1]].concat();
    let Some(kind) = kind(algorithm) else {
        return false;
    };
    match kind.strip_prefix(PKCS_1) {
        Some([2..=5]) => true,
        Some([PSS]) => pss_digest(algorithm).is_none_or(|digest| digest == SHA1),
        Some(_) | None => kind == ecdsa_sha1 || kind == DSA_SHA1,
    }
}

/// The digest of RSA-PSS, unless it is the one that need not be said, which is SHA-1.
fn pss_digest(algorithm: &[u8]) -> Option<&[u8]> {
    let mut fields = Reader::new(algorithm);
    fields.next()?;
    let mut said = fields.enter(der::SEQUENCE)?;
    let digest = said.optional(der::parts(0))?;
    said.within(&digest)
        .enter(der::SEQUENCE)?
        .contents(der::OID)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identifier(kind: &[u8], rest: &[u8]) -> Vec<u8> {
        [&[der::OID, kind.len() as u8], kind, rest].concat()
    }

    fn pkcs_1(number: u8) -> Vec<u8> {
        identifier(&[PKCS_1, &[number]].concat(), &[5, 0])
    }

    #[test]
    fn keys_make_signatures_of_their_kind() {
        let ecdsa = identifier(&[ECDSA, &[3, 2]].concat(), &[]);
        let pss = pkcs_1(PSS);
        for (kind, algorithm, expected) in [
            (KeyKind::Rsa, pkcs_1(11), true),
            (KeyKind::Rsa, pss.clone(), true),
            (KeyKind::RsaPss, pss, true),
            (KeyKind::RsaPss, pkcs_1(11), false),
            (KeyKind::Rsa, ecdsa.clone(), false),
            (KeyKind::Ec, ecdsa, true),
            (KeyKind::Ec, pkcs_1(11), false),
            (KeyKind::Ed25519, identifier(ED25519, &[]), true),
            (KeyKind::Rsa, pkcs_1(99), false),
        ] {
            assert_eq!(kind.makes(&algorithm), expected, "{kind:?} {algorithm:?}");
        }
    }

    #[test]
    fn short_keys_are_weak() {
        let curve = |number: u8| {
            let curve = identifier(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, number], &[]);
            identifier(EC_KEY, &curve)
        };
        assert!(is_weak_key(&curve(1), &[]), "P-192");
        assert!(!is_weak_key(&curve(7), &[]), "P-256");
        let modulus = |bytes: usize, first: u8| {
            let mut number = vec![0x30, 0x82, 1, 4, der::INTEGER, 0x82, 1, 0];
            number.push(first);
            number.resize(8 + bytes, 7);
            number[2..4].copy_from_slice(&(bytes as u16 + 4).to_be_bytes());
            number[6..8].copy_from_slice(&(bytes as u16).to_be_bytes());
            number
        };
        assert!(is_weak_key(&pkcs_1(1), &modulus(128, 0x7f)));
        assert!(is_weak_key(&pkcs_1(1), &modulus(256, 0x7f)), "2047 bits");
        assert!(!is_weak_key(&pkcs_1(1), &modulus(256, 0xff)));
    }

    #[test]
    fn old_digests_are_weak() {
        assert!(is_weak_digest(&pkcs_1(5)), "SHA-1");
        assert!(!is_weak_digest(&pkcs_1(11)), "SHA-256");
        assert!(is_weak_digest(&identifier(&[ECDSA, &[1]].concat(), &[])));
        assert!(!is_weak_digest(&identifier(
            &[ECDSA, &[3, 2]].concat(),
            &[]
        )));
        let pss = [PKCS_1, &[PSS]].concat();
        assert!(is_weak_digest(&identifier(&pss, &[0x30, 0])), "SHA-1");
        let sha256 = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
        let said = [&[0x30, 15, 0xa0, 13, 0x30, 11, 6, 9], &sha256[..]].concat();
        assert!(!is_weak_digest(&identifier(&pss, &said)), "SHA-256");
    }
}
