//! The logs of every location, each file opened once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use weir_conf::{
    AccessLog, Config, ErrorLogTarget, Http, LogDestination, LogFileCache, LogFormat, Template,
};
use weir_io::clock;
use weir_log::{Buffering, ErrorSink, ErrorSinks, LogFile, Logs, Output, Shape, Syslog};

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
    pub(crate) to: AccessTo,
}

/// Where access lines go.
pub(crate) enum AccessTo {
    /// A line buffer, by its index.
    Lines(usize),
    /// A file whose name the request decides: the name, and the index of the worker's files.
    Named(Template, usize),
    Syslog(Arc<Syslog>),
}

pub(super) struct LineTarget {
    pub(super) file: Arc<LogFile>,
    pub(super) buffering: Buffering,
}

/// The files of a plan's logs.
pub(super) struct LogFiles<'a> {
    logs: &'a Logs,
    pub(super) open: Vec<Arc<LogFile>>,
    pub(super) servers: HashMap<Arc<weir_conf::Syslog>, Arc<Syslog>>,
    /// What syslog servers call this machine.
    host: Vec<u8>,
    names_servers: bool,
}

impl<'a> LogFiles<'a> {
    /// Opens what directives name, used or not.
    pub(super) fn open(logs: &'a Logs, config: &Config, host: &[u8]) -> Result<Self, PlanFault> {
        let mut files = Self {
            logs,
            open: Vec::new(),
            servers: HashMap::new(),
            host: host.to_vec(),
            names_servers: config.compat.differences().syslog_faults_name_server,
        };
        for path in &config.log_files {
            files.at(path)?;
        }
        Ok(files)
    }

    fn output(&mut self, destination: &LogDestination) -> Result<Output, PlanFault> {
        Ok(match destination {
            LogDestination::File(path) => Output::File(self.at(path)?),
            LogDestination::Stderr => Output::File(Arc::new(LogFile::stderr())),
            LogDestination::Syslog(settings) => Output::Syslog(self.server(settings)),
        })
    }

    fn server(&mut self, settings: &Arc<weir_conf::Syslog>) -> Arc<Syslog> {
        let new = || {
            Arc::new(Syslog::new(
                settings.clone(),
                &self.host,
                self.names_servers,
            ))
        };
        self.servers
            .entry(settings.clone())
            .or_insert_with(new)
            .clone()
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
    /// Indices of `lines`.
    known: HashMap<LogDestination, usize>,
    /// What each worker keeps of logs whose names the requests decide.
    pub(super) named: Vec<Option<LogFileCache>>,
}

impl<'a> LogBook<'a> {
    pub(super) fn new(files: LogFiles<'a>) -> Self {
        Self {
            files,
            lines: Vec::new(),
            known: HashMap::new(),
            named: Vec::new(),
        }
    }

    fn access(
        &mut self,
        log: &AccessLog,
        http: &Http,
        cache: Option<LogFileCache>,
    ) -> Result<Option<AccessTarget>, PlanFault> {
        let (to, format, condition) = match log {
            AccessLog::Off => return Ok(None),
            AccessLog::To {
                destination,
                format,
                condition,
            } => (self.lines_to(destination, http)?, format, condition),
            AccessLog::Named {
                path,
                format,
                condition,
            } => {
                self.named.push(cache);
                let to = AccessTo::Named(path.clone(), self.named.len() - 1);
                (to, format, condition)
            }
        };
        Ok(Some(AccessTarget {
            format: format.clone(),
            condition: condition.clone(),
            to,
        }))
    }

    fn lines_to(
        &mut self,
        destination: &LogDestination,
        http: &Http,
    ) -> Result<AccessTo, PlanFault> {
        if let Some(line) = self.known.get(destination) {
            return Ok(AccessTo::Lines(*line));
        }
        let file = match self.files.output(destination)? {
            Output::File(file) => file,
            Output::Syslog(server) => return Ok(AccessTo::Syslog(server)),
            Output::Memory(_) => Arc::new(LogFile::stderr()),
        };
        let buffering = match http.log_buffers.get(destination) {
            Some(buffer) => Buffering::Full {
                size: buffer.size,
                flush: buffer.flush,
                gzip: buffer.gzip,
            },
            None => Buffering::Prompt,
        };
        self.lines.push(LineTarget { file, buffering });
        self.known.insert(destination.clone(), self.lines.len() - 1);
        Ok(AccessTo::Lines(self.lines.len() - 1))
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
            output: files.output(&target.destination)?,
            shape: match target.json {
                true => Shape::Json,
                false => Shape::Plain,
            },
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
    let mut known: HashMap<&[ErrorLogTarget], Arc<ErrorSinks>> = HashMap::new();
    for location in http.all_locations() {
        let settings = &location.settings;
        let sinks = if settings.error_log.is_empty() {
            main.clone()
        } else {
            match known.get(&*settings.error_log) {
                Some(sinks) => sinks.clone(),
                None => {
                    let sinks = error_sinks(&settings.error_log, &mut book.files)?;
                    known.insert(&settings.error_log, sinks.clone());
                    sinks
                }
            }
        };
        let mut access = Vec::new();
        for log in settings.access_log.iter() {
            access.extend(book.access(log, http, settings.open_log_file_cache)?);
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
