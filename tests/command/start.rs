//! Starting: pid file, sockets, daemon, addresses in use.

use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use nix::sys::signal::Signal;

use crate::site::{Site, ask, eventually, read_to_end};

#[test]
fn the_pid_file_and_unix_sockets_live_as_long_as_the_process() {
    let site = Site::new();
    site.serve(
        "pid logs/x.pid;",
        &site.fill("listen unix:PREFIX/x.sock; return 200 here;"),
    );
    let running = site.start();
    assert_eq!(site.read("logs/x.pid"), format!("{}\n", running.pid()));
    let about = std::fs::metadata(site.path("x.sock")).unwrap();
    assert!(about.file_type().is_socket());
    assert_eq!(about.permissions().mode() & 0o777, 0o666);
    let mut stream = UnixStream::connect(site.path("x.sock")).unwrap();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("\r\n\r\nhere"), "{answer}");
    running.signal(Signal::SIGQUIT);
    let (status, log) = running.ended();
    assert!(status.success());
    assert!(
        log.contains("(SIGQUIT) received from") && log.contains("exit\n"),
        "{log}"
    );
    assert!(!site.path("logs/x.pid").exists() && !site.path("x.sock").exists());
}

#[test]
fn an_address_in_use_is_told_five_times_and_ends_the_start() {
    let site = Site::new();
    // Once: a process that another test starts just then holds a closed listener a moment longer.
    let _taken = TcpListener::bind(("127.0.0.1", site.port)).unwrap();
    for workers in [1, 2] {
        site.serve(
            &format!("worker_processes {workers}; pid logs/x.pid;"),
            "return 200;",
        );
        let output = site.run(&[]);
        assert_eq!(output.status.code(), Some(1));
        let line = "nginx: [emerg] bind() to 127.0.0.1:PORT failed (98: Address already in use)\n";
        let expected = format!("{}nginx: [emerg] still could not bind()\n", line.repeat(5));
        let said = String::from_utf8_lossy(&output.stderr);
        let cure = said.strip_prefix(site.fill(&expected).as_str());
        assert!(
            cure.is_some_and(|cure| cure.starts_with("\nhint: something listens there already")),
            "{said}"
        );
        assert!(
            !site.path("logs/x.pid").exists(),
            "the pid file tells of a service"
        );
    }
}

#[test]
fn a_start_that_fails_leaves_no_unix_socket_behind() {
    let site = Site::new();
    let check = |main: &str, listen: &str| {
        site.serve(
            main,
            &site.fill(&format!("listen unix:PREFIX/x.sock; {listen}")),
        );
        assert_eq!(site.run(&[]).status.code(), Some(1));
        assert!(!site.path("x.sock").exists(), "{main} {listen}");
    };
    check("", "listen unix:PREFIX/none/y.sock;");
    check("pid none/x.pid;", "");
}

#[test]
fn a_second_weir_does_not_share_the_port_of_the_first() {
    let (site, other) = (Site::new(), Site::new());
    site.serve("worker_processes 2;", "return 200 first;");
    let _running = site.start();
    other.conf(&site.read("conf/nginx.conf"));
    let output = other.run(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(site.get("/"), "first");
}

#[test]
fn a_wildcard_socket_serves_the_other_addresses_of_its_port() {
    let site = Site::new();
    site.conf(
        "daemon off; error_log stderr notice; events {}
        http {
            access_log off;
            server { listen 127.0.0.1:PORT; return 200 named; }
            server { listen *:PORT; return 200 any; }
        }",
    );
    let _running = site.start();
    assert_eq!(site.get("/"), "named");
    let mut stream = TcpStream::connect(("127.0.0.2", site.port)).unwrap();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    assert!(read_to_end(&mut stream).ends_with("any"));
}

/// Whoever has connected and asked before the worker's turn comes is answered, however many they
/// are: a worker looks for events in the middle of taking them in.
#[test]
fn a_burst_of_clients_is_answered() {
    let site = Site::new();
    site.conf(
        "daemon off; worker_processes 1; error_log stderr notice;
        events { worker_connections 1024; }
        http { access_log off; server { listen 127.0.0.1:PORT; return 200 here; } }",
    );
    let running = site.start();
    for _ in 0..5 {
        running.signal(Signal::SIGSTOP);
        let mut clients: Vec<_> = (0..400).map(|_| site.connect()).collect();
        for client in &mut clients {
            ask(client, "/", "close");
        }
        running.signal(Signal::SIGCONT);
        for client in &mut clients {
            assert!(read_to_end(client).ends_with("here"));
        }
    }
}

#[test]
fn a_daemon_leaves_its_starter_and_obeys_s() {
    let site = Site::new();
    site.serve("pid logs/x.pid;", "return 200 daemon;");
    let conf = site
        .read("conf/nginx.conf")
        .replace("daemon off;", "daemon on;");
    site.conf(&conf);
    let mut starter = site
        .command(&["-e", "stderr"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(starter.stderr.take().unwrap());
    assert!(starter.wait().unwrap().success());
    // Listened before the starter ended, answered once the pid file is there.
    assert_eq!(site.get("/"), "daemon");
    let pid: u32 = site.read("logs/x.pid").trim().parse().unwrap();
    assert_ne!(pid, starter.id());
    assert!(site.run(&["-s", "quit"]).status.success());
    let mut rest = String::new();
    // The daemon holds the other end until it is gone.
    log.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("gracefully shutting down"), "{rest}");
    assert!(!site.path("logs/x.pid").exists());
}

/// The value of a field in one of the kernel's status files.
fn status(path: &str, field: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.unwrap()
        .trim_start_matches(':')
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned()
}

#[test]
fn without_a_master_process_one_worker_serves_as_who_started_it() {
    let site = Site::new();
    site.serve(
        "master_process off; worker_processes 3; error_log logs/e.log notice;",
        "return 200 x;",
    );
    let mut child = site.command(&[]).spawn().unwrap();
    eventually(|| TcpStream::connect(("127.0.0.1", site.port)).is_ok());
    assert_eq!(site.get("/"), "x");
    let process = format!("/proc/{}", child.id());
    let workers = std::fs::read_dir(format!("{process}/task"))
        .unwrap()
        .filter(|task| {
            let name = task.as_ref().unwrap().path().join("comm");
            std::fs::read_to_string(name).unwrap().starts_with("worker")
        });
    assert_eq!(workers.count(), 1);
    let starter = nix::unistd::geteuid().to_string();
    assert_eq!(status(&format!("{process}/status"), "Uid"), starter);
    assert!(site.run(&["-s", "quit"]).status.success());
    assert!(child.wait().unwrap().success());
}

#[test]
fn root_becomes_the_user_and_workers_keep_no_right() {
    let site = Site::new();
    let main = "pid logs/x.pid; user nobody;";
    // A group of the user's name is not everywhere.
    let main = if nix::unistd::Group::from_name("nobody").unwrap().is_some() {
        main.to_owned()
    } else {
        main.replace("nobody", "nobody nogroup")
    };
    site.serve(&main, "return 200 x;");
    let running = site.start();
    assert_eq!(site.get("/"), "x");
    let process = format!("/proc/{}", running.pid());
    let root = nix::unistd::geteuid().is_root();
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap().uid;
    let expected = if root { nobody } else { nix::unistd::geteuid() };
    assert_eq!(
        status(&format!("{process}/status"), "Uid"),
        expected.to_string()
    );
    for task in std::fs::read_dir(format!("{process}/task")).unwrap() {
        let task = task.unwrap().path().display().to_string();
        if std::fs::read_to_string(format!("{task}/comm"))
            .unwrap()
            .starts_with("worker")
        {
            assert_eq!(
                status(&format!("{task}/status"), "CapEff"),
                "0000000000000000"
            );
        }
    }
    // The folder is root's alone.
    std::fs::rename(site.path("logs/access.log"), site.path("logs/old.log")).unwrap();
    running.signal(Signal::SIGUSR1);
    eventually(|| {
        site.get("/");
        site.path("logs/access.log").exists()
    });
    running.signal(Signal::SIGQUIT);
    assert!(running.ended().0.success());
    assert!(!site.path("logs/x.pid").exists());
}
