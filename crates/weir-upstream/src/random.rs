//! `random` and `random two`: a die weighted by `weight`.

use crate::Tries;
use crate::view::Turn;

/// `ngx_http_upstream_get_random_peer`.
pub(crate) fn choose(turn: &Turn<'_>, att: &mut Tries) -> Option<usize> {
    loop {
        let index = throw(turn);
        if turn.eligible(att, index) {
            return Some(index);
        }
        if !att.miss() {
            return None;
        }
    }
}

/// Two different peers, of which the one that is not worse is taken, the later one of equals (`ngx_http_upstream_get_random2_peer`).
pub(crate) fn choose_of_two(
    turn: &Turn<'_>,
    att: &mut Tries,
    is_worse: impl Fn(usize, usize) -> bool,
) -> Option<usize> {
    let mut first: Option<usize> = None;
    loop {
        let index = throw(turn);
        if first != Some(index) && turn.eligible(att, index) {
            match first {
                Some(one) if is_worse(index, one) => {
                    return Some(one);
                }
                Some(_) => return Some(index),
                None => first = Some(index),
            }
        }
        // As in nginx, the first hit of a pair costs a guess too.
        if !att.miss() {
            return None;
        }
    }
}

fn throw(turn: &Turn<'_>) -> usize {
    let point = turn.rot.random_below(turn.list.primary_weight());
    turn.list.by_weight(point)
}
