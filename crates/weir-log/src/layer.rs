//! Error lines, and what tracing has to do with them.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Filtered;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

use crate::told::Told;
use crate::{ErrorSinks, Level, sinks};

/// Target of the events that tell other subscribers of error lines. Their fields: `severity`
/// (nginx's number), `conn` (0 is none), `message`, and `raw` for a message that is not UTF-8.
pub const ERROR_LOG_TARGET: &str = "weir::error_log";

/// Logs a line: writes it to `sinks`, and tells of it through tracing if anybody listens.
///
/// A line that no sink wants costs one comparison.
pub fn emit<'a>(sinks: &ErrorSinks, level: Level, conn: Option<u64>, told: impl Into<Told<'a>>) {
    if sinks.enabled(level) {
        write_and_tell(sinks, level, conn, told.into());
    }
}

fn write_and_tell(sinks: &ErrorSinks, level: Level, conn: Option<u64>, told: Told<'_>) {
    sinks.write(level, conn, told);
    let message = told.text;
    macro_rules! event_at {
        ($level:ident) => {
            if tracing::event_enabled!(target: ERROR_LOG_TARGET, tracing::Level::$level) {
                let text = String::from_utf8_lossy(message);
                tracing::event!(
                    target: ERROR_LOG_TARGET,
                    tracing::Level::$level,
                    severity = level as u64,
                    conn = conn.unwrap_or(0),
                    raw = (text.as_bytes() != message).then_some(message),
                    message = &*text,
                )
            }
        };
    }
    match level {
        Level::Emerg | Level::Alert | Level::Crit | Level::Error => event_at!(ERROR),
        Level::Warn => event_at!(WARN),
        Level::Notice | Level::Info => event_at!(INFO),
        Level::Debug => event_at!(DEBUG),
    }
}

/// Events of any target as `[debug]` lines, in every sink at that level.
#[derive(Debug, Clone, Copy)]
pub struct DebugLog(());

/// Nothing while no sink is at debug, and never the lines that were written already.
#[derive(Debug, Clone, Copy)]
pub struct WhileAtDebug(());

impl DebugLog {
    /// The layer. It has a filter of its own, so that what it does not want costs nothing and other
    /// layers still get it. The calling thread does the writing, as in nginx.
    pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>() -> Filtered<Self, WhileAtDebug, S> {
        Self(()).with_filter(WhileAtDebug(()))
    }
}

impl<S> Filter<S> for WhileAtDebug {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        metadata.target() != ERROR_LOG_TARGET && sinks::any_at_debug()
    }

    /// Asked again whenever a first sink comes to be at debug or a last one goes.
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.target() != ERROR_LOG_TARGET && sinks::any_at_debug() {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(if sinks::any_at_debug() {
            LevelFilter::TRACE
        } else {
            LevelFilter::OFF
        })
    }
}

/// The client connection that a span belongs to: the field `conn` of the span.
#[derive(Debug, Clone, Copy)]
struct SpanConn(u64);

impl Visit for SpanConn {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "conn" {
            self.0 = value;
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for DebugLog {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut conn = SpanConn(0);
        attributes.record(&mut conn);
        if conn.0 != 0
            && let Some(span) = context.span(id)
        {
            span.extensions_mut().insert(conn);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let conn = context
            .event_scope(event)
            .into_iter()
            .flatten()
            .find_map(|span| span.extensions().get::<SpanConn>().map(|conn| conn.0));
        let message = match event.metadata().target() {
            "weir" => format!("{}{}", line.message, line.fields),
            target => format!("{target}: {}{}", line.message, line.fields),
        };
        for sinks in sinks::at_debug() {
            sinks.write(Level::Debug, conn, message.as_bytes());
        }
    }
}

/// The fields of one event.
#[derive(Debug, Default)]
struct Line {
    message: String,
    /// The other fields, as ` name=value`.
    fields: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::{CapturedLine, ErrorSink, LogFile, MemoryLog, Output, Shape};

    /// Sinks at debug are process-wide, so tests that make them must not overlap.
    static ALONE: Mutex<()> = Mutex::new(());

    fn memory(level: Level) -> (Arc<ErrorSinks>, Arc<MemoryLog>) {
        let memory = Arc::new(MemoryLog::default());
        let sink = ErrorSink {
            level,
            output: Output::Memory(memory.clone()),
            shape: Shape::Plain,
        };
        (ErrorSinks::new([sink], || 0), memory)
    }

    fn line(level: Level, conn: Option<u64>, message: &[u8]) -> CapturedLine {
        CapturedLine {
            level,
            conn,
            message: message.to_vec(),
        }
    }

    fn logged(f: impl FnOnce()) {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let subscriber = tracing_subscriber::registry().with(DebugLog::layer());
        tracing::subscriber::with_default(subscriber, f);
    }

    #[test]
    fn each_sink_gets_the_levels_it_wants() {
        logged(|| {
            let (loud, quiet) = (memory(Level::Info), memory(Level::Crit));
            for sinks in [&loud.0, &quiet.0] {
                for level in Level::ALL {
                    emit(sinks, level, Some(9), level.as_str().as_bytes());
                }
            }
            let expected = |limit| -> Vec<CapturedLine> {
                let wanted = Level::ALL.into_iter().filter(|level| *level <= limit);
                wanted
                    .map(|l| line(l, Some(9), l.as_str().as_bytes()))
                    .collect()
            };
            assert_eq!(loud.1.drain(), expected(Level::Info));
            assert_eq!(quiet.1.drain(), expected(Level::Crit));
        });
    }

    #[test]
    fn bytes_that_are_no_text_arrive_as_they_are() {
        logged(|| {
            let (sinks, memory) = memory(Level::Error);
            emit(&sinks, Level::Error, None, b"request: \"GET /\xff\n\"");
            assert_eq!(
                memory.lines(),
                [line(Level::Error, None, b"request: \"GET /\xff\n\"")]
            );
        });
    }

    /// Takes the events of error lines, as `severity conn message`.
    #[derive(Default)]
    struct Listener(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Listener {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut line = Line::default();
            event.record(&mut line);
            self.0
                .lock()
                .unwrap()
                .push(format!("{}{}", line.message, line.fields));
        }
    }

    #[test]
    fn others_hear_of_lines_if_they_listen() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let (sinks, memory) = memory(Level::Error);
        let listener = Listener::default();
        let heard = listener.0.clone();
        let both = tracing_subscriber::registry()
            .with(DebugLog::layer())
            .with(listener);
        tracing::subscriber::with_default(both, || {
            emit(&sinks, Level::Alert, Some(2), b"x");
            emit(&sinks, Level::Warn, Some(2), b"no sink wants it");
        });
        assert_eq!(*heard.lock().unwrap(), ["x severity=2 conn=2"]);
        assert_eq!(memory.lines(), [line(Level::Alert, Some(2), b"x")]);
    }

    #[test]
    fn nobody_is_told_where_nobody_listens() {
        logged(|| {
            let told = || tracing::event_enabled!(target: ERROR_LOG_TARGET, tracing::Level::ERROR);
            let (_error, _lines) = memory(Level::Error);
            assert!(!told());
            let (debug, lines) = memory(Level::Debug);
            emit(&debug, Level::Error, None, b"once");
            assert_eq!(lines.lines(), [line(Level::Error, None, b"once")]);
        });
    }

    #[test]
    fn events_of_others_are_debug_lines_only_while_a_sink_is_at_debug() {
        logged(|| {
            let (_error, at_error) = memory(Level::Error);
            tracing::info!(target: "hyper", "unseen");
            let (debug, at_debug) = memory(Level::Debug);
            tracing::info!(target: "hyper", code = 7, "seen");
            drop(debug);
            tracing::info!(target: "hyper", "unseen again");
            assert_eq!(
                at_debug.lines(),
                [line(Level::Debug, None, b"hyper: seen code=7")]
            );
            assert_eq!(at_error.lines(), []);
        });
    }

    #[test]
    fn debug_lines_carry_the_connection_of_their_span() {
        logged(|| {
            let (_debug, lines) = memory(Level::Debug);
            let connection = tracing::debug_span!(target: "weir", "connection", conn = 7_u64);
            let _in_connection = connection.enter();
            let _in_request = tracing::debug_span!(target: "weir", "request").entered();
            tracing::debug!(target: "weir", "http process request line");
            assert_eq!(
                lines.lines(),
                [line(Level::Debug, Some(7), b"http process request line")]
            );
        });
    }

    #[test]
    fn a_file_gets_nginx_lines_with_this_thread_as_tid() {
        logged(|| {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("error.log");
            let file = Arc::new(LogFile::open(&path).unwrap());
            let output = Output::File(file);
            let sink = ErrorSink {
                level: Level::Warn,
                output,
                shape: Shape::Plain,
            };
            let sinks = ErrorSinks::new([sink], || 0);
            emit(
                &sinks,
                Level::Warn,
                Some(1),
                b"upstream server temporarily disabled",
            );
            emit(&sinks, Level::Info, Some(1), b"unseen");
            let text = std::fs::read_to_string(path).unwrap();
            let (pid, tid) = (std::process::id(), nix::unistd::gettid());
            let rest = format!(" [warn] {pid}#{tid}: *1 upstream server temporarily disabled\n");
            assert!(text.ends_with(&rest), "{text}");
            assert_eq!(text.len(), "1970/01/01 00:00:00".len() + rest.len());
        });
    }
}
