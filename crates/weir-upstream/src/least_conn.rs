//! `least_conn`: fewest active connections per weight.

use crate::view::Turn;
use crate::{Peer, Tries, round_robin};

/// The eligible peer with the least load; round robin decides between equals
/// (`ngx_http_upstream_get_least_conn_peer`).
pub(crate) fn choose(turn: &Turn<'_>, att: &Tries) -> Option<usize> {
    if let Some(loads) = turn.list.loads().filter(|_| !att.on_backups) {
        return loads.choose(turn, att);
    }
    let mut best: Option<usize> = None;
    let mut tie = false;
    for index in (0..turn.peers.len()).filter(|&p| turn.eligible(att, p)) {
        match best.map(|b| compare_load(&turn.peers[index], &turn.peers[b])) {
            None | Some(std::cmp::Ordering::Less) => {
                best = Some(index);
                tie = false;
            }
            Some(std::cmp::Ordering::Equal) => tie = true,
            Some(std::cmp::Ordering::Greater) => {}
        }
    }
    let best = best?;
    if !tie {
        return Some(best);
    }
    let equal = |index: &usize| {
        *index == best || compare_load(&turn.peers[*index], &turn.peers[best]).is_eq()
    };
    // Another worker may change the load in between; the peer found first still stands.
    round_robin::choose_among(turn, att, (0..turn.peers.len()).filter(equal)).or(Some(best))
}

/// Whether one peer has more to do than another.
pub(crate) fn is_busier(turn: &Turn<'_>, one: usize, other: usize) -> bool {
    compare_load(&turn.peers[one], &turn.peers[other]).is_gt()
}

/// Active connections divided by weight, compared without division.
fn compare_load(a: &Peer, b: &Peer) -> std::cmp::Ordering {
    let scaled = |x: &Peer, y: &Peer| u64::from(x.load()) * u64::from(y.parameters().weight);
    scaled(a, b).cmp(&scaled(b, a))
}
