//! USR1, and lines at the end.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;

use crate::site::{Site, ask, eventually, lines, read_answer};

#[test]
fn a_moved_log_is_opened_anew_and_no_line_is_lost() {
    let site = Site::new();
    for workers in [1, 3] {
        site.serve(&format!("worker_processes {workers};"), "return 200 x;");
        let running = site.start();
        let (path, moved) = (site.path("logs/access.log"), site.path("logs/access.log.1"));
        (0..20).for_each(|_| drop(site.get("/before")));
        fs::rename(&path, &moved).unwrap();
        running.signal(Signal::SIGUSR1);
        let mut between = 0;
        eventually(|| {
            site.get("/between");
            between += 1;
            path.exists()
        });
        (0..20).for_each(|_| drop(site.get("/after")));
        running.signal(Signal::SIGQUIT);
        assert!(running.ended().0.success());
        let (old, new) = (lines(&moved), lines(&path));
        let count =
            |lines: &[String], uri: &str| lines.iter().filter(|line| line.contains(uri)).count();
        assert_eq!(count(&old, "GET /before "), 20);
        assert_eq!(count(&new, "GET /after "), 20);
        assert_eq!(
            count(&old, "GET /between ") + count(&new, "GET /between "),
            between
        );
        fs::remove_file(&moved).unwrap();
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_line_is_in_the_file_before_its_connection_closes() {
    let site = Site::new();
    site.serve("", "return 200 x;");
    let _running = site.start();
    for request in 1..=200 {
        site.get("/");
        assert_eq!(lines(&site.path("logs/access.log")).len(), request);
    }
}

#[test]
fn a_line_is_in_the_file_before_the_next_request_is_read() {
    let site = Site::new();
    site.serve("", "return 200 x;");
    let _running = site.start();
    let mut client = site.connect();
    for request in 1..=500 {
        ask(&mut client, "/", "keep-alive");
        read_answer(&mut client);
        let lines = lines(&site.path("logs/access.log")).len();
        assert!(
            lines + 1 >= request,
            "{lines} lines after {request} requests"
        );
    }
}

/// A log that takes nothing is told at once, as of the request whose line is lost, and then not again
/// for a minute; whoever asks is served all the same.
#[test]
fn an_access_line_that_cannot_be_written_is_told_as_of_its_request() {
    let site = Site::new();
    let fifo = site.path("logs/fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    site.serve(
        "",
        "location / { access_log /dev/full; return 200 x; }
        location /fifo { access_log logs/fifo; return 200 x; }",
    );
    let reader = fs::OpenOptions::new().read(true).write(true).open(&fifo);
    let mut running = site.start();
    drop(reader);
    for path in ["/a", "/b", "/fifo", "/fifo"] {
        assert_eq!(site.get(path), "x");
    }
    for (path, log, words) in [
        ("/a", Path::new("/dev/full"), "28: No space left on device"),
        ("/fifo", &fifo, "32: Broken pipe"),
    ] {
        let log = log.display();
        running.expect(&format!(
            " write() to \"{log}\" failed ({words}) while logging request, client: 127.0.0.1, \
             server: , request: \"GET {path} HTTP/1.1\", host: \"test\""
        ));
    }
    running.signal(Signal::SIGQUIT);
    let (_, rest) = running.ended();
    assert!(!rest.contains("write()"), "{rest}");
}

#[test]
fn buffered_lines_that_cannot_be_written_are_told_at_the_end() {
    let site = Site::new();
    site.serve(
        "",
        "access_log /dev/full combined buffer=64k; return 200 x;",
    );
    let mut running = site.start();
    site.get("/");
    running.signal(Signal::SIGQUIT);
    running.expect(": write() to \"/dev/full\" failed (28: No space left on device)");
}

#[test]
fn buffered_lines_are_written_at_the_end() {
    let site = Site::new();
    site.serve(
        "",
        "access_log logs/buffered.log combined buffer=64k; return 200 x;",
    );
    let running = site.start();
    (0..7).for_each(|_| drop(site.get("/")));
    running.signal(Signal::SIGTERM);
    assert!(running.ended().0.success());
    assert_eq!(lines(&site.path("logs/buffered.log")).len(), 7);
}

#[test]
fn stderr_goes_into_the_error_log_once_weir_serves() {
    let site = Site::new();
    site.conf(
        "daemon off; pid logs/x.pid; events {}
        http { access_log off; server { listen 127.0.0.1:PORT; return 200 x; } }",
    );
    let mut command = site.command(&[]);
    let mut child = command
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut rest = String::new();
    // The pipe's other end is closed although the process lives.
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut rest).unwrap();
    assert_eq!(rest, "");
    assert_eq!(site.get("/"), "x");
    assert!(site.run(&["-s", "stop"]).status.success());
    assert!(child.wait().unwrap().success());
}
