//! The line in which requests wait for a peer of a pool, over all workers: first come, first served.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use weir_conf::QueueRules;

/// A pool's queue, as the requests of one configuration see it. A reload keeps the line, with those who wait.
#[derive(Debug)]
pub(crate) struct Queue {
    common: Arc<Common>,
    /// Which of the configurations that have had the line.
    generation: u64,
    /// How many requests of this configuration wait.
    own: AtomicUsize,
    /// How many of them may have any server.
    untried: AtomicUsize,
}

/// What all configurations share.
#[derive(Debug)]
struct Common {
    line: Mutex<Line>,
    /// How many wait: what all others look at.
    waiting: AtomicUsize,
}

/// Which peers a request that waits, or may have to, can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiter {
    /// It has tried some, and may have only the others.
    pub(crate) has_tried: bool,
    /// It wants a certain one, which it may have even if that is drained.
    pub(crate) wants_one: bool,
}

#[derive(Debug)]
struct Line {
    rules: QueueRules,
    /// By rising number.
    tickets: VecDeque<Ticket>,
    next_number: u64,
    /// The newest.
    generation: u64,
}

#[derive(Debug)]
struct Ticket {
    number: u64,
    generation: u64,
    who: Waiter,
    bell: Arc<Notify>,
}

/// A request's place in a queue, given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    queue: Arc<Queue>,
    number: u64,
    who: Waiter,
    bell: Arc<Notify>,
}

impl Queue {
    /// The queue by these rules, from now on; if there was one `before`, the end of its line.
    pub(crate) fn adopt(rules: QueueRules, before: Option<&Arc<Self>>) -> Arc<Self> {
        let common = before.map_or_else(
            || Arc::new(Common::new(rules)),
            |queue| queue.common.clone(),
        );
        let generation = common.lock().begin_generation(rules);
        Arc::new(Self {
            common,
            generation,
            own: AtomicUsize::new(0),
            untried: AtomicUsize::new(0),
        })
    }

    /// How many wait, over all configurations.
    pub(crate) fn length(&self) -> usize {
        self.common.waiting.load(Ordering::Relaxed)
    }

    /// Whether a newcomer may look for a peer at once, as nobody waits who could use what it finds. Those who have
    /// tried some wait for others, and keep nobody from the rest; nor do those of another configuration, who may
    /// know of other servers. Whoever wants a certain peer may find it free though nobody else may have it.
    #[inline]
    pub(crate) fn may_look(&self, who: Waiter) -> bool {
        let before = match who.has_tried {
            false => &self.untried,
            true => &self.own,
        };
        who.wants_one || before.load(Ordering::Relaxed) == 0
    }

    /// A peer may have become free: whoever has waited longest looks.
    #[inline]
    pub(crate) fn ring(&self) {
        // Either who joins finds the peer that was given back just now, or it is seen here that somebody has joined.
        fence(Ordering::SeqCst);
        if !self.common.is_empty() {
            self.common.lock().ring();
        }
    }

    /// A place at the end; `None` if the queue is full. Whoever is first looks once more: what a newcomer saw may
    /// have changed, and what those before it cannot use may be of use to it.
    pub(crate) fn join(self: &Arc<Self>, who: Waiter) -> Option<Place> {
        let mut line = self.common.lock();
        let (number, bell) = line.push(self.generation, who)?;
        self.common.publish(&line);
        self.own.fetch_add(1, Ordering::Relaxed);
        if !who.has_tried {
            self.untried.fetch_add(1, Ordering::Relaxed);
        }
        fence(Ordering::SeqCst);
        line.ring();
        drop(line);
        Some(Place {
            queue: self.clone(),
            number,
            who,
            bell,
        })
    }

    /// How long a request waits.
    pub(crate) fn timeout(&self) -> Duration {
        self.common.lock().rules.timeout
    }
}

impl Common {
    fn new(rules: QueueRules) -> Self {
        let line = Line {
            rules,
            tickets: VecDeque::new(),
            next_number: 0,
            generation: 0,
        };
        Self {
            line: Mutex::new(line),
            waiting: AtomicUsize::new(0),
        }
    }

    fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
    }

    /// Tells those who do not lock the line how long it is.
    fn publish(&self, line: &Line) {
        self.waiting.store(line.tickets.len(), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        // No change can be left half made.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn begin_generation(&mut self, rules: QueueRules) -> u64 {
        self.rules = rules;
        self.generation += 1;
        self.generation
    }

    /// A ticket at the end, by its number and bell; `None` if there is no room.
    fn push(&mut self, generation: u64, who: Waiter) -> Option<(u64, Arc<Notify>)> {
        if self.tickets.len() >= self.rules.length {
            return None;
        }
        let number = self.next_number;
        self.next_number += 1;
        let bell = Arc::new(Notify::new());
        self.tickets.push_back(Ticket {
            number,
            generation,
            who,
            bell: bell.clone(),
        });
        Some((number, bell))
    }

    /// Calls the first.
    fn ring(&self) {
        if let Some(first) = self.tickets.front() {
            first.bell.notify_one();
        }
    }

    fn index_of(&self, number: u64) -> Option<usize> {
        let found = self
            .tickets
            .binary_search_by_key(&number, |ticket| ticket.number);
        found.ok()
    }
}

impl Place {
    /// What calls whoever waits here; a call that comes before it is listened to is kept.
    pub(crate) fn bell(&self) -> &Notify {
        &self.bell
    }

    /// Whether nobody has waited longer.
    pub(crate) fn is_first(&self) -> bool {
        self.queue.common.lock().index_of(self.number) == Some(0)
    }

    /// This request has found nobody: calls the next in line who may have a use for what it may not choose.
    pub(crate) fn pass_on(&self) {
        let line = self.queue.common.lock();
        let behind = line.index_of(self.number).map_or(0, |index| index + 1);
        let next = line
            .tickets
            .range(behind..)
            .find(|ticket| self.may_leave_some_to(ticket));
        if let Some(next) = next {
            next.bell.notify_one();
        }
    }

    /// Whoever has tried nobody may choose anybody of its configuration: then there is nobody for the others of it,
    /// either, unless they want a certain one.
    fn may_leave_some_to(&self, other: &Ticket) -> bool {
        self.who.has_tried || other.who.wants_one || other.generation != self.queue.generation
    }
}

impl Drop for Place {
    /// There may be room for the next one, too; or it is now the one that looks at the time.
    fn drop(&mut self) {
        let queue = &self.queue;
        let mut line = queue.common.lock();
        if let Some(index) = line.index_of(self.number) {
            line.tickets.remove(index);
        }
        queue.common.publish(&line);
        queue.own.fetch_sub(1, Ordering::Relaxed);
        if !self.who.has_tried {
            queue.untried.fetch_sub(1, Ordering::Relaxed);
        }
        line.ring();
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    const UNTRIED: Waiter = Waiter {
        has_tried: false,
        wants_one: false,
    };

    const TRIED: Waiter = Waiter {
        has_tried: true,
        wants_one: false,
    };

    fn queue(length: usize) -> Arc<Queue> {
        let timeout = Duration::from_secs(60);
        Queue::adopt(QueueRules { length, timeout }, None)
    }

    /// Whether whoever waits there has been called since this was asked.
    fn is_called(place: &Place) -> bool {
        let mut call = Box::pin(place.bell().notified());
        call.as_mut().poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[test]
    fn the_first_is_called_and_who_leaves_calls_the_next() {
        let queue = queue(3);
        let mut line: Vec<Place> = (0..3).map_while(|_| queue.join(UNTRIED)).collect();
        let called = |line: &[Place]| line.iter().map(is_called).collect::<Vec<_>>();
        assert_eq!(
            called(&line),
            [true, false, false],
            "newcomers call the first"
        );
        queue.ring();
        assert_eq!(called(&line), [true, false, false]);
        line.remove(1);
        assert_eq!(called(&line), [true, false]);
        line.remove(0);
        assert_eq!(called(&line), [true]);
        assert!(line[0].is_first());
        drop(line);
        assert!(queue.common.is_empty());
    }

    #[test]
    fn who_has_tried_some_keeps_only_such_from_looking() {
        let queue = queue(3);
        let tried = queue.join(TRIED).unwrap();
        assert!(queue.may_look(UNTRIED) && !queue.may_look(TRIED));
        let untried = queue.join(UNTRIED).unwrap();
        drop(tried);
        assert!(!queue.may_look(UNTRIED) && !queue.may_look(TRIED));
        drop(untried);
        assert!(queue.may_look(UNTRIED) && queue.may_look(TRIED));
    }

    #[test]
    fn who_cannot_use_a_peer_passes_the_call_on() {
        let queue = queue(4);
        let line = [TRIED, UNTRIED, TRIED].map(|who| queue.join(who).unwrap());
        let called = || line.each_ref().map(is_called);
        called();
        line[0].pass_on();
        assert_eq!(called(), [false, true, false]);
        line[1].pass_on();
        assert_eq!(called(), [false; 3], "there is nobody for the last, either");
        line[2].pass_on();
        assert_eq!(called(), [false; 3], "nobody is behind the last");
    }

    #[test]
    fn those_of_another_configuration_are_not_in_front() {
        let older = queue(4);
        let rules = older.common.lock().rules;
        let newer = Queue::adopt(rules, Some(&older));
        let line = [&older, &older, &newer].map(|queue| queue.join(UNTRIED).unwrap());
        let called = || line.each_ref().map(is_called);
        assert!(!newer.may_look(UNTRIED) && !newer.may_look(TRIED));
        called();
        line[0].pass_on();
        assert_eq!(called(), [false, false, true]);
        let [_first, _second, third] = line;
        drop(third);
        assert!(newer.may_look(UNTRIED) && newer.may_look(TRIED));
        assert!(!older.may_look(UNTRIED));
    }

    #[test]
    fn a_full_queue_takes_nobody_until_somebody_leaves_or_a_reload_makes_room() {
        let one = queue(1);
        let first = one.join(UNTRIED).unwrap();
        assert!(one.join(UNTRIED).is_none());
        let rules = QueueRules {
            length: 2,
            timeout: Duration::from_secs(1),
        };
        let two = Queue::adopt(rules, Some(&one));
        let second = two.join(UNTRIED).unwrap();
        assert!(one.join(UNTRIED).is_none());
        assert_eq!(two.timeout(), rules.timeout);
        drop(first);
        assert!(second.is_first());
        assert!(one.join(UNTRIED).is_some());
    }

    /// Each thread is a worker that takes the one peer there is, and gives it back: nobody waits for ever.
    #[test]
    fn no_call_is_lost_between_threads() {
        use std::sync::atomic::AtomicBool;

        let queue = queue(64);
        let taken = AtomicBool::new(false);
        let served = AtomicUsize::new(0);
        let take = || !taken.swap(true, Ordering::Relaxed);
        let serve = || {
            served.fetch_add(1, Ordering::Relaxed);
            taken.store(false, Ordering::Relaxed);
            queue.ring();
        };
        let worker = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            for _ in 0..2000 {
                if !(queue.common.is_empty() && take()) {
                    let place = queue.join(UNTRIED).unwrap();
                    loop {
                        runtime.block_on(place.bell().notified());
                        if take() {
                            break;
                        }
                    }
                }
                serve();
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(worker))));
        assert_eq!(served.into_inner(), 8000);
        assert!(queue.common.is_empty());
    }
}
