//! When so few of a pool's peers are in use that those who are out are used, too: rather some failures than
//! all requests at the few that are left.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Peer, PeerList};

/// Whether a pool is in a panic, as one worker sees it.
#[derive(Debug)]
pub(crate) struct Panic {
    /// Of the primaries that are not down, this share must be in use.
    percent: u32,
    /// Whether the workers have last found a panic: who changes it says so.
    found: Arc<AtomicBool>,
    /// What this worker has found.
    is_on: Cell<bool>,
    /// In which second it has counted, and behind how many failures.
    counted: Cell<(i64, u64)>,
    news: Cell<Option<PanicChange>>,
}

/// A panic begins or ends; said once, whichever worker finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PanicChange {
    /// Too few primaries are in use.
    Begins(InUse),
    /// Enough are again.
    Ends(InUse),
}

/// How many of the primaries that are not down are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InUse {
    /// So many: neither unhealthy, nor out, nor on trial.
    pub in_use: usize,
    /// Of so many.
    pub of: usize,
}

impl Panic {
    /// A worker that has counted nothing yet.
    pub(crate) fn new(percent: u32, found: Arc<AtomicBool>) -> Self {
        Self {
            percent,
            found,
            is_on: Cell::new(false),
            counted: Cell::new((i64::MIN, 0)),
            news: Cell::new(None),
        }
    }

    /// Whether there is a panic now. Counts once a second, and once after failures.
    #[inline]
    pub(crate) fn is_on(&self, list: &PeerList, now: i64) -> bool {
        let at = (now, list.failures());
        if self.counted.replace(at) != at {
            self.count(list, now);
        }
        self.is_on.get()
    }

    /// What has changed since this was asked.
    pub(crate) fn take_news(&self) -> Option<PanicChange> {
        self.news.take()
    }

    fn count(&self, list: &PeerList, now: i64) {
        let count = InUse::of(list.group(false));
        let too_few = count.in_use * 100 < count.of * self.percent as usize;
        let is_on = too_few && !has_live_backup(list, now);
        self.is_on.set(is_on);
        if self.found.swap(is_on, Ordering::Relaxed) != is_on {
            self.news.set(Some(match is_on {
                true => PanicChange::Begins(count),
                false => PanicChange::Ends(count),
            }));
        }
    }
}

impl InUse {
    /// Peers that are marked `down` or drained count for nothing: who takes half of the peers out of service wants no
    /// panic. Nor do those count that have to pass a check first: they were not in use before, either.
    fn of(primaries: &[Peer]) -> Self {
        let counts = |peer: &&Peer| peer.is_in_service() && !peer.awaits_check();
        let up = primaries.iter().filter(counts);
        up.fold(Self { in_use: 0, of: 0 }, |sum, peer| Self {
            in_use: sum.in_use + usize::from(peer.is_open() && !peer.is_on_trial()),
            of: sum.of + 1,
        })
    }
}

/// A backup that is well is better than a primary that is out.
fn has_live_backup(list: &PeerList, now: i64) -> bool {
    let mut backups = list.group(true).iter();
    backups.any(|peer| peer.eligible(now) && !peer.is_on_trial())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        Beginning, CheckId, CheckSet, Key, Patience, PeerAddress, PeerId, PeerOutcome, PeerSpec,
        Pool, PoolSpec, Streak, Took, View,
    };

    const NOW: Duration = Duration::from_secs(100);

    /// Peers as letters: `u` up, `o` out, `h` unhealthy, `c` to be checked first, `d` down; those behind a slash are
    /// backups.
    fn pool(peers: &str, percent: u32) -> Pool {
        let mut spec = PoolSpec::implied("u", []);
        spec.panic_threshold = Some(percent);
        let (primaries, _) = peers.split_once('/').unwrap_or((peers, ""));
        let letters = || peers.chars().filter(|letter| *letter != '/');
        for (port, letter) in (1..).zip(letters()) {
            let address = PeerAddress::Inet(([127, 0, 0, 1], port).into());
            let mut peer = PeerSpec::new(address, format!("127.0.0.1:{port}"));
            peer.parameters.down = letter == 'd';
            peer.parameters.backup = usize::from(port) > primaries.len();
            spec.peers.push(peer);
        }
        let pool = Pool::new(spec, None);
        let list = pool.list();
        for (peer, letter) in list.peers().iter().zip(letters()) {
            match letter {
                'o' => _ = peer.fail(100),
                'h' => be_unhealthy(peer),
                'c' => await_check(peer),
                _ => {}
            }
        }
        pool
    }

    fn be_unhealthy(peer: &Peer) {
        let check = CheckId::new(0).unwrap();
        let patience = Patience {
            fails: 1,
            passes: 1,
        };
        Streak::default().note(peer, check, patience, false, NOW);
    }

    fn await_check(peer: &Peer) {
        let mut checks = CheckSet::default();
        checks.insert(CheckId::new(0).unwrap());
        peer.begin_checks(&Beginning {
            all: checks,
            anew: checks,
            ..Beginning::default()
        });
    }

    /// Which peers requests get, at their first try.
    fn used(view: &View, now: Duration) -> Vec<usize> {
        let picks = (0..200).filter_map(|_| {
            let mut tries = view.begin(Key::None);
            let peer = view.pick(&mut tries, now)?;
            view.release(
                &mut tries,
                peer,
                PeerOutcome::NextNoCount,
                Took::default(),
                now,
            );
            Some(peer.index())
        });
        let used: std::collections::BTreeSet<usize> = picks.collect();
        used.into_iter().collect()
    }

    #[test]
    fn below_the_threshold_all_that_are_not_down_are_used() {
        for (peers, percent, expected) in [
            ("uuoo", 50, vec![0, 1]),
            ("uuoo", 51, vec![0, 1, 2, 3]),
            ("uooo", 25, vec![0]),
            ("uooo", 26, vec![0, 1, 2, 3]),
            ("oooo", 1, vec![0, 1, 2, 3]),
            ("uuuo", 100, vec![0, 1, 2, 3]),
            ("uuuu", 100, vec![0, 1, 2, 3]),
            ("uhoo", 50, vec![0, 1, 2, 3]),
            ("uuhh", 50, vec![0, 1]),
            // A pool of one is not out by failures, but may be unhealthy.
            ("h", 50, vec![0]),
            // Who is marked down counts for nothing.
            ("uuddd", 50, vec![0, 1]),
            ("uoddd", 51, vec![0, 1]),
            ("ddd", 50, vec![]),
            // Nor does anybody who has to pass a check first, and nobody uses it.
            ("uuccc", 50, vec![0, 1]),
            ("uocc", 60, vec![0, 1]),
            ("occ", 60, vec![0]),
            ("ccc", 100, vec![]),
            ("c", 100, vec![]),
            // Backups that are well come first.
            ("ooo/u", 50, vec![3]),
            ("uoo/u", 50, vec![0]),
            ("ooo/ou", 50, vec![4]),
            ("ooo/o", 50, vec![0, 1, 2]),
            ("uoo/h", 50, vec![0, 1, 2]),
            ("uoo/d", 50, vec![0, 1, 2]),
        ] {
            let view = View::new(&pool(peers, percent));
            assert_eq!(used(&view, NOW), expected, "{peers} {percent}%");
        }
    }

    #[test]
    fn of_many_peers_all_are_used_in_turn() {
        let peers = "uoo".repeat(30);
        let in_panic = View::new(&pool(&peers, 50));
        assert_eq!(used(&in_panic, NOW), (0..90).collect::<Vec<_>>());
        let calm = View::new(&pool(&peers, 30));
        let up = (0..90).step_by(3);
        assert_eq!(used(&calm, NOW), up.collect::<Vec<_>>());
    }

    #[test]
    fn max_conns_holds_in_a_panic() {
        let mut spec = PoolSpec::implied("u", []);
        spec.panic_threshold = Some(100);
        for port in 1..=2 {
            let address = PeerAddress::Inet(([127, 0, 0, 1], port).into());
            let mut peer = PeerSpec::new(address, "s");
            peer.parameters.max_conns = 1;
            spec.peers.push(peer);
        }
        let pool = Pool::new(spec, None);
        pool.list().peers()[1].fail(100);
        let view = View::new(&pool);
        let picks = (0..3).filter_map(|_| view.pick(&mut view.begin(Key::None), NOW));
        assert_eq!(picks.count(), 2);
    }

    #[test]
    fn one_of_the_workers_says_that_a_panic_begins_and_one_that_it_ends() {
        let pool = pool("uooo", 50);
        let workers = [View::new(&pool), View::new(&pool)];
        let news = |at| {
            workers.each_ref().map(|view| {
                used(view, at);
                view.take_panic_change()
            })
        };
        let count = |in_use| InUse { in_use, of: 4 };
        assert_eq!(news(NOW), [Some(PanicChange::Begins(count(1))), None]);
        assert_eq!(news(NOW + Duration::from_secs(1)), [None, None]);
        for peer in pool.list().peers() {
            peer.forgive();
        }
        assert_eq!(
            news(NOW + Duration::from_secs(1)),
            [None, None],
            "counted already"
        );
        let later = NOW + Duration::from_secs(2);
        assert_eq!(news(later), [Some(PanicChange::Ends(count(4))), None]);
    }

    #[test]
    fn a_reload_in_a_panic_is_no_news() {
        let before = pool("uooo", 50);
        let view = View::new(&before);
        used(&view, NOW);
        assert!(view.take_panic_change().is_some());
        let mut spec = PoolSpec::implied("u", []);
        spec.panic_threshold = Some(50);
        spec.peers = (before.list().peers().iter())
            .map(|peer| peer.spec().clone())
            .collect();
        let after = View::new(&Pool::new(spec, Some(&before)));
        assert_eq!(used(&after, NOW).len(), 4);
        assert_eq!(after.take_panic_change(), None);
    }

    proptest! {
        /// With one worker: nobody hears that no peer is live while one is not down, and outside a panic nobody
        /// gets a peer that is out.
        #[test]
        fn a_panic_is_on_exactly_when_too_few_are_in_use(
            peers in "[ud]{1,9}",
            percent in 1..=100_u32,
            steps in prop::collection::vec((0..4_u64, any::<bool>()), 1..100),
        ) {
            let pool = pool(&peers, percent);
            let list = pool.list();
            let view = View::new(&pool);
            let mut now = NOW;
            for (seconds, fails) in steps {
                now += Duration::from_secs(seconds);
                let mut tries = view.begin(Key::None);
                let before: Vec<_> = list.peers().iter().map(|peer| peer.status(now).disabled).collect();
                let count = InUse::of(list.group(false));
                let Some(PeerId(peer)) = view.pick(&mut tries, now) else {
                    prop_assert!(peers.chars().all(|letter| letter == 'd'), "{}", peers);
                    continue;
                };
                let outcome = if fails { PeerOutcome::Failed } else { PeerOutcome::Success };
                view.release(&mut tries, PeerId(peer), outcome, Took::default(), now);
                let enough = count.in_use * 100 >= count.of * percent as usize;
                let counted_now = seconds > 0;
                let out = before[peer as usize] && !list.single();
                prop_assert!(!(out && enough && counted_now), "a peer that was out, without need");
            }
        }
    }
}
