//! The logs of every location, each file opened once.

use std::collections::HashMap;
use std::sync::Arc;

use weir_conf::{AccessLog, ErrorLogTarget, Http, LogDestination, LogFormat, Template};
use weir_io::clock;
use weir_log::escape::Escape;
use weir_log::{Buffering, ErrorSink, ErrorSinks, LogFile, Logs, Output};

use super::{PlanFault, all_locations};

/// The logs of one location.
pub(super) struct PlaceLogs {
    pub(super) sinks: Arc<ErrorSinks>,
    pub(super) access: Arc<[AccessTarget]>,
}

/// One `access_log` of a location.
pub(crate) struct AccessTarget {
    pub(crate) format: Arc<LogFormat>,
    pub(crate) escape: Escape,
    pub(crate) condition: Option<Template>,
    /// Index of the line buffer.
    pub(crate) line: usize,
}

pub(super) struct LineTarget {
    pub(super) file: Arc<LogFile>,
    pub(super) buffering: Buffering,
}

/// Opens logs once per path.
pub(super) struct LogBook<'a> {
    pub(super) logs: &'a Logs,
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
                    file: open(self.logs, destination)?,
                    buffering,
                });
                self.known.insert(key, self.lines.len() - 1);
                self.lines.len() - 1
            }
        };
        let escape = match format.escape {
            weir_conf::Escape::Default => Escape::Default,
            weir_conf::Escape::Json => Escape::Json,
            weir_conf::Escape::None => Escape::None,
        };
        Ok(Some(AccessTarget {
            format: format.clone(),
            escape,
            condition: condition.clone(),
            line,
        }))
    }
}

fn open(logs: &Logs, destination: &LogDestination) -> Result<Arc<LogFile>, PlanFault> {
    match destination {
        LogDestination::File(path) => Ok(logs.open(path)?),
        LogDestination::Stderr => Ok(Arc::new(LogFile::stderr())),
    }
}

pub(super) fn error_sinks(
    targets: &[ErrorLogTarget],
    logs: &Logs,
) -> Result<Arc<ErrorSinks>, PlanFault> {
    let mut sinks = Vec::with_capacity(targets.len());
    for target in targets {
        sinks.push(ErrorSink {
            level: target.level,
            output: Output::File(open(logs, &target.destination)?),
        });
    }
    Ok(ErrorSinks::new(sinks, clock::unix_seconds))
}

pub(super) fn place_logs(
    http: &Http,
    book: &mut LogBook<'_>,
    main: &Arc<ErrorSinks>,
) -> Result<Vec<PlaceLogs>, PlanFault> {
    let mut places: Vec<Option<PlaceLogs>> = Vec::new();
    places.resize_with(http.location_count, || None);
    let mut known: HashMap<Vec<(LogDestination, weir_conf::Level)>, Arc<ErrorSinks>> =
        HashMap::new();
    for location in all_locations(http) {
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
                    let sinks = error_sinks(&settings.error_log, book.logs)?;
                    known.insert(key, sinks.clone());
                    sinks
                }
            }
        };
        let mut access = Vec::new();
        for log in settings.access_log.iter() {
            access.extend(book.access(log)?);
        }
        places[location.index] = Some(PlaceLogs {
            sinks,
            access: access.into(),
        });
    }
    let fill = || PlaceLogs {
        sinks: main.clone(),
        access: Arc::new([]),
    };
    Ok(places
        .into_iter()
        .map(|place| place.unwrap_or_else(fill))
        .collect())
}
