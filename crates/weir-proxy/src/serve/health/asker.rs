//! One check of one peer: asks it again and again, and tells what has changed.

use std::hash::{BuildHasher as _, RandomState};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use weir_conf::Keepalive;
use weir_io::clock;
use weir_upstream::{HealthChange, Peer, PeerAddress, PeerSpec, Pool, PoolSpec, Streak};

use crate::exchange::check::{self, CheckEnd, Question};
use crate::facts::{Client, Link, Session, Shop, Sub};
use crate::plan::{Check, Generation};
use crate::pool::{KeySource, WorkerPool};
use crate::report::error_log::{self, Message};

/// Who asks.
pub(super) struct Asker {
    shop: Rc<Shop>,
    generation: Rc<Generation>,
    check: Arc<Check>,
    peer: Peer,
    /// The peer alone, as this check reaches it: requests' connections and sessions are not the check's.
    pool: WorkerPool,
    /// What lines say of the check.
    told: Rc<[u8]>,
    streak: Streak,
}

impl Asker {
    pub(super) fn new(
        shop: &Rc<Shop>,
        generation: &Rc<Generation>,
        check: &Arc<Check>,
        peer: &Peer,
    ) -> Self {
        let upstream = generation.pools()[check.pool].name();
        Self {
            shop: shop.clone(),
            generation: generation.clone(),
            pool: pool_of_one(check, peer, upstream),
            told: told(check, peer, upstream).into(),
            check: check.clone(),
            peer: peer.clone(),
            streak: Streak::default(),
        }
    }

    /// Asks for the first time after `first`.
    pub(super) async fn run(mut self, first: Duration) {
        self.wait(first).await;
        loop {
            // Boxed, because most of the time nobody is asked.
            Box::pin(self.ask()).await;
            let next = self.check.schedule().next(random());
            self.wait(next).await;
        }
    }

    /// Waits for so long; if a reload ends that, the check that goes on with it knows until when.
    async fn wait(&self, time: Duration) {
        let now = clock::monotonic(clock::now());
        self.peer.note_due(self.check.id, now.saturating_add(time));
        tokio::time::sleep(time).await;
    }

    async fn ask(&mut self) {
        let mut session = self.session();
        let question = Question {
            rules: self.check.rules(),
            tests: self.check.tests.as_deref(),
            pass: self.check.pass(),
        };
        let end = check::ask(&mut session, &self.pool, question).await;
        match self.note(end) {
            HealthChange::None => {}
            HealthChange::Unhealthy => {
                error_log::warn(session.view(), Message::text("peer is unhealthy"));
            }
            HealthChange::Healthy => {
                error_log::notice(session.view(), Message::text("peer is healthy"));
            }
        }
        self.shop.give_back_request(session.req);
    }

    fn note(&mut self, end: CheckEnd) -> HealthChange {
        let passed = match end {
            CheckEnd::Passes => true,
            CheckEnd::Fails => false,
            CheckEnd::Unasked => return HealthChange::None,
        };
        let now = clock::monotonic(clock::now());
        let patience = self.check.patience();
        (self.streak).note(&self.peer, self.check.id, patience, passed, now)
    }

    /// A request of nobody's in the check's location.
    fn session(&self) -> Session {
        let mut req = self.shop.take_request();
        let server = self.generation.own_server(self.check.server);
        let location = self.generation.own_location(&self.check.location);
        req.begin_as_check(server, location, self.told.clone());
        let link = Link::of_nobody(self.shop.clone(), self.generation.clone());
        Session {
            client: Client::Sub(Box::new(Sub::new(link))),
            req,
        }
    }
}

/// A pool of the upstream's name with this peer alone, at the port where it is checked.
fn pool_of_one(check: &Check, peer: &Peer, upstream: &str) -> WorkerPool {
    let address = match (peer.address(), check.rules().port) {
        (PeerAddress::Inet(address), Some(port)) => {
            let mut address = *address;
            address.set_port(port);
            PeerAddress::Inet(address)
        }
        (address, _) => address.clone(),
    };
    let mut spec = PoolSpec::implied(upstream, []);
    spec.peers
        .push(PeerSpec::new(address, peer.spec().server.clone()));
    spec.keepalive = check.rules().keepalive_time.map(|time| Keepalive {
        requests: u64::MAX,
        time,
        timeout: time,
        ..Keepalive::new(1)
    });
    WorkerPool::new(&Arc::new(Pool::new(spec, None)), KeySource::None)
}

/// What stands behind what was done, in nginx Plus's words.
fn told(check: &Check, peer: &Peer, upstream: &str) -> Vec<u8> {
    let tests = check.tests.as_ref().map_or("", |tests| &tests.name);
    let mut told = format!(", health check \"{tests}\" of peer ").into_bytes();
    told.extend_from_slice(peer.name());
    told.extend_from_slice(format!(" in upstream \"{upstream}\"").as_bytes());
    if let Some(port) = check.rules().port {
        told.extend_from_slice(format!(", port {port}").as_bytes());
    }
    told
}

/// Any number.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}
