//! One check of the peers of a pool, which may change.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tracing::instrument::WithSubscriber;
use weir_io::clock;
use weir_upstream::{Peer, PeerHealth, PeerList, Start};

use super::asker::{self, Asker};
use crate::facts::Shop;
use crate::plan::{Check, Generation};

/// Between two looks whether the pool has other peers.
const LOOK: Duration = Duration::from_secs(1);

/// Has every peer of the check's pool asked, each by a task of its own.
pub(super) async fn watch(shop: Rc<Shop>, generation: Rc<Generation>, check: Arc<Check>) {
    let mut askers = Askers {
        shop,
        check,
        tasks: JoinSet::new(),
        by_peer: HashMap::new(),
    };
    loop {
        let list = generation.pools()[askers.check.pool].list();
        askers.follow(&generation, &list);
        while generation.pools()[askers.check.pool].epoch() == list.epoch() {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The tasks that ask. Dropping them ends them.
struct Askers {
    shop: Rc<Shop>,
    check: Arc<Check>,
    tasks: JoinSet<()>,
    by_peer: HashMap<usize, AbortHandle>,
}

impl Askers {
    /// Nobody asks peers that are gone; those that have come are asked from now on.
    fn follow(&mut self, generation: &Rc<Generation>, list: &PeerList) {
        let asked = |peer: &&Peer| !peer.parameters().down;
        let peers: Vec<&Peer> = list.peers().iter().filter(asked).collect();
        let mut before = std::mem::take(&mut self.by_peer);
        let count = peers.len();
        for (index, peer) in peers.into_iter().enumerate() {
            let known = before.remove(&peer.identity());
            let task = known.unwrap_or_else(|| self.start(generation, peer, index, count));
            self.by_peer.insert(peer.identity(), task);
        }
        before.values().for_each(AbortHandle::abort);
        while self.tasks.try_join_next().is_some() {}
    }

    fn start(
        &mut self,
        generation: &Rc<Generation>,
        peer: &Peer,
        index: usize,
        count: usize,
    ) -> AbortHandle {
        let start = Start {
            index,
            count,
            waited_for: match peer.health() {
                PeerHealth::Healthy => false,
                PeerHealth::Unhealthy | PeerHealth::Checking => true,
            },
            due: peer.due(self.check.id),
        };
        let now = clock::monotonic(clock::now());
        let first = (self.check.schedule()).first(start, now, asker::random());
        let asker = Asker::new(&self.shop, generation, &self.check, peer);
        let task = asker.run(first).with_current_subscriber();
        self.tasks.spawn_local(task)
    }
}
