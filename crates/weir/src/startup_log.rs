//! The log that is there before the configuration names one (`ngx_log_init`).

use std::fmt::Display;
use std::path::Path;

use weir_conf::Fault;
use weir_io::clock;
use weir_log::{Level, LogFile, LogTime, write_line, write_startup_line};

/// Lines go to a file, and from `warn` on to stderr too.
pub(crate) struct StartupLog {
    /// stderr if no file was wanted or none could be opened.
    file: LogFile,
    limit: Level,
}

impl StartupLog {
    /// Opens the log at `path`; `None` is stderr. Lines less grave than `limit` are dropped.
    pub(crate) fn open(path: Option<&Path>, limit: Level) -> Self {
        let file = match path.map(LogFile::open) {
            None => LogFile::stderr(),
            Some(Ok(file)) => file,
            Some(Err(error)) => {
                plain(format_args!(
                    "[alert] could not open error log file: {error}"
                ));
                LogFile::stderr()
            }
        };
        Self { file, limit }
    }

    /// Writes one line.
    pub(crate) fn write(&self, level: Level, message: impl Display) {
        if level > self.limit {
            return;
        }
        let message = message.to_string();
        let mut line = Vec::new();
        let pid = std::process::id();
        write_line(
            &mut line,
            &LogTime::new(clock::unix_seconds()),
            level,
            pid,
            pid,
            None,
            message.as_bytes(),
        );
        self.file.write(&line);
        if level <= Level::Warn && self.file.path().is_some() {
            line.clear();
            write_startup_line(&mut line, level, message.as_bytes());
            LogFile::stderr().write(&line);
        }
    }

    /// Writes what is wrong with the configuration, up to the fault that nginx stops at.
    pub(crate) fn faults(&self, faults: &[Fault]) {
        for fault in faults {
            let level = fault.level;
            self.write(level, words(fault));
            if level == Level::Emerg {
                return;
            }
        }
    }
}

/// A fault without its level: `MESSAGE in FILE:LINE`.
pub(crate) fn words(fault: &Fault) -> String {
    match &fault.place {
        Some(place) => format!("{} in {place}", fault.message),
        None => fault.message.clone(),
    }
}

/// Writes `nginx: MESSAGE` to stderr (`ngx_log_stderr`).
pub(crate) fn plain(message: impl Display) {
    LogFile::stderr().write(format!("nginx: {message}\n").as_bytes());
}
