//! Keys that are encrypted with a password: PKCS#8 with PBES2 (RFC 8018), and OpenSSL's armour of old, which says
//! how in `DEK-Info`.

use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use des::TdesEde3;
use md5::{Digest as _, Md5};
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use crate::der::{self, Reader};

/// Most rounds that a password is stretched by; more would hold a start up for minutes.
const ROUNDS: u64 = 10_000_000;

/// How something is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    Des3,
}

impl Cipher {
    /// The one that armour calls so.
    fn named(name: &str) -> Option<Self> {
        match name {
            "AES-128-CBC" => Some(Self::Aes128),
            "AES-192-CBC" => Some(Self::Aes192),
            "AES-256-CBC" => Some(Self::Aes256),
            "DES-EDE3-CBC" => Some(Self::Des3),
            _ => None,
        }
    }

    fn of(kind: &[u8]) -> Option<Self> {
        match kind {
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 2] => Some(Self::Aes128),
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 22] => Some(Self::Aes192),
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 42] => Some(Self::Aes256),
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 3, 7] => Some(Self::Des3),
            _ => None,
        }
    }

    /// Bytes of its key.
    fn key_length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 | Self::Des3 => 24,
            Self::Aes256 => 32,
        }
    }

    /// `None`: the key is another.
    fn decrypt(self, key: &[u8], iv: &[u8], text: &[u8]) -> Option<Vec<u8>> {
        fn by<C: KeyIvInit + BlockModeDecrypt>(
            key: &[u8],
            iv: &[u8],
            text: &[u8],
        ) -> Option<Vec<u8>> {
            let cipher = C::new_from_slices(key, iv).ok()?;
            cipher.decrypt_padded_vec::<Pkcs7>(text).ok()
        }
        match self {
            Self::Aes128 => by::<Decryptor<Aes128>>(key, iv, text),
            Self::Aes192 => by::<Decryptor<Aes192>>(key, iv, text),
            Self::Aes256 => by::<Decryptor<Aes256>>(key, iv, text),
            Self::Des3 => by::<Decryptor<TdesEde3>>(key, iv, text),
        }
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
            cipher: Cipher::named(name.trim())?,
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
            cipher: Cipher::of(kind)?,
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
