//! One lazily re-armed timer per connection.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::clock;

/// The one clock that runs for a connection at a time; the state machine decides what expiry means.
///
/// Moving the deadline is a store. The tokio timer behind it is touched only when the new deadline
/// lies before the one the timer was armed for, or when the timer fires too early.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Who the timer wakes; `None` until the timer was polled after its last reset.
    waker: Option<Waker>,
}

impl Deadline {
    /// Lets the deadline expire `after` from now.
    pub(crate) fn set(&mut self, after: Duration) {
        self.at = Some(clock::now() + after);
    }

    pub(crate) fn set_at(&mut self, at: Instant) {
        self.at = Some(at);
    }

    pub(crate) fn clear(&mut self) {
        self.at = None;
    }

    /// When it expires, to be given to [`Self::restore`] after another clock has run.
    pub(crate) fn instant(&self) -> Option<Instant> {
        self.at
    }

    pub(crate) fn restore(&mut self, at: Option<Instant>) {
        self.at = at;
    }

    /// Whether a deadline runs.
    pub(crate) fn is_set(&self) -> bool {
        self.at.is_some()
    }

    /// Ready once the deadline has passed; pending for ever while none is set.
    pub(crate) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else {
            return Poll::Pending;
        };
        loop {
            let timer = self.timer.get_or_insert_with(|| {
                self.waker = None;
                Box::pin(tokio::time::sleep_until(at))
            });
            if timer.deadline() > at {
                timer.as_mut().reset(at);
                self.waker = None;
            }
            if self
                .waker
                .as_ref()
                .is_some_and(|waker| waker.will_wake(cx.waker()))
                && !timer.is_elapsed()
            {
                return Poll::Pending;
            }
            if timer.as_mut().poll(cx).is_pending() {
                self.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            if Instant::now() >= at {
                clock::refresh();
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
            self.waker = None;
        }
    }
}
