//! What the `error_log` directives in force name.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard, Weak};

use crate::error_line::with_ctx;
use crate::json_line::write_json_line;
use crate::told::Told;
use crate::{LINE_LIMIT, Level, LogFile, LogTime, Syslog, TimeCache, write_line};

/// One `error_log` directive.
#[derive(Debug, Clone)]
pub struct ErrorSink {
    /// The least grave level that is written.
    pub level: Level,
    /// Where to.
    pub output: Output,
    /// What lines look like there; a test's memory keeps them as plain ones.
    pub shape: Shape,
}

/// What error lines look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// As nginx writes them.
    #[default]
    Plain,
    /// An object each.
    Json,
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
    pub fn write<'a>(&self, level: Level, conn: Option<u64>, told: impl Into<Told<'a>>) {
        thread_local! {
            static TIME: RefCell<TimeCache> = RefCell::default();
        }
        if self.enabled(level) {
            // A copy: a line that cannot be sent makes another.
            let time = TIME.with_borrow_mut(|time| *time.at((self.clock)()));
            self.write_at(&time, level, conn, &told.into());
        }
    }

    fn write_at(&self, time: &LogTime, level: Level, conn: Option<u64>, told: &Told<'_>) {
        let mut lines = Lines {
            time,
            level,
            conn,
            told,
            plain: Vec::new(),
            json: Vec::new(),
        };
        for sink in self.sinks.iter().filter(|sink| level <= sink.level) {
            match &sink.output {
                Output::Memory(memory) => memory.push(level, conn, &lines.said()),
                output => output.write(level, time, lines.of(sink.shape)),
            }
        }
    }
}

/// A line in each shape that is asked for, made once.
struct Lines<'a> {
    time: &'a LogTime,
    level: Level,
    conn: Option<u64>,
    told: &'a Told<'a>,
    plain: Vec<u8>,
    json: Vec<u8>,
}

impl<'a> Lines<'a> {
    fn of(&mut self, shape: Shape) -> &[u8] {
        let (pid, tid) = process_and_thread();
        let (time, level, conn) = (self.time, self.level, self.conn);
        match shape {
            Shape::Plain => {
                if self.plain.is_empty() {
                    let said = self.said();
                    self.plain.reserve(256);
                    write_line(&mut self.plain, time, level, pid, tid, conn, &said);
                }
                &self.plain
            }
            Shape::Json => {
                if self.json.is_empty() {
                    self.json.reserve(512);
                    write_json_line(&mut self.json, time, level, (pid, tid), conn, self.told);
                }
                &self.json
            }
        }
    }

    /// What a plain line says behind its head.
    fn said(&self) -> Cow<'a, [u8]> {
        match self.told.ctx {
            [] => Cow::Borrowed(self.told.text),
            _ => Cow::Owned(with_ctx(self.told, message_room(self.level, self.conn) - 1)),
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
