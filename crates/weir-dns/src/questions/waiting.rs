//! Who waits for one question: whoever has asked last stands first, and anybody may leave.

use std::collections::BTreeMap;

use super::Waiter;

/// Who waits for a question.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// By place; the first of them has asked last.
    places: BTreeMap<i64, Waiter>,
    /// No place before it is taken.
    first: i64,
}

impl Waiting {
    /// Lets `waiters` stand before all others, in their order; the place of each.
    pub(super) fn put_first(&mut self, waiters: Vec<Waiter>) -> Vec<(Waiter, i64)> {
        let start = self.first - i64::try_from(waiters.len()).unwrap_or(i64::MAX);
        self.first = start;
        let placed: Vec<(Waiter, i64)> = waiters.into_iter().zip(start..).collect();
        let places = placed.iter().map(|(waiter, place)| (*place, *waiter));
        self.places.extend(places);
        placed
    }

    /// The one at `place` waits no longer.
    pub(super) fn leave(&mut self, place: i64) {
        self.places.remove(&place);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// All of them, the first first.
    pub(super) fn into_waiters(self) -> Vec<Waiter> {
        self.places.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Ticket;
    use super::*;

    fn waiters(tickets: &[u64]) -> Vec<Waiter> {
        let waiter = |ticket: &u64| Waiter {
            ticket: Ticket(*ticket),
            aliases: 0,
        };
        tickets.iter().map(waiter).collect()
    }

    #[test]
    fn the_latest_stand_first_and_anybody_may_leave() {
        let mut waiting = Waiting::default();
        waiting.put_first(waiters(&[1]));
        let placed = waiting.put_first(waiters(&[5, 4]));
        waiting.put_first(waiters(&[7]));
        waiting.leave(placed[1].1);
        let left = waiting.into_waiters();
        let tickets: Vec<Ticket> = left.iter().map(|waiter| waiter.ticket).collect();
        assert_eq!(tickets, [Ticket(7), Ticket(5), Ticket(1)]);
    }
}
