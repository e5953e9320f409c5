//! The line in which requests wait for a peer of a pool, over all workers: first come, first served.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use weir_conf::QueueRules;

/// A pool's queue. A reload keeps it, with those who wait.
#[derive(Debug)]
pub(crate) struct Queue {
    line: Mutex<Line>,
    /// How many wait: what all others look at.
    waiting: AtomicUsize,
    /// How many of them may have any server.
    untried: AtomicUsize,
}

/// What a request that waits, or may have to, has done before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiter {
    /// It has tried no server, and may have any.
    Untried,
    /// It may have only those that it has not tried.
    Tried,
}

#[derive(Debug)]
struct Line {
    rules: QueueRules,
    /// By rising number.
    tickets: VecDeque<Ticket>,
    next_number: u64,
}

#[derive(Debug)]
struct Ticket {
    number: u64,
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
    /// The queue by these rules, from now on: `before`, if there was one.
    pub(crate) fn adopt(rules: QueueRules, before: Option<&Arc<Self>>) -> Arc<Self> {
        let Some(queue) = before else {
            return Arc::new(Self {
                line: Mutex::new(Line {
                    rules,
                    tickets: VecDeque::new(),
                    next_number: 0,
                }),
                waiting: AtomicUsize::new(0),
                untried: AtomicUsize::new(0),
            });
        };
        queue.lock().rules = rules;
        queue.clone()
    }

    /// Whether a newcomer may look for a peer at once, as nobody waits who could use what it finds. Those who have
    /// tried some wait for others, and keep nobody from the rest.
    #[inline]
    pub(crate) fn may_look(&self, who: Waiter) -> bool {
        match who {
            Waiter::Untried => self.untried.load(Ordering::Relaxed) == 0,
            Waiter::Tried => self.is_empty(),
        }
    }

    fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
    }

    /// A peer may have become free: whoever has waited longest looks.
    #[inline]
    pub(crate) fn ring(&self) {
        // Either who joins finds the peer that was given back just now, or it is seen here that somebody has joined.
        fence(Ordering::SeqCst);
        if !self.is_empty() {
            self.lock().ring();
        }
    }

    /// A place at the end; `None` if the queue is full. Whoever is first looks once more: what a newcomer saw may
    /// have changed, and what those before it cannot use may be of use to it.
    pub(crate) fn join(self: &Arc<Self>, who: Waiter) -> Option<Place> {
        let mut line = self.lock();
        if line.tickets.len() >= line.rules.length {
            return None;
        }
        let number = line.next_number;
        line.next_number += 1;
        let bell = Arc::new(Notify::new());
        line.tickets.push_back(Ticket {
            number,
            bell: bell.clone(),
        });
        self.waiting.store(line.tickets.len(), Ordering::Relaxed);
        if who == Waiter::Untried {
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
        self.lock().rules.timeout
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        // No change can be left half made.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
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
        self.queue.lock().index_of(self.number) == Some(0)
    }

    /// Calls whoever is next in line, who may have a use for what this request may not choose.
    pub(crate) fn pass_on(&self) {
        let line = self.queue.lock();
        let next = line.index_of(self.number).map(|index| index + 1);
        if let Some(next) = next.and_then(|index| line.tickets.get(index)) {
            next.bell.notify_one();
        }
    }
}

impl Drop for Place {
    /// There may be room for the next one, too; or it is now the one that looks at the time.
    fn drop(&mut self) {
        let mut line = self.queue.lock();
        if let Some(index) = line.index_of(self.number) {
            line.tickets.remove(index);
        }
        self.queue
            .waiting
            .store(line.tickets.len(), Ordering::Relaxed);
        if self.who == Waiter::Untried {
            self.queue.untried.fetch_sub(1, Ordering::Relaxed);
        }
        line.ring();
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

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
        let mut line: Vec<Place> = (0..3).map_while(|_| queue.join(Waiter::Untried)).collect();
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
        assert!(queue.is_empty());
    }

    #[test]
    fn who_has_tried_some_keeps_only_such_from_looking() {
        let queue = queue(3);
        let tried = queue.join(Waiter::Tried).unwrap();
        assert!(queue.may_look(Waiter::Untried) && !queue.may_look(Waiter::Tried));
        let untried = queue.join(Waiter::Untried).unwrap();
        drop(tried);
        assert!(!queue.may_look(Waiter::Untried) && !queue.may_look(Waiter::Tried));
        drop(untried);
        assert!(queue.may_look(Waiter::Untried) && queue.may_look(Waiter::Tried));
    }

    #[test]
    fn who_cannot_use_a_peer_passes_the_call_on() {
        let queue = queue(3);
        let line: Vec<Place> = (0..3).map_while(|_| queue.join(Waiter::Untried)).collect();
        line[0].pass_on();
        assert!(is_called(&line[1]) && !is_called(&line[2]));
        line[2].pass_on();
        assert!(!is_called(&line[2]), "nobody is behind the last");
    }

    #[test]
    fn a_full_queue_takes_nobody_until_somebody_leaves_or_a_reload_makes_room() {
        let one = queue(1);
        let first = one.join(Waiter::Untried).unwrap();
        assert!(one.join(Waiter::Untried).is_none());
        let rules = QueueRules {
            length: 2,
            timeout: Duration::from_secs(1),
        };
        let two = Queue::adopt(rules, Some(&one));
        let second = two.join(Waiter::Untried).unwrap();
        assert!(one.join(Waiter::Untried).is_none());
        assert_eq!(two.timeout(), rules.timeout);
        drop(first);
        assert!(second.is_first());
        assert!(one.join(Waiter::Untried).is_some());
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
                if !(queue.is_empty() && take()) {
                    let place = queue.join(Waiter::Untried).unwrap();
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
        assert!(queue.is_empty());
    }
}
