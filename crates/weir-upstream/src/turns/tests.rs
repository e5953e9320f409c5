//! Turns over many peers beside the rule as nginx writes it, which looks at all of them.

use std::collections::HashSet;
use std::time::Duration;

use proptest::prelude::*;
use weir_conf::ServerParameters;

use super::MANY;
use crate::peer::seconds;
use crate::{
    Found, Key, Method, NameSource, NameSpec, PeerAddress, PeerId, PeerOutcome, PeerSpec, Pool,
    PoolSpec, Took, Tries, View,
};

/// `ngx_http_upstream_get_peer`, without what says who is eligible.
struct Plain {
    current: Vec<i64>,
    effective: Vec<i64>,
    weights: Vec<i64>,
}

impl Plain {
    fn new(weights: Vec<i64>) -> Self {
        Self {
            current: vec![0; weights.len()],
            effective: weights.clone(),
            weights,
        }
    }

    /// `ngx_http_upstream_get_least_conn_peer`.
    fn choose_by_load(
        &mut self,
        eligible: impl Fn(usize) -> bool,
        held: impl Fn(usize) -> u32,
    ) -> Option<usize> {
        let places = (0..self.weights.len()).filter(|&place| eligible(place));
        let load = |place: usize| f64::from(held(place)) / self.weights[place] as f64;
        let least = places.clone().map(load).min_by(f64::total_cmp)?;
        let equal: Vec<usize> = places.filter(|&place| load(place) <= least).collect();
        match equal[..] {
            [only] => Some(only),
            _ => self.choose(|place| equal.contains(&place)),
        }
    }

    fn choose(&mut self, eligible: impl Fn(usize) -> bool) -> Option<usize> {
        let mut total = 0;
        let mut best: Option<usize> = None;
        for place in (0..self.weights.len()).filter(|&place| eligible(place)) {
            self.current[place] += self.effective[place];
            total += self.effective[place];
            self.effective[place] = self.weights[place].min(self.effective[place] + 1);
            if best.is_none_or(|best| self.current[place] > self.current[best]) {
                best = Some(place);
            }
        }
        self.current[best?] -= total;
        best
    }

    fn penalize(&mut self, place: usize, max_fails: u32) {
        if let Some(penalty) = self.weights[place].checked_div(i64::from(max_fails)) {
            self.effective[place] = (self.effective[place] - penalty).max(0);
        }
    }
}

struct Beside {
    view: View,
    plain: Plain,
    now: Duration,
    open: Vec<(Tries, PeerId, HashSet<usize>)>,
}

#[derive(Debug, Clone)]
enum Step {
    Begin,
    End(usize, PeerOutcome),
    /// Another worker's request fails.
    FailElsewhere(usize),
    Wait(u64),
}

impl Beside {
    fn new(parameters: &[ServerParameters], method: Method) -> (Self, View) {
        let mut spec = PoolSpec::implied("u", []);
        spec.method = method;
        for (port, parameters) in (1..).zip(parameters) {
            let address = PeerAddress::Inet(([127, 0, 0, 1], port).into());
            let peer = PeerSpec::new(address, format!("s{port}"));
            spec.peers.push(PeerSpec {
                parameters: *parameters,
                ..peer
            });
        }
        let pool = Pool::new(spec, None);
        let weights = parameters
            .iter()
            .map(|peer| i64::from(peer.weight))
            .collect();
        let beside = Self {
            view: View::with_seed(&pool, 0),
            plain: Plain::new(weights),
            now: Duration::from_secs(100),
            open: Vec::new(),
        };
        (beside, View::with_seed(&pool, 1))
    }

    fn run(&mut self, step: &Step, elsewhere: &View) {
        match *step {
            Step::Begin => {
                let tries = self.view.begin(Key::None);
                self.pick(tries, HashSet::new());
            }
            Step::End(request, outcome) if !self.open.is_empty() => {
                let request = request % self.open.len();
                let (mut tries, peer, tried) = self.open.swap_remove(request);
                if outcome == PeerOutcome::Failed {
                    let max_fails = self.view.peer(peer).parameters().max_fails;
                    self.plain.penalize(peer.index(), max_fails);
                }
                let took = Took::default();
                self.view.release(&mut tries, peer, outcome, took, self.now);
                if outcome != PeerOutcome::Success {
                    self.pick(tries, tried);
                }
            }
            Step::End(..) => {}
            Step::FailElsewhere(place) => {
                let place = place % elsewhere.list().peers().len();
                elsewhere.list().peers()[place].fail(seconds(self.now));
            }
            Step::Wait(millis) => self.now += Duration::from_millis(millis),
        }
    }

    fn pick(&mut self, mut tries: Tries, mut tried: HashSet<usize>) {
        let now = seconds(self.now);
        let peers = self.view.list().peers();
        let eligible = |place: usize| !tried.contains(&place) && peers[place].eligible(now);
        let expected = match self.view.list().method() {
            Method::LeastConn => self
                .plain
                .choose_by_load(eligible, |place| peers[place].load()),
            _ => self.plain.choose(eligible),
        };
        let picked = self.view.pick(&mut tries, self.now);
        assert_eq!(picked.map(PeerId::index), expected);
        if let Some(peer) = picked {
            tried.insert(peer.index());
            self.open.push((tries, peer, tried));
        }
    }
}

fn peer() -> impl Strategy<Value = ServerParameters> {
    let weight = prop_oneof![6 => Just(1_u32), 2 => Just(2), 1 => 3..40_u32];
    let max_conns = prop_oneof![9 => Just(0_u32), 1 => 1..3_u32];
    (
        weight,
        0..3_u32,
        0..4_u64,
        max_conns,
        prop::bool::weighted(0.05),
    )
        .prop_map(
            |(weight, max_fails, fail_timeout, max_conns, down)| ServerParameters {
                weight,
                max_fails,
                fail_timeout: Duration::from_secs(fail_timeout),
                max_conns,
                down,
                ..ServerParameters::default()
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        6 => Just(PeerOutcome::Success),
        2 => Just(PeerOutcome::Failed),
        1 => Just(PeerOutcome::NextNoCount),
    ];
    prop_oneof![
        10 => Just(Step::Begin),
        10 => (any::<usize>(), outcome).prop_map(|(request, outcome)| Step::End(request, outcome)),
        1 => any::<usize>().prop_map(Step::FailElsewhere),
        1 => (0..3000_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn many_peers_take_turns_as_few_do(
        parameters in prop::collection::vec(peer(), MANY..MANY + 20),
        steps in prop::collection::vec(step(), 1..400),
    ) {
        for method in [Method::RoundRobin, Method::LeastConn] {
            let (mut beside, elsewhere) = Beside::new(&parameters, method);
            for step in &steps {
                beside.run(step, &elsewhere);
            }
        }
    }
}

#[test]
fn after_a_change_those_who_stay_are_where_they_were() {
    let name = NameSpec {
        host: "app".into(),
        service: None,
        route: None,
        port: 80,
        server: "app".into(),
        source: NameSource::Resolver,
        parameters: ServerParameters::default(),
    };
    let spec = PoolSpec {
        names: vec![name],
        ..PoolSpec::implied("u", [])
    };
    let pool = Pool::new(spec, None);
    let many = u8::try_from(MANY).expect("not so many") + 5;
    let found = |last: u8| Found {
        address: ([127, 0, 0, last], 0).into(),
        service: None,
    };
    let addresses: Vec<Found> = (0..many).map(found).collect();
    pool.set_addresses(0, &addresses);
    let mut plain = Plain::new(vec![1; addresses.len()]);
    let older = View::new(&pool);
    let turn = |view: &View, plain: &mut Plain| {
        let mut tries = view.begin(Key::None);
        let picked = view.pick(&mut tries, Duration::ZERO).map(PeerId::index);
        assert_eq!(picked, plain.choose(|_| true));
    };
    (0..many + 9).for_each(|_| turn(&older, &mut plain));
    pool.set_addresses(0, &addresses[3..]);
    for part in [&mut plain.current, &mut plain.effective, &mut plain.weights] {
        part.drain(..3);
    }
    let newer = older.renewed(&pool);
    (0..2 * many).for_each(|_| turn(&newer, &mut plain));
}
