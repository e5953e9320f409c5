//! Pools that come out of variables and are kept, so that later requests to the same place find connections there.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::rc::Rc;

use lru::LruCache;
use smallvec::SmallVec;
use weir_upstream::{Found, PoolSpec};

use super::WorkerPool;

/// So many are kept in a worker; who has waited longest for a request gives way.
const MOST: NonZeroUsize = NonZeroUsize::new(512).expect("above zero");

/// The pools of one worker that came out of variables, by location and by what the variables said.
pub(crate) struct KeptPools(RefCell<LruCache<Box<[u8]>, Kept>>);

struct Kept {
    pool: Rc<WorkerPool>,
    /// Of its name, sorted; empty where the variables said an address.
    addresses: SmallVec<[IpAddr; 4]>,
}

impl KeptPools {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(LruCache::new(MOST)))
    }

    /// The pool of an address: the one that was kept by this key, or one by `spec`.
    pub(crate) fn of_address(&self, key: &[u8], spec: impl FnOnce() -> PoolSpec) -> Rc<WorkerPool> {
        let mut pools = self.0.borrow_mut();
        if let Some(kept) = pools.get(key) {
            return kept.pool.clone();
        }
        let pool = WorkerPool::kept(spec());
        let addresses = SmallVec::new();
        let kept = Kept {
            pool: pool.clone(),
            addresses,
        };
        // Connections of the one that gives way close as it goes.
        pools.push(key.into(), kept);
        pool
    }

    /// The pool of a name, as [`Self::of_address`], with the addresses that the name has now. `spec` has the name alone.
    pub(crate) fn of_name(
        &self,
        key: &[u8],
        found: &[IpAddr],
        spec: impl FnOnce() -> PoolSpec,
    ) -> Rc<WorkerPool> {
        let pool = self.of_address(key, spec);
        let mut sorted: SmallVec<[IpAddr; 4]> = found.into();
        sorted.sort_unstable();
        let mut pools = self.0.borrow_mut();
        if let Some(kept) = pools.peek_mut(key)
            && kept.addresses != sorted
        {
            let found = found.iter().map(|&ip| Found {
                address: SocketAddr::new(ip, 0),
                service: None,
            });
            pool.pool.set_addresses(0, &found.collect::<Vec<_>>());
            kept.addresses = sorted;
        }
        pool
    }

    /// Shows every pool.
    pub(crate) fn for_each(&self, mut look: impl FnMut(&WorkerPool)) {
        for (_, kept) in self.0.borrow().iter() {
            look(&kept.pool);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const NAME: &[u8] = b"0http://app:80";

    fn of_name(pools: &KeptPools, found: &[u8]) -> Rc<WorkerPool> {
        let found: Vec<IpAddr> = found
            .iter()
            .map(|last| Ipv4Addr::new(127, 0, 0, *last).into())
            .collect();
        pools.of_name(NAME, &found, || {
            PoolSpec::implied_by_name("app".to_owned(), 80)
        })
    }

    fn peers(pool: &WorkerPool) -> Vec<String> {
        let view = pool.view();
        let names = view.peers.list().peers().iter();
        names
            .map(|peer| String::from_utf8_lossy(peer.name()).into_owned())
            .collect()
    }

    #[test]
    fn a_name_keeps_its_pool_while_its_addresses_change() {
        let pools = KeptPools::new();
        let first = of_name(&pools, &[1, 2]);
        assert_eq!(peers(&first), ["127.0.0.1:80", "127.0.0.2:80"]);
        let epoch = first.pool.epoch();
        assert!(Rc::ptr_eq(&first, &of_name(&pools, &[2, 1])));
        assert_eq!(first.pool.epoch(), epoch, "another order is no change");
        assert!(Rc::ptr_eq(&first, &of_name(&pools, &[3, 2])));
        assert_eq!(peers(&first), ["127.0.0.2:80", "127.0.0.3:80"]);
    }
}
