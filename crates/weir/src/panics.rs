//! What happens to a panic: it ends one connection, and is told in the error log.

use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use weir_log::{ErrorSinks, Level, emit};

/// Panics of this process.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Where panics are told.
static SINKS: RwLock<Option<Arc<ErrorSinks>>> = RwLock::new(None);

/// Tells panics in `sinks` from now on.
pub(crate) fn report_to(sinks: &Arc<ErrorSinks>) {
    let first = SINKS
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .replace(sinks.clone());
    if first.is_none() {
        std::panic::set_hook(Box::new(report));
    }
}

fn report(info: &PanicHookInfo<'_>) {
    let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    let text = info.payload_as_str().unwrap_or("no message");
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed").to_owned();
    let place = info
        .location()
        .map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let line = format!("panic at {place} in thread \"{thread}\": {text} ({count} since the start)");
    let sinks = SINKS.read().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(sinks) = sinks {
        emit(&sinks, Level::Alert, None, line.as_bytes());
    }
}
