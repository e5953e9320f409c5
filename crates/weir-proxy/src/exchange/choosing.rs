//! Which peer a request tries next, and where it waits if there is none.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use weir_log::Level;
use weir_upstream::{InUse, PanicChange, PeerId};
use weir_verdict::{Cause, Failure, Phase};

use super::tries::{Exchange, TryEnd};
use crate::client::departure::log_client_left;
use crate::facts::Outcome;
use crate::pool::{Place, Waiter};
use crate::report::error_log::{self, Message};
use weir_io::clock::{self, Moment};

/// How often whoever is first in a queue looks for peers without being called: some come back because time has
/// passed, or by changes that nobody tells.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What ends a wait in a queue.
enum Call {
    /// There may be a peer.
    Look,
    ClientGone(Option<io::Error>),
}

impl Exchange<'_> {
    /// The next peer; `None`: the request must wait for one. Where there is a queue, those who have waited longer
    /// come first.
    pub(super) fn choose(&mut self) -> Result<Option<PeerId>, TryEnd> {
        self.follow_changes();
        let queue = self.pool.queue.as_ref();
        let Some(queue) = queue.filter(|_| self.may_find_a_peer()) else {
            let peer = self.look();
            return match peer {
                Some(_) => Ok(peer),
                None => Err(self.found_nobody(Cause::NoLivePeers)),
            };
        };
        Ok(match queue.may_look(self.waiter()) {
            true => self.look_or_wait(),
            false => None,
        })
    }

    fn look(&mut self) -> Option<PeerId> {
        let now = clock::monotonic(clock::now());
        let picked = self.pick(now);
        if let Some(change) = self.view.peers.take_panic_change() {
            self.tell_panic(change);
        }
        picked
    }

    /// As [`Self::look`]; if there is no peer, the request may look again.
    fn look_or_wait(&mut self) -> Option<PeerId> {
        let stand = self.tries.stand();
        let picked = self.look();
        if picked.is_none() {
            self.tries.restore(stand);
        }
        picked
    }

    /// Whether one may come: not if all that there can be are marked `down`, or have been tried.
    fn may_find_a_peer(&self) -> bool {
        let may_grow = || !self.tries.has_tried() && self.pool.pool.may_grow();
        self.view.peers.has_untried(&self.tries) || may_grow()
    }

    fn waiter(&self) -> Waiter {
        let stay = self.session.req.upstream.stay.as_ref();
        let belongs = stay.is_some_and(|stay| !stay.id.is_empty());
        Waiter {
            has_tried: self.tries.has_tried(),
            wants_one: belongs && self.view.peers.list().has_drained(),
        }
    }

    /// Waits until there is a peer, for as long as the queue says.
    pub(super) async fn wait(&mut self) -> Result<PeerId, TryEnd> {
        let Some(queue) = &self.pool.queue else {
            return Err(self.found_nobody(Cause::NoLivePeers));
        };
        let Some(place) = queue.join(self.waiter()) else {
            // Rather out of turn than not at all.
            let peer = self.look();
            return peer.ok_or_else(|| self.found_nobody(Cause::QueueFull));
        };
        let began = clock::now();
        let found = self.wait_at(&place, began + queue.timeout()).await;
        let now = clock::now();
        let attempt = self.current();
        attempt.queue_time = Some(now.saturating_duration_since(began));
        // What follows is the peer's time.
        attempt.started = now;
        found
    }

    /// Looks whenever there is a reason to, until there is a peer, or can be none, or the time is over.
    async fn wait_at(&mut self, place: &Place, queue_ends: Moment) -> Result<PeerId, TryEnd> {
        let retries_end = self.end_of_retries();
        let end = retries_end.map_or(queue_ends, |at| at.min(queue_ends));
        loop {
            let called = self.next_call(place, end).await;
            if let Call::ClientGone(error) = called {
                log_client_left(self.session, error.as_ref());
                return Err(TryEnd::Client(Outcome::Close(499)));
            }
            self.follow_changes();
            if let Some(peer) = self.look_or_wait() {
                return Ok(peer);
            }
            let now = clock::now();
            if now >= queue_ends {
                return Err(self.found_nobody(Cause::QueueTimedOut));
            }
            if now >= end || !self.may_find_a_peer() {
                return Err(self.found_nobody(Cause::NoLivePeers));
            }
            place.pass_on();
        }
    }

    /// Waits for a reason to look: a call, the time, or that a second has passed, for whoever is first.
    async fn next_call(&mut self, place: &Place, end: Moment) -> Call {
        let again = clock::now() + LOOK_AGAIN;
        let until = match place.is_first() {
            true => again.min(end),
            false => end,
        };
        let watch = !self.settings.upstream.ignore_client_abort;
        let client = &mut self.session.client;
        client.link_mut().deadline.set_at(until);
        let mut bell = pin!(place.bell().notified());
        let called = poll_fn(|cx| {
            if bell.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Call::Look);
            }
            if watch && let Poll::Ready(gone) = client.poll_gone(cx) {
                return Poll::Ready(Call::ClientGone(gone));
            }
            let deadline = &mut client.link_mut().deadline;
            deadline.poll_expired(cx).map(|()| Call::Look)
        })
        .await;
        client.link_mut().deadline.clear();
        called
    }

    fn found_nobody(&mut self, cause: Cause) -> TryEnd {
        let label = &self.pool.pool_label;
        self.session.req.upstream.peer = label.clone();
        self.current().peer = label.clone();
        TryEnd::Failed {
            failure: Failure::new(Phase::Connecting, cause),
            reused: false,
        }
    }

    #[cold]
    fn tell_panic(&self, change: PanicChange) {
        let level = match change {
            PanicChange::Begins(_) => Level::Warn,
            PanicChange::Ends(_) => Level::Notice,
        };
        let text = panic_text(self.pool.pool.name(), change);
        error_log::log(self.session.view(), level, Message::text(&text));
    }
}

/// What the log says of a panic in the upstream of this name.
fn panic_text(name: &str, change: PanicChange) -> String {
    let (PanicChange::Begins(count) | PanicChange::Ends(count)) = change;
    let InUse { in_use, of } = count;
    let servers = if of == 1 { "server" } else { "servers" };
    let are = if in_use == 1 || of == 1 { "is" } else { "are" };
    let others = match of.saturating_sub(in_use) {
        1 => "the other is",
        _ => "the others are",
    };
    let then = match change {
        PanicChange::Begins(_) => "used, too",
        PanicChange::Ends(_) => "not used any more",
    };
    format!("{in_use} of {of} {servers} in upstream \"{name}\" {are} in use, {others} {then}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_for_a_panic_follow_the_numbers() {
        let count = |in_use, of| InUse { in_use, of };
        for (change, text) in [
            (
                PanicChange::Begins(count(1, 4)),
                "1 of 4 servers in upstream \"u\" is in use, the others are used, too",
            ),
            (
                PanicChange::Begins(count(1, 2)),
                "1 of 2 servers in upstream \"u\" is in use, the other is used, too",
            ),
            (
                PanicChange::Begins(count(0, 1)),
                "0 of 1 server in upstream \"u\" is in use, the other is used, too",
            ),
            (
                PanicChange::Ends(count(2, 3)),
                "2 of 3 servers in upstream \"u\" are in use, the other is not used any more",
            ),
            (
                PanicChange::Ends(count(4, 4)),
                "4 of 4 servers in upstream \"u\" are in use, the others are not used any more",
            ),
        ] {
            assert_eq!(panic_text("u", change), text);
        }
    }
}
