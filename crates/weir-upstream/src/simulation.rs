//! Seeded simulations of every balancing method, with invariants checked after each step.

use std::time::Duration;

use proptest::prelude::*;

use weir_conf::ServerParameters;

use crate::{
    Key, Measure, Method, Peer, PeerAddress, PeerId, PeerOutcome, PeerSpec, Pool, PoolSpec, Took,
    Tries, Until, View,
};

const METHODS: [Method; 12] = [
    Method::RoundRobin,
    Method::LeastConn,
    Method::IpHash,
    Method::Hash,
    Method::HashConsistent,
    Method::Random,
    Method::RandomTwo,
    Method::RandomTwoLeastConn,
    Method::LeastTime(Measure {
        until: Until::Header,
        inflight: false,
    }),
    Method::LeastTime(Measure {
        until: Until::Header,
        inflight: true,
    }),
    Method::LeastTime(Measure {
        until: Until::LastByte,
        inflight: true,
    }),
    Method::RandomTwoLeastTime(Until::LastByte),
];

#[derive(Debug, Clone)]
enum Step {
    /// A request begins and picks its first peer.
    Begin { key: u8 },
    /// An open request's exchange ends; after a failure it picks the next peer.
    End {
        request: usize,
        outcome: PeerOutcome,
    },
    /// Time passes, in milliseconds.
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        2 => Just(PeerOutcome::Success),
        2 => Just(PeerOutcome::Failed),
        1 => Just(PeerOutcome::NextNoCount),
    ];
    let step = prop_oneof![
        4 => any::<u8>().prop_map(|key| Step::Begin { key }),
        5 => (any::<usize>(), outcome).prop_map(|(request, outcome)| Step::End { request, outcome }),
        1 => (0..4000_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..200)
}

fn spec() -> impl Strategy<Value = PoolSpec> {
    let peer = (
        1..12_u32,
        0..4_u32,
        0..4_u64,
        0..3_u32,
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.1),
    );
    let peers = prop::collection::vec(peer, 1..9);
    (peers, 0..METHODS.len()).prop_map(|(peers, method)| {
        let mut spec = PoolSpec::implied("u", []);
        spec.method = METHODS[method];
        for (port, (weight, max_fails, fail_timeout, max_conns, backup, down)) in (1..).zip(peers) {
            let address = PeerAddress::Inet(([127, 0, 0, 1], port).into());
            let peer = PeerSpec::new(address, format!("127.0.0.1:{port}"));
            let fail_timeout = Duration::from_secs(fail_timeout);
            let parameters = ServerParameters {
                weight,
                max_fails,
                fail_timeout,
                max_conns,
                backup,
                down,
                drain: false,
                ..ServerParameters::default()
            };
            spec.peers.push(PeerSpec { parameters, ..peer });
        }
        spec
    })
}

fn weighted(address: PeerAddress, weight: u32) -> PeerSpec {
    let mut peer = PeerSpec::new(address, "s");
    peer.parameters.weight = weight;
    peer
}

struct Simulation {
    view: View,
    now: Duration,
    open: Vec<(Tries, PeerId, Vec<PeerId>)>,
}

impl Simulation {
    fn new(spec: PoolSpec, seed: u64) -> Self {
        let pool = Pool::new(spec, None);
        Self {
            view: View::with_seed(&pool, seed),
            now: Duration::from_secs(1),
            open: Vec::new(),
        }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Wait(millis) => self.now += Duration::from_millis(millis),
            Step::Begin { key } => {
                let bytes = [key];
                let tries = self.view.begin(match self.view.list().method() {
                    Method::IpHash => Key::ClientAddr(Some([key, 0, key, 1].into())),
                    _ => Key::Hash(&bytes),
                });
                assert_eq!(tries.tries_left(), self.view.list().tries());
                self.pick(tries, Vec::new());
            }
            Step::End { request, outcome } if !self.open.is_empty() => {
                let (mut tries, peer, tried) = self.open.remove(request % self.open.len());
                let before = tries.tries_left();
                let released =
                    self.view
                        .release(&mut tries, peer, outcome, Took::default(), self.now);
                assert!(tries.tries_left() < before.max(1));
                assert!(!released.disabled || outcome == PeerOutcome::Failed);
                if outcome != PeerOutcome::Success && tries.tries_left() > 0 {
                    self.pick(tries, tried);
                }
            }
            Step::End { .. } => {}
        }
        self.check_invariants();
    }

    fn pick(&mut self, mut tries: Tries, mut tried: Vec<PeerId>) {
        let spec = |i: usize| self.peers()[i].spec();
        // Once a request is on the backups, a primary that recovers comes too late for it.
        let on_backups = tried.iter().any(|t| spec(t.index()).parameters.backup);
        let mut left = self.free_peers();
        left.retain(|&i| {
            !tried.contains(&PeerId::new(i)) && (spec(i).parameters.backup || !on_backups)
        });
        let Some(peer) = self.view.pick(&mut tries, self.now) else {
            assert!(left.is_empty(), "free peers were not tried: {left:?}");
            return;
        };
        assert!(
            left.contains(&peer.index()),
            "{peer:?} was not left: {left:?}"
        );
        let primary_left = left.iter().any(|&i| !spec(i).parameters.backup);
        assert!(
            !(spec(peer.index()).parameters.backup && primary_left),
            "a backup before a free primary"
        );
        tried.push(peer);
        self.open.push((tries, peer, tried));
    }

    fn peers(&self) -> &[Peer] {
        self.view.list().peers()
    }

    /// Peers that some request could get now.
    fn free_peers(&self) -> Vec<usize> {
        let all = self.peers().iter().enumerate();
        let free = all.filter(|(_, peer)| {
            let status = peer.status(self.now);
            let out = status.disabled && !self.view.list().single();
            !status.down && !out && peer.has_room()
        });
        free.map(|(i, _)| i).collect()
    }

    fn check_invariants(&self) {
        self.view.rotation().check_invariants();
        for (index, peer) in self.peers().iter().enumerate() {
            let open = self
                .open
                .iter()
                .filter(|(_, id, _)| id.index() == index)
                .count();
            let (status, spec) = (peer.status(self.now), peer.spec());
            assert_eq!(
                status.active as usize, open,
                "active connections of {}",
                spec.server
            );
            assert!(spec.parameters.max_conns == 0 || status.active <= spec.parameters.max_conns);
            assert!(spec.parameters.max_fails > 0 || !status.disabled);
            assert!(!spec.parameters.down || status.selected == 0);
            assert!(u64::from(status.fails) <= status.failed && status.failed <= status.selected);
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_invariants_hold(spec in spec(), seed: u64, steps in steps()) {
        let mut simulation = Simulation::new(spec, seed);
        for step in &steps {
            simulation.run(step);
        }
    }

    #[test]
    fn without_failures_every_round_gives_each_peer_its_weight(
        weights in prop::collection::vec(1..20_u32, 2..8),
    ) {
        let mut spec = PoolSpec::implied("u", []);
        for (port, &weight) in (1..).zip(&weights) {
            let address = PeerAddress::Inet(([127, 0, 0, 1], port).into());
            spec.peers.push(weighted(address, weight));
        }
        let mut simulation = Simulation::new(spec, 0);
        for round in 1..4 {
            for _ in 0..weights.iter().sum::<u32>() {
                simulation.run(&Step::Begin { key: 0 });
                simulation.run(&Step::End { request: 0, outcome: PeerOutcome::Success });
            }
            let peers = simulation.peers().iter();
            let selected: Vec<u64> = peers.map(|p| p.status(simulation.now).selected).collect();
            let expected: Vec<u64> = weights.iter().map(|w| u64::from(*w) * round).collect();
            prop_assert_eq!(selected, expected);
        }
    }

    #[test]
    fn random_follows_the_weights(seed: u64) {
        let mut spec = PoolSpec::implied("u", []);
        spec.method = Method::Random;
        for (port, weight) in [(1, 1), (2, 3), (3, 6)] {
            let address = PeerAddress::Inet(([127, 0, 0, 1], port).into());
            spec.peers.push(weighted(address, weight));
        }
        let mut simulation = Simulation::new(spec, seed);
        for _ in 0..2000 {
            simulation.run(&Step::Begin { key: 0 });
            simulation.run(&Step::End { request: 0, outcome: PeerOutcome::Success });
        }
        let peers = simulation.peers().iter();
        let selected: Vec<u64> = peers.map(|p| p.status(simulation.now).selected).collect();
        // Six standard deviations around 200, 600 and 1200.
        prop_assert!((120..280).contains(&selected[0]), "{:?}", selected);
        prop_assert!((477..723).contains(&selected[1]), "{:?}", selected);
    }
}

#[test]
fn of_two_random_peers_the_idle_one_is_taken() {
    for seed in 0..100 {
        let addresses = [1, 2].map(|port| PeerAddress::Inet(([127, 0, 0, 1], port).into()));
        let mut spec = PoolSpec::implied("u", addresses);
        spec.method = Method::RandomTwo;
        let mut simulation = Simulation::new(spec, seed);
        simulation.run(&Step::Begin { key: 0 });
        simulation.run(&Step::Begin { key: 0 });
        let active = simulation
            .peers()
            .iter()
            .map(|p| p.status(simulation.now).active);
        assert_eq!(active.collect::<Vec<_>>(), [1, 1], "seed {seed}");
    }
}

/// Whoever waits for a peer asks again and again: each answer must be as if it were the first.
#[test]
fn who_finds_no_peer_and_waits_may_have_any_that_comes_back() {
    for method in METHODS {
        let addresses = [1, 2, 3].map(|port| PeerAddress::Inet(([127, 0, 0, 1], port).into()));
        let mut spec = PoolSpec::implied("u", addresses);
        spec.method = method;
        spec.peers[2].parameters.backup = method.has_backups();
        spec.peers
            .iter_mut()
            .for_each(|peer| peer.parameters.max_conns = 1);
        let pool = Pool::new(spec, None);
        let view = View::with_seed(&pool, 7);
        let now = Duration::from_secs(1);
        let begin = || view.begin(Key::Hash(b"key"));
        let mut first = begin();
        let meant = view.pick(&mut first, now).expect("a peer that is free");
        let mut others = [begin(), begin()];
        for tries in &mut others {
            assert!(view.pick(tries, now).is_some(), "{method:?}");
        }
        let mut waiting = begin();
        for _ in 0..40 {
            let stand = waiting.stand();
            assert_eq!(view.pick(&mut waiting, now), None, "{method:?}");
            waiting.restore(stand);
        }
        view.release(
            &mut first,
            meant,
            PeerOutcome::Success,
            Took::default(),
            now,
        );
        assert_eq!(view.pick(&mut waiting, now), Some(meant), "{method:?}");
    }
}
