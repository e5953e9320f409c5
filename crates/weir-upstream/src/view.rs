//! A pool as one worker sees it: begin a request's tries, pick its next peer, release the peer.

use std::sync::Arc;
use std::time::Duration;

use crate::panic_threshold::{Panic, PanicChange};
use crate::peer::seconds;
use crate::rotation::Rotation;
use crate::spec::{Measure, Until};
use crate::times::Took;
use crate::tries::Hashing;
use crate::{
    Key, Method, Now, Peer, PeerId, PeerList, Pool, Tries, consistent, hash, ip_hash, least_conn,
    least_time, random, round_robin, sticky,
};

/// One worker's turn over the peers that a pool had when it last looked.
#[derive(Debug)]
pub struct View {
    list: Arc<PeerList>,
    rotation: Rotation,
    panic: Option<Panic>,
}

/// How an exchange with a peer ended, as far as balancing is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerOutcome {
    /// The peer answered, or the exchange ended for reasons that are not the peer's.
    Success,
    /// The peer failed, and that counts towards `max_fails`.
    Failed,
    /// The request goes to the next peer without blame on this one (403 and 404 listed in
    /// `proxy_next_upstream`).
    NextNoCount,
}

/// What a release caused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// nginx now logs `upstream server temporarily disabled` (warn).
    pub disabled: bool,
}

impl View {
    /// The view of a worker that begins with the pool. The pool counts one worker more.
    pub fn new(pool: &Pool) -> Self {
        let list = pool.list();
        let rotation = Rotation::new(pool, &list);
        Self::with_rotation(pool, list, rotation)
    }

    /// As [`View::new`], with a random source that repeats: for tests.
    pub fn with_seed(pool: &Pool, seed: u64) -> Self {
        let list = pool.list();
        let rotation = Rotation::with_seed(pool, &list, seed);
        Self::with_rotation(pool, list, rotation)
    }

    /// The view of the peers that the pool has now. Peers that stay keep their turn.
    #[must_use]
    pub fn renewed(&self, pool: &Pool) -> Self {
        let list = pool.list();
        let rotation = self.rotation.moved(&self.list, &list);
        Self::with_rotation(pool, list, rotation)
    }

    fn with_rotation(pool: &Pool, list: Arc<PeerList>, rotation: Rotation) -> Self {
        Self {
            list,
            rotation,
            panic: pool.panic(),
        }
    }

    /// Which of the pool's lists it shows.
    #[inline]
    pub fn epoch(&self) -> u64 {
        self.list.epoch()
    }

    /// The peers that it shows.
    pub fn list(&self) -> &Arc<PeerList> {
        &self.list
    }

    /// The peer that [`View::pick`] named. The id must be of this view.
    pub fn peer(&self, id: PeerId) -> &Peer {
        &self.list.peers()[id.index()]
    }

    #[cfg(test)]
    pub(crate) fn rotation(&self) -> &Rotation {
        &self.rotation
    }

    /// Opens the tries of one request (`ngx_http_upstream_init_round_robin_peer` and the
    /// balancers' own). No allocation for up to 64 peers.
    pub fn begin(&self, key: Key<'_>) -> Tries {
        let hashing = match (self.list.method(), key) {
            (Method::IpHash, Key::ClientAddr(address)) => Hashing::of_address(address),
            (Method::IpHash, _) => Hashing::of_address(None),
            (Method::Hash, Key::Hash(key)) => Hashing::of_key(key),
            (Method::HashConsistent, Key::Hash(key)) => self.list.ring().place(key),
            _ => Hashing::Off,
        };
        Tries::new(self.list.tries(), hashing)
    }

    /// Carries the tries of a request over from `older`: what it has tried there it does not try here. A
    /// place on a ring of points is looked up anew, and there are as many tries as there are peers now, at most `limit`
    /// if that is not 0, less those that have been made.
    pub fn follow(&self, older: &Self, att: &mut Tries, key: Key<'_>, limit: u32) {
        att.renew(older.list.tries(), self.list.tries(), limit);
        let places = self.list.places_of(&older.list);
        let offset = older.list.offset(att.on_backups);
        let here = self.list.offset(att.on_backups);
        let end = here + self.list.group(att.on_backups).len();
        let tried = att.tried.places().filter_map(|index| {
            let place = places.get(offset + index).copied().flatten()?;
            (here..end).contains(&place).then(|| place - here)
        });
        att.tried = tried.collect();
        if let (Hashing::Point(_), Key::Hash(key)) = (att.hashing, key) {
            att.hashing = self.list.ring().place(key);
        }
    }

    /// The next peer to try, one of its connections taken; `None` is nginx's "no live upstreams".
    pub fn pick(&self, att: &mut Tries, now: Now) -> Option<PeerId> {
        self.pick_wanted(att, None, now)
    }

    /// As [`View::pick`], for a request that wants the peer called `id`, if it may still have it.
    pub fn pick_wanted(&self, att: &mut Tries, id: Option<&[u8]>, at: Now) -> Option<PeerId> {
        let now = seconds(at);
        let in_panic = (self.panic.as_ref()).is_some_and(|panic| panic.is_on(&self.list, now));
        if self.list.single() {
            return self.pick_only_peer(id, in_panic);
        }
        loop {
            let mut turn = Turn {
                number: self.rotation.begin_turn(),
                warms: self.list.warms() && !in_panic,
                list: &self.list,
                rot: &self.rotation,
                now,
                at,
                in_panic,
                peers: self.list.group(att.on_backups),
            };
            let mut chosen = turn.choose_wanted(att, id);
            if chosen.is_none() && turn.warms {
                // There is nobody else.
                turn.warms = false;
                chosen = turn.choose(att);
            }
            match chosen {
                // Losing the last connection to another worker makes the peer ineligible: choose anew.
                Some(index) if !turn.peers[index].acquire(self.rotation.tally()) => {
                    end_waiting(&turn.peers[index], att, Some(Duration::ZERO), at);
                }
                Some(index) => {
                    att.tried.insert(index);
                    turn.peers[index].begin_check(now);
                    return Some(PeerId::new(turn.offset(att) + index));
                }
                None if att.on_backups || !self.list.has_backups() => return None,
                None => att.turn_to_backups(),
            }
        }
    }

    /// Takes a peer once more that the request has held; `false` if it has no room any more.
    pub fn retake(&self, peer: PeerId) -> bool {
        self.peer(peer).acquire(self.rotation.tally())
    }

    /// Whether there is a peer in service, well or not, that this request may still try.
    pub fn has_untried(&self, att: &Tries) -> bool {
        let group = self.list.group(att.on_backups).iter().enumerate();
        let mut untried = group.filter(|(index, _)| !att.tried.contains(*index));
        let backups = match att.on_backups {
            true => &[],
            false => self.list.group(true),
        };
        untried.any(|(_, peer)| peer.is_in_service()) || backups.iter().any(Peer::is_in_service)
    }

    /// Whether a panic has begun or ended, if this worker was the first to see it: to be asked after each pick.
    #[inline]
    pub fn take_panic_change(&self) -> Option<PanicChange> {
        self.panic.as_ref()?.take_news()
    }

    /// Notes that the response head of a picked peer is there, for methods that time it.
    pub fn head_came(&self, att: &mut Tries, peer: PeerId, took: Duration, now: Now) {
        if let Method::LeastTime(Measure {
            until: Until::Header,
            inflight: true,
        }) = self.list.method()
        {
            let peer = self.peer(peer);
            peer.times().head_came(took);
            end_waiting(peer, att, Some(took), now);
        }
    }

    /// Gives a picked peer back (`ngx_http_upstream_free_round_robin_peer`) and uses up a try.
    pub fn release(
        &self,
        att: &mut Tries,
        peer: PeerId,
        outcome: PeerOutcome,
        took: Took,
        now: Now,
    ) -> Released {
        let id = peer.index();
        let peer = self.peer(peer);
        if let Some(measure) = self.list.method().measure() {
            let known = (outcome == PeerOutcome::Success).then_some(took.response);
            end_waiting(peer, att, known, now);
            // Who fails fast is not quick.
            if outcome == PeerOutcome::Success {
                peer.times().answered(took, measure);
            }
        }
        if outcome == PeerOutcome::Success && took.header.is_some() {
            peer.answered(self.rotation.tally(), took.response);
        }
        peer.leave(self.rotation.tally());
        if let Some(loads) = self.list.loads() {
            loads.given_back(id, peer);
        }
        if self.list.single() {
            att.spend_all();
            peer.forgive();
            if outcome == PeerOutcome::Failed {
                peer.fail_alone();
            }
            return Released { disabled: false };
        }
        att.spend_try();
        match outcome {
            PeerOutcome::Success | PeerOutcome::NextNoCount => {
                peer.succeed(now);
                Released { disabled: false }
            }
            PeerOutcome::Failed if self.list.forgets_failures() => {
                peer.fail_alone();
                // In a pool of the request's own it would be out by now.
                Released {
                    disabled: peer.parameters().max_fails == 1,
                }
            }
            PeerOutcome::Failed => {
                let max_fails = peer.parameters().max_fails;
                self.rotation.penalize(id, max_fails);
                if let Some(loads) = self.list.loads() {
                    loads.penalize(id, max_fails);
                }
                Released {
                    disabled: peer.fail(seconds(now)),
                }
            }
        }
    }

    /// What requests call a peer of this view that want it; `None` where they cannot.
    pub fn server_id(&self, peer: PeerId) -> Option<&[u8]> {
        self.list.server_ids()?.of(peer.index())
    }

    /// A pool of one ignores failures; only `down`, `drain`, checks and `max_conns` stop it.
    fn pick_only_peer(&self, id: Option<&[u8]>, in_panic: bool) -> Option<PeerId> {
        let peer = self.list.peers().first()?;
        let is_wanted = || id.is_some() && self.server_id(PeerId(0)) == id;
        let is_open = match in_panic {
            true => peer.is_open_in_panic(),
            false => peer.is_open(),
        };
        let open = is_open && (!peer.parameters().drain || is_wanted());
        let taken = open && peer.acquire(self.rotation.tally());
        taken.then_some(PeerId(0))
    }
}

/// The request no longer waits for the peer's answer.
fn end_waiting(peer: &Peer, att: &mut Tries, took: Option<Duration>, now: Now) {
    if std::mem::take(&mut att.under_way) {
        peer.times().end(took, now);
    }
}

/// One choice: what a balancing method sees.
pub(crate) struct Turn<'a> {
    pub(crate) list: &'a PeerList,
    pub(crate) rot: &'a Rotation,
    /// Whole seconds of [`Self::at`].
    pub(crate) now: i64,
    pub(crate) at: Now,
    number: u32,
    /// Peers that have come back take part in some turns only.
    warms: bool,
    /// Those that are out are used, too.
    pub(crate) in_panic: bool,
    /// The primaries, or the backups once the primaries are used up.
    pub(crate) peers: &'a [Peer],
}

impl Turn<'_> {
    /// As [`Self::choose`], for a request that wants the peer called `id`.
    fn choose_wanted(&self, att: &mut Tries, id: Option<&[u8]>) -> Option<usize> {
        let wanted = id.and_then(|id| sticky::find(self, att, id));
        let Some(wanted) = wanted else {
            return self.choose(att);
        };
        sticky::take(self, att, wanted);
        Some(wanted)
    }

    /// The index, in `peers`, of the peer to try.
    fn choose(&self, att: &mut Tries) -> Option<usize> {
        let guessed = match self.list.method() {
            Method::LeastConn => return least_conn::choose(self, att),
            Method::LeastTime(measure) => return least_time::choose(self, att, measure),
            // nginx allows no backups with these methods; round robin serves an embedder's.
            _ if att.on_backups || !att.may_guess() || self.peers.len() < 2 => None,
            Method::RoundRobin => None,
            Method::IpHash => ip_hash::choose(self, att),
            Method::Hash => hash::choose(self, att),
            Method::HashConsistent => consistent::choose(self, att),
            Method::Random => random::choose(self, att),
            Method::RandomTwo | Method::RandomTwoLeastConn => {
                random::choose_of_two(self, att, |one, other| {
                    least_conn::is_busier(self, one, other)
                })
            }
            Method::RandomTwoLeastTime(until) => {
                let inflight = false;
                let measure = Measure { until, inflight };
                random::choose_of_two(self, att, |one, other| {
                    least_time::is_slower(self, one, other, measure)
                })
            }
        };
        guessed.or_else(|| round_robin::choose(self, att))
    }

    /// Whether the peer at `index` may be chosen by this request now.
    pub(crate) fn eligible(&self, att: &Tries, index: usize) -> bool {
        let peer = &self.peers[index];
        let fit = match self.in_panic {
            true => peer.eligible_in_panic(),
            false => peer.eligible(self.now),
        };
        fit && !att.tried.contains(index) && self.has_turn(index)
    }

    /// A peer that has come back takes part in its share of the turns, which lie evenly: at multiples of the golden
    /// ratio.
    fn has_turn(&self, index: usize) -> bool {
        const GOLDEN: u32 = 0x9e37_79b9;
        let number = self.number.wrapping_add(index as u32);
        let warmth = self
            .warms
            .then(|| self.peers[index].warmth(self.now))
            .flatten();
        warmth.is_none_or(|share| number.wrapping_mul(GOLDEN) < share)
    }

    pub(crate) fn weights(&self, att: &Tries, index: usize) -> &crate::rotation::Weights {
        self.rot.weights(self.offset(att) + index)
    }

    fn offset(&self, att: &Tries) -> usize {
        self.list.offset(att.on_backups)
    }
}
