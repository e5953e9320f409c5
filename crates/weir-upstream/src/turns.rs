//! Smooth weighted round robin over many peers: who is next is found without looking at all of them.
//!
//! In a turn every eligible peer gains its effective weight, and the one with the greatest current weight pays what
//! all gained. As long as nothing fails, peers of the same weight gain alike, so their order among each other stays:
//! they lie in a tree of maxima, and what they have gained is one number for all. Peers that do not gain alike
//! (out, recovering from a failure, limited by `max_conns`) stand beside the trees and are looked at one by one.

use std::collections::HashMap;

use crate::Tries;
use crate::rotation::Weights;
use crate::view::Turn;

/// From so many peers on it pays: below, looking at all is as quick.
pub(crate) const MANY: usize = 48;

/// The primaries of a list, by weight.
#[derive(Debug, Clone)]
pub(crate) struct Turns {
    classes: Vec<Class>,
    /// By place: where the peer stands.
    seats: Box<[Seat]>,
    /// Places of the peers beside the trees that are not `down`; they rise.
    beside: Vec<usize>,
    /// Of the list's failures that have been looked at.
    failures: u64,
}

/// Peers of one weight.
#[derive(Debug, Clone)]
struct Class {
    weight: i64,
    /// What each in the tree has gained since the tree was made.
    gained: i64,
    in_tree: usize,
    tree: Tree,
}

#[derive(Debug, Clone, Copy)]
struct Seat {
    class: usize,
    leaf: usize,
    in_tree: bool,
}

impl Turns {
    /// The turns of `peers`, which go on from `weights`.
    pub(crate) fn new(turn: &Turn<'_>, weights: &[Weights]) -> Self {
        let peers = turn.peers;
        let mut classes: Vec<Class> = Vec::new();
        let mut sizes: Vec<usize> = Vec::new();
        let mut known = HashMap::new();
        let seats = peers.iter().map(|peer| {
            let weight = peer.parameters().weight;
            let class = *known.entry(weight).or_insert_with(|| {
                classes.push(Class::new(weight));
                sizes.push(0);
                sizes.len() - 1
            });
            sizes[class] += 1;
            Seat {
                class,
                leaf: sizes[class] - 1,
                in_tree: false,
            }
        });
        let seats: Box<[Seat]> = seats.collect();
        for (class, size) in classes.iter_mut().zip(&sizes) {
            class.tree = Tree::new(*size);
        }
        let beside = (0..peers.len()).filter(|&place| !peers[place].parameters().down);
        let mut turns = Self {
            classes,
            seats,
            beside: beside.collect(),
            failures: turn.list.failures(),
        };
        turns.seat_the_steady(turn, weights);
        turns
    }

    /// The eligible peer with the greatest current weight, as [`crate::round_robin::choose`] finds it.
    pub(crate) fn choose(
        &mut self,
        turn: &Turn<'_>,
        weights: &[Weights],
        att: &Tries,
    ) -> Option<usize> {
        let failures = turn.list.failures();
        if self.failures != failures {
            self.failures = failures;
            self.unseat_the_unsteady(turn, weights);
        }
        self.seat_the_steady(turn, weights);
        // Who has been tried already takes no part.
        let tried: Vec<usize> = att
            .tried
            .places()
            .filter(|&place| self.is_seated(place))
            .collect();
        for &place in &tried {
            self.unseat(place, weights);
        }
        let chosen = self.turn(turn, weights, att);
        for place in tried {
            self.seat(place, weights);
        }
        chosen
    }

    /// Puts what the peer at `place` has gained into its weights, and the peer beside the trees, since it no longer
    /// gains as the others do.
    pub(crate) fn set_beside(&mut self, place: usize, weights: &[Weights]) {
        if self.is_seated(place) {
            self.unseat(place, weights);
            let at = self.beside.partition_point(|&other| other < place);
            self.beside.insert(at, place);
        }
    }

    /// Puts what everybody has gained into the weights.
    pub(crate) fn settle(&self, weights: &[Weights]) {
        for (place, seat) in self.seats.iter().enumerate() {
            if seat.in_tree {
                weights[place].set_current(self.current(*seat));
            }
        }
    }

    fn turn(&mut self, turn: &Turn<'_>, weights: &[Weights], att: &Tries) -> Option<usize> {
        let mut total = 0;
        let mut best: Option<(i64, usize)> = None;
        let mut offer = |current: i64, place: usize| {
            let better =
                best.is_none_or(|(most, at)| current > most || current == most && place < at);
            if better {
                best = Some((current, place));
            }
        };
        for class in self.classes.iter_mut().filter(|class| class.in_tree > 0) {
            class.gained += class.weight;
            total += class.weight * class.in_tree as i64;
            let (leaf, key) = class.tree.first();
            offer(key + class.gained, class.tree.place(leaf));
        }
        for &place in &self.beside {
            if turn.eligible(att, place) {
                total += weights[place].advance();
                offer(weights[place].current(), place);
            }
        }
        let (_, chosen) = best?;
        let seat = self.seats[chosen];
        match seat.in_tree {
            true => self.classes[seat.class].tree.add(seat.leaf, -total),
            false => weights[chosen].pay(total),
        }
        Some(chosen)
    }

    fn is_seated(&self, place: usize) -> bool {
        self.seats.get(place).is_some_and(|seat| seat.in_tree)
    }

    fn current(&self, seat: Seat) -> i64 {
        let class = &self.classes[seat.class];
        class.tree.key(seat.leaf) + class.gained
    }

    /// Peers that gain like all of their weight move into the trees.
    fn seat_the_steady(&mut self, turn: &Turn<'_>, weights: &[Weights]) {
        let mut beside = std::mem::take(&mut self.beside);
        beside.retain(|&place| {
            let steady = is_steady(turn, place) && weights[place].is_whole();
            if steady {
                self.seat(place, weights);
            }
            !steady
        });
        self.beside = beside;
    }

    fn unseat_the_unsteady(&mut self, turn: &Turn<'_>, weights: &[Weights]) {
        for place in 0..self.seats.len() {
            if self.is_seated(place) && !is_steady(turn, place) {
                self.set_beside(place, weights);
            }
        }
    }

    fn seat(&mut self, place: usize, weights: &[Weights]) {
        let seat = &mut self.seats[place];
        let class = &mut self.classes[seat.class];
        let key = weights[place].current() - class.gained;
        class.tree.set(seat.leaf, place, key);
        class.in_tree += 1;
        seat.in_tree = true;
    }

    fn unseat(&mut self, place: usize, weights: &[Weights]) {
        weights[place].set_current(self.current(self.seats[place]));
        let seat = &mut self.seats[place];
        let class = &mut self.classes[seat.class];
        class.tree.clear(seat.leaf);
        class.in_tree -= 1;
        seat.in_tree = false;
    }
}

/// Whether the peer takes part in every turn for as long as nobody is taken out.
pub(crate) fn is_steady(turn: &Turn<'_>, place: usize) -> bool {
    let peer = &turn.peers[place];
    peer.parameters().max_conns == 0
        && peer.eligible(turn.now)
        && !peer.is_on_trial()
        && peer.warmth(turn.now).is_none()
}

impl Class {
    fn new(weight: u32) -> Self {
        Self {
            weight: i64::from(weight),
            gained: 0,
            in_tree: 0,
            tree: Tree::new(0),
        }
    }
}

/// Keys in a row, and the greatest of each half, quarter and so on of them; of equals the first counts.
#[derive(Debug, Clone)]
struct Tree {
    /// The root is at 1, the children of `n` at `2n` and `2n + 1`; the leaves are the second half.
    nodes: Box<[i64]>,
    places: Box<[usize]>,
    leaves: usize,
}

/// Less than any key.
const NOBODY: i64 = i64::MIN;

impl Tree {
    fn new(size: usize) -> Self {
        let leaves = size.next_power_of_two();
        Self {
            nodes: vec![NOBODY; 2 * leaves].into_boxed_slice(),
            places: vec![0; size].into_boxed_slice(),
            leaves,
        }
    }

    fn key(&self, leaf: usize) -> i64 {
        self.nodes[self.leaves + leaf]
    }

    /// Place of the peer at a leaf.
    fn place(&self, leaf: usize) -> usize {
        self.places[leaf]
    }

    /// The leaf with the greatest key, and that key.
    fn first(&self) -> (usize, i64) {
        let mut node = 1;
        while node < self.leaves {
            let left = 2 * node;
            node = left + usize::from(self.nodes[left] < self.nodes[left + 1]);
        }
        (node - self.leaves, self.nodes[node])
    }

    fn set(&mut self, leaf: usize, place: usize, key: i64) {
        self.places[leaf] = place;
        self.put(leaf, key);
    }

    fn add(&mut self, leaf: usize, more: i64) {
        self.put(leaf, self.key(leaf) + more);
    }

    fn clear(&mut self, leaf: usize) {
        self.put(leaf, NOBODY);
    }

    fn put(&mut self, leaf: usize, key: i64) {
        let mut node = self.leaves + leaf;
        self.nodes[node] = key;
        while node > 1 {
            node /= 2;
            let greatest = self.nodes[2 * node].max(self.nodes[2 * node + 1]);
            if self.nodes[node] == greatest {
                return;
            }
            self.nodes[node] = greatest;
        }
    }
}

#[cfg(test)]
mod tests;
