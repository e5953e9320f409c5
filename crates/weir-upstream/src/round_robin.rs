//! Smooth weighted round robin.

use crate::Tries;
use crate::rotation::Rotation;
use crate::view::Turn;

/// The eligible peer with the greatest current weight (`ngx_http_upstream_get_peer`).
pub(crate) fn choose(turn: &Turn<'_>, att: &Tries) -> Option<usize> {
    if !att.on_backups && Rotation::keeps_turns(turn.list) {
        return turn
            .rot
            .next_of_many(turn.list, att, turn.now, turn.in_panic);
    }
    choose_among(turn, att, 0..turn.peers.len())
}

/// As [`choose`], among the peers at these places, which rise.
pub(crate) fn choose_among(
    turn: &Turn<'_>,
    att: &Tries,
    places: impl Iterator<Item = usize>,
) -> Option<usize> {
    let (best, total) = advance(turn, att, places);
    let best = best?;
    turn.weights(att, best).pay(total);
    Some(best)
}

/// One turn, which nobody has paid for yet: who is chosen, and what that costs.
pub(crate) fn advance(
    turn: &Turn<'_>,
    att: &Tries,
    places: impl Iterator<Item = usize>,
) -> (Option<usize>, i64) {
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
    (best, total)
}
