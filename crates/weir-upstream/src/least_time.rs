//! `least_time`: the peer that would be through with what it has to do first.

use smallvec::SmallVec;

use crate::spec::Measure;
use crate::view::Turn;
use crate::{Peer, Tries, round_robin};

/// Peers that take longer are equally bad, in milliseconds: the number of connections decides.
const SLOWEST: u64 = 5000;
/// Times that differ by less are equal, so that peers take turns.
const CLUSTER: u64 = 20;

/// The eligible peer with the least time to go per weight; round robin decides between equals
/// (`ngx_http_upstream_get_least_time_peer`).
pub(crate) fn choose(turn: &Turn<'_>, att: &mut Tries, measure: Measure) -> Option<usize> {
    let mut times: SmallVec<[(usize, u64); 8]> = SmallVec::new();
    for index in (0..turn.peers.len()).filter(|&index| turn.eligible(att, index)) {
        let time = time_to_go(turn, &turn.peers[index], measure);
        match times.first().map(|best| turn.compare(*best, (index, time))) {
            None | Some(std::cmp::Ordering::Equal) => times.push((index, time)),
            Some(std::cmp::Ordering::Greater) => {
                times.clear();
                times.push((index, time));
            }
            Some(std::cmp::Ordering::Less) => {}
        }
    }
    let (best, _) = *times.first()?;
    let chosen = match times.len() {
        1 => best,
        _ => {
            let equal = times.iter().map(|(index, _)| *index);
            // Another worker may take it out in between; the peer found first still stands.
            round_robin::choose_among(turn, att, equal).unwrap_or(best)
        }
    };
    begin(turn, att, chosen, measure);
    Some(chosen)
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
    fn compare(&self, one: (usize, u64), other: (usize, u64)) -> std::cmp::Ordering {
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
