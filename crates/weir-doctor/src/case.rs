//! What is known of a proxy before anybody thinks about it.

use std::path::{Path, PathBuf};

use crate::configuration::{Configuration, Group, Passing};
use crate::host::processes::{self, RunningProxy};
use crate::host::sockets::{self, TcpSocket};
use crate::logs::access::{AccessLog, COMBINED, Format, Upstream};
use crate::logs::errors::ErrorLog;
use crate::logs::{Since, UnreadableLog};
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
    /// The URL that fails for its user.
    pub url: Option<Url>,
    /// Since when lines count.
    pub since: Since,
}

/// What is known of a proxy.
#[derive(Debug)]
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
    /// Logs that were read.
    pub read: Vec<PathBuf>,
    /// The process, if it runs.
    pub proxy: Option<RunningProxy>,
    /// Other proxies that run here, which are not looked at.
    pub others: Vec<RunningProxy>,
    /// The machine's sockets; none if only files are looked at.
    pub sockets: Vec<TcpSocket>,
    /// Whether the machine may be looked at and upstreams asked.
    pub live: bool,
    /// Whether they may be sent a request.
    pub asks: bool,
    /// The URL that fails for its user.
    pub url: Option<Url>,
}

/// Where nginx is looked for if nothing is named and nothing runs.
const USUAL: [&str; 3] = [
    "/etc/nginx/nginx.conf",
    "/usr/local/nginx/conf/nginx.conf",
    "/usr/local/etc/nginx/nginx.conf",
];

/// And its error log, where the configuration does not say.
const USUAL_LOGS: [&str; 2] = [
    "/var/log/nginx/error.log",
    "/usr/local/nginx/logs/error.log",
];

impl Case {
    /// Gathers all there is.
    pub fn gather(place: &Where) -> Self {
        let running = match place.offline {
            true => Vec::new(),
            false => processes::running(),
        };
        let (conf, proxy) = conf_of(place, &running);
        let is_other = |one: &RunningProxy| proxy.as_ref().is_none_or(|proxy| proxy.pid != one.pid);
        let others = running
            .iter()
            .filter(|one| is_other(one))
            .cloned()
            .collect();
        let configuration = conf.as_ref().map(|conf| {
            let given = place.prefix.clone();
            let own = proxy.as_ref().and_then(|proxy| proxy.prefix.clone());
            Configuration::read(conf, &given.or(own).unwrap_or_else(|| prefix_of(conf)))
        });
        let proxy = proxy.map(|proxy| with_last_load(proxy, configuration.as_ref()));
        let mut case = Self {
            passing: configuration
                .as_ref()
                .map(Configuration::passing)
                .unwrap_or_default(),
            groups: configuration
                .as_ref()
                .map(Configuration::groups)
                .unwrap_or_default(),
            configuration,
            errors: None,
            access: None,
            unreadable: Vec::new(),
            read: Vec::new(),
            proxy,
            others,
            sockets: match place.offline {
                true => Vec::new(),
                false => sockets::tcp(),
            },
            live: !place.offline,
            asks: !place.offline && !place.no_requests,
            url: place.url.clone(),
        };
        case.read_errors(place);
        case.read_access(place);
        case
    }

    fn read_errors(&mut self, place: &Where) {
        let paths = match &place.error_log {
            Some(path) => vec![path.clone()],
            None => self.error_logs(),
        };
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
            paths.extend(
                USUAL_LOGS
                    .iter()
                    .map(PathBuf::from)
                    .find(|path| path.exists()),
            );
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

/// The pid file, where the configuration does not say.
const USUAL_PID: &str = "logs/nginx.pid";

/// weir's threads stay at a reload, and its pid file is written again.
fn with_last_load(proxy: RunningProxy, configuration: Option<&Configuration>) -> RunningProxy {
    let Some(configuration) = configuration.filter(|_| proxy.name == "weir") else {
        return proxy;
    };
    let written = configuration
        .main("pid")
        .and_then(|directive| directive.args.first());
    let path = configuration.path_of(written.map_or(USUAL_PID, |path| path));
    let loaded = processes::changed(&path);
    RunningProxy {
        workers_started: loaded.max(proxy.started),
        ..proxy
    }
}

/// Which configuration it is about, and which process serves it.
fn conf_of(place: &Where, running: &[RunningProxy]) -> (Option<PathBuf>, Option<RunningProxy>) {
    let of = |proxy: &RunningProxy| {
        let conf = proxy.conf.clone().or_else(|| usual_of(proxy));
        let prefix = proxy.prefix.clone().unwrap_or_default();
        conf.map(|conf| prefix.join(conf))
    };
    match &place.conf {
        Some(conf) => {
            let conf = std::path::absolute(conf).unwrap_or_else(|_| conf.clone());
            let own = running
                .iter()
                .find(|proxy| of(proxy).is_some_and(|path| is_same(&path, &conf)));
            (Some(conf.clone()), own.cloned())
        }
        None => match running.first() {
            Some(proxy) => (of(proxy), Some(proxy.clone())),
            None if place.error_log.is_some() || place.access_log.is_some() => (None, None),
            None => (
                USUAL.iter().map(PathBuf::from).find(|path| path.exists()),
                None,
            ),
        },
    }
}

fn usual_of(proxy: &RunningProxy) -> Option<PathBuf> {
    let prefix = proxy
        .prefix
        .as_ref()
        .map(|prefix| prefix.join("conf/nginx.conf"));
    let usual = USUAL.iter().map(PathBuf::from);
    prefix.into_iter().chain(usual).find(|path| path.exists())
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other
        || one
            .canonicalize()
            .ok()
            .zip(other.canonicalize().ok())
            .is_some_and(|(one, other)| one == other)
}

/// The prefix of a configuration in a folder `conf`, as nginx's own build has it; else its folder.
fn prefix_of(conf: &Path) -> PathBuf {
    let folder = conf.parent().unwrap_or_else(|| Path::new("/"));
    match folder.file_name() {
        Some(name) if name == "conf" => folder.parent().unwrap_or(folder).to_owned(),
        _ => folder.to_owned(),
    }
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
