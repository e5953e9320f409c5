//! Keys for session tickets that several machines share (`ngx_ssl_session_ticket_keys`): the first encrypts, all
//! decrypt.

use std::fmt;
use std::path::PathBuf;

use hmac::{Hmac, KeyInit as _, Mac as _};
use rustls::crypto::SecureRandom;
use rustls::server::ProducesTickets;
use sha2::Sha256;
use weir_conf::ErrorNumber;

use crate::cipher::Cipher;

const NAME: usize = 16;
const IV: usize = 16;
const SEAL: usize = 32;

/// The keys of a server's files.
pub(crate) struct TicketKeys {
    keys: Vec<TicketKey>,
    random: &'static dyn SecureRandom,
}

/// What a file has: a name, a key for AES, and one for a seal by HMAC-SHA256.
struct TicketKey {
    name: [u8; NAME],
    cipher: Cipher,
    key: Vec<u8>,
    seal: Vec<u8>,
}

impl TicketKeys {
    /// Reads the keys of `files`, one at least.
    ///
    /// # Errors
    ///
    /// nginx's words for a file that cannot be read, or is too long or too short.
    pub(crate) fn load(
        files: &[PathBuf],
        random: &'static dyn SecureRandom,
    ) -> Result<Self, String> {
        let read = |path: &PathBuf| {
            let shown = path.display();
            let text = std::fs::read(path).map_err(|error| {
                let errno = error.raw_os_error().unwrap_or_default();
                let words = ErrorNumber(errno).words();
                format!("open() \"{shown}\" failed ({errno}: {words})")
            })?;
            let key = TicketKey::read(&text);
            key.ok_or_else(|| format!("\"{shown}\" must be 48 or 80 bytes"))
        };
        Ok(Self {
            keys: files.iter().map(read).collect::<Result<_, _>>()?,
            random,
        })
    }
}

impl TicketKey {
    fn read(text: &[u8]) -> Option<Self> {
        let (name, rest) = text.split_first_chunk()?;
        let (cipher, key, seal) = match rest.len() {
            32 => (Cipher::Aes128, &rest[..16], &rest[16..]),
            64 => (Cipher::Aes256, &rest[32..], &rest[..32]),
            _ => return None,
        };
        Some(Self {
            name: *name,
            cipher,
            key: key.to_vec(),
            seal: seal.to_vec(),
        })
    }

    fn seal(&self) -> Option<Hmac<Sha256>> {
        Hmac::new_from_slice(&self.seal).ok()
    }

    fn encrypt(&self, iv: [u8; IV], plain: &[u8]) -> Option<Vec<u8>> {
        let text = self.cipher.encrypt(&self.key, &iv, plain)?;
        let mut ticket = [self.name.as_slice(), &iv, &text].concat();
        let seal = self.seal()?.chain_update(&ticket).finalize();
        ticket.extend_from_slice(&seal.into_bytes());
        Some(ticket)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (sealed, seal) = ticket.split_last_chunk::<SEAL>()?;
        let rest = sealed.strip_prefix(&self.name)?;
        let (iv, text) = rest.split_at_checked(IV)?;
        let found = self.seal()?.chain_update(sealed);
        found.verify_slice(seal).ok()?;
        self.cipher.decrypt(&self.key, iv, text)
    }
}

impl ProducesTickets for TicketKeys {
    fn enabled(&self) -> bool {
        true
    }

    /// As long as a server says.
    fn lifetime(&self) -> u32 {
        0
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut iv = [0; IV];
        self.random.fill(&mut iv).ok()?;
        self.keys.first()?.encrypt(iv, plain)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.keys.iter().find_map(|key| key.decrypt(ticket))
    }
}

impl fmt::Debug for TicketKeys {
    /// Not what they are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKeys").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(texts: &[Vec<u8>]) -> TicketKeys {
        let keys = texts.iter().map(|text| TicketKey::read(text));
        TicketKeys {
            keys: keys.collect::<Option<_>>().expect("keys"),
            random: crate::backend::default_provider().secure_random,
        }
    }

    #[test]
    fn the_first_key_encrypts_and_all_decrypt() {
        let (old, new) = (vec![1; 48], (0..80).collect::<Vec<u8>>());
        let before = keys(std::slice::from_ref(&old))
            .encrypt(b"session")
            .expect("a ticket");
        let both = keys(&[new.clone(), old]);
        assert_eq!(both.decrypt(&before).as_deref(), Some(&b"session"[..]));
        let after = both.encrypt(b"session").expect("a ticket");
        let alone = keys(std::slice::from_ref(&new));
        assert_eq!(alone.decrypt(&after).as_deref(), Some(&b"session"[..]));
        assert_eq!(alone.decrypt(&before), None);
        let mut bent = after.clone();
        bent[40] ^= 1;
        assert_eq!(alone.decrypt(&bent), None);
        for length in 0..after.len() {
            assert_eq!(alone.decrypt(&after[..length]), None);
        }
        assert!(TicketKey::read(&[1; 47]).is_none());
    }
}
