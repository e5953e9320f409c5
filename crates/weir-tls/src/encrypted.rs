//! Keys that are encrypted with a password: PKCS#8 with PBES2 (RFC 8018), and OpenSSL's armour of old, which says
//! how in `DEK-Info`.

use md5::{Digest as _, Md5};
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use crate::cipher::Cipher;
use crate::der::{self, Reader};

/// Most rounds that a password is stretched by; more would hold a start up for minutes.
const ROUNDS: u64 = 10_000_000;

/// The cipher that armour calls so.
fn named(name: &str) -> Option<Cipher> {
    match name {
        "AES-128-CBC" => Some(Cipher::Aes128),
        "AES-192-CBC" => Some(Cipher::Aes192),
        "AES-256-CBC" => Some(Cipher::Aes256),
        "DES-EDE3-CBC" => Some(Cipher::Des3),
        _ => None,
    }
}

/// The cipher with this object identifier.
fn numbered(kind: &[u8]) -> Option<Cipher> {
    match kind {
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 2] => Some(Cipher::Aes128),
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 22] => Some(Cipher::Aes192),
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 42] => Some(Cipher::Aes256),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 3, 7] => Some(Cipher::Des3),
        _ => None,
    }
}

/// A key in OpenSSL's armour of old (`PEM_do_header`); `None`: it is not known how it is encrypted.
pub(crate) struct Armoured<'a> {
    cipher: Cipher,
    iv: Vec<u8>,
    text: &'a [u8],
}

impl<'a> Armoured<'a> {
    /// `how` is what stands behind `DEK-Info: `.
    pub(crate) fn read(how: &str, text: &'a [u8]) -> Option<Self> {
        let (name, iv) = how.split_once(',')?;
        let digits = iv.trim().as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let iv = digits.chunks(2).map(byte).collect::<Option<Vec<_>>>()?;
        Some(Self {
            cipher: named(name.trim())?,
            iv,
            text,
        })
    }

    /// The key, if the password is right.
    pub(crate) fn open(&self, password: &[u8]) -> Option<Vec<u8>> {
        let salt = self.iv.get(..8)?;
        // `EVP_BytesToKey` with MD5, once.
        let mut key = Vec::new();
        while key.len() < self.cipher.key_length() {
            let last = &key[key.len().saturating_sub(16)..];
            let digest = Md5::new()
                .chain_update(last)
                .chain_update(password)
                .chain_update(salt)
                .finalize();
            key.extend_from_slice(&digest);
        }
        key.truncate(self.cipher.key_length());
        self.cipher.decrypt(&key, &self.iv, self.text)
    }
}

/// A digest that stretches passwords.
#[derive(Clone, Copy, Debug)]
enum Stretch {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// A key in PKCS#8 that is encrypted (`EncryptedPrivateKeyInfo`).
#[derive(Debug)]
pub(crate) struct Pkcs8<'a> {
    salt: &'a [u8],
    rounds: u32,
    stretch: Stretch,
    cipher: Cipher,
    iv: &'a [u8],
    text: &'a [u8],
}

impl<'a> Pkcs8<'a> {
    /// `None`: it is none, or it is not known how it is encrypted.
    pub(crate) fn read(der: &'a [u8]) -> Option<Self> {
        const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13];
        const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 12];
        const HMAC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2];
        let mut whole = Reader::new(der).enter(der::SEQUENCE)?;
        let mut how = whole.enter(der::SEQUENCE)?;
        if how.contents(der::OID)? != PBES2 {
            return None;
        }
        let mut parts = how.enter(der::SEQUENCE)?;
        let mut derived = parts.enter(der::SEQUENCE)?;
        if derived.contents(der::OID)? != PBKDF2 {
            return None;
        }
        let mut derived = derived.enter(der::SEQUENCE)?;
        let salt = derived.contents(der::OCTET_STRING)?;
        let rounds = der::number(derived.contents(der::INTEGER)?)?;
        derived.optional(der::INTEGER);
        let stretch = match derived.optional(der::SEQUENCE) {
            None => Stretch::Sha1,
            Some(value) => {
                let kind = derived.within(&value).contents(der::OID)?;
                match kind.strip_prefix(HMAC)? {
                    [7] => Stretch::Sha1,
                    [8] => Stretch::Sha224,
                    [9] => Stretch::Sha256,
                    [10] => Stretch::Sha384,
                    [11] => Stretch::Sha512,
                    _ => return None,
                }
            }
        };
        let mut cipher = parts.enter(der::SEQUENCE)?;
        let kind = cipher.contents(der::OID)?;
        Some(Self {
            salt,
            rounds: u32::try_from(rounds.clamp(1, ROUNDS)).ok()?,
            stretch,
            cipher: numbered(kind)?,
            iv: cipher.contents(der::OCTET_STRING)?,
            text: whole.contents(der::OCTET_STRING)?,
        })
    }

    /// The key in PKCS#8, if the password is right.
    pub(crate) fn open(&self, password: &[u8]) -> Option<Vec<u8>> {
        let mut key = vec![0; self.cipher.key_length()];
        let (salt, rounds) = (self.salt, self.rounds);
        match self.stretch {
            Stretch::Sha1 => pbkdf2_hmac::<Sha1>(password, salt, rounds, &mut key),
            Stretch::Sha224 => pbkdf2_hmac::<Sha224>(password, salt, rounds, &mut key),
            Stretch::Sha256 => pbkdf2_hmac::<Sha256>(password, salt, rounds, &mut key),
            Stretch::Sha384 => pbkdf2_hmac::<Sha384>(password, salt, rounds, &mut key),
            Stretch::Sha512 => pbkdf2_hmac::<Sha512>(password, salt, rounds, &mut key),
        }
        self.cipher.decrypt(&key, self.iv, self.text)
    }
}
