//! Whether a password is the one that a hash was made of.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use sha1::Sha1;
use weir_io::crypt::crypt;

/// Whether `password` is right (`ngx_crypt`). Of hashes that take their time this does, too: see
/// [`is_slow`].
///
/// # Errors
///
/// What the system's `crypt_r()` says.
pub(super) fn matches(password: &[u8], hash: &[u8]) -> io::Result<bool> {
    let made = if let Some(rest) = hash.strip_prefix(APR1) {
        apr1(password, rest)
    } else if hash.starts_with(PLAIN) {
        [PLAIN, password].concat()
    } else if let Some(rest) = hash.strip_prefix(SSHA) {
        ssha(password, rest)
    } else if hash.starts_with(SHA) {
        let digest = Sha1::digest(password);
        [SHA, STANDARD.encode(digest).as_bytes()].concat()
    } else {
        crypt(password, hash)?
    };
    Ok(are_same(&made, hash))
}

/// Whether the hash is one that takes its time, so that whoever waits for it keeps no one else waiting.
pub(super) fn is_slow(hash: &[u8]) -> bool {
    ![PLAIN, SSHA, SHA]
        .iter()
        .any(|quick| hash.starts_with(quick))
}

const APR1: &[u8] = b"$apr1$";
const PLAIN: &[u8] = b"{PLAIN}";
const SHA: &[u8] = b"{SHA}";
const SSHA: &[u8] = b"{SSHA}";

/// Compares without telling by its time where two texts of one length differ.
fn are_same(one: &[u8], other: &[u8]) -> bool {
    let differing = |differing, (one, other): (&u8, &u8)| differing | (one ^ other);
    one.len() == other.len() && std::hint::black_box(one.iter().zip(other).fold(0, differing)) == 0
}

/// SHA-1 of password and salt, and the salt (`ngx_crypt_ssha`).
fn ssha(password: &[u8], rest: &[u8]) -> Vec<u8> {
    const DIGEST: usize = 20;
    let known = weir_wire::base64::decode(rest);
    let salt = known.as_deref().and_then(|known| known.get(DIGEST..));
    let salt = salt.unwrap_or_default();
    let digest = Sha1::new().chain_update(password).chain_update(salt);
    let whole = [digest.finalize().as_slice(), salt].concat();
    [SSHA, STANDARD.encode(whole).as_bytes()].concat()
}

/// Apache's variant of the MD5 of `crypt()`, which differs in its name only (`ngx_crypt_apr1`).
fn apr1(password: &[u8], rest: &[u8]) -> Vec<u8> {
    let end = memchr::memchr(b'$', rest).unwrap_or(rest.len());
    let salt = &rest[..end.min(LONGEST_SALT)];
    let mut digest = apr1_start(password, salt);
    for round in 0..ROUNDS {
        let (first, last) = match round % 2 {
            0 => (digest.as_slice(), password),
            _ => (password, digest.as_slice()),
        };
        let mut next = Md5::new().chain_update(first);
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(last);
        digest = next.finalize().into();
    }
    let mut out = [APR1, salt, b"$"].concat();
    for [a, b, c] in [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]] {
        let bits = u32::from_be_bytes([0, digest[a], digest[b], digest[c]]);
        write_digits(bits, 4, &mut out);
    }
    write_digits(u32::from(digest[11]), 2, &mut out);
    out
}

const LONGEST_SALT: usize = 8;
const ROUNDS: usize = 1000;

fn apr1_start(password: &[u8], salt: &[u8]) -> [u8; 16] {
    let inner: [u8; 16] = Md5::new()
        .chain_update(password)
        .chain_update(salt)
        .chain_update(password)
        .finalize()
        .into();
    let mut outer = Md5::new();
    outer.update(password);
    outer.update(APR1);
    outer.update(salt);
    for piece in password.chunks(inner.len()) {
        outer.update(&inner[..piece.len()]);
    }
    let mut bits = password.len();
    while bits > 0 {
        match bits % 2 {
            0 => outer.update(&password[..1]),
            _ => outer.update([0]),
        }
        bits /= 2;
    }
    outer.finalize().into()
}

/// The digits of `crypt()`, the lowest first.
fn write_digits(mut bits: u32, count: usize, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for _ in 0..count {
        out.push(DIGITS[(bits & 0x3f) as usize]);
        bits >>= 6;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes of `password` that `htpasswd` and `openssl passwd` made.
    const HASHES: &[&str] = &[
        "$apr1$2xIndnHL$G/L.qzIV2DZ24A4Vkn2Cy0",
        "$2y$05$W8nUp5svLkZ2I8Srwmf8nOxwxzlZ8MiK/yI8O//v7Xt5x89DMnZOK",
        "$5$9b7A72QgAwJtNuGW$cB/GfwOYQwTTvpDtQLh1Izw/hxAIdvq4fj/AKPgXSf7",
        "$6$Wbtl3cAEAHYMQX1F$dy1KQGXZ.Xb/D0LSrrYgAhvqLhSNvQ.0vHTTauHCMNIkN0xEqg394RfY7gKQ9AAkBLqT4HWfz5rC2hrHdaRth.",
        "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
        "5jUlmhgiDw1MA",
        "$1$v5bfQx27$C0fMQ8LO/rkvIIyCsbnzl/",
        "$5$rJ08eaHHVymAqMAd$WzrG8WyfWHlbXcmjoLKiD8y9X8hwSWbbSagL3wBxwRD",
        "$6$/MJbXIbn1fxKuSB.$2.7QDuXa7QClFHoR7ms02TwYVaQpZyn0xZqZkGypiS2XWC2MXTMRuj2YLNRMwiZtOE7TiYgQhSlPRlICOKurW1",
        "$apr1$aj49SJxo$t/dx2M4ly8Irr9JPRJAoe1",
        "{SSHA}yrht1iYXEIkejLVu42JWkadd80RzYWx0c2FsdA==",
        "{PLAIN}password",
        "$y$j9T$abcdefgh$79JhsKZwfY/UU2qrk3QcffpHl7EyEEJK0pA5pD1wu73",
    ];

    #[test]
    fn every_kind_of_hash_knows_its_password() {
        for hash in HASHES {
            assert!(matches(b"password", hash.as_bytes()).unwrap(), "{hash}");
            assert!(!matches(b"passwort", hash.as_bytes()).unwrap(), "{hash}");
            assert!(!matches(b"", hash.as_bytes()).unwrap(), "{hash}");
        }
    }

    #[test]
    fn what_is_no_hash_matches_nothing() {
        for hash in [
            "", "password", "{SSHA}", "{SSHA}*", "{SHA}", "$apr1$", "$9$x$y",
        ] {
            let found = matches(b"password", hash.as_bytes());
            assert!(!found.unwrap_or(false), "{hash}");
        }
        assert!(matches(b"", b"{PLAIN}").unwrap());
    }

    #[test]
    fn slow_hashes_are_known() {
        for (hash, slow) in [
            ("{PLAIN}x", false),
            ("{SSHA}x", false),
            ("{SHA}x", false),
            ("$apr1$x", true),
            ("$2y$05$x", true),
            ("", true),
        ] {
            assert_eq!(is_slow(hash.as_bytes()), slow, "{hash}");
        }
    }
}
