//! `least_conn` over many peers: who has least to do is found without looking at all of them.
//!
//! Peers of the same weight that hold as many requests lie in one row. The rows with the least to do are the candidates; where these hold several
//! peers, round robin decides between them, and as in [`crate::turns`] all of a row gain alike. Peers that do not gain alike stand beside the rows
//! and are looked at one by one. All workers share it, as they share what peers hold.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::rotation::Weights;
use crate::turns::is_steady;
use crate::view::Turn;
use crate::{Peer, Tries};

/// The primaries of a list, by what they hold.
#[derive(Debug)]
pub(crate) struct Loads(Mutex<State>);

#[derive(Debug)]
struct State {
    classes: Vec<Class>,
    /// By place: where the peer stands.
    seats: Box<[Seat]>,
    weights: Box<[Weights]>,
    /// Places of the peers beside the rows that are not `down`; they rise.
    beside: Vec<usize>,
    /// Of the list's failures, and the second, that have been looked at.
    looked: (u64, i64),
}

/// Peers of one weight; rows by the number of requests that each peer holds.
#[derive(Debug)]
struct Class {
    weight: u32,
    rows: BTreeMap<u32, Row>,
}

/// Peers that have as much to do, the one with the greatest current weight first.
#[derive(Debug, Default)]
struct Row {
    /// What each has gained since the row was made.
    gained: i64,
    /// Current weights without that, and places.
    peers: BTreeSet<(Reverse<i64>, usize)>,
}

#[derive(Debug, Clone, Copy)]
struct Seat {
    class: usize,
    held: u32,
    key: i64,
    in_row: bool,
}

/// Requests held, by weight.
#[derive(Debug, Clone, Copy)]
struct Load {
    held: u32,
    weight: u32,
}

impl Load {
    /// Compares without division.
    fn compare(self, other: Self) -> Ordering {
        let scaled = |one: Self, by: Self| u64::from(one.held) * u64::from(by.weight);
        scaled(self, other).cmp(&scaled(other, self))
    }
}

impl Loads {
    /// The loads of `peers`, none of which is seated yet.
    pub(crate) fn new(peers: &[Peer]) -> Self {
        let mut classes: Vec<Class> = Vec::new();
        let mut known = HashMap::new();
        let seats = peers.iter().map(|peer| {
            let weight = peer.parameters().weight;
            let class = *known.entry(weight).or_insert_with(|| {
                let rows = BTreeMap::new();
                classes.push(Class { weight, rows });
                classes.len() - 1
            });
            Seat {
                class,
                held: 0,
                key: 0,
                in_row: false,
            }
        });
        let seats: Box<[Seat]> = seats.collect();
        let beside = (0..peers.len()).filter(|&place| !peers[place].parameters().down);
        let weights = peers
            .iter()
            .map(|peer| Weights::fresh(peer.parameters().weight));
        Self(Mutex::new(State {
            classes,
            seats,
            weights: weights.collect(),
            beside: beside.collect(),
            looked: (0, i64::MIN),
        }))
    }

    /// The eligible peer with the least load, as [`crate::least_conn::choose`] finds it.
    pub(crate) fn choose(&self, turn: &Turn<'_>, att: &Tries) -> Option<usize> {
        let mut state = self.lock();
        state.look(turn);
        state.seat_the_steady(turn);
        // Who has been tried already takes no part.
        let tried: Vec<usize> = att
            .tried
            .places()
            .filter(|&place| state.is_seated(place))
            .collect();
        for &place in &tried {
            state.unseat(place);
        }
        let chosen = state.turn(turn, att);
        for place in tried {
            state.seat(place, turn.peers[place].load());
        }
        chosen
    }

    /// The peer at `place` has been given back.
    pub(crate) fn given_back(&self, place: usize, peer: &Peer) {
        let mut state = self.lock();
        if state.is_seated(place) {
            state.unseat(place);
            state.seat(place, peer.load());
        }
    }

    /// A failure of the peer at `place`.
    pub(crate) fn penalize(&self, place: usize, max_fails: u32) {
        let mut state = self.lock();
        state.set_beside(place);
        if let Some(weights) = state.weights.get(place) {
            weights.penalize(max_fails);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Once a second, and when a peer was taken out, all are looked at: what they hold may have changed elsewhere, under
    /// another list of the pool.
    fn look(&mut self, turn: &Turn<'_>) {
        let now = (turn.list.failures(), turn.now);
        if self.looked == now {
            return;
        }
        self.looked = now;
        for place in 0..self.seats.len() {
            let seat = self.seats[place];
            let held = turn.peers[place].load();
            if seat.in_row && !is_steady(turn, place) {
                self.set_beside(place);
            } else if seat.in_row && seat.held != held {
                self.unseat(place);
                self.seat(place, held);
            }
        }
    }

    fn turn(&mut self, turn: &Turn<'_>, att: &Tries) -> Option<usize> {
        let least = loop {
            let least = self.least(turn, att)?;
            match self.misplaced(turn, least) {
                None => break least,
                // Another worker has just taken it, or given it back.
                Some(place) => {
                    self.unseat(place);
                    self.seat(place, turn.peers[place].load());
                }
            }
        };
        let chosen = self.next_of(turn, att, least)?;
        if self.is_seated(chosen) {
            let held = self.seats[chosen].held;
            self.unseat(chosen);
            self.seat(chosen, held.saturating_add(1));
        }
        Some(chosen)
    }

    /// The least load of an eligible peer.
    fn least(&self, turn: &Turn<'_>, att: &Tries) -> Option<Load> {
        let rows = self.classes.iter().filter_map(Class::least);
        let beside = self
            .beside
            .iter()
            .filter(|&&place| turn.eligible(att, place));
        let beside = beside.map(|&place| load_of(&turn.peers[place]));
        rows.chain(beside).min_by(|one, other| one.compare(*other))
    }

    /// The first of a row with that load that does not hold as many requests.
    fn misplaced(&self, turn: &Turn<'_>, least: Load) -> Option<usize> {
        let firsts = self.classes.iter().filter_map(|class| {
            let (held, row) = class.row_of(least)?;
            let (_, place) = row.peers.first()?;
            (turn.peers[*place].load() != held).then_some(*place)
        });
        firsts.min()
    }

    /// Of the peers with that load the one whose turn it is.
    fn next_of(&mut self, turn: &Turn<'_>, att: &Tries, least: Load) -> Option<usize> {
        let beside = self.beside.iter().copied().filter(|&place| {
            turn.eligible(att, place) && load_of(&turn.peers[place]).compare(least).is_eq()
        });
        let beside: Vec<usize> = beside.collect();
        let rows = self.classes.iter().filter_map(|class| class.row_of(least));
        let in_rows: usize = rows.map(|(_, row)| row.peers.len()).sum();
        if in_rows + beside.len() == 1 {
            let mut rows = self.classes.iter().filter_map(|class| class.row_of(least));
            let alone = rows.find_map(|(_, row)| row.peers.first().map(|(_, place)| *place));
            return alone.or_else(|| beside.first().copied());
        }
        let mut total = 0;
        let mut best: Option<(i64, Reverse<usize>)> = None;
        for class in &mut self.classes {
            let weight = i64::from(class.weight);
            let Some(row) = class.row_of_mut(least) else {
                continue;
            };
            row.gained += weight;
            total += weight * row.peers.len() as i64;
            if let Some((key, place)) = row.peers.first() {
                best = best.max(Some((key.0 + row.gained, Reverse(*place))));
            }
        }
        for place in beside {
            total += self.weights[place].advance();
            best = best.max(Some((self.weights[place].current(), Reverse(place))));
        }
        let (_, Reverse(chosen)) = best?;
        self.pay(chosen, total);
        Some(chosen)
    }

    fn pay(&mut self, place: usize, total: i64) {
        if self.is_seated(place) {
            let held = self.seats[place].held;
            self.unseat(place);
            self.weights[place].pay(total);
            self.seat(place, held);
        } else {
            self.weights[place].pay(total);
        }
    }

    fn is_seated(&self, place: usize) -> bool {
        self.seats.get(place).is_some_and(|seat| seat.in_row)
    }

    /// Peers that gain like all of their weight move into the rows.
    fn seat_the_steady(&mut self, turn: &Turn<'_>) {
        let mut beside = std::mem::take(&mut self.beside);
        beside.retain(|&place| {
            let steady = is_steady(turn, place) && self.weights[place].is_whole();
            if steady {
                self.seat(place, turn.peers[place].load());
            }
            !steady
        });
        self.beside = beside;
    }

    fn set_beside(&mut self, place: usize) {
        if self.is_seated(place) {
            self.unseat(place);
            let at = self.beside.partition_point(|&other| other < place);
            self.beside.insert(at, place);
        }
    }

    fn seat(&mut self, place: usize, held: u32) {
        let seat = &mut self.seats[place];
        let row = self.classes[seat.class].rows.entry(held).or_default();
        seat.key = self.weights[place].current() - row.gained;
        seat.held = held;
        seat.in_row = true;
        row.peers.insert((Reverse(seat.key), place));
    }

    fn unseat(&mut self, place: usize) {
        let seat = &mut self.seats[place];
        seat.in_row = false;
        let rows = &mut self.classes[seat.class].rows;
        let Some(row) = rows.get_mut(&seat.held) else {
            return;
        };
        self.weights[place].set_current(seat.key + row.gained);
        row.peers.remove(&(Reverse(seat.key), place));
        if row.peers.is_empty() {
            rows.remove(&seat.held);
        }
    }
}

impl Class {
    /// What its first row has to do.
    fn least(&self) -> Option<Load> {
        let (&held, _) = self.rows.first_key_value()?;
        let weight = self.weight;
        Some(Load { held, weight })
    }

    /// Its first row, if that has as much to do, and what its peers hold.
    fn row_of(&self, load: Load) -> Option<(u32, &Row)> {
        let own = self.least()?;
        let row = self.rows.get(&own.held)?;
        own.compare(load).is_eq().then_some((own.held, row))
    }

    fn row_of_mut(&mut self, load: Load) -> Option<&mut Row> {
        let own = self.least()?;
        match own.compare(load) {
            Ordering::Equal => self.rows.get_mut(&own.held),
            Ordering::Less | Ordering::Greater => None,
        }
    }
}

fn load_of(peer: &Peer) -> Load {
    Load {
        held: peer.load(),
        weight: peer.parameters().weight,
    }
}
