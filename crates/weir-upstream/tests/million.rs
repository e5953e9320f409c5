//! A million requests for each method, over peers that fail and recover by a seeded plan, beside a model of what
//! nginx counts.

use std::time::Duration;

use weir_conf::ServerParameters;
use weir_upstream::{
    Key, Measure, Method, Now, PeerAddress, PeerId, PeerOutcome, PeerSpec, Pool, PoolSpec, Took,
    Tries, Until, View,
};

const REQUESTS: u64 = 1_000_000;
/// Requests under way at once, at most.
const OPEN: usize = 48;
/// What the peers weigh. The fifth is marked down, the last is the backup where there may be one.
const WEIGHTS: [u32; 7] = [1, 2, 3, 5, 7, 4, 1];
const DOWN: usize = 4;
const BACKUP: usize = 6;

/// A peer as nginx counts: `fails`, `accessed` and `checked` of `ngx_http_upstream_rr_peer_t`.
#[derive(Clone, Copy, Default)]
struct Counted {
    fails: u32,
    failed: u64,
    accessed: i64,
    checked: i64,
    open: u32,
    picks: u64,
}

impl Counted {
    fn is_out(self, parameters: &ServerParameters, now: i64) -> bool {
        let timeout = parameters.fail_timeout.as_secs() as i64;
        parameters.max_fails > 0
            && self.fails >= parameters.max_fails
            && now - self.checked <= timeout
    }

    fn picked(&mut self, parameters: &ServerParameters, now: i64) {
        self.open += 1;
        self.picks += 1;
        if now - self.checked > parameters.fail_timeout.as_secs() as i64 {
            self.checked = now;
        }
    }

    fn given_back(&mut self, outcome: PeerOutcome, now: i64) {
        self.open -= 1;
        match outcome {
            PeerOutcome::Failed => {
                self.fails += 1;
                self.failed += 1;
                self.accessed = now;
                self.checked = now;
            }
            PeerOutcome::Success | PeerOutcome::NextNoCount => {
                if self.accessed < self.checked {
                    self.fails = 0;
                }
            }
        }
    }
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.throw() % bound
    }
}

struct Run {
    view: View,
    method: Method,
    counted: Vec<Counted>,
    open: Vec<(Tries, PeerId, Now)>,
    dice: Dice,
    now: Now,
    /// Requests that found no live peer.
    unserved: u64,
    /// Whether any peer fails.
    fails: bool,
}

impl Run {
    fn new(method: Method, with_backup: bool, fails: bool) -> Self {
        let mut spec = PoolSpec::implied("u", []);
        spec.method = method;
        for (index, weight) in WEIGHTS.into_iter().enumerate() {
            let address = ([127, 0, 0, 1], 8000 + index as u16).into();
            let mut peer = PeerSpec::new(PeerAddress::Inet(address), format!("s{index}"));
            peer.parameters.weight = weight;
            peer.parameters.max_fails = 1 + index as u32 % 3;
            peer.parameters.fail_timeout = Duration::from_secs(2);
            peer.parameters.down = index == DOWN;
            peer.parameters.backup = with_backup && index == BACKUP;
            spec.peers.push(peer);
        }
        Self {
            view: View::with_seed(&Pool::new(spec, None), 42),
            method,
            counted: vec![
                Counted {
                    accessed: -(1 << 40),
                    checked: -(1 << 40),
                    ..Counted::default()
                };
                WEIGHTS.len()
            ],
            open: Vec::new(),
            dice: Dice(7),
            now: Duration::from_secs(1000),
            unserved: 0,
            fails,
        }
    }

    fn second(&self) -> i64 {
        self.now.as_secs() as i64
    }

    fn go(&mut self) {
        for _ in 0..REQUESTS {
            self.now += Duration::from_micros(self.dice.below(400));
            if self.open.len() == OPEN {
                let request = self.dice.below(OPEN as u64) as usize;
                self.end(request);
            }
            let key = self.dice.throw();
            let bytes = key.to_be_bytes();
            let tries = self.view.begin(match self.method {
                Method::IpHash => Key::ClientAddr(Some(std::net::IpAddr::V6((key as u128).into()))),
                _ => Key::Hash(&bytes),
            });
            self.pick(tries);
        }
        while !self.open.is_empty() {
            self.end(0);
        }
    }

    fn pick(&mut self, mut tries: Tries) {
        let now = self.second();
        let Some(peer) = self.view.pick(&mut tries, self.now) else {
            self.unserved += 1;
            return;
        };
        let parameters = *self.view.peer(peer).parameters();
        let counted = &mut self.counted[peer.index()];
        assert!(!parameters.down, "a peer that is down was chosen");
        assert!(
            !counted.is_out(&parameters, now),
            "a peer that is out was chosen"
        );
        counted.picked(&parameters, now);
        self.check_load(peer, &tries);
        self.open.push((tries, peer, self.now));
    }

    /// `least_conn` takes nobody who has more to do than another that it could have taken.
    fn check_load(&self, peer: PeerId, tries: &Tries) {
        if self.method != Method::LeastConn || tries.tries_left() < self.view.list().tries() {
            return;
        }
        let peers = self.view.list().peers();
        let load =
            |index: usize, open: u32| f64::from(open) / f64::from(peers[index].parameters().weight);
        let own = load(peer.index(), self.counted[peer.index()].open - 1);
        let on_backups = peers[peer.index()].parameters().backup;
        for (index, other) in peers.iter().enumerate() {
            let parameters = other.parameters();
            let free = !parameters.down
                && parameters.backup == on_backups
                && index != peer.index()
                && !self.counted[index].is_out(parameters, self.second());
            assert!(
                !free || load(index, self.counted[index].open) >= own,
                "{index} had less to do"
            );
        }
    }

    fn end(&mut self, request: usize) {
        let (mut tries, peer, since) = self.open.swap_remove(request);
        let outcome = self.outcome(peer);
        let response = self.now - since;
        let took = Took {
            header: Some(response / 2),
            response,
        };
        let second = self.second();
        let disabled = self
            .view
            .release(&mut tries, peer, outcome, took, self.now)
            .disabled;
        let counted = &mut self.counted[peer.index()];
        counted.given_back(outcome, second);
        let parameters = *self.view.peer(peer).parameters();
        let status = self.view.peer(peer).status(self.now);
        assert_eq!(status.fails, counted.fails);
        assert_eq!(status.failed, counted.failed);
        assert_eq!(status.disabled, counted.is_out(&parameters, second));
        assert_eq!(disabled, outcome == PeerOutcome::Failed && status.disabled);
        if outcome != PeerOutcome::Success && tries.tries_left() > 0 {
            self.pick(tries);
        }
    }

    /// Each peer has a bad half second now and then, the first one in three.
    fn outcome(&mut self, peer: PeerId) -> PeerOutcome {
        let half_second = self.now.as_millis() as u64 / 500;
        let bad = (half_second + peer.index() as u64).is_multiple_of(3 + peer.index() as u64);
        match self.dice.below(100) {
            0..60 if self.fails && bad => PeerOutcome::Failed,
            60..62 if self.fails => PeerOutcome::NextNoCount,
            _ => PeerOutcome::Success,
        }
    }

    /// The share of each peer among all picks.
    fn shares(&self) -> Vec<f64> {
        let all: u64 = self.counted.iter().map(|peer| peer.picks).sum();
        self.counted
            .iter()
            .map(|peer| peer.picks as f64 / all as f64)
            .collect()
    }

    fn check_end(&self) {
        for (peer, counted) in self.view.list().peers().iter().zip(&self.counted) {
            let status = peer.status(self.now);
            assert_eq!(status.active, 0, "every pick is given back");
            assert_eq!(status.selected, counted.picks);
        }
    }
}

/// One method, with failures and without; `tolerance` is how far the share of a peer may be from what it weighs.
fn check(method: Method, has_backups: bool, tolerance: Option<f64>) {
    let mut failing = Run::new(method, has_backups, true);
    failing.go();
    failing.check_end();
    let failures: u64 = failing.counted.iter().map(|peer| peer.failed).sum();
    assert!(failures > 500, "only {failures} failures");
    assert!(
        failing.unserved < REQUESTS / 20,
        "{} unserved",
        failing.unserved
    );

    let mut well = Run::new(method, has_backups, false);
    well.go();
    well.check_end();
    assert_eq!(well.unserved, 0);
    let takes_part = |index: usize| index != DOWN && !(has_backups && index == BACKUP);
    let weights = (0..WEIGHTS.len()).map(|index| {
        if takes_part(index) {
            f64::from(WEIGHTS[index])
        } else {
            0.0
        }
    });
    let weights: Vec<f64> = weights.collect();
    let sum: f64 = weights.iter().sum();
    for (index, share) in well.shares().into_iter().enumerate() {
        let expected = weights[index] / sum;
        assert!(takes_part(index) || share == 0.0, "{index} has {share}");
        if let Some(tolerance) = tolerance {
            assert!(
                (share - expected).abs() <= tolerance * expected,
                "{index}: {share} for {expected}"
            );
        }
    }
}

/// A hundredth.
const EXACT: Option<f64> = Some(0.01);

#[test]
fn round_robin() {
    check(Method::RoundRobin, true, EXACT);
}

#[test]
fn least_conn() {
    check(Method::LeastConn, true, None);
}

#[test]
fn ip_hash() {
    check(Method::IpHash, false, None);
}

#[test]
fn hash() {
    check(Method::Hash, false, None);
}

#[test]
fn consistent_hash() {
    check(Method::HashConsistent, false, None);
}

#[test]
fn random() {
    check(Method::Random, false, EXACT);
}

#[test]
fn random_two() {
    check(Method::RandomTwoLeastConn, false, None);
}

#[test]
fn random_two_least_time() {
    check(Method::RandomTwoLeastTime(Until::Header), false, None);
}

#[test]
fn least_time() {
    let until = Until::LastByte;
    check(
        Method::LeastTime(Measure {
            until,
            inflight: false,
        }),
        true,
        None,
    );
}

#[test]
fn least_time_inflight() {
    let until = Until::Header;
    check(
        Method::LeastTime(Measure {
            until,
            inflight: true,
        }),
        true,
        None,
    );
}
