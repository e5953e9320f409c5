//! What the `error_log` directives in force name.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard, Weak};

use crate::{LINE_LIMIT, Level, LogFile, LogTime, Syslog, TimeCache, write_line};

/// One `error_log` directive.
#[derive(Debug, Clone)]
pub struct ErrorSink {
    /// The least grave level that is written.
    pub level: Level,
    /// Where to.
    pub output: Output,
}

/// Where error lines go.
#[derive(Debug, Clone)]
pub enum Output {
    /// A file or stderr.
    File(Arc<LogFile>),
    /// A syslog server.
    Syslog(Arc<Syslog>),
    /// A test's memory.
    Memory(Arc<MemoryLog>),
}

/// The `error_log` directives in force at one place of the configuration.
#[derive(Debug)]
pub struct ErrorSinks {
    max_level: Option<Level>,
    sinks: Box<[ErrorSink]>,
    clock: fn() -> i64,
}

impl ErrorSinks {
    /// Sinks whose lines are stamped by `clock`: seconds since 1970, from the caller's cached time.
    /// Those at debug also get the lines of [`DebugLog`](crate::DebugLog) for as long as they live.
    pub fn new(sinks: impl IntoIterator<Item = ErrorSink>, clock: fn() -> i64) -> Arc<Self> {
        let sinks: Box<[ErrorSink]> = sinks.into_iter().collect();
        let max_level = sinks.iter().map(|sink| sink.level).max();
        let this = Arc::new(Self {
            max_level,
            sinks,
            clock,
        });
        if this.enabled(Level::Debug) {
            known().push(Arc::downgrade(&this));
            AT_DEBUG.fetch_add(1, Relaxed);
            tracing::callsite::rebuild_interest_cache();
        }
        this
    }

    /// Whether a line of this level goes anywhere; one comparison.
    pub fn enabled(&self, level: Level) -> bool {
        Some(level) <= self.max_level
    }

    /// Writes a line to every sink that wants its level, as `pid#tid` of the calling thread.
    pub fn write(&self, level: Level, conn: Option<u64>, message: &[u8]) {
        thread_local! {
            static TIME: RefCell<TimeCache> = RefCell::default();
        }
        if self.enabled(level) {
            // A copy: a line that cannot be sent makes another.
            let time = TIME.with_borrow_mut(|time| *time.at((self.clock)()));
            self.write_at(&time, level, conn, message);
        }
    }

    fn write_at(&self, time: &LogTime, level: Level, conn: Option<u64>, message: &[u8]) {
        let mut line = Vec::with_capacity(256);
        for sink in self.sinks.iter().filter(|sink| level <= sink.level) {
            if let Output::Memory(memory) = &sink.output {
                memory.push(level, conn, message);
                continue;
            }
            if line.is_empty() {
                let (pid, tid) = process_and_thread();
                write_line(&mut line, time, level, pid, tid, conn, message);
            }
            sink.output.write(level, time, &line);
        }
    }
}

impl Output {
    fn write(&self, level: Level, time: &LogTime, line: &[u8]) {
        match self {
            Self::File(file) => file.write(line),
            Self::Syslog(server) => server.send_error_line(level, time, line),
            Self::Memory(_) => {}
        }
    }
}

/// Bytes that a message of the calling thread may have at this level before its line is cut.
pub fn message_room(level: Level, conn: Option<u64>) -> usize {
    let (pid, tid) = process_and_thread();
    let mut line = Vec::with_capacity(64);
    write_line(&mut line, &LogTime::new(0), level, pid, tid, conn, b"");
    LINE_LIMIT + 1 - line.len()
}

impl Drop for ErrorSinks {
    fn drop(&mut self) {
        if self.enabled(Level::Debug) {
            known().retain(|sinks| sinks.strong_count() > 0);
            AT_DEBUG.fetch_sub(1, Relaxed);
            tracing::callsite::rebuild_interest_cache();
        }
    }
}

/// Error lines kept in memory, for tests.
#[derive(Debug, Default)]
pub struct MemoryLog {
    lines: Mutex<Vec<CapturedLine>>,
}

/// An error line before formatting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturedLine {
    /// Its severity.
    pub level: Level,
    /// The client connection it belongs to.
    pub conn: Option<u64>,
    /// The message, uncut.
    pub message: Vec<u8>,
}

impl MemoryLog {
    /// All lines so far.
    pub fn lines(&self) -> Vec<CapturedLine> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// All lines since the last call.
    pub fn drain(&self) -> Vec<CapturedLine> {
        std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn push(&self, level: Level, conn: Option<u64>, message: &[u8]) {
        let line = CapturedLine {
            level,
            conn,
            message: message.to_vec(),
        };
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }
}

/// The living sinks that want debug lines.
pub(crate) fn at_debug() -> Vec<Arc<ErrorSinks>> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    known.iter().filter_map(Weak::upgrade).collect()
}

/// Whether any sink wants debug lines.
pub(crate) fn any_at_debug() -> bool {
    AT_DEBUG.load(Relaxed) > 0
}

/// The sinks at debug. Process-wide, because tracing's subscriber is.
static KNOWN: RwLock<Vec<Weak<ErrorSinks>>> = RwLock::new(Vec::new());

/// How many they are.
static AT_DEBUG: AtomicUsize = AtomicUsize::new(0);

fn known() -> RwLockWriteGuard<'static, Vec<Weak<ErrorSinks>>> {
    KNOWN.write().unwrap_or_else(PoisonError::into_inner)
}

/// The ids of the process and of the calling thread.
fn process_and_thread() -> (u32, u32) {
    thread_local! { static IDS: Cell<Option<(u32, u32)>> = const { Cell::new(None) }; }
    IDS.get().unwrap_or_else(|| {
        let tid = u32::try_from(nix::unistd::gettid().as_raw()).unwrap_or(0);
        let ids = (std::process::id(), tid);
        // Only the first thread survives a fork, and has other ids then.
        if ids.0 != ids.1 {
            IDS.set(Some(ids));
        }
        ids
    })
}
