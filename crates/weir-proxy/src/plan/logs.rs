//! The logs of every location, each file opened once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use weir_conf::{AccessLog, Config, ErrorLogTarget, Http, LogDestination, LogFormat, Template};
use weir_io::clock;
use weir_log::{Buffering, ErrorSink, ErrorSinks, LogFile, Logs, Output};

use super::PlanFault;

/// The logs of one location.
pub(super) struct LocationLogs {
    pub(super) sinks: Arc<ErrorSinks>,
    pub(super) access: Arc<[AccessTarget]>,
}

/// One `access_log` of a location.
pub(crate) struct AccessTarget {
    pub(crate) format: Arc<LogFormat>,
    pub(crate) condition: Option<Template>,
    /// Index of the line buffer.
    pub(crate) line: usize,
}

pub(super) struct LineTarget {
    pub(super) file: Arc<LogFile>,
    pub(super) buffering: Buffering,
}

/// The files of a plan's logs.
pub(super) struct LogFiles<'a> {
    logs: &'a Logs,
    pub(super) open: Vec<Arc<LogFile>>,
}

impl<'a> LogFiles<'a> {
    /// Opens what directives name, used or not.
    pub(super) fn open(logs: &'a Logs, config: &Config) -> Result<Self, PlanFault> {
        let mut files = Self {
            logs,
            open: Vec::new(),
        };
        for path in &config.log_files {
            files.at(path)?;
        }
        Ok(files)
    }

    fn of(&mut self, destination: &LogDestination) -> Result<Arc<LogFile>, PlanFault> {
        match destination {
            LogDestination::File(path) => self.at(path),
            LogDestination::Stderr => Ok(Arc::new(LogFile::stderr())),
        }
    }

    fn at(&mut self, path: &Path) -> Result<Arc<LogFile>, PlanFault> {
        let file = self.logs.open(path)?;
        if !self.open.iter().any(|known| Arc::ptr_eq(known, &file)) {
            self.open.push(file.clone());
        }
        Ok(file)
    }
}

/// Opens logs once per path.
pub(super) struct LogBook<'a> {
    pub(super) files: LogFiles<'a>,
    pub(super) lines: Vec<LineTarget>,
    pub(super) known: HashMap<(LogDestination, Option<usize>, Option<std::time::Duration>), usize>,
}

impl LogBook<'_> {
    fn access(&mut self, log: &AccessLog) -> Result<Option<AccessTarget>, PlanFault> {
        let AccessLog::To {
            destination,
            format,
            buffer,
            flush,
            condition,
        } = log
        else {
            return Ok(None);
        };
        let key = (destination.clone(), *buffer, *flush);
        let line = match self.known.get(&key) {
            Some(line) => *line,
            None => {
                let buffering = match buffer {
                    Some(size) => Buffering::Full {
                        size: *size,
                        flush: *flush,
                    },
                    None => Buffering::Prompt,
                };
                self.lines.push(LineTarget {
                    file: self.files.of(destination)?,
                    buffering,
                });
                self.known.insert(key, self.lines.len() - 1);
                self.lines.len() - 1
            }
        };
        Ok(Some(AccessTarget {
            format: format.clone(),
            condition: condition.clone(),
            line,
        }))
    }
}

pub(super) fn error_sinks(
    targets: &[ErrorLogTarget],
    files: &mut LogFiles<'_>,
) -> Result<Arc<ErrorSinks>, PlanFault> {
    let mut sinks = Vec::with_capacity(targets.len());
    for target in targets {
        sinks.push(ErrorSink {
            level: target.level,
            output: Output::File(files.of(&target.destination)?),
        });
    }
    Ok(ErrorSinks::new(sinks, clock::unix_seconds))
}

/// The logs of each location, by its number.
pub(super) fn location_logs(
    http: &Http,
    book: &mut LogBook<'_>,
    main: &Arc<ErrorSinks>,
) -> Result<Vec<LocationLogs>, PlanFault> {
    let mut logs: Vec<Option<LocationLogs>> = Vec::new();
    logs.resize_with(http.location_count, || None);
    let mut known: HashMap<Vec<(LogDestination, weir_conf::Level)>, Arc<ErrorSinks>> =
        HashMap::new();
    for location in http.all_locations() {
        let settings = &location.settings;
        let sinks = if settings.error_log.is_empty() {
            main.clone()
        } else {
            let key: Vec<_> = settings
                .error_log
                .iter()
                .map(|log| (log.destination.clone(), log.level))
                .collect();
            match known.get(&key) {
                Some(sinks) => sinks.clone(),
                None => {
                    let sinks = error_sinks(&settings.error_log, &mut book.files)?;
                    known.insert(key, sinks.clone());
                    sinks
                }
            }
        };
        let mut access = Vec::new();
        for log in settings.access_log.iter() {
            access.extend(book.access(log)?);
        }
        logs[location.index] = Some(LocationLogs {
            sinks,
            access: access.into(),
        });
    }
    let fill = || LocationLogs {
        sinks: main.clone(),
        access: Arc::new([]),
    };
    let logs = logs.into_iter();
    Ok(logs.map(|logs| logs.unwrap_or_else(fill)).collect())
}
