//! Servers of a fixed capacity, clients that do not wait for each other, and one worker between them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use weir_conf::RetryShare;
use weir_upstream::{
    Key, PeerAddress, PeerId, PeerOutcome, PeerSpec, Pool, PoolSpec, RetryBudget, Took, Tries, View,
};

/// How long a server works at a request; it does one after the other, also for those who have given up.
const WORK: Duration = Duration::from_millis(10);

/// So many requests wait at a server (`listen … backlog`); it refuses further ones.
const BACKLOG: u32 = 511;

/// The worker waits no longer for an answer (`proxy_read_timeout`).
const PATIENCE: Duration = Duration::from_secs(1);

/// What is simulated.
pub(super) struct Plan {
    pub(super) servers: u16,
    pub(super) max_fails: u32,
    pub(super) max_conns: u32,
    pub(super) requests_per_second: u32,
    /// So many requests come at once; 1: each by itself.
    pub(super) burst: u32,
    /// So many wait for a server.
    pub(super) queue: usize,
    pub(super) retry_share: Option<RetryShare>,
    pub(super) panic_threshold: Option<u32>,
    pub(super) fault: Fault,
    pub(super) ends: Duration,
}

impl Default for Plan {
    /// No limits, no fault, one request at a time.
    fn default() -> Self {
        Self {
            servers: 1,
            max_fails: 1,
            max_conns: 0,
            requests_per_second: 1,
            burst: 1,
            queue: 0,
            retry_share: None,
            panic_threshold: None,
            fault: Fault::default(),
            ends: Duration::ZERO,
        }
    }
}

/// The first so many servers refuse connections for a time.
#[derive(Default)]
pub(super) struct Fault {
    pub(super) from: Duration,
    pub(super) until: Duration,
    pub(super) servers: usize,
}

/// What became of requests that began in a span of time.
#[derive(Clone, Copy, Default)]
pub(super) struct Outcome {
    pub(super) requests: u32,
    pub(super) failed: u32,
    /// Tries that began in it.
    pub(super) tries: u32,
    /// How long the slowest answer took.
    pub(super) slowest: Duration,
}

impl Outcome {
    pub(super) fn failed_percent(&self) -> f64 {
        f64::from(self.failed) * 100.0 / f64::from(self.requests.max(1))
    }
}

/// What was seen.
#[derive(Default)]
pub(super) struct Records {
    requests: Vec<Record>,
    tries: Vec<Duration>,
}

struct Record {
    began: Duration,
    /// How long the answer took, if there was one.
    took: Option<Duration>,
}

impl Records {
    pub(super) fn between(&self, from: Duration, until: Duration) -> Outcome {
        let within = |at: &Duration| (from..until).contains(at);
        let requests = self.requests.iter().filter(|record| within(&record.began));
        let failed = requests.clone().filter(|record| record.took.is_none());
        let slowest = requests.clone().filter_map(|record| record.took).max();
        let tries = self.tries.iter().filter(|at| within(at));
        Outcome {
            requests: requests.count() as u32,
            failed: failed.count() as u32,
            tries: tries.count() as u32,
            slowest: slowest.unwrap_or_default(),
        }
    }
}

/// Plays the plan.
pub(super) fn simulate(plan: &Plan) -> Records {
    let mut simulation = Simulation::new(plan);
    let mut clients = Clients(0x5eed);
    let mut next = Duration::ZERO;
    while next < plan.ends {
        simulation.run_until(next);
        (0..plan.burst).for_each(|_| simulation.begin(next));
        next += clients.pause(plan.requests_per_second) * plan.burst;
    }
    simulation.run_until(Duration::MAX);
    simulation.records
}

/// When the next request comes: half a mean pause to one and a half, by SplitMix64.
struct Clients(u64);

impl Clients {
    fn pause(&mut self, per_second: u32) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let part = (mixed >> 40) as f64 / f64::from(1_u32 << 24);
        (Duration::from_secs(1) / per_second).mul_f64(0.5 + part)
    }
}

struct Simulation<'a> {
    plan: &'a Plan,
    view: View,
    budget: Option<RetryBudget>,
    /// Until when each server has work.
    busy_until: Vec<Duration>,
    /// Tries under way, by when they end.
    ends: BinaryHeap<Reverse<(Duration, usize)>>,
    open: Vec<Option<Request>>,
    waiting: VecDeque<(usize, Tries)>,
    records: Records,
}

/// A request whose try is under way.
struct Request {
    number: usize,
    tries: Tries,
    peer: PeerId,
    answered: bool,
}

impl<'a> Simulation<'a> {
    fn new(plan: &'a Plan) -> Self {
        let mut spec = PoolSpec::implied("u", []);
        for port in 1..=plan.servers {
            let address = PeerAddress::Inet(([127, 0, 0, 1], port).into());
            let mut peer = PeerSpec::new(address, format!("127.0.0.1:{port}"));
            peer.parameters.max_fails = plan.max_fails;
            peer.parameters.max_conns = plan.max_conns;
            spec.peers.push(peer);
        }
        spec.retry_share = plan.retry_share;
        spec.panic_threshold = plan.panic_threshold;
        let pool = Pool::new(spec, None);
        Self {
            plan,
            view: View::with_seed(&pool, 1),
            budget: pool.retry_budget(),
            busy_until: vec![Duration::ZERO; usize::from(plan.servers)],
            ends: BinaryHeap::new(),
            open: Vec::new(),
            waiting: VecDeque::new(),
            records: Records::default(),
        }
    }

    fn begin(&mut self, now: Duration) {
        if let Some(budget) = &self.budget {
            budget.earn(now);
        }
        let number = self.records.requests.len();
        self.records.requests.push(Record {
            began: now,
            took: None,
        });
        let tries = self.view.begin(Key::None);
        self.go_on(number, tries, now);
    }

    /// Tries servers until one takes the request, as `proxy_next_upstream error timeout` says.
    fn go_on(&mut self, number: usize, mut tries: Tries, now: Duration) {
        let mut stand = tries.stand();
        while let Some(peer) = self.view.pick(&mut tries, now) {
            self.records.tries.push(now);
            if let Some((end, answered)) = self.send(peer.index(), now) {
                self.ends.push(Reverse((end, self.open.len())));
                self.open.push(Some(Request {
                    number,
                    tries,
                    peer,
                    answered,
                }));
                return;
            }
            if !self.fail(&mut tries, peer, now) {
                return;
            }
            stand = tries.stand();
        }
        tries.restore(stand);
        if self.waiting.len() < self.plan.queue {
            self.waiting.push_back((number, tries));
        }
    }

    /// A server was given back: whoever has waited longest may have it.
    fn call_next(&mut self, now: Duration) {
        if let Some((number, tries)) = self.waiting.pop_front() {
            self.go_on(number, tries, now);
        }
    }

    /// When the try ends, and whether by an answer; `None`: the server refuses it.
    fn send(&mut self, server: usize, now: Duration) -> Option<(Duration, bool)> {
        let fault = &self.plan.fault;
        let is_away = server < fault.servers && (fault.from..fault.until).contains(&now);
        let waits = self.busy_until[server].saturating_sub(now);
        if is_away || waits > WORK * BACKLOG {
            return None;
        }
        let done = now + waits + WORK;
        self.busy_until[server] = done;
        let given_up = now + PATIENCE;
        Some((done.min(given_up), done <= given_up))
    }

    /// Gives the server back; whether another is tried.
    fn fail(&self, tries: &mut Tries, peer: PeerId, now: Duration) -> bool {
        self.release(tries, peer, PeerOutcome::Failed, now);
        if tries.tries_left() == 0 {
            return false;
        }
        let Some(budget) = &self.budget else {
            return true;
        };
        let granted = !budget.is_spent(now);
        if granted {
            budget.spend(now);
        }
        granted
    }

    fn release(&self, tries: &mut Tries, peer: PeerId, outcome: PeerOutcome, now: Duration) {
        self.view
            .release(tries, peer, outcome, Took::default(), now);
    }

    /// Ends the tries that are over by then.
    fn run_until(&mut self, until: Duration) {
        while let Some(Reverse((end, index))) = self.ends.peek().copied()
            && end <= until
        {
            self.ends.pop();
            let Some(mut request) = self.open[index].take() else {
                continue;
            };
            if request.answered {
                self.release(&mut request.tries, request.peer, PeerOutcome::Success, end);
                let record = &mut self.records.requests[request.number];
                record.took = Some(end - record.began);
            } else if self.fail(&mut request.tries, request.peer, end) {
                self.go_on(request.number, request.tries, end);
            }
            self.call_next(end);
        }
    }
}
