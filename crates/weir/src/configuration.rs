//! The configuration file as the command line asks for it, and the logs that it names.

use std::path::{Path, PathBuf};

use weir_conf::{AccessLog, Config, ErrorLogTarget, Faults, Http, Level, Location, LogDestination};

use crate::flags::{ERROR_LOG_PATH, Flags, LOG_FOLDER};

/// Loads the configuration. `-e` names its error log where it has none of its own. Without a master
/// process there is one worker, whatever the configuration says (`ngx_single_process_cycle`).
pub(crate) fn load(flags: &Flags) -> Result<Config, Faults> {
    let options = flags.load_options();
    let mut config = weir_conf::load(&options)?;
    if !config.main.master_process {
        config.main.worker_processes = 1;
    }
    if flags.error_log.is_some() {
        let target = |destination| ErrorLogTarget {
            destination,
            level: Level::Error,
            json: false,
        };
        let default = target(LogDestination::File(options.prefix.join(ERROR_LOG_PATH)));
        if *config.main.error_log == [default] {
            let wanted = flags.first_error_log();
            let wanted = wanted.map_or(LogDestination::Stderr, LogDestination::File);
            config.main.error_log = [target(wanted)].into();
        }
    }
    Ok(config)
}

/// Makes the folder of logs in a working folder that serves as prefix, if the configuration writes
/// there: whoever tries weir has installed nothing. Elsewhere that is the administrator's to do, as
/// with nginx. A failure shows once a log cannot be opened.
pub(crate) fn make_log_folder(flags: &Flags, config: &Config) {
    let folder = flags.prefix().join(LOG_FOLDER);
    let writes = |path: &&Path| path.parent() == Some(&folder);
    let pid = std::iter::once(config.main.pid.as_path());
    if flags.here && pid.chain(log_files(config)).any(|path| writes(&path)) {
        let _shows_later = std::fs::create_dir(&folder);
    }
}

/// The files of all logs, also of those that nothing is logged to; some may come twice.
pub(crate) fn log_files(config: &Config) -> Vec<&Path> {
    let named = config.log_files.iter().map(PathBuf::as_path);
    let used = log_destinations(config)
        .into_iter()
        .filter_map(|destination| match destination {
            LogDestination::File(path) => Some(path.as_path()),
            LogDestination::Stderr | LogDestination::Syslog(_) => None,
        });
    named.chain(used).collect()
}

/// The file that takes what is written to stderr; `None` if some log goes to stderr itself.
pub(crate) fn stderr_file(config: &Config) -> Option<&Path> {
    let destinations = log_destinations(config);
    if destinations.contains(&&LogDestination::Stderr) {
        return None;
    }
    config
        .main
        .error_log
        .iter()
        .find_map(|log| match &log.destination {
            LogDestination::File(path) => Some(path.as_path()),
            LogDestination::Stderr | LogDestination::Syslog(_) => None,
        })
}

fn log_destinations(config: &Config) -> Vec<&LogDestination> {
    let mut found: Vec<_> = config
        .main
        .error_log
        .iter()
        .map(|log| &log.destination)
        .collect();
    if let Some(http) = &config.http {
        of_http(http, &mut found);
    }
    found
}

fn of_http<'a>(http: &'a Http, found: &mut Vec<&'a LogDestination>) {
    for location in http.all_locations() {
        of_location(location, found);
    }
}

fn of_location<'a>(location: &'a Location, found: &mut Vec<&'a LogDestination>) {
    let settings = &location.settings;
    found.extend(settings.error_log.iter().map(|log| &log.destination));
    found.extend(settings.access_log.iter().filter_map(|log| match log {
        AccessLog::To { destination, .. } => Some(destination),
        AccessLog::Named { .. } | AccessLog::Off => None,
    }));
}
