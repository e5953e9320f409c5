//! Smooth weighted round robin.

use crate::Tries;
use crate::rotation::Rotation;
use crate::view::Turn;

/// The eligible peer with the greatest current weight (`ngx_http_upstream_get_peer`).
pub(crate) fn choose(turn: &Turn<'_>, att: &Tries) -> Option<usize> {
    if !att.on_backups && Rotation::keeps_turns(turn.list) {
        return turn.rot.next_of_many(turn.list, att, turn.now);
    }
    choose_among(turn, att, 0..turn.peers.len())
}

/// As [`choose`], among the peers at these places, which rise.
pub(crate) fn choose_among(
    turn: &Turn<'_>,
    att: &Tries,
    places: impl Iterator<Item = usize>,
) -> Option<usize> {
    let mut best: Option<usize> = None;
    let mut total = 0;
    for index in places {
        if !turn.eligible(att, index) {
            continue;
        }
        let weights = turn.weights(att, index);
        total += weights.advance();
        if best.is_none_or(|b| weights.current() > turn.weights(att, b).current()) {
            best = Some(index);
        }
    }
    let best = best?;
    turn.weights(att, best).pay(total);
    Some(best)
}
