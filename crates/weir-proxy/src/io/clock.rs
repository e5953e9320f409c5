//! The worker's clock: monotonic instants for deadlines, wall time for logs and `Date`.
//!
//! A worker refreshes the cached time whenever its reactor wakes, as nginx does once per event loop
//! round (`ngx_time_update`). Elsewhere (tests, the embedded service) each call asks the system, so
//! that a paused tokio clock is obeyed.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tokio::time::Instant;
use weir_log::LogTime;

/// Calls of [`now`] after which the cached time is refreshed even if the reactor never slept.
const CALLS_PER_REFRESH: u32 = 64;

thread_local! {
    static CACHE: Cell<Option<Cached>> = const { Cell::new(None) };
    static BASE: Cell<Option<Base>> = const { Cell::new(None) };
    static LOG_TIME: RefCell<Option<LogTime>> = const { RefCell::new(None) };
}

#[derive(Clone, Copy)]
struct Cached {
    now: Instant,
    calls: u32,
}

/// A wall-clock reading tied to an instant, so that both move together.
#[derive(Clone, Copy)]
struct Base {
    instant: Instant,
    wall: Duration,
}

/// Seconds between two new readings of the wall clock, so that a stepped system clock is noticed.
const REBASE_AFTER: Duration = Duration::from_secs(1);

/// Starts caching on this thread; [`refresh`] must then be called when the reactor wakes.
pub fn start_caching() {
    CACHE.set(Some(Cached {
        now: Instant::now(),
        calls: 0,
    }));
}

/// Takes a new reading if this thread caches.
pub fn refresh() {
    if CACHE.get().is_some() {
        CACHE.set(Some(Cached {
            now: Instant::now(),
            calls: 0,
        }));
    }
}

/// The current instant, cached on worker threads.
pub fn now() -> Instant {
    let Some(mut cached) = CACHE.get() else {
        return Instant::now();
    };
    cached.calls += 1;
    if cached.calls >= CALLS_PER_REFRESH {
        cached = Cached {
            now: Instant::now(),
            calls: 0,
        };
    }
    CACHE.set(Some(cached));
    cached.now
}

/// Time since the Unix epoch at `instant`.
pub fn wall(instant: Instant) -> Duration {
    let base = match BASE.get() {
        Some(base) if instant.saturating_duration_since(base.instant) < REBASE_AFTER => base,
        _ => rebase(instant),
    };
    (base.wall + instant.saturating_duration_since(base.instant))
        .saturating_sub(base.instant.saturating_duration_since(instant))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock"
)]
fn rebase(instant: Instant) -> Base {
    let wall = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let base = Base { instant, wall };
    BASE.set(Some(base));
    base
}

/// Time on the worker's monotonic clock as `weir-upstream` wants it: since an arbitrary, fixed epoch.
pub fn monotonic(instant: Instant) -> Duration {
    thread_local! { static EPOCH: Instant = Instant::now() - Duration::from_secs(1 << 20); }
    EPOCH.with(|epoch| instant.saturating_duration_since(*epoch))
}

/// Calls `read` with the formatted time stamps of the current second.
pub fn with_log_time<T>(read: impl FnOnce(&LogTime) -> T) -> T {
    let seconds = wall(now()).as_secs() as i64;
    LOG_TIME.with_borrow_mut(|slot| {
        if slot.as_ref().is_none_or(|time| time.unix() != seconds) {
            *slot = Some(LogTime::new(seconds));
        }
        read(slot.get_or_insert_with(|| LogTime::new(seconds)))
    })
}
