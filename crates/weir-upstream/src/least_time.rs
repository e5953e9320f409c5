//! `least_time`: the peer that would be through with what it has to do first.

use std::cmp::Ordering;

use smallvec::SmallVec;

use crate::spec::Measure;
use crate::view::Turn;
use crate::{Peer, Tries};

/// Peers that take longer are equally bad, in milliseconds: the number of connections decides.
const SLOWEST: u64 = 5000;
/// Times that differ by less are equal, so that peers take turns.
const CLUSTER: u64 = 20;

/// The eligible peer with the least time to go per weight; round robin decides between equals
/// (`ngx_http_upstream_get_least_time_peer`).
pub(crate) fn choose(turn: &Turn<'_>, att: &mut Tries, measure: Measure) -> Option<usize> {
    let eligible = (0..turn.peers.len()).filter(|&index| turn.eligible(att, index));
    let times = eligible.map(|index| (index, time_to_go(turn, &turn.peers[index], measure)));
    let times: SmallVec<[(usize, u64); 8]> = times.collect();
    let mut first = 0;
    let mut many = false;
    for (place, one) in times.iter().enumerate().skip(1) {
        match turn.compare(*one, times[first]) {
            Ordering::Less => (first, many) = (place, false),
            Ordering::Equal => many = true,
            Ordering::Greater => {}
        }
    }
    let chosen = match many {
        true => take_turns(turn, att, times.get(first..)?)?,
        false => times.get(first)?.0,
    };
    begin(turn, att, chosen, measure);
    Some(chosen)
}

/// Round robin between those that are as quick as the first. As nginx has it, a later peer is compared with the first
/// one's time by the weight of the best so far, so that where weights differ some of them are left out of a turn.
fn take_turns(turn: &Turn<'_>, att: &Tries, times: &[(usize, u64)]) -> Option<usize> {
    let (mut best, least) = *times.first()?;
    let mut total = 0;
    for &(index, time) in times {
        if turn.compare((index, time), (best, least)).is_ne() {
            continue;
        }
        let weights = turn.weights(att, index);
        total += weights.advance();
        if weights.current() > turn.weights(att, best).current() {
            best = index;
        }
    }
    turn.weights(att, best).pay(total);
    Some(best)
}

/// The request goes to the peer at `index`.
pub(crate) fn begin(turn: &Turn<'_>, att: &mut Tries, index: usize, measure: Measure) {
    if measure.inflight {
        turn.peers[index].times().begin(turn.at);
        att.under_way = true;
    }
}

/// The better of two by their times.
pub(crate) fn is_slower(turn: &Turn<'_>, one: usize, other: usize, measure: Measure) -> bool {
    let time = |index: usize| (index, time_to_go(turn, &turn.peers[index], measure));
    turn.compare(time(one), time(other)).is_gt()
}

impl Turn<'_> {
    /// Times per weight, compared without division.
    fn compare(&self, one: (usize, u64), other: (usize, u64)) -> Ordering {
        let weight = |index: usize| u64::from(self.peers[index].parameters().weight);
        (one.1 * weight(other.0)).cmp(&(other.1 * weight(one.0)))
    }
}

/// Milliseconds that the peer needs for the requests that it has and one more
/// (`ngx_http_upstream_least_time_eta`).
fn time_to_go(turn: &Turn<'_>, peer: &Peer, measure: Measure) -> u64 {
    let mut time = peer.times().average(measure.until);
    // Who was slow once is given a chance now and then.
    time = time.checked_shr(peer.forgotten(turn.now)).unwrap_or(0);
    if measure.inflight
        && let Some(under_way) = peer.times().under_way(turn.at)
    {
        time = time.max(under_way);
    }
    let time = match time {
        SLOWEST.. if time > SLOWEST => SLOWEST,
        _ => time + CLUSTER - time % CLUSTER,
    };
    time * (1 + u64::from(peer.load()))
}
