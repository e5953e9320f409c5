//! One lazily re-armed timer per connection.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::clock::{self, Moment};

/// The one clock that runs for a connection at a time; the state machine decides what expiry means.
///
/// Moving the deadline is a store. The tokio timer behind it is touched only when the new deadline
/// lies before the one the timer was armed for, or when the timer fires too early.
#[derive(Debug, Default)]
pub struct Deadline {
    at: Option<Moment>,
    timer: Option<Pin<Box<Sleep>>>,
    /// When the timer will wake whom; `None` until it was polled after its last reset.
    armed: Option<(Moment, Waker)>,
}

impl Deadline {
    /// Lets the deadline expire `after` from now.
    pub fn set(&mut self, after: Duration) {
        self.at = Some(clock::now() + after);
    }

    /// Lets the deadline expire at `at`.
    pub fn set_at(&mut self, at: Moment) {
        self.at = Some(at);
    }

    /// Stops the clock.
    pub fn clear(&mut self) {
        self.at = None;
    }

    /// When it expires, to be given to [`Self::restore`] after another clock has run.
    pub fn at(&self) -> Option<Moment> {
        self.at
    }

    /// Sets what [`Self::at`] has said before.
    pub fn restore(&mut self, at: Option<Moment>) {
        self.at = at;
    }

    /// Whether a deadline runs.
    pub fn is_set(&self) -> bool {
        self.at.is_some()
    }

    /// Ready once the deadline has passed; pending for ever while none is set.
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else {
            return Poll::Pending;
        };
        // A timer that will wake this task no later than the deadline looks again then. It is asked
        // itself whether it has fired: the cached clock may lag behind a busy worker.
        if let (Some((wakes, waker)), Some(timer)) = (&self.armed, &self.timer)
            && *wakes <= at
            && !timer.is_elapsed()
            && waker.will_wake(cx.waker())
        {
            return Poll::Pending;
        }
        self.poll_timer(cx, at)
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, at: Moment) -> Poll<()> {
        let instant = at.instant();
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(instant)));
        self.armed = None;
        if timer.deadline() > instant {
            timer.as_mut().reset(instant);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= instant {
                clock::refresh();
                return Poll::Ready(());
            }
            timer.as_mut().reset(instant);
        }
        self.armed = Some((timer.deadline().into(), cx.waker().clone()));
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::rc::Rc;

    use super::*;

    const DEADLINES: u64 = 50;

    /// A task that never lets the reactor sleep must not keep deadlines from expiring: the timer
    /// fires between two of its turns, and the cached clock does not know yet.
    #[test]
    fn deadlines_expire_beside_a_busy_task() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .on_thread_unpark(clock::refresh)
            .build_local(tokio::runtime::LocalOptions::default())
            .unwrap();
        clock::start_caching();
        let expired = Rc::new(Cell::new(0));
        runtime.block_on(async {
            for number in 0..DEADLINES {
                let expired = expired.clone();
                tokio::task::spawn_local(async move {
                    let mut deadline = Deadline::default();
                    deadline.set(Duration::from_millis(10 + number));
                    poll_fn(|cx| deadline.poll_expired(cx)).await;
                    expired.set(expired.get() + 1);
                });
            }
            let begun = Instant::now();
            while expired.get() < DEADLINES && begun.elapsed() < Duration::from_secs(10) {
                let turn = Instant::now();
                while turn.elapsed() < Duration::from_micros(300) {}
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(expired.get(), DEADLINES);
    }
}
