//! `ip_hash`: the client's address chooses, and chooses again when the peer is out.

use crate::Tries;
use crate::tries::Hashing;
use crate::view::Turn;

/// `ngx_http_upstream_get_ip_hash_peer`.
pub(crate) fn choose(turn: &Turn<'_>, att: &mut Tries) -> Option<usize> {
    let Hashing::Address {
        bytes,
        len,
        hash: mut running,
    } = att.hashing
    else {
        return None;
    };
    loop {
        let counted = &bytes[..usize::from(len)];
        running = counted
            .iter()
            .fold(running, |hash, &byte| (hash * 113 + u32::from(byte)) % 6271);
        let index = turn
            .list
            .by_weight(u64::from(running).checked_rem(turn.list.primary_weight())?);
        if turn.eligible(att, index) {
            // Only a hit is kept: after a pick the next try goes on from here.
            att.hashing = Hashing::Address {
                bytes,
                len,
                hash: running,
            };
            return Some(index);
        }
        if !att.miss() {
            return None;
        }
    }
}
