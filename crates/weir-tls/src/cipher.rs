//! Block ciphers in CBC: what keys in files and tickets of sessions are encrypted by.

use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use cbc::{Decryptor, Encryptor};
use des::TdesEde3;

/// How something is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    Des3,
}

impl Cipher {
    /// Bytes of its key.
    pub(crate) fn key_length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 | Self::Des3 => 24,
            Self::Aes256 => 32,
        }
    }

    /// `None`: the key or the vector has not the right length.
    pub(crate) fn encrypt(self, key: &[u8], iv: &[u8], text: &[u8]) -> Option<Vec<u8>> {
        fn by<C: KeyIvInit + BlockModeEncrypt>(
            key: &[u8],
            iv: &[u8],
            text: &[u8],
        ) -> Option<Vec<u8>> {
            let cipher = C::new_from_slices(key, iv).ok()?;
            Some(cipher.encrypt_padded_vec::<Pkcs7>(text))
        }
        match self {
            Self::Aes128 => by::<Encryptor<Aes128>>(key, iv, text),
            Self::Aes192 => by::<Encryptor<Aes192>>(key, iv, text),
            Self::Aes256 => by::<Encryptor<Aes256>>(key, iv, text),
            Self::Des3 => by::<Encryptor<TdesEde3>>(key, iv, text),
        }
    }

    /// `None`: the key is another.
    pub(crate) fn decrypt(self, key: &[u8], iv: &[u8], text: &[u8]) -> Option<Vec<u8>> {
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
