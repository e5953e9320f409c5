//! WINCH and USR2.

use std::io::{BufRead, BufReader, Read};
use std::process::{ChildStderr, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::site::{Site, ask, read_to_end};

/// Reads the log up to a line with `words`.
fn expect(log: &mut BufReader<ChildStderr>, words: &str) {
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "no {words:?}");
    }
}

#[test]
fn winch_ends_a_daemons_workers_and_hup_brings_them_back() {
    let site = Site::new();
    site.serve("pid logs/x.pid; worker_processes 2;", "return 200 here;");
    let conf = site.read("conf/nginx.conf");
    site.conf(&conf.replace("daemon off;", "daemon on;"));
    let mut command = site.command(&["-e", "stderr"]);
    let mut starter = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(starter.stderr.take().unwrap());
    assert!(starter.wait().unwrap().success());
    expect(&mut log, "start worker processes");
    assert_eq!(site.get("/"), "here");
    let pid: i32 = site.read("logs/x.pid").trim().parse().unwrap();
    let signal = |signal| kill(Pid::from_raw(pid), signal).unwrap();
    signal(Signal::SIGWINCH);
    let own = std::process::id();
    let line = format!("signal 28 (SIGWINCH) received from {own}, stop accepting connections");
    expect(&mut log, &line);
    expect(&mut log, "exiting");
    expect(&mut log, "exiting");
    // The socket still listens; nobody accepts from it until there are workers.
    let mut early = site.connect();
    ask(&mut early, "/", "close");
    signal(Signal::SIGHUP);
    expect(&mut log, "reconfigured");
    assert!(read_to_end(&mut early).ends_with("here"));
    assert_eq!(site.get("/"), "here");
    signal(Signal::SIGWINCH);
    expect(&mut log, "exiting");
    signal(Signal::SIGQUIT);
    let mut rest = String::new();
    // The daemon holds the other end until it is gone.
    log.read_to_string(&mut rest).unwrap();
    assert!(!site.path("logs/x.pid").exists(), "{rest}");
}

#[test]
fn in_a_terminal_winch_says_that_the_window_has_changed() {
    let site = Site::new();
    site.serve("", "return 200 here;");
    let mut running = site.start();
    running.signal(Signal::SIGWINCH);
    running.expect("signal 28 (SIGWINCH) received from ");
    assert_eq!(site.get("/"), "here");
}

#[test]
fn usr2_changes_nothing_and_says_so() {
    let site = Site::new();
    site.serve("", "return 200 here;");
    let mut running = site.start();
    running.signal(Signal::SIGUSR2);
    let line = format!(
        "[notice] {0}#{0}: signal 12 (SIGUSR2) received from {1}, ignoring",
        running.pid(),
        std::process::id()
    );
    running.expect(&line);
    running.expect("[error] ");
    assert_eq!(site.get("/"), "here");
}
