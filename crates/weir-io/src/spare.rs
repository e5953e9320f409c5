//! Things with descriptors that a worker keeps for the next who needs one: no more than a limit, and
//! none for longer than about a second unless somebody comes for it.

use std::cell::RefCell;
use std::io;

use crate::{pipe, temp_file};

/// Things kept for reuse, by whoever gave them back last.
#[derive(Debug)]
pub(crate) struct Spare<T> {
    kept: Vec<T>,
    /// The fewest that were there at any moment since [`Self::trim`]: nobody needed these.
    unneeded: usize,
    limit: usize,
}

impl<T> Spare<T> {
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            kept: Vec::new(),
            unneeded: 0,
            limit,
        }
    }

    /// The one given back last of those that `fits`.
    pub(crate) fn take(&mut self, fits: impl Fn(&T) -> bool) -> Option<T> {
        let index = self.kept.iter().rposition(fits)?;
        let taken = self.kept.remove(index);
        self.unneeded = self.unneeded.min(self.kept.len());
        Some(taken)
    }

    /// Keeps `spare`. If there is no room, the one that waits longest gives way.
    pub(crate) fn put(&mut self, spare: T) {
        if self.kept.len() == self.limit {
            self.kept.remove(0);
        }
        self.kept.push(spare);
    }

    /// Drops those that nobody has needed since the last call.
    pub(crate) fn trim(&mut self) {
        self.kept.drain(..self.unneeded);
        self.unneeded = self.kept.len();
    }

    /// Drops all of them; how many is the value.
    pub(crate) fn clear(&mut self) -> usize {
        self.unneeded = 0;
        std::mem::take(&mut self.kept).len()
    }
}

/// Closes the pipes and emptied files of this thread that nobody has needed since the last call.
pub fn close_unneeded() {
    pipe::kept(Spare::trim);
    temp_file::kept(Spare::trim);
}

/// Closes all pipes and emptied files that this thread keeps; how many of them is the value.
pub fn close_all() -> usize {
    pipe::kept(Spare::clear) + temp_file::kept(Spare::clear)
}

/// What else a worker may close for room; how much of that it has closed is the value.
type LastResort = Box<dyn Fn() -> usize>;

thread_local! {
    static LAST_RESORT: RefCell<Option<LastResort>> = const { RefCell::new(None) };
}

/// From now on this thread closes what `close` does, when it runs out of descriptors and nothing else is left.
pub fn set_last_resort(close: impl Fn() -> usize + 'static) {
    LAST_RESORT.with(|resort| *resort.borrow_mut() = Some(Box::new(close)));
}

/// Closes what this thread keeps for later only: pipes and emptied files, or else its last resort. Whether there was
/// something.
pub fn make_room() -> bool {
    close_all() > 0
        || LAST_RESORT.with(|resort| resort.borrow().as_ref().map_or(0, |close| close())) > 0
}

/// Whether a call failed because the process, or the system, has run out of descriptors.
pub fn is_exhaustion(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_needs_goes_and_the_rest_stays() {
        let mut spare = Spare::new(3);
        for number in 0..5 {
            spare.put(number);
        }
        assert_eq!(spare.kept, [2, 3, 4], "the oldest gave way");
        spare.trim();
        assert_eq!(spare.kept, [2, 3, 4], "they came since the last look");
        let taken = spare.take(|_| true);
        assert_eq!(taken, Some(4));
        spare.put(4);
        spare.trim();
        assert_eq!(spare.kept, [4], "two were never needed");
        assert_eq!(spare.take(|number| *number == 2), None);
        spare.trim();
        assert!(spare.kept.is_empty());
    }
}
