//! What is known of a proxy before anybody thinks about it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::configuration::{Configuration, Group, Passing};
use crate::host;
use crate::host::confinement::{self, Confinement};
use crate::host::credentials::{self, Credentials};
use crate::host::namespaces::{self, Stance};
use crate::host::processes::RunningProxy;
use crate::host::sockets::{self, TcpSocket};
use crate::host::strain::{self, Strain};
use crate::logs::access::{AccessLog, COMBINED, Format, Upstream};
use crate::logs::errors::ErrorLog;
use crate::logs::{Since, UnreadableLog};
use crate::subject::{Subject, prefix_of, with_last_load};
use crate::url::Url;

/// Where to look.
#[derive(Clone, Debug, Default)]
pub struct Where {
    /// The configuration, if it is named.
    pub conf: Option<PathBuf>,
    /// Base of its relative paths, if it is named.
    pub prefix: Option<PathBuf>,
    /// The error log, if it is named.
    pub error_log: Option<PathBuf>,
    /// The access log, if it is named.
    pub access_log: Option<PathBuf>,
    /// Only files are looked at: not the machine, and nobody is asked.
    pub offline: bool,
    /// Upstreams are sent no request, only connected to.
    pub no_requests: bool,
    /// How long upstreams are watched for whether they close idle connections, if they are.
    pub idle: Option<Duration>,
    /// The URL that fails for its user.
    pub url: Option<Url>,
    /// Since when lines count.
    pub since: Since,
}

/// What is known of a proxy.
#[derive(Debug, Default)]
pub struct Case {
    /// Its configuration.
    pub configuration: Option<Configuration>,
    /// The locations that pass requests on.
    pub passing: Vec<Passing>,
    /// The groups of servers.
    pub groups: Vec<Group>,
    /// What its error logs tell of.
    pub errors: Option<ErrorLog>,
    /// What its access log tells of.
    pub access: Option<AccessLog>,
    /// Logs that cannot be read, or not whole.
    pub unreadable: Vec<UnreadableLog>,
    /// The error logs, whether they can be read or not.
    pub error_paths: Vec<PathBuf>,
    /// Logs that were read.
    pub read: Vec<PathBuf>,
    /// The process, if it runs.
    pub proxy: Option<RunningProxy>,
    /// Other proxies that run here, which are not looked at.
    pub others: Vec<RunningProxy>,
    /// How the doctor stands to it.
    pub stance: Stance,
    /// The sockets of the proxy's network; none if only files are looked at.
    pub sockets: Vec<TcpSocket>,
    /// Those of the doctor's own network, if that is another one.
    pub outside: Vec<TcpSocket>,
    /// How often accept queues have overflowed there.
    pub overflows: Option<u64>,
    /// Whom a worker runs as.
    pub worker: Option<Credentials>,
    /// How near a worker is to its limits.
    pub strain: Option<Strain>,
    /// What a worker is confined by.
    pub confinement: Option<Confinement>,
    /// Whether the machine may be looked at and upstreams asked.
    pub live: bool,
    /// Whether they may be sent a request.
    pub asks: bool,
    /// How long they are watched for whether they close idle connections, if they are.
    pub idle: Option<Duration>,
    /// The URL that fails for its user.
    pub url: Option<Url>,
}

/// And its error log, where the configuration does not say.
const USUAL_LOGS: [&str; 2] = [
    "/var/log/nginx/error.log",
    "/usr/local/nginx/logs/error.log",
];

impl Case {
    /// Gathers all there is, and makes something of it, as the proxy sees it where that may be: its files and its network.
    pub fn examine<T: Send>(place: &Where, make: impl FnOnce(&Self) -> T + Send) -> T {
        let subject = Subject::find(place);
        let pid = subject.proxy.as_ref().map(|proxy| proxy.pid);
        let process = pid.map_or_else(|| "self".to_owned(), |pid| pid.to_string());
        // A process of another namespace may not have its own number in its own /proc: what is there is read from here.
        let network = |process: &str| match place.offline {
            true => Vec::new(),
            false => sockets::tcp(process),
        };
        let (inside, here) = (network(&process), network("self"));
        let running = subject.proxy.as_ref().filter(|_| !place.offline);
        let worker = running.and_then(|proxy| credentials::of(proxy.worker));
        let strain = running.and_then(|proxy| strain::of(proxy.worker));
        let confinement =
            running.and_then(|proxy| confinement::of(Path::new("/"), proxy.worker, &proxy.name));
        let overflows = host::listen_overflows(&process);
        namespaces::beside(pid, |stance| {
            let mut case = Self {
                overflows,
                worker,
                strain,
                confinement,
                ..Self::of(place, subject, stance)
            };
            match case.stance.is_other_network() {
                true => (case.sockets, case.outside) = (inside, here),
                false => case.sockets = here,
            }
            case.read_errors(place);
            case.read_access(place);
            make(&case)
        })
    }

    fn of(place: &Where, subject: Subject, stance: Stance) -> Self {
        let Subject {
            conf,
            proxy,
            others,
        } = subject;
        let configuration = conf.as_ref().map(|conf| {
            let given = place.prefix.clone();
            let own = proxy.as_ref().and_then(|proxy| {
                let built = proxy.build.prefix.clone();
                proxy.prefix.clone().or(built)
            });
            Configuration::read(conf, &given.or(own).unwrap_or_else(|| prefix_of(conf)))
        });
        Self {
            passing: configuration
                .as_ref()
                .map(Configuration::passing)
                .unwrap_or_default(),
            groups: configuration
                .as_ref()
                .map(Configuration::groups)
                .unwrap_or_default(),
            proxy: proxy.map(|proxy| with_last_load(proxy, configuration.as_ref())),
            configuration,
            others,
            stance,
            live: !place.offline,
            asks: !place.offline && !place.no_requests,
            idle: place.idle.filter(|_| !place.offline && !place.no_requests),
            url: place.url.clone(),
            ..Self::default()
        }
    }

    fn read_errors(&mut self, place: &Where) {
        let paths = match &place.error_log {
            Some(path) => vec![path.clone()],
            None => self.error_logs(),
        };
        self.error_paths.clone_from(&paths);
        let mut log = ErrorLog::default();
        for path in paths {
            match log.read(&path, place.since) {
                Ok(()) => self.read.push(path),
                Err(fault) => self.unreadable.push(fault),
            }
        }
        if log.bytes > 0 || !self.read.is_empty() {
            self.errors = Some(log);
        }
    }

    /// Every file that error lines go to: of the configuration and of the process's own options; where neither says, the usual one.
    fn error_logs(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        let mut is_written = false;
        if let Some(configuration) = &self.configuration {
            for directive in configuration.everywhere("error_log") {
                is_written = true;
                let path = directive
                    .args
                    .first()
                    .filter(|arg| is_file(Some(arg)))
                    .map(|arg| configuration.path_of(arg));
                if let Some(path) = path.filter(|path| !paths.contains(path) && !is_stream(path)) {
                    paths.push(path);
                }
            }
        }
        let own = self.proxy.as_ref().map(|proxy| &proxy.error_logs);
        for path in own.into_iter().flatten() {
            is_written = true;
            if !paths.contains(path) {
                paths.push(path.clone());
            }
        }
        if paths.is_empty() && !is_written {
            let built = self
                .proxy
                .as_ref()
                .and_then(|proxy| proxy.build.error_log.clone());
            let usual = USUAL_LOGS.iter().map(PathBuf::from);
            paths.extend(built.into_iter().chain(usual).find(|path| path.exists()));
        }
        paths
    }

    fn read_access(&mut self, place: &Where) {
        let directive = self.configuration.as_ref().and_then(|configuration| {
            let mut all = configuration.everywhere("access_log").into_iter();
            all.find(|directive| is_file(directive.args.first()))
        });
        let format = directive.and_then(|directive| {
            let name = directive.args.get(1).filter(|name| !name.contains('='))?;
            self.configuration.as_ref()?.log_format(name)
        });
        let Some(path) = place
            .access_log
            .clone()
            .or_else(|| self.own_log("access_log"))
        else {
            return;
        };
        let format = Format::of(format.as_deref().unwrap_or(COMBINED));
        match AccessLog::read(&path, format, place.since) {
            Ok((log, end)) => {
                self.access = Some(log);
                self.unreadable.extend(end);
                self.read.push(path);
            }
            Err(fault) => self.unreadable.push(fault),
        }
    }

    /// The file of the first directive of this name that has one, if it is one that ends.
    fn own_log(&self, name: &str) -> Option<PathBuf> {
        let configuration = self.configuration.as_ref()?;
        let all = configuration.everywhere(name).into_iter();
        let mut files = all
            .filter_map(|directive| directive.args.first())
            .filter(|arg| is_file(Some(arg)));
        let path = files.next().map(|file| configuration.path_of(file));
        path.filter(|path| !is_stream(path))
    }

    /// The locations that lead to this origin: `http://127.0.0.1:80`, by themselves or through a group.
    pub fn leading_to(&self, origin: &str) -> Vec<&Passing> {
        let address = origin.split_once("://").map_or(origin, |(_, rest)| rest);
        let leads = |passing: &&Passing| {
            let authority = passing.authority();
            let group = self.groups.iter().find(|group| group.name == authority);
            match group {
                Some(group) => {
                    group.name == address
                        || group
                            .servers
                            .iter()
                            .any(|server| may_be(&server.address, address))
                }
                None => passing.is_variable() || may_be(authority, address),
            }
        };
        let mut leading: Vec<&Passing> = self.passing.iter().filter(leads).collect();
        // What is known before a request comes first.
        leading.sort_by_key(|passing| passing.is_variable());
        leading
    }

    /// Does something with a worker's rights over files, where the doctor may give itself those.
    pub fn as_worker<T>(&self, act: impl FnOnce() -> T) -> Option<T> {
        self.worker.as_ref()?.lent(act)
    }

    /// Whether nginx of this version speaks HTTP/1.1 to upstreams by itself: since 1.29.7.
    pub fn speaks_http_11(&self) -> bool {
        let Some(proxy) = &self.proxy else {
            return false;
        };
        let version = proxy.build.version.as_deref().unwrap_or_default();
        let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
        let release: [u16; 3] = std::array::from_fn(|_| parts.next().unwrap_or(0));
        let is_old = |configuration: &Configuration| configuration.main("compat").is_some();
        match proxy.name == "weir" {
            true => !self.configuration.as_ref().is_some_and(is_old),
            false => release >= [1, 29, 7],
        }
    }

    /// What the access log tells of the tries of an upstream at this address.
    pub fn tries_of(&self, address: &str) -> Option<&Upstream> {
        self.access.as_ref()?.upstreams.get(address.as_bytes())
    }

    /// The group whose server has this origin.
    pub fn group_of(&self, origin: &str) -> Option<&Group> {
        let address = origin.split_once("://").map_or(origin, |(_, rest)| rest);
        self.groups.iter().find(|group| {
            group.name == address
                || group
                    .servers
                    .iter()
                    .any(|server| may_be(&server.address, address))
        })
    }
}

/// Whether a server as written may be at this address: names may be at any with their port.
fn may_be(written: &str, address: &str) -> bool {
    if written == address {
        return true;
    }
    let (host, port) = split(written);
    let (_, actual) = split(address);
    let is_name = host.bytes().any(|byte| byte.is_ascii_alphabetic()) && !host.contains(':');
    let same_port =
        port.unwrap_or("80") == actual.unwrap_or("80") || port.is_none() && actual == Some("443");
    match is_name {
        true => same_port && !address.starts_with("unix:") && !written.starts_with("unix:"),
        false => host == split(address).0 && same_port,
    }
}

/// Host and port of `host:port`.
pub fn split(written: &str) -> (&str, Option<&str>) {
    match written.rsplit_once(':') {
        Some((host, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && !port.is_empty() =>
        {
            (host, Some(port))
        }
        _ => (written, None),
    }
}

/// Whether a path leads to a pipe, a terminal or another thing without an end, as the logs of containers do.
fn is_stream(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|data| !data.is_file() && !data.is_dir())
}

fn is_file(arg: Option<&String>) -> bool {
    arg.is_some_and(|arg| {
        arg != "off"
            && arg != "stderr"
            && !arg.starts_with("syslog:")
            && !arg.contains('$')
            && !arg.starts_with("/dev/")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_as_written_may_be_at_addresses() {
        for (written, address, is) in [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("127.0.0.1", "127.0.0.1:80", true),
            ("127.0.0.1:81", "127.0.0.1:80", false),
            ("app:8080", "10.0.0.1:8080", true),
            ("app:8080", "[::1]:8080", true),
            ("app:8080", "10.0.0.1:8081", false),
            ("app", "10.0.0.1:443", true),
            ("[::1]:8080", "10.0.0.1:8080", false),
            ("unix:/a", "unix:/a", true),
            ("unix:/a", "unix:/b", false),
            ("app:1", "unix:/b", false),
        ] {
            assert_eq!(may_be(written, address), is, "{written} {address}");
        }
    }
}
