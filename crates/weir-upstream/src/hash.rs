//! `hash KEY`: the key's checksum chooses, and chooses again when the peer is out.

use crc32fast::Hasher;

use crate::Tries;
use crate::tries::Hashing;
use crate::view::Turn;

/// `((crc32([REHASH] KEY) >> 16) & 0x7fff) + PREVIOUS`, modulo the total weight
/// (`ngx_http_upstream_get_hash_peer`, compatible with Cache::Memcached).
pub(crate) fn choose(turn: &Turn<'_>, att: &mut Tries) -> Option<usize> {
    loop {
        let Hashing::Key {
            crc,
            len,
            hash,
            rehash,
        } = &mut att.hashing
        else {
            return None;
        };
        *hash = hash.wrapping_add((checksum(*rehash, *crc, *len) >> 16) & 0x7fff);
        *rehash += 1;
        let index = turn
            .list
            .by_weight(u64::from(*hash).checked_rem(turn.list.primary_weight())?);
        if turn.eligible(att, index) {
            return Some(index);
        }
        if !att.miss() {
            return None;
        }
    }
}

/// Checksum of the key with `rehash`, in decimal, before it; nothing is before it the first time.
fn checksum(rehash: u32, key_crc: u32, key_len: u64) -> u32 {
    if rehash == 0 {
        return key_crc;
    }
    let mut digits = [b'0'; 10];
    let mut start = digits.len();
    let mut rest = rehash;
    while rest > 0 {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let mut hasher = Hasher::new();
    hasher.update(&digits[start..]);
    hasher.combine(&Hasher::new_with_initial_len(key_crc, key_len));
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_joined_from_its_parts_is_that_of_the_whole() {
        for (rehash, key) in [
            (0, "a"),
            (1, "a"),
            (9, "foo"),
            (10, "bar"),
            (123, "/uri?x=y"),
        ] {
            let prefix = if rehash == 0 {
                String::new()
            } else {
                rehash.to_string()
            };
            let whole = crc32fast::hash(format!("{prefix}{key}").as_bytes());
            let joined = checksum(rehash, crc32fast::hash(key.as_bytes()), key.len() as u64);
            assert_eq!(joined, whole, "{rehash} {key}");
        }
    }
}
