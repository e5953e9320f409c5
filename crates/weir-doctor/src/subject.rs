//! Which proxy it is about: its configuration, and the process that serves it.

use std::path::{Path, PathBuf};

use crate::case::Where;
use crate::configuration::Configuration;
use crate::host::namespaces;
use crate::host::processes::{self, RunningProxy};
use crate::host::sockets;

/// Where nginx is looked for if nothing is named and nothing runs.
const USUAL: [&str; 3] = [
    "/etc/nginx/nginx.conf",
    "/usr/local/nginx/conf/nginx.conf",
    "/usr/local/etc/nginx/nginx.conf",
];

/// What is there to be looked at: a configuration, and the process that serves it.
#[derive(Debug)]
pub struct Subject {
    /// The configuration file.
    pub(crate) conf: Option<PathBuf>,
    /// The process.
    pub(crate) proxy: Option<RunningProxy>,
    /// Other proxies that run here.
    pub(crate) others: Vec<RunningProxy>,
}

impl Subject {
    /// Finds it; what runs comes before what is only there.
    pub fn find(place: &Where) -> Self {
        let running = match place.offline {
            true => Vec::new(),
            false => processes::running(),
        };
        let (conf, proxy) = conf_of(place, &running);
        let is_other = |one: &RunningProxy| proxy.as_ref().is_none_or(|proxy| proxy.pid != one.pid);
        Self {
            others: running.into_iter().filter(is_other).collect(),
            conf,
            proxy,
        }
    }
}

/// The pid file, where the configuration does not say.
const USUAL_PID: &str = "logs/nginx.pid";

/// weir's threads stay at a reload, and its pid file is written again.
pub(crate) fn with_last_load(
    proxy: RunningProxy,
    configuration: Option<&Configuration>,
) -> RunningProxy {
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
            let mut own: Vec<&RunningProxy> = running
                .iter()
                .filter(|proxy| of(proxy).is_some_and(|path| is_same(&path, &conf)))
                .collect();
            // A container's file may have the same name.
            own.sort_by_key(|proxy| namespaces::others(proxy.pid).len());
            let own = own.first().copied();
            (Some(conf.clone()), own.cloned())
        }
        None => match meant(place, running) {
            Some(proxy) => (of(proxy), Some(proxy.clone())),
            None if place.error_log.is_some() || place.access_log.is_some() => (None, None),
            None => (
                USUAL.iter().map(PathBuf::from).find(|path| path.exists()),
                None,
            ),
        },
    }
}

/// Of several that run the one that listens on the URL's port, if there is a URL; else the first.
fn meant<'a>(place: &Where, running: &'a [RunningProxy]) -> Option<&'a RunningProxy> {
    let listens = |proxy: &&RunningProxy, port: u16| {
        let own = sockets::owned(proxy.pid);
        let all = sockets::tcp(&proxy.pid.to_string());
        sockets::listening(&all)
            .any(|socket| socket.local.port() == port && own.contains(&socket.inode))
    };
    let by_port = place
        .url
        .as_ref()
        .and_then(|url| running.iter().find(|proxy| listens(proxy, url.port)));
    by_port.or_else(|| running.first())
}

/// Where it was built to look, or where nginx usually does; seen through the process's own root.
fn usual_of(proxy: &RunningProxy) -> Option<PathBuf> {
    let prefix = proxy
        .prefix
        .as_ref()
        .map(|prefix| prefix.join("conf/nginx.conf"));
    let built = proxy.build.conf.clone();
    let usual = USUAL.iter().map(PathBuf::from);
    let root = PathBuf::from(format!("/proc/{}/root", proxy.pid));
    let is_there = |path: &PathBuf| {
        let inside = path.strip_prefix("/").map(|path| root.join(path));
        inside.is_ok_and(|path| path.exists()) || path.exists()
    };
    prefix.into_iter().chain(built).chain(usual).find(is_there)
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
pub(crate) fn prefix_of(conf: &Path) -> PathBuf {
    let folder = conf.parent().unwrap_or_else(|| Path::new("/"));
    match folder.file_name() {
        Some(name) if name == "conf" => folder.parent().unwrap_or(folder).to_owned(),
        _ => folder.to_owned(),
    }
}
