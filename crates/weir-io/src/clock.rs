//! The worker's clock: monotonic moments for deadlines, wall time for logs and `Date`.
//!
//! A worker refreshes the cached time when its reactor has slept, as nginx does once per event loop
//! round (`ngx_time_update`), and every few polls while it has no time to sleep: tokio says nothing
//! when it looks for events without sleeping. So the cached time may lag a few polls behind, and
//! nothing may wait for it. Elsewhere (tests) each call asks the system, so that a paused tokio clock
//! is obeyed.

use std::cell::{Cell, RefCell};
use std::ops::Add;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::Instant;
use weir_log::LogTime;

/// Polls of connections after which the cached time is refreshed even if the reactor never slept.
const POLLS_PER_REFRESH: u32 = 4;

/// A point on the monotonic clock: nanoseconds since an epoch that the whole process shares.
///
/// Deadlines and durations of requests are taken many times per request, and a difference of two
/// numbers costs a tenth of one of two instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

/// The beginning of all moments, so far back that none lies before it.
static EPOCH: LazyLock<Instant> = LazyLock::new(|| Instant::now() - Duration::from_secs(1 << 20));

thread_local! {
    static CACHE: Cell<Option<Moment>> = const { Cell::new(None) };
    static POLLS: Cell<u32> = const { Cell::new(0) };
    static BASE: Cell<Option<Base>> = const { Cell::new(None) };
    static LOG_TIME: RefCell<Option<Texts>> = const { RefCell::new(None) };
}

/// A wall-clock reading tied to a moment, so that both move together.
#[derive(Clone, Copy)]
struct Base {
    moment: Moment,
    wall: Duration,
}

/// The time stamps of a second, and until when they hold.
struct Texts {
    time: LogTime,
    from: Moment,
    until: Moment,
}

/// Time between two new readings of the wall clock, so that a stepped system clock is noticed.
const REBASE_AFTER: Duration = Duration::from_secs(1);

impl Moment {
    fn read() -> Self {
        Self::from(Instant::now())
    }

    /// Time from `earlier` until now; zero if that lies ahead.
    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The same point for tokio's timers.
    pub fn instant(self) -> Instant {
        *EPOCH + Duration::from_nanos(self.0)
    }
}

impl From<Instant> for Moment {
    fn from(instant: Instant) -> Self {
        Self(nanoseconds(instant.saturating_duration_since(*EPOCH)))
    }
}

/// Five centuries ahead at most.
impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(nanoseconds(time)))
    }
}

fn nanoseconds(time: Duration) -> u64 {
    time.as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::from(time.subsec_nanos()))
}

/// Starts caching on this thread; [`refresh`] must then be called when the reactor wakes.
pub fn start_caching() {
    CACHE.set(Some(Moment::read()));
}

/// Takes a new reading if this thread caches.
pub fn refresh() {
    if CACHE.get().is_some() {
        CACHE.set(Some(Moment::read()));
    }
    POLLS.set(0);
}

/// Counts a poll, so that a worker whose reactor never sleeps keeps time.
pub fn count_poll() {
    let polls = POLLS.get() + 1;
    if polls >= POLLS_PER_REFRESH {
        refresh();
    } else {
        POLLS.set(polls);
    }
}

/// The current moment, cached on worker threads.
pub fn now() -> Moment {
    CACHE.get().unwrap_or_else(Moment::read)
}

/// Time since the Unix epoch at `moment`.
pub fn wall(moment: Moment) -> Duration {
    let base = match BASE.get() {
        Some(base) if moment.saturating_duration_since(base.moment) < REBASE_AFTER => base,
        _ => rebase(moment),
    };
    (base.wall + moment.saturating_duration_since(base.moment))
        .saturating_sub(base.moment.saturating_duration_since(moment))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock"
)]
fn rebase(moment: Moment) -> Base {
    let wall = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let base = Base { moment, wall };
    BASE.set(Some(base));
    base
}

/// Seconds since the Unix epoch now: the clock of error lines.
pub fn unix_seconds() -> i64 {
    i64::try_from(wall(now()).as_secs()).unwrap_or(i64::MAX)
}

/// Time on the monotonic clock as `weir-upstream` wants it: since an arbitrary, fixed epoch.
pub fn monotonic(moment: Moment) -> Duration {
    Duration::from_nanos(moment.0)
}

/// Calls `read` with the formatted time stamps of the current second.
pub fn with_log_time<T>(read: impl FnOnce(&LogTime) -> T) -> T {
    let now = now();
    LOG_TIME.with_borrow_mut(|slot| {
        let valid = |texts: &Texts| texts.from <= now && now < texts.until;
        if !slot.as_ref().is_some_and(valid) {
            *slot = None;
        }
        read(&slot.get_or_insert_with(|| Texts::at(now)).time)
    })
}

impl Texts {
    fn at(now: Moment) -> Self {
        let wall = wall(now);
        let left = Duration::from_secs(1) - Duration::from_nanos(u64::from(wall.subsec_nanos()));
        Self {
            time: LogTime::new(i64::try_from(wall.as_secs()).unwrap_or(i64::MAX)),
            from: now,
            until: now + left,
        }
    }
}
