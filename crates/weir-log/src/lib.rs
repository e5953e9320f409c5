//! Writes access and error lines in nginx's formats; opens, buffers and reopens the files; reads
//! lines back.
//!
//! Modules in reading order: `level` (the eight severities), `escape` (the three ways
//! `log_format` escapes), `time` (every time stamp, formatted once per second), `told` (what an error
//! line says), `error_line` and `json_line` (its two grammars), `file` (an open log and the registry of them), `lines` (a
//! worker's buffer of access lines), `named` (logs whose names the requests decide), `trouble` (lines that
//! do not reach their log), `syslog` (servers that lines go to), `sinks` (what `error_log` directives name), `layer` (error lines,
//! and tracing beside them), [`record`] (lines taken apart again).
//!
//! # Invariants
//!
//! - Nothing here reads a clock: time stamps come from a caller's seconds.
//! - Lines are whole: one write(2) carries whole lines, and no line is lost by a reopen, a
//!   shutdown or a dropped buffer.
//! - A log that cannot be written never stops the proxy: the lines are gone, and of access lines that is
//!   told, as in nginx.
//! - Lines never go through tracing: whoever logs an error line writes it, and only tells listeners of
//!   it. The other way round, events become `[debug]` lines while a log is at that level.

mod error_line;
pub mod escape;
mod file;
mod json_line;
mod layer;
mod lines;
mod named;
pub mod record;
mod sinks;
mod syslog;
mod time;
mod told;
mod trouble;

pub use error_line::{LINE_LIMIT, write_line, write_startup_line};
pub use file::{LogFile, Logs, OpenError};
pub use layer::{DebugLog, ERROR_LOG_TARGET, WhileAtDebug, emit};
pub use lines::{Awaits, Buffering, LineBuffer};
pub use named::{NamedLog, NotOpened};
pub use sinks::{CapturedLine, ErrorSink, ErrorSinks, MemoryLog, Output, Shape, message_room};
pub use syslog::Syslog;
pub use time::{LogTime, TimeCache, local_offset, update_time_zone, write_msec};
pub use told::{ContextField, ErrorText, Told};
pub use trouble::{Shortfall, WriteFault};
/// The levels that `error_log` names, and the words for what the system refuses. Both are the
/// configuration's too, whose faults are log lines.
pub use weir_conf::{ErrorNumber, Level};
