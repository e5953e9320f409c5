//! `least_time`, by averages that can be added up on paper.

use std::time::Duration;

use weir_upstream::{
    Key, Measure, Method, Now, PeerAddress, PeerId, PeerOutcome, PeerSpec, Pool, PoolSpec, Took,
    Tries, Until, View,
};

/// A request that has got a peer.
struct Request {
    tries: Tries,
    peer: PeerId,
    since: u64,
}

struct Peers(View);

impl Peers {
    fn new(until: Until, inflight: bool, weights: &[u32]) -> Self {
        let mut spec = PoolSpec::implied("u", []);
        spec.method = Method::LeastTime(Measure { until, inflight });
        for (port, weight) in (1..).zip(weights) {
            let address = PeerAddress::Inet(([127, 0, 0, 1], port).into());
            let mut peer = PeerSpec::new(address, format!("s{port}"));
            peer.parameters.weight = *weight;
            spec.peers.push(peer);
        }
        Self(View::new(&Pool::new(spec, None)))
    }

    fn begin(&self, at: u64) -> Request {
        let mut tries = self.0.begin(Key::None);
        let peer = self.0.pick(&mut tries, millis(at)).expect("all are live");
        Request {
            tries,
            peer,
            since: at,
        }
    }

    fn head(&self, request: &mut Request, at: u64) {
        let took = millis(at - request.since);
        self.0
            .head_came(&mut request.tries, request.peer, took, millis(at));
    }

    fn end(&self, mut request: Request, header: u64, at: u64, outcome: PeerOutcome) -> usize {
        let took = Took {
            header: Some(millis(header)),
            response: millis(at - request.since),
        };
        self.0
            .release(&mut request.tries, request.peer, outcome, took, millis(at));
        request.peer.index()
    }

    /// One request after the other; each peer takes its time, header and all.
    fn serve(&self, requests: u64, times: &[(u64, u64)]) -> Vec<usize> {
        let one = |turn: u64| {
            let at = 100_000 + turn;
            let request = self.begin(at);
            let (header, all) = times[request.peer.index()];
            self.end(request, header, at + all, PeerOutcome::Success)
        };
        (0..requests).map(one).collect()
    }
}

fn millis(millis: u64) -> Now {
    Duration::from_millis(millis)
}

#[test]
fn the_quickest_gets_all_and_the_equally_quick_take_turns() {
    let peers = Peers::new(Until::Header, false, &[1, 1, 1]);
    // Nobody has been measured: they take turns. Then 5 and 15 are one cluster, 25 is another.
    let order = peers.serve(9, &[(5, 5), (25, 25), (15, 15)]);
    assert_eq!(order, [0, 1, 2, 2, 0, 2, 0, 2, 0]);
}

#[test]
fn where_weights_differ_some_of_the_equally_quick_miss_a_turn() {
    // Seen of nginx 1.31.5, one request after the other.
    let peers = Peers::new(Until::LastByte, false, &[1, 3, 3, 1]);
    let order = peers.serve(6, &[(10, 11), (10, 92), (10, 52), (90, 91)]);
    assert_eq!(order, [1, 2, 2, 2, 2, 0]);
}

#[test]
fn what_is_timed_decides() {
    // Quick to begin and slow to end against the other way round.
    let times = [(10, 900), (100, 200)];
    let last = |until: Until| Peers::new(until, false, &[1, 1]).serve(6, &times)[2..].to_vec();
    assert_eq!(last(Until::Header), [0; 4]);
    assert_eq!(last(Until::LastByte), [1; 4]);
}

#[test]
fn a_weight_makes_up_for_time_and_connections() {
    let peers = Peers::new(Until::Header, false, &[1, 4]);
    let order = peers.serve(6, &[(30, 30), (90, 90)]);
    assert_eq!(order[2..], [1, 1, 1, 1], "100 of 4 is less than 40 of 1");
    // 40 × 1 against 100 × (1 + held) / 4.
    let held = [
        peers.begin(200_000),
        peers.begin(200_000),
        peers.begin(200_000),
    ];
    let order: Vec<usize> = held.iter().map(|request| request.peer.index()).collect();
    assert_eq!(order, [1, 0, 1]);
}

#[test]
fn beyond_five_seconds_only_connections_count() {
    let peers = Peers::new(Until::Header, false, &[1, 1]);
    peers.serve(2, &[(6_000, 6_000), (60_000, 60_000)]);
    let held = [peers.begin(101_000), peers.begin(101_000)];
    assert_ne!(held[0].peer, held[1].peer);
}

#[test]
fn who_fails_fast_is_not_quick() {
    let peers = Peers::new(Until::Header, false, &[1, 1]);
    peers.serve(2, &[(50, 50), (50, 50)]);
    for _ in 0..2 {
        let request = peers.begin(101_000);
        peers.end(request, 1, 101_001, PeerOutcome::NextNoCount);
    }
    assert_eq!(peers.serve(2, &[(50, 50), (50, 50)]).len(), 2);
    let order = peers.serve(4, &[(50, 50), (50, 50)]);
    assert_eq!(
        order.iter().sum::<usize>(),
        2,
        "both still take 50: {order:?}"
    );
}

#[test]
fn a_slow_one_is_tried_again_after_fail_timeout() {
    let peers = Peers::new(Until::Header, false, &[1, 1]);
    assert_eq!(peers.serve(4, &[(10, 10), (70, 70)]), [0, 1, 0, 0]);
    // 12 s later its 70 count as 35; 34 s later as 8, no more than the other's.
    let later = |at: u64| {
        let request = peers.begin(at);
        peers.end(request, 10, at + 10, PeerOutcome::Success)
    };
    assert_eq!(later(112_000), 0);
    assert_eq!(later(134_000) + later(134_000), 1, "each once");
}

#[test]
fn who_does_not_answer_is_passed_over_before_it_has_failed() {
    let peers = Peers::new(Until::Header, true, &[1, 1]);
    let (mut quick, stuck) = (peers.begin(1_000), peers.begin(1_000));
    assert_ne!(quick.peer, stuck.peer);
    peers.head(&mut quick, 1_010);
    peers.end(quick, 10, 1_010, PeerOutcome::Success);
    for at in [1_500, 2_000, 2_500] {
        let mut request = peers.begin(at);
        assert_ne!(request.peer, stuck.peer, "at {at}");
        peers.head(&mut request, at + 10);
        peers.end(request, 10, at + 10, PeerOutcome::Success);
    }
}
