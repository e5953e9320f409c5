//! Asks peers how they are, as `health_check` says: `watch` for all peers of a pool, `asker` for one of them.

mod asker;
mod watch;

use std::rc::Rc;

use tokio::task::JoinSet;
use tracing::instrument::WithSubscriber;
use weir_upstream::Beginning;

use self::watch::watch;
use crate::facts::Shop;
use crate::plan::Generation;

/// Begins, with tasks among `duties`. The first worker to do so for a plan settles what a reload makes of what was
/// known before.
pub(super) fn begin(duties: &mut JoinSet<()>, shop: &Rc<Shop>, generation: &Rc<Generation>) {
    if generation.checks().begin() {
        settle(generation);
    }
    for check in generation.checks().all() {
        let watch = watch(shop.clone(), generation.clone(), check.clone());
        duties.spawn_local(watch.with_current_subscriber());
    }
}

/// Peers are asked anew where the check is mandatory and not persistent; what is checked no longer has no say.
fn settle(generation: &Generation) {
    let checks = generation.checks();
    for (index, pool) in generation.pools().iter().enumerate() {
        let beginning = Beginning {
            all: checks.of_pool(index, |_| true),
            known: checks.of_pool(index, |check| check.is_known),
            awaited: checks.of_pool(index, |check| check.rules().mandatory),
            anew: checks.of_pool(index, |check| {
                check.rules().mandatory && !check.rules().persistent
            }),
        };
        for peer in pool.list().peers() {
            peer.begin_checks(&beginning);
        }
    }
}
