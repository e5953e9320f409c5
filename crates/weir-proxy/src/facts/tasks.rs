//! The tasks of a worker's open connections, and in which order they fell idle.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::Waker;

use crate::pool::Member;

/// The tasks of the open connections.
pub(crate) struct Tasks {
    list: RefCell<List>,
    counters: Rc<Member>,
}

#[derive(Default)]
struct List {
    entries: Vec<Option<Entry>>,
    /// When the connection at each index fell idle, in turns; 0 while it serves a request. Apart from
    /// the entries, because each request writes it twice.
    idle_since: Vec<u64>,
    free: Vec<usize>,
    /// Number of the last time that a connection fell idle, a client's or an upstream's.
    turns: u64,
    /// Connections that are to make room and have not closed yet.
    evicted: usize,
}

/// What is known of one connection.
struct Entry {
    waker: Waker,
    /// It is to close, to make room for another.
    evicted: bool,
}

/// A connection's entry in the list.
pub(crate) struct Registration {
    tasks: Rc<Tasks>,
    index: usize,
}

impl Tasks {
    /// An empty list, whose changes are counted.
    pub(crate) fn new(counters: Rc<Member>) -> Self {
        Self {
            list: RefCell::default(),
            counters,
        }
    }

    /// Enters the running task into the list.
    pub(crate) fn register(self: &Rc<Self>, waker: Waker) -> Registration {
        self.counters.active.add_one();
        self.counters.handled.add_one();
        let mut list = self.list.borrow_mut();
        let entry = Some(Entry {
            waker,
            evicted: false,
        });
        let index = match list.free.pop() {
            Some(index) => {
                list.entries[index] = entry;
                index
            }
            None => {
                list.entries.push(entry);
                list.idle_since.push(0);
                list.entries.len() - 1
            }
        };
        Registration {
            tasks: self.clone(),
            index,
        }
    }

    /// Connections that are open now.
    pub(crate) fn open(&self) -> usize {
        let list = self.list.borrow();
        list.entries.len() - list.free.len()
    }

    /// Open connections on which a request is served, or its end awaited.
    pub(crate) fn busy(&self) -> usize {
        let list = self.list.borrow();
        let idle = list.idle_since.iter().filter(|turn| **turn > 0).count();
        list.entries.len() - list.free.len() - idle
    }

    /// Connections that were told to make room and have not closed yet.
    pub(crate) fn evicted(&self) -> usize {
        self.list.borrow().evicted
    }

    /// A turn for whoever falls idle now.
    pub(crate) fn next_turn(&self) -> u64 {
        let mut list = self.list.borrow_mut();
        list.turns += 1;
        list.turns
    }

    /// The turns of those that idle, in no order.
    pub(crate) fn idle_turns(&self) -> Vec<u64> {
        let list = self.list.borrow();
        let idle = list.entries.iter().zip(&list.idle_since);
        let stays = |entry: &Option<Entry>| entry.as_ref().is_some_and(|entry| !entry.evicted);
        idle.filter(|(entry, turn)| **turn > 0 && stays(entry))
            .map(|(_, turn)| *turn)
            .collect()
    }

    /// Tells those that have idled since turn `last` or longer to close; they do when their tasks run.
    pub(crate) fn evict(&self, last: u64) {
        let mut list = self.list.borrow_mut();
        let List {
            entries,
            idle_since,
            evicted,
            ..
        } = &mut *list;
        let mut wakers = Vec::new();
        for (entry, turn) in entries.iter_mut().zip(idle_since) {
            if let Some(entry) = entry
                && (1..=last).contains(turn)
                && !entry.evicted
            {
                entry.evicted = true;
                *evicted += 1;
                wakers.push(entry.waker.clone());
            }
        }
        drop(list);
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn wake_all(&self) {
        let list = self.list.borrow();
        let wakers: Vec<Waker> = list
            .entries
            .iter()
            .flatten()
            .map(|entry| entry.waker.clone())
            .collect();
        drop(list);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl List {
    /// The connection at `index` need not make room any more.
    fn spare(&mut self, index: usize) {
        if let Some(entry) = &mut self.entries[index] {
            self.evicted -= usize::from(std::mem::take(&mut entry.evicted));
        }
    }
}

impl Registration {
    /// Notes that the connection waits for a request and may have to make room, or no longer: then
    /// not even if it was told to.
    pub(crate) fn set_idle(&self, idle: bool) {
        let turn = if idle { self.tasks.next_turn() } else { 0 };
        let mut list = self.tasks.list.borrow_mut();
        let since = std::mem::replace(&mut list.idle_since[self.index], turn);
        match (since > 0, idle) {
            (false, true) => self.tasks.counters.waiting.add_one(),
            (true, false) => self.tasks.counters.waiting.take_one(),
            (false, false) | (true, true) => {}
        }
        if !idle && list.evicted > 0 {
            list.spare(self.index);
        }
    }

    /// Whether the connection is to make room for another.
    pub(crate) fn is_evicted(&self) -> bool {
        let list = self.tasks.list.borrow();
        list.entries[self.index]
            .as_ref()
            .is_some_and(|entry| entry.evicted)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut list = self.tasks.list.borrow_mut();
        list.spare(self.index);
        list.entries[self.index] = None;
        if std::mem::take(&mut list.idle_since[self.index]) > 0 {
            self.tasks.counters.waiting.take_one();
        }
        self.tasks.counters.active.take_one();
        list.free.push(self.index);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::pool::Statistics;

    #[test]
    fn who_idles_longest_is_told_once_and_may_still_serve() {
        let counters = Rc::new(Arc::new(Statistics::default()).enter());
        let tasks = Rc::new(Tasks::new(counters.clone()));
        let idle: Vec<_> = (0..3)
            .map(|_| {
                let registration = tasks.register(Waker::noop().clone());
                registration.set_idle(true);
                registration
            })
            .collect();
        let mut turns = tasks.idle_turns();
        turns.sort_unstable();
        tasks.evict(turns[1]);
        let evicted = |registration: &Registration| registration.is_evicted();
        assert_eq!(
            idle.iter().map(evicted).collect::<Vec<_>>(),
            [true, true, false]
        );
        assert_eq!(tasks.idle_turns(), [turns[2]]);
        assert_eq!((tasks.evicted(), tasks.open(), tasks.busy()), (2, 3, 0));
        idle[0].set_idle(false);
        assert_eq!((tasks.evicted(), tasks.busy()), (1, 1));
        assert_eq!((counters.all().active, counters.all().waiting), (3, 2));
        drop(idle);
        assert_eq!((counters.all().active, counters.all().waiting), (0, 0));
        assert_eq!((tasks.evicted(), tasks.open()), (0, 0));
    }
}
