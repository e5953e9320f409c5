//! Places of `worker_connections`.

use std::cell::Cell;
use std::rc::Rc;

/// The places of one worker: what is taken is counted, so that a limit which a reload lowers holds
/// once enough of them have been given back.
#[derive(Debug)]
pub(crate) struct Slots {
    taken: Cell<usize>,
    limit: Cell<usize>,
    /// When no more than so many are free, they are scarce.
    few: Cell<usize>,
}

/// A taken place. It knows of the count only: an idle upstream connection, which the worker keeps,
/// holds one, and would keep the worker itself alive for ever.
#[derive(Debug)]
pub(crate) struct Slot(Rc<Slots>);

impl Slots {
    /// So many places, all free; of which `few` are few.
    pub(crate) fn new(limit: usize, few: usize) -> Rc<Self> {
        Rc::new(Self {
            taken: Cell::new(0),
            limit: Cell::new(limit),
            few: Cell::new(few),
        })
    }

    /// From now on there are so many, whether or not more are taken already.
    pub(crate) fn limit_to(&self, limit: usize, few: usize) {
        self.limit.set(limit);
        self.few.set(few);
    }

    /// Whether few are free, `soon` of the taken ones counted among them.
    pub(crate) fn are_scarce(&self, soon: usize) -> bool {
        let taken = self.taken.get().saturating_sub(soon);
        self.limit.get().saturating_sub(taken) <= self.few.get()
    }

    /// Takes a place; `None` if all are taken.
    pub(crate) fn take(self: &Rc<Self>) -> Option<Slot> {
        let taken = self.taken.get();
        (taken < self.limit.get()).then(|| {
            self.taken.set(taken + 1);
            Slot(self.clone())
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.taken.set(self.0.taken.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_limit_holds_once_the_debt_is_paid() {
        let slots = Slots::new(3, 1);
        let all = || -> Vec<Slot> { std::iter::from_fn(|| slots.take()).collect() };
        let mut taken = all();
        assert_eq!(taken.len(), 3);
        slots.limit_to(1, 0);
        for left in [2, 1] {
            taken.pop();
            assert!(slots.take().is_none(), "{left} are taken still");
        }
        taken.pop();
        assert_eq!(all().len(), 1);
        slots.limit_to(2, 0);
        assert_eq!(all().len(), 2);
    }
}
