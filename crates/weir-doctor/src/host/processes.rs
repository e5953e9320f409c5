//! The running proxy: its binary, its configuration, since when it runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::build::{self, Build};

/// A proxy that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningProxy {
    /// The master's process, or weir's only one.
    pub pid: u32,
    /// `nginx` or `weir`.
    pub name: String,
    /// The configuration file that its command line names.
    pub conf: Option<PathBuf>,
    /// The prefix that its command line names.
    pub prefix: Option<PathBuf>,
    /// Error logs that its command line names, by `-e` and in `-g`.
    pub error_logs: Vec<PathBuf>,
    /// How it was built, if it is nginx.
    pub build: Build,
    /// A worker's process, or weir's only one.
    pub worker: u32,
    /// When it began, in seconds of the epoch.
    pub started: Option<u64>,
    /// When its workers began: each reload begins new ones.
    pub workers_started: Option<u64>,
}

/// The proxies that this user may see, masters only.
pub fn running() -> Vec<RunningProxy> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut found: Vec<RunningProxy> = pids.filter_map(proxy).collect();
    found.sort_by_key(|proxy| proxy.pid);
    found
}

/// The process of this number, if it is a proxy's master.
pub fn proxy(pid: u32) -> Option<RunningProxy> {
    let folder = PathBuf::from(format!("/proc/{pid}"));
    let name = fs::read_to_string(folder.join("comm"))
        .ok()?
        .trim()
        .to_owned();
    if name != "nginx" && name != "weir" {
        return None;
    }
    let parent = stat(&folder, 1)?;
    let is_worker =
        fs::read_to_string(format!("/proc/{parent}/comm")).is_ok_and(|comm| comm.trim() == name);
    if is_worker {
        return None;
    }
    let command = fs::read(folder.join("cmdline")).unwrap_or_default();
    let words = words(&command);
    if is_command(&words) {
        return None;
    }
    // What is relative is so to where it was started; nginx stays there.
    let here = fs::read_link(folder.join("cwd")).unwrap_or_default();
    let prefix = option(&words, "-p").map(|prefix| here.join(prefix));
    let conf = option(&words, "-c").map(|conf| prefix.as_ref().unwrap_or(&here).join(conf));
    let base = prefix.clone().unwrap_or_else(|| here.clone());
    let workers = workers(pid, &name);
    let build = (name == "nginx").then(|| build::of(pid)).flatten();
    Some(RunningProxy {
        pid,
        conf,
        error_logs: error_logs(&words)
            .iter()
            .map(|log| base.join(log))
            .collect(),
        prefix,
        started: started(&folder),
        workers_started: workers.iter().filter_map(|(_, began)| *began).max(),
        worker: workers.last().map_or(pid, |(worker, _)| *worker),
        build: build.unwrap_or_default(),
        name,
    })
}

/// The words of a command line; nginx writes "nginx: master process " in front, and joins the words by spaces.
fn words(command: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(command);
    let text = text.strip_prefix("nginx: master process ").unwrap_or(&text);
    text.split(['\0', ' '])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether weir runs one of its own commands, as `weir doctor` is: a word without a dash.
fn is_command(words: &[String]) -> bool {
    words.get(1).is_some_and(|word| !word.starts_with('-'))
}

/// The files of `-e` and of an `error_log` in `-g`.
fn error_logs(words: &[String]) -> Vec<String> {
    let mut logs: Vec<String> = option(words, "-e").into_iter().collect();
    let globals = words.iter().position(|word| word.ends_with("error_log"));
    let file = globals.and_then(|at| words.get(at + 1));
    logs.extend(file.map(|file| file.trim_end_matches(';').to_owned()));
    logs.retain(|log| log != "stderr" && !log.starts_with("/dev/") && !log.starts_with("syslog:"));
    logs
}

fn option(words: &[String], letter: &str) -> Option<String> {
    let at = words.iter().position(|word| word.starts_with(letter))?;
    match words[at].strip_prefix(letter) {
        Some("") => words.get(at + 1).cloned(),
        joined => joined.map(str::to_owned),
    }
}

/// A number of /proc/PID/stat, counted from behind the name.
fn stat(folder: &Path, index: usize) -> Option<u64> {
    let text = fs::read_to_string(folder.join("stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace().nth(index)?.parse().ok()
}

/// When a process began, in seconds of the epoch.
fn started(folder: &Path) -> Option<u64> {
    const TICKS: u64 = 100;
    let ticks = stat(folder, 19)?;
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let boot = boot.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(boot.trim().parse::<u64>().ok()? + ticks / TICKS)
}

/// The children of this name, and when they began.
fn workers(pid: u32, name: &str) -> Vec<(u32, Option<u64>)> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    let own = children.split_whitespace().filter_map(|child| {
        let folder = PathBuf::from(format!("/proc/{child}"));
        let comm = fs::read_to_string(folder.join("comm")).ok()?;
        (comm.trim() == name).then(|| Some((child.parse().ok()?, started(&folder))))?
    });
    own.collect()
}

/// When a file was changed last, in seconds of the epoch.
pub fn changed(path: &Path) -> Option<u64> {
    let time = fs::metadata(path).ok()?.modified().ok()?;
    time.duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .as_ref()
        .map(Duration::as_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_in_either_form() {
        let words = words(b"nginx: master process /usr/sbin/nginx -p /srv/ -c/etc/x.conf");
        assert_eq!(option(&words, "-c").as_deref(), Some("/etc/x.conf"));
        assert_eq!(option(&words, "-p").as_deref(), Some("/srv/"));
        assert_eq!(option(&words, "-g"), None);
        assert!(!is_command(&words));
        let logs = super::words(b"nginx\0-e\0e.log\0-g\0daemon off; error_log logs/g.log info;");
        assert_eq!(error_logs(&logs), ["e.log", "logs/g.log"]);
        assert!(is_command(&super::words(b"weir\0doctor\0-c\0x.conf\0")));
    }

    #[test]
    fn this_process_began_in_this_century_and_is_no_proxy() {
        let own = started(Path::new("/proc/self")).unwrap_or(0);
        assert!(own > 1_000_000_000, "{own}");
        assert_eq!(proxy(std::process::id()), None);
    }
}
