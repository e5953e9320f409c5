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

#[cfg(test)]
mod tests {
    use weir_log::{ErrorSink, MemoryLog, Output, Shape};

    use super::*;

    #[test]
    fn a_panic_is_told_with_its_place_and_number() {
        let memory = Arc::new(MemoryLog::default());
        let output = Output::Memory(memory.clone());
        let sink = ErrorSink {
            level: Level::Alert,
            output,
            shape: Shape::Plain,
        };
        report_to(&ErrorSinks::new([sink], || 0));
        for text in ["one", "two"] {
            let _ = std::panic::catch_unwind(|| panic!("{text}"));
        }
        // Other tests shall fail as usual.
        drop(std::panic::take_hook());
        let lines = memory.lines();
        let words = |index: usize| String::from_utf8_lossy(&lines[index].message).into_owned();
        assert_eq!((lines.len(), lines[0].level), (2, Level::Alert));
        assert!(
            words(0).starts_with("panic at crates/weir/src/panics.rs:"),
            "{}",
            words(0)
        );
        assert!(
            words(0).ends_with(": one (1 since the start)"),
            "{}",
            words(0)
        );
        assert!(
            words(1).ends_with(": two (2 since the start)"),
            "{}",
            words(1)
        );
    }
}
