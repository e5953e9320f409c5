//! What one worker keeps about one pool: turning weights and a random source.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, RandomState};

use crate::turns::{MANY, Turns};
use crate::view::Turn;
use crate::{Method, PeerList, Pool, Tries};

/// The turning weights of one worker. Belongs to the list it was made for.
#[derive(Debug)]
pub(crate) struct Rotation {
    weights: Box<[Weights]>,
    random: Cell<u64>,
    /// Choices made.
    turn: Cell<u32>,
    tally: usize,
    /// Where there are many peers that take turns; begun by the first of them.
    turns: RefCell<Option<Box<Turns>>>,
}

impl Rotation {
    /// Fresh weights, and a random source that differs from worker to worker. The pool counts one
    /// worker more.
    pub(crate) fn new(pool: &Pool, list: &PeerList) -> Self {
        Self::with_seed(pool, list, RandomState::new().hash_one(0_u8))
    }

    /// As [`Rotation::new`], with a random source that repeats: for tests.
    pub(crate) fn with_seed(pool: &Pool, list: &PeerList, seed: u64) -> Self {
        let peers = list.peers().iter();
        Self {
            weights: peers
                .map(|p| Weights::fresh(p.parameters().weight))
                .collect(),
            random: Cell::new(seed),
            turn: Cell::new(0),
            tally: pool.next_tally(),
            turns: RefCell::default(),
        }
    }

    /// The rotation over `newer`, which follows `older`: peers that stay keep their weights, new ones begin.
    pub(crate) fn moved(&self, older: &PeerList, newer: &PeerList) -> Self {
        self.settle();
        let places = older.places_of(newer);
        let weights = newer.peers().iter().zip(places).map(|(peer, place)| {
            let fresh = || Weights::fresh(peer.parameters().weight);
            place.map_or_else(fresh, |place| self.weights[place].clone())
        });
        Self {
            weights: weights.collect(),
            random: self.random.clone(),
            turn: self.turn.clone(),
            tally: self.tally,
            turns: RefCell::default(),
        }
    }

    /// A failure of the peer at this place of the list.
    pub(crate) fn penalize(&self, peer: usize, max_fails: u32) {
        if let Some(turns) = &mut *self.turns.borrow_mut() {
            turns.set_beside(peer, &self.weights);
        }
        self.weights[peer].penalize(max_fails);
    }

    /// Whether the turns of the primaries of `list` are kept where they are found at once.
    pub(crate) fn keeps_turns(list: &PeerList) -> bool {
        let goes_round = list.method() == Method::RoundRobin && list.server_ids().is_none();
        goes_round && list.group(false).len() >= MANY
    }

    /// The next of the primaries of a list for which [`Self::keeps_turns`] holds.
    pub(crate) fn next_of_many(&self, turn: &Turn<'_>, att: &Tries) -> Option<usize> {
        let mut turns = self.turns.borrow_mut();
        let turns = turns.get_or_insert_with(|| Box::new(Turns::new(turn, &self.weights)));
        turns.choose(turn, &self.weights, att)
    }

    /// Puts into the weights what the turns have noted beside them.
    fn settle(&self) {
        if let Some(turns) = &*self.turns.borrow() {
            turns.settle(&self.weights);
        }
    }

    /// The number of a new choice.
    pub(crate) fn begin_turn(&self) -> u32 {
        self.turn.set(self.turn.get().wrapping_add(1));
        self.turn.get()
    }

    /// Which of each peer's tallies the worker counts in.
    pub(crate) fn tally(&self) -> usize {
        self.tally
    }

    pub(crate) fn weights(&self, peer: usize) -> &Weights {
        &self.weights[peer]
    }

    /// A uniform number below `bound` (0 if `bound` is 0), by SplitMix64.
    pub(crate) fn random_below(&self, bound: u64) -> u64 {
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).checked_rem(bound).unwrap_or(0)
    }

    /// Panics unless every weight lies between its bounds.
    #[cfg(test)]
    pub(crate) fn check_invariants(&self) {
        // Whoever is chosen loses at most the sum and the others gain it between them, so that one may hold
        // more than the sum: of 3, 3, 16, 1 and 16, in nginx as here, 40 of 39.
        let sum: i64 = self.weights.iter().map(|w| w.configured).sum();
        let reach = sum * self.weights.len() as i64;
        self.settle();
        for w in &self.weights {
            assert!((0..=w.configured).contains(&w.effective.get()), "{w:?}");
            assert!(w.current.get().abs() <= reach, "{w:?} beyond {reach}");
        }
    }
}

/// `current_weight`, `effective_weight` and `weight` of `ngx_http_upstream_rr_peer_t`.
#[derive(Debug, Clone)]
pub(crate) struct Weights {
    current: Cell<i64>,
    effective: Cell<i64>,
    configured: i64,
}

impl Weights {
    pub(crate) fn fresh(weight: u32) -> Self {
        Self {
            current: Cell::new(0),
            effective: Cell::new(i64::from(weight)),
            configured: i64::from(weight),
        }
    }

    pub(crate) fn current(&self) -> i64 {
        self.current.get()
    }

    pub(crate) fn set_current(&self, current: i64) {
        self.current.set(current);
    }

    /// Nothing is left of failures.
    pub(crate) fn is_whole(&self) -> bool {
        self.effective.get() == self.configured
    }

    /// One turn of smooth weighted round robin: the peer gains its effective weight (returned),
    /// which itself recovers by one.
    pub(crate) fn advance(&self) -> i64 {
        let gained = self.effective.get();
        self.current.set(self.current.get() + gained);
        if gained < self.configured {
            self.effective.set(gained + 1);
        }
        gained
    }

    /// The chosen peer pays what all gained.
    pub(crate) fn pay(&self, total: i64) {
        self.current.set(self.current.get() - total);
    }

    /// A failure takes `weight / max_fails` (whole) off the effective weight.
    pub(crate) fn penalize(&self, max_fails: u32) {
        if let Some(penalty) = self.configured.checked_div(i64::from(max_fails)) {
            self.effective.set((self.effective.get() - penalty).max(0));
        }
    }
}
