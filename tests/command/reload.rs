//! HUP.

use nix::sys::signal::Signal;

use crate::site::{Site, ask, eventually};

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
    eventually(|| std::net::TcpStream::connect(("127.0.0.1", site.port)).is_err());
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
    let answer = crate::site::read_to_end(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mut next = site.connect();
    ask(&mut next, "/", "close");
    assert!(crate::site::read_to_end(&mut next).ends_with("two"));
}
