//! The peer that a request wants to stay with, whatever the method would choose
//! (`ngx_http_upstream_get_rr_peer_by_sid`).

use crate::tries::Hashing;
use crate::view::Turn;
use crate::{Method, Tries, least_time, round_robin};

/// The peer called `id`, if this request may still have it: one that is drained, too.
pub(crate) fn find(turn: &Turn<'_>, att: &Tries, id: &[u8]) -> Option<usize> {
    let ids = turn.list.server_ids()?;
    let index = ids.find(att.on_backups, id)?;
    let peer = &turn.peers[index];
    let fit = match turn.in_panic {
        true => peer.fit_in_panic(),
        false => peer.fit(turn.now),
    };
    (fit && !att.tried.contains(index)).then_some(index)
}

/// Takes the peer that a request wants. Where round robin would choose, the others gain weight as if it had, so
/// that they get more of the requests that want none; but only as long as the peer is not far ahead of them
/// (`ngx_http_upstream_get_peer`).
pub(crate) fn take(turn: &Turn<'_>, att: &mut Tries, index: usize) {
    if let Method::LeastTime(measure) = turn.list.method() {
        least_time::begin(turn, att, index, measure);
    }
    if !goes_round(turn, att) {
        return;
    }
    let weights = turn.weights(att, index);
    let all: i64 = turn.peers.iter().map(weight).sum();
    if weights.current() <= weight(&turn.peers[index]) - all {
        return;
    }
    let (_, total) = round_robin::advance(turn, att, 0..turn.peers.len());
    weights.pay(total);
}

/// Whether round robin would choose now.
fn goes_round(turn: &Turn<'_>, att: &Tries) -> bool {
    let guesses = !att.on_backups && att.may_guess() && turn.peers.len() > 1;
    match turn.list.method() {
        Method::RoundRobin => true,
        Method::LeastConn | Method::LeastTime(_) => false,
        Method::Hash | Method::HashConsistent => !guesses || att.hashing == Hashing::Off,
        Method::IpHash
        | Method::Random
        | Method::RandomTwo
        | Method::RandomTwoLeastConn
        | Method::RandomTwoLeastTime(_) => !guesses,
    }
}

fn weight(peer: &crate::Peer) -> i64 {
    i64::from(peer.parameters().weight)
}
