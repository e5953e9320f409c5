//! A visitor, as the cookies of `userid` tell one from another.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::sync::Arc;

use weir_conf::{UserId, UserIdMode};
use weir_io::clock;

/// What a cookie says: four numbers.
pub(crate) type Id = [u8; 16];

/// What is known of the visitor who sent a request, up to the next internal redirect
/// (`ngx_http_userid_ctx_t`).
#[derive(Default)]
pub(crate) struct Visitor {
    /// What was sent; looked for on first use.
    pub(crate) got: OnceCell<Option<Got>>,
    /// What is sent, once that is known.
    pub(crate) given: Cell<Option<Id>>,
    /// That is another than was sent.
    pub(crate) is_reset: Cell<bool>,
}

/// A cookie that came.
pub(crate) struct Got {
    pub(crate) id: Id,
    /// Its text, whatever follows the number included.
    pub(crate) text: Box<[u8]>,
}

/// The visitor of a request, whose rules and cookies those of its main request are.
#[derive(Default)]
pub(crate) struct VisitorSeat {
    /// The rules of the main request, of a subrequest.
    pub(crate) rules: Option<Arc<UserId>>,
    known: OnceCell<Rc<Visitor>>,
}

impl VisitorSeat {
    /// The visitor, of whom nothing may be known yet.
    pub(crate) fn visitor(&self) -> &Rc<Visitor> {
        self.known.get_or_init(Rc::default)
    }

    /// That of a subrequest, where its main request obeys `rules`.
    pub(crate) fn for_sub(&self, rules: Option<Arc<UserId>>) -> Self {
        match rules {
            Some(rules) => Self {
                rules: Some(rules),
                known: OnceCell::from(self.visitor().clone()),
            },
            None => Self::default(),
        }
    }

    /// An internal redirect: all is looked for anew.
    pub(crate) fn forget(&mut self) {
        self.known.take();
    }
}

/// The numbers that a worker gives out (`start_value`, `sequencer_v1`, `sequencer_v2`).
pub(crate) struct VisitorNumbers {
    /// Tells workers apart; taken when the first number is.
    start: OnceCell<u32>,
    next_v1: Cell<u32>,
    next_v2: Cell<u32>,
}

/// Where those of `on` begin, and begin again.
const FIRST_V2: u32 = 0x0303_0302;

/// From one number to the next.
const STEP: u32 = 0x100;

impl Default for VisitorNumbers {
    fn default() -> Self {
        Self {
            start: OnceCell::new(),
            next_v1: Cell::new(1),
            next_v2: Cell::new(FIRST_V2),
        }
    }
}

impl VisitorNumbers {
    /// The next number, for what is called at `place` (`ngx_http_userid_create_uid`).
    pub(crate) fn give(&self, mode: UserIdMode, place: [u8; 4]) -> Id {
        let now = clock::unix_seconds() as u32;
        let start = *self.start.get_or_init(start_value);
        let [second, third, fourth] = match mode {
            UserIdMode::V1 => {
                let next = self.next_v1.get();
                self.next_v1.set(next.wrapping_add(STEP));
                [now, start, next].map(u32::to_ne_bytes)
            }
            UserIdMode::V2 | UserIdMode::Log => {
                let next = self.next_v2.get();
                self.next_v2.set(next.wrapping_add(STEP).max(FIRST_V2));
                [now, start, next].map(u32::to_be_bytes)
            }
        };
        let mut id = Id::default();
        for (part, number) in id.chunks_exact_mut(4).zip([place, second, third, fourth]) {
            part.copy_from_slice(&number);
        }
        id
    }
}

/// The moment and the worker's thread (`ngx_http_userid_init_worker`).
fn start_value() -> u32 {
    let moment = clock::wall(clock::now()).subsec_micros() / 20;
    let thread = u32::try_from(nix::unistd::gettid().as_raw()).unwrap_or(0);
    moment << 16 | thread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_given_twice() {
        let numbers = VisitorNumbers::default();
        let place = [127, 0, 0, 1];
        let [first, second] = [0; 2].map(|_| numbers.give(UserIdMode::V2, place));
        assert_eq!(first[..4], place);
        assert_eq!(first[12..], [3, 3, 3, 2]);
        assert_eq!(second[12..], [3, 3, 4, 2]);
        assert_eq!(first[8..12], second[8..12]);
        let first = numbers.give(UserIdMode::V1, place);
        assert_eq!(first[12..], 1_u32.to_ne_bytes());
        let second = numbers.give(UserIdMode::V1, place);
        assert_eq!(second[12..], 0x101_u32.to_ne_bytes());
    }

    #[test]
    fn numbers_begin_again_where_they_began() {
        let numbers = VisitorNumbers::default();
        numbers.next_v2.set(u32::MAX - 0xfd);
        numbers.give(UserIdMode::V2, [0; 4]);
        assert_eq!(numbers.next_v2.get(), FIRST_V2);
    }
}
