//! HUP.

use std::net::TcpStream;

use nix::sys::signal::Signal;

use crate::backend::KeptAlive;
use crate::site::{Site, ask, eventually, read_answer, read_to_end};

#[test]
fn another_configuration_answers_on_the_same_port() {
    let site = Site::new();
    site.serve("", "return 200 one;");
    let running = site.start();
    assert_eq!(site.get("/"), "one");
    site.serve("", "return 200 two;");
    running.signal(Signal::SIGHUP);
    running.answers("/", "two");
    site.serve("", "return 200 three;");
    assert!(site.run(&["-s", "reload"]).status.success());
    running.answers("/", "three");
}

#[test]
fn a_broken_configuration_changes_nothing_and_is_told_in_the_log() {
    let site = Site::new();
    let check = |main: &str, server: &str, words: &str| {
        site.serve("", "return 200 old;");
        let mut running = site.start();
        site.serve(main, server);
        running.signal(Signal::SIGHUP);
        running.expect(&site.fill(words));
        assert_eq!(site.get("/"), "old");
        site.serve("", "return 200 new;");
        running.signal(Signal::SIGHUP);
        running.answers("/", "new");
    };
    check(
        "",
        "retrun 200 new;",
        "unknown directive \"retrun\" in PREFIX/conf/nginx.conf:",
    );
    check(
        "",
        "error_log none/e.log;",
        "open() \"PREFIX/none/e.log\" failed (2: No such file or directory)",
    );
    check(
        "",
        "proxy_pass http://x;",
        "\"proxy_pass\" directive is not allowed here",
    );
    check(
        "",
        "location / { proxy_pass http://nowhere.invalid; }",
        "host not found in upstream \"nowhere.invalid\"",
    );
    check(
        "",
        "listen 192.0.2.1:PORT;",
        "bind() to 192.0.2.1:PORT failed (99: ",
    );
}

#[test]
fn an_address_that_goes_is_closed_and_one_that_comes_is_opened() {
    let site = Site::new();
    let other = Site::new();
    site.serve("", "return 200 one;");
    let running = site.start();
    site.conf(
        &site
            .read("conf/nginx.conf")
            .replace(&site.port.to_string(), &other.port.to_string()),
    );
    running.signal(Signal::SIGHUP);
    eventually(|| TcpStream::connect(("127.0.0.1", site.port)).is_err());
    assert_eq!(other.get("/"), "one");
}

#[test]
fn workers_come_and_go_without_a_refused_connection() {
    let site = Site::new();
    site.serve("worker_processes 1;", "return 200 1;");
    let running = site.start();
    for workers in ["3", "1", "4", "2"] {
        site.serve(
            &format!("worker_processes {workers};"),
            &format!("return 200 {workers};"),
        );
        running.signal(Signal::SIGHUP);
        running.answers("/", workers);
        for _ in 0..50 {
            assert_eq!(site.get("/").len(), 1);
        }
    }
}

#[test]
fn a_connection_under_way_survives() {
    let site = Site::new();
    site.serve("", "return 200 one;");
    let running = site.start();
    let mut stream = site.connect();
    std::io::Write::write_all(&mut stream, b"GET / HTTP/1.1\r\n").unwrap();
    site.serve("worker_processes 3;", "return 200 two;");
    running.signal(Signal::SIGHUP);
    running.answers("/", "two");
    std::io::Write::write_all(&mut stream, b"Host: x\r\nConnection: close\r\n\r\n").unwrap();
    let answer = read_to_end(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mut next = site.connect();
    ask(&mut next, "/", "close");
    assert!(read_to_end(&mut next).ends_with("two"));
}

/// Servers on 127.0.0.1, in this order, each answering with its text.
fn servers(servers: &[(u16, &str)]) -> String {
    let blocks: String = servers
        .iter()
        .map(|(port, text)| format!("server {{ listen 127.0.0.1:{port}; return 200 {text}; }}\n"))
        .collect();
    format!(
        "daemon off; error_log stderr notice; events {{ worker_connections 64; }}
        http {{ access_log off; {blocks} }}"
    )
}

#[test]
fn a_kept_connection_goes_over_whatever_becomes_of_other_listens() {
    let (site, other) = (Site::new(), Site::new());
    let (here, there) = (site.port, other.port);
    let check = |before: &[(u16, &str)], after: &[(u16, &str)], expected: &str| {
        site.conf(&servers(before));
        let mut running = site.start();
        let mut kept = site.connect();
        ask(&mut kept, "/", "keep-alive");
        assert!(read_answer(&mut kept).ends_with("old"));
        site.conf(&servers(after));
        running.reload();
        ask(&mut kept, "/", "keep-alive");
        let answer = read_answer(&mut kept);
        assert!(answer.ends_with(expected), "{before:?} {after:?}: {answer}");
        assert!(!answer.contains("Connection: close"), "{answer}");
    };
    check(&[(there, "x"), (here, "old")], &[(here, "fewer")], "fewer");
    check(&[(here, "old")], &[(there, "x"), (here, "more")], "more");
    check(
        &[(there, "x"), (here, "old")],
        &[(here, "turned"), (there, "x")],
        "turned",
    );
}

#[test]
fn a_kept_connection_belongs_to_its_own_address_before_the_wildcard() {
    let site = Site::new();
    let any = "server { listen *:PORT; return 200 any; }";
    let own = "server { listen 127.0.0.1:PORT; return 200 own; }";
    let conf = |servers: &[&str]| {
        let servers = servers.concat();
        site.conf(&format!(
            "daemon off; error_log stderr notice; events {{}} http {{ access_log off; {servers} }}"
        ));
    };
    conf(&[any]);
    let mut running = site.start();
    let mut kept = site.connect();
    for (servers, text) in [(&[any][..], "any"), (&[own, any], "own"), (&[any], "any")] {
        conf(servers);
        running.reload();
        ask(&mut kept, "/", "keep-alive");
        let answer = read_answer(&mut kept);
        assert!(answer.ends_with(text), "{servers:?}: {answer}");
    }
}

#[test]
fn of_an_address_that_goes_idle_connections_close_and_the_others_after_their_answer() {
    let (site, other) = (Site::new(), Site::new());
    site.conf(&servers(&[(site.port, "old"), (other.port, "stays")]));
    let mut running = site.start();
    let [mut idle, mut busy, mut fresh] = [(); 3].map(|()| site.connect());
    ask(&mut idle, "/", "keep-alive");
    read_answer(&mut idle);
    std::io::Write::write_all(&mut busy, b"GET / HTTP/1.1\r\n").unwrap();
    // The worker has met all of them once it has answered somebody who came later.
    other.get("/");
    site.conf(&servers(&[(other.port, "new")]));
    running.reload();
    assert_eq!(read_to_end(&mut idle), "");
    std::io::Write::write_all(&mut busy, b"Host: x\r\n\r\n").unwrap();
    let last = |stream: &mut TcpStream| {
        let answer = read_to_end(stream);
        assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
        assert!(answer.ends_with("old"), "{answer}");
    };
    last(&mut busy);
    // As in nginx, whoever has sent nothing yet is still expected to.
    ask(&mut fresh, "/", "keep-alive");
    last(&mut fresh);
}

#[test]
fn workers_that_a_reload_retires_leave_no_descriptor_behind() {
    let site = Site::new();
    let backend = KeptAlive::answering(b"a");
    let conf = |workers: u8| {
        site.serve(
            &format!("worker_processes {workers};"),
            &format!(
                "location / {{ proxy_pass http://u; proxy_http_version 1.1;
                 proxy_set_header Connection ''; }} }}
                 upstream u {{ server {}; keepalive 8;",
                backend.address
            ),
        );
    };
    conf(3);
    let mut running = site.start();
    let mut round = |site: &Site| {
        for workers in [1, 3] {
            conf(workers);
            running.reload();
            for _ in 0..12 {
                assert_eq!(site.get("/"), "a");
            }
        }
        running.open_files()
    };
    // Each of three workers keeps at most 8 connections to the backend, and what goes with them.
    let few = round(&site) + 3 * 8;
    for _ in 0..8 {
        round(&site);
    }
    eventually(|| running.open_files() <= few && backend.open() <= 3 * 8);
}
