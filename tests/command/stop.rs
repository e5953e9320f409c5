//! QUIT and TERM.

use std::io::{Read, Write};
use std::net::TcpStream;

use nix::sys::signal::Signal;

use crate::backend::Backend;
use crate::site::{Running, Site, ask, eventually, read_answer, read_to_end};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlater";

fn start_slow<'a>(
    site: &'a Site,
    main: &str,
    backend: &Backend,
) -> (Running<'a>, TcpStream, TcpStream) {
    site.serve(main, &backend.location());
    let running = site.start();
    let mut client = site.connect();
    ask(&mut client, "/", "close");
    let upstream = backend.asked();
    (running, client, upstream)
}

#[test]
fn quit_answers_what_is_under_way_and_nothing_else() {
    let (site, backend) = (Site::new(), Backend::new());
    let (mut running, mut client, mut upstream) = start_slow(&site, "", &backend);
    let mut idle = site.connect();
    ask(&mut idle, "/", "keep-alive");
    backend.asked().write_all(ANSWER).unwrap();
    let mut answer = [0; 512];
    let read = idle.read(&mut answer).unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200"));
    running.signal(Signal::SIGQUIT);
    running.expect("gracefully shutting down");
    // What the first read left of the answer, then FIN.
    read_to_end(&mut idle);
    eventually(|| TcpStream::connect(("127.0.0.1", site.port)).is_err());
    upstream.write_all(ANSWER).unwrap();
    assert!(read_to_end(&mut client).ends_with("later"));
    let (status, log) = running.ended();
    assert!(status.success() && log.contains("exiting"), "{log}");
    assert_eq!(site.read("logs/access.log").lines().count(), 2);
}

#[test]
fn quit_still_expects_a_request_of_who_has_sent_none() {
    let site = Site::new();
    site.serve("", "return 200 x;");
    let mut running = site.start();
    let (mut fresh, mut kept) = (site.connect(), site.connect());
    // The worker has met both once it has answered the second.
    ask(&mut kept, "/", "keep-alive");
    read_answer(&mut kept);
    running.signal(Signal::SIGQUIT);
    running.expect("gracefully shutting down");
    assert_eq!(read_to_end(&mut kept), "");
    ask(&mut fresh, "/", "keep-alive");
    let answer = read_to_end(&mut fresh);
    assert!(
        answer.contains("\r\nConnection: close\r\n") && answer.ends_with('x'),
        "{answer}"
    );
    assert!(running.ended().0.success());
}

#[test]
fn worker_shutdown_timeout_bounds_a_quit() {
    let (site, backend) = (Site::new(), Backend::new());
    let (running, mut client, _upstream) =
        start_slow(&site, "worker_shutdown_timeout 50ms;", &backend);
    running.signal(Signal::SIGQUIT);
    assert!(running.ended().0.success());
    // Whether it got a page or a reset, it did not get the answer.
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest);
    assert!(!rest.ends_with(b"later"));
}

#[test]
fn term_waits_for_nobody_even_after_quit() {
    for signals in [
        &[Signal::SIGTERM][..],
        &[Signal::SIGINT],
        &[Signal::SIGQUIT, Signal::SIGTERM],
    ] {
        let (site, backend) = (Site::new(), Backend::new());
        let (running, _client, _upstream) = start_slow(&site, "pid logs/x.pid;", &backend);
        signals.iter().for_each(|signal| running.signal(*signal));
        assert!(running.ended().0.success());
        assert!(!site.path("logs/x.pid").exists());
    }
}
