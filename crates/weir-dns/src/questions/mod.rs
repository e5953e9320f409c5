//! What one worker has asked, and who waits for the answers (`ngx_resolver_t`).

mod receive;
mod send;
#[cfg(test)]
mod tests;
mod waiting;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::answer::{Code, Failure, Found, Outcome};
use crate::cache::{Cache, Key, Known};
use crate::query::QueryType;
use crate::{Kind, Told, Transport, name};
use waiting::Waiting;

/// How long a server may take before the next is asked.
const PATIENCE: u64 = 5;

/// Names that one look-up follows.
const MOST_ALIASES: u32 = 50;

/// Seconds for which a failure holds, for those who ask by themselves; nobody is told of it from memory.
const FAILURE_HOLDS: u64 = 10;

/// Questions above which one is dropped as soon as nobody waits for it.
const MOST_FORSAKEN: usize = 1024;

/// What a `resolver` directive says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How many servers there are; at least one.
    pub servers: usize,
    /// Whether addresses of IPv4 are asked for.
    pub ipv4: bool,
    /// Whether addresses of IPv6 are asked for.
    pub ipv6: bool,
    /// How long answers hold, in seconds, whatever they say; 0 = as long as they say.
    pub valid: u64,
}

impl Rules {
    /// Until which second a failure of second `now` holds.
    pub fn failure_until(&self, now: Duration) -> u64 {
        let holds = match self.valid {
            0 => FAILURE_HOLDS,
            valid => valid,
        };
        now.as_secs().saturating_add(holds)
    }
}

/// What the rules need of the world.
pub trait Wire {
    /// Sends a question to a server. The log is told of what goes wrong.
    ///
    /// # Errors
    ///
    /// It has not been sent.
    fn send(&mut self, server: usize, way: Transport, question: &[u8]) -> Result<(), NotSent>;

    /// A number that nobody can guess.
    fn random(&mut self) -> u32;

    /// Writes a line to the error log, as an `[error]`.
    fn tell(&mut self, told: Told);
}

/// A question could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the question was not sent")]
pub struct NotSent;

/// Someone who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(u64);

/// What one worker has asked of the servers of a `resolver`, and who waits for it.
#[derive(Debug)]
pub struct Questions {
    rules: Rules,
    cache: Arc<Cache>,
    open: HashMap<Arc<Key>, Open>,
    /// Open questions by when they are asked again, the first first.
    turns: BTreeMap<u64, Arc<Key>>,
    next_turn: u64,
    /// Where each waits: for which question, and at which place.
    places: HashMap<Ticket, (Arc<Key>, i64)>,
    next_ticket: u64,
    /// Who is asked the next question.
    next_server: usize,
    /// When questions are to be sent again.
    resend_at: Option<Duration>,
    outcomes: Vec<(Ticket, Outcome)>,
}

/// A question that is open.
#[derive(Debug)]
struct Open {
    waiting: Waiting,
    /// A, or SRV.
    first: Part,
    /// AAAA.
    second: Part,
    /// What the other part's answer complained of.
    code: Option<Code>,
    /// The least that any record said.
    ttl: u32,
    server: usize,
    /// From this second on it is asked again.
    due: u64,
    /// `None` before it was sent.
    turn: Option<u64>,
}

/// Half of a question.
#[derive(Debug, Default)]
struct Part {
    /// `None`: it is not asked.
    ident: Option<u16>,
    over_tcp: bool,
    /// What has been found, once there was an answer.
    found: Option<Vec<IpAddr>>,
}

#[derive(Clone, Copy, Debug)]
struct Waiter {
    ticket: Ticket,
    /// Names that were followed.
    aliases: u32,
}

impl Questions {
    /// No questions yet.
    pub fn new(rules: Rules, cache: Arc<Cache>) -> Self {
        Self {
            rules,
            cache,
            open: HashMap::new(),
            turns: BTreeMap::new(),
            next_turn: 0,
            places: HashMap::new(),
            next_ticket: 0,
            next_server: 0,
            resend_at: None,
            outcomes: Vec::new(),
        }
    }

    /// Looks `name` up, or asks for it (`ngx_resolve_name`). The outcome may be among [`Self::outcomes`] at once.
    pub fn ask(&mut self, kind: Kind, name: &[u8], now: Duration, wire: &mut impl Wire) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let waiter = Waiter { ticket, aliases: 0 };
        let key = Key {
            kind,
            name: name::asked(name),
        };
        self.look_up(key, vec![waiter], now, wire);
        ticket
    }

    /// Nobody waits any more (`ngx_resolve_name_done`).
    pub fn forget(&mut self, ticket: Ticket, now: Duration) {
        if let Some((key, place)) = self.places.remove(&ticket)
            && let Some(open) = self.open.get_mut(&key)
        {
            open.waiting.leave(place);
            if open.waiting.is_empty() && self.open.len() > MOST_FORSAKEN {
                self.close(&key);
            }
        }
        self.cache.expire(now.as_secs());
    }

    /// What those who asked are to be told.
    pub fn outcomes(&mut self) -> impl Iterator<Item = (Ticket, Outcome)> + use<> {
        std::mem::take(&mut self.outcomes).into_iter()
    }

    /// When [`Self::resend`] is to be called.
    pub fn resend_at(&self) -> Option<Duration> {
        self.resend_at
    }

    /// Answers `waiters` from what is known, lets them wait for a question that is open, or opens one
    /// (`ngx_resolve_name_locked`).
    fn look_up(
        &mut self,
        mut key: Key,
        mut waiters: Vec<Waiter>,
        now: Duration,
        wire: &mut impl Wire,
    ) {
        while let Some((known, valid_until)) = self.cache.find(&key, now.as_secs()) {
            let found = match known {
                Known::Addresses(addresses) => Found::Addresses {
                    addresses: turned(&addresses, wire),
                    valid_until,
                },
                Known::Services(services) => Found::Services {
                    services,
                    valid_until,
                },
                Known::Alias(name) => {
                    if !follows(&mut waiters) {
                        let holds = self.rules.failure_until(now);
                        return self.fail(&waiters, Code::HostNotFound, holds, now);
                    }
                    key.name = name;
                    continue;
                }
            };
            return self.answer(&waiters, &Ok(found), now);
        }
        match self.open.get(&key) {
            Some(open) if !open.waiting.is_empty() => self.wait(&key, waiters),
            _ => self.begin(key, waiters, now, wire),
        }
    }

    /// Lets `waiters` wait for a question that is open.
    fn wait(&mut self, key: &Key, waiters: Vec<Waiter>) {
        let Some((key, _)) = self.open.get_key_value(key) else {
            return;
        };
        let key = key.clone();
        if let Some(open) = self.open.get_mut(&key) {
            let placed = open.waiting.put_first(waiters);
            let places = placed.into_iter();
            let places = places.map(|(waiter, place)| (waiter.ticket, (key.clone(), place)));
            self.places.extend(places);
        }
    }

    fn answer(&mut self, waiters: &[Waiter], outcome: &Outcome, now: Duration) {
        for waiter in waiters {
            self.places.remove(&waiter.ticket);
            self.outcomes.push((waiter.ticket, outcome.clone()));
        }
        self.cache.expire(now.as_secs());
    }

    fn fail(&mut self, waiters: &[Waiter], code: Code, valid_until: u64, now: Duration) {
        let failure = Failure { code, valid_until };
        self.answer(waiters, &Err(failure), now);
    }

    /// Takes a question out.
    fn close(&mut self, key: &Key) -> Option<Open> {
        let open = self.open.remove(key)?;
        if let Some(turn) = open.turn {
            self.turns.remove(&turn);
        }
        if self.turns.is_empty() {
            self.resend_at = None;
        }
        Some(open)
    }
}

impl Open {
    fn part(&mut self, wanted: QueryType) -> &mut Part {
        match wanted {
            QueryType::A | QueryType::Srv => &mut self.first,
            QueryType::Aaaa => &mut self.second,
        }
    }

    fn other(&self, wanted: QueryType) -> &Part {
        match wanted {
            QueryType::A | QueryType::Srv => &self.second,
            QueryType::Aaaa => &self.first,
        }
    }
}

impl Part {
    fn asked(ident: u16) -> Self {
        Self {
            ident: Some(ident),
            ..Self::default()
        }
    }

    /// Whether an answer is still awaited.
    fn is_awaited(&self) -> bool {
        self.ident.is_some() && self.found.is_none()
    }
}

/// Whether they may follow one more name; only the latest of them counts.
fn follows(waiters: &mut [Waiter]) -> bool {
    let Some(latest) = waiters.first_mut() else {
        return true;
    };
    latest.aliases += 1;
    latest.aliases <= MOST_ALIASES
}

/// Addresses from memory, so that not all go to the first: those of each kind turned, and both as well
/// (`ngx_resolver_export`).
fn turned(addresses: &Arc<[IpAddr]>, wire: &mut impl Wire) -> Arc<[IpAddr]> {
    let count = addresses.len();
    if count < 2 {
        return addresses.clone();
    }
    let fours = addresses.iter().take_while(|ip| ip.is_ipv4()).count();
    let mut turned = addresses.to_vec();
    let mut below = |most: usize| wire.random() as usize % most;
    let start = below(count);
    let (four, six) = turned.split_at_mut(fours);
    for kind in [four, six] {
        if !kind.is_empty() {
            kind.rotate_left(below(kind.len()));
        }
    }
    turned.rotate_right(start);
    turned.into()
}
