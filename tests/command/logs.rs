//! USR1, and lines at the end.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::sys::signal::Signal;
use nix::unistd::{User, geteuid};
use serde_json::Value;
use weir_log::record::ErrorLine;

use crate::backend::KeptAlive;
use crate::site::{Site, ask, eventually, lines, read_answer, read_to_end};

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

/// Owner, group and mode of a file.
fn owned(path: &Path) -> (u32, u32, u32) {
    let about = fs::metadata(path).unwrap();
    (about.uid(), about.gid(), about.mode() & 0o777)
}

/// What nginx's master does for its workers, who could not open the log again: root's files go to the
/// user with USR1, and not before. Who is not root owns them all.
#[test]
fn a_log_is_whose_weir_is_until_it_is_reopened_and_then_the_users() {
    let site = Site::new();
    site.serve("", "return 200 x;");
    let mut running = site.start();
    let (path, late) = (site.path("logs/access.log"), site.path("logs/late.log"));
    let (starter, group, _) = owned(&site.path("conf/nginx.conf"));
    let nobody = User::from_name("nobody").unwrap().unwrap().uid.as_raw();
    let user = if geteuid().is_root() { nobody } else { starter };
    assert_eq!(owned(&path), (starter, group, 0o644));
    site.serve("", "access_log logs/late.log; return 200 y;");
    running.reload();
    assert_eq!(owned(&late), (starter, group, 0o644));
    // The file that is reopened and the one that is made anew.
    fs::rename(&path, site.path("logs/access.log.1")).unwrap();
    running.signal(Signal::SIGUSR1);
    eventually(|| path.exists() && owned(&path).0 == user && owned(&late).0 == user);
    assert_eq!(owned(&path), (user, group, 0o644));
    assert_eq!(owned(&late), (user, group, 0o644));
    // As logrotate does it with `create 0440`; nginx sees to it that the owner may write.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
    running.signal(Signal::SIGUSR1);
    eventually(|| owned(&path).2 == 0o640);
    assert_eq!(owned(&path), (user, group, 0o640));
    assert_eq!(site.get("/"), "y");
    assert_eq!(lines(&late).len(), 1);
}

/// A reload opens the logs anew, as USR1 does; what ends under the old configuration follows to the
/// file that USR1 has made.
#[test]
fn a_reload_opens_a_moved_log_anew() {
    let site = Site::new();
    let backend = KeptAlive::answering(b"a");
    site.serve(
        "",
        &format!("location / {{ proxy_pass http://{}; }}", backend.address),
    );
    let mut running = site.start();
    let (path, moved) = (site.path("logs/access.log"), site.path("logs/access.log.1"));
    site.get("/before");
    let mut slow = site.connect();
    std::io::Write::write_all(
        &mut slow,
        b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n",
    )
    .unwrap();
    std::io::Write::write_all(&mut slow, b"Connection: close\r\n\r\n").unwrap();
    // It has begun once somebody who came later is answered.
    site.get("/before");
    fs::rename(&path, &moved).unwrap();
    running.reload();
    site.get("/after");
    assert_eq!((lines(&moved).len(), lines(&path).len()), (2, 1));
    fs::remove_file(&path).unwrap();
    running.signal(Signal::SIGUSR1);
    eventually(|| path.exists());
    site.get("/last");
    std::io::Write::write_all(&mut slow, b"x").unwrap();
    assert!(read_to_end(&mut slow).ends_with('a'));
    // The connection lingers until its client leaves.
    drop(slow);
    eventually(|| lines(&path).len() == 2);
    assert!(lines(&path)[1].contains("POST /slow "));
}

#[test]
fn every_log_is_opened_used_or_not_and_one_that_a_reload_has_removed_stays_away() {
    let site = Site::new();
    let conf = |unused: &str| {
        site.serve(
            "",
            &format!("}} access_log logs/{unused}.log; error_log logs/{unused}-errors.log;
            server {{ listen 127.0.0.1:PORT; server_name x; access_log logs/own.log; error_log stderr;
            return 200 x;"),
        );
    };
    let names = || {
        let mut names: Vec<_> = fs::read_dir(site.path("logs"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("unused"))
            .collect();
        names.sort();
        names
    };
    conf("unused-1");
    let mut running = site.start();
    assert_eq!(names(), ["unused-1-errors.log", "unused-1.log"]);
    // Its client keeps what the first configuration had open.
    let mut kept = site.connect();
    ask(&mut kept, "/", "keep-alive");
    read_answer(&mut kept);
    std::io::Write::write_all(&mut kept, b"GET / HTTP/1.1\r\n").unwrap();
    conf("unused-2");
    running.reload();
    for name in names() {
        fs::remove_file(site.path("logs").join(name)).unwrap();
    }
    running.signal(Signal::SIGUSR1);
    eventually(|| names().len() == 2);
    assert_eq!(names(), ["unused-2-errors.log", "unused-2.log"]);
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

/// A site whose error lines go to `logs/plain` and, as objects, to `logs/json`; `http` stands in the block of
/// that name.
fn with_both_logs(http: &str, server: &str) -> Site {
    let site = Site::new();
    site.conf(&format!(
        "daemon off;
        error_log stderr notice;
        events {{ worker_connections 64; }}
        http {{
            access_log off;
            error_log logs/plain info;
            error_log logs/json info json;
            {http}
            server {{ listen 127.0.0.1:PORT; server_name s; root none; {server} }}
        }}"
    ));
    site
}

/// The records of both logs, which are the same.
fn records(site: &Site) -> Vec<ErrorLine> {
    let [plain, json] = ["logs/plain", "logs/json"].map(|log| site.read(log));
    for line in json.lines() {
        let object: Value = serde_json::from_str(line).unwrap();
        assert!(object["time"].as_str().unwrap().contains('T'), "{line}");
        assert!(object["pid"].is_u64() && object["tid"].is_u64(), "{line}");
    }
    let records = ErrorLine::parse_all(&json);
    assert_eq!(records, ErrorLine::parse_all(&plain));
    records
}

#[test]
fn error_lines_are_objects_where_the_log_says_so() {
    let site = with_both_logs(
        "error_log_ctx id=$arg_id;",
        "location /inner { error_log_ctx \"$uri\"; }
        location /without { error_log_ctx off; }",
    );
    let running = site.start();
    for path in ["/a?id=%22", "/inner", "/without?id=1"] {
        site.get(path);
    }
    running.signal(Signal::SIGQUIT);
    assert!(running.ended().0.success());
    let records = records(&site);
    let told = |path: &str| {
        let asked = format!("GET {path} HTTP/1.1");
        let mut of_path = records
            .iter()
            .filter(|line| line.request.as_ref() == Some(&asked));
        of_path.next().unwrap().clone()
    };
    let line = told("/a?id=%22");
    assert!(line.message.ends_with("/none/a\" failed"), "{line}");
    assert_eq!(
        line.errno,
        Some((2, "No such file or directory".to_owned()))
    );
    assert_eq!(line.ctx.as_deref(), Some("id=%22"));
    assert_eq!(told("/inner").ctx.as_deref(), Some("/inner"));
    assert_eq!(told("/without?id=1").ctx, None);
}

#[test]
fn an_error_line_may_say_why_the_try_that_it_is_about_failed() {
    let site = with_both_logs(
        "error_log_ctx \"$upstream_failure at $upstream_failure_phase\";",
        "location /gone { proxy_pass http://unix:/nonexistent/app.sock; }",
    );
    let running = site.start();
    site.get("/gone");
    running.signal(Signal::SIGQUIT);
    assert!(running.ended().0.success());
    let told = records(&site);
    let line = told.iter().find(|line| line.message.contains("connect()"));
    assert_eq!(
        line.and_then(|line| line.ctx.as_deref()),
        Some("destination_not_found at connecting"),
        "{told:?}"
    );
}

#[test]
fn what_a_context_is_worth_to_the_log_has_none_itself() {
    let site = with_both_logs(
        "map $uri $first { ~^/(.)(.) \"$1-$2\"; } map $never $again { default $again; }",
        "error_log_ctx \"$first $never_set $again\";
        location /never { set $never_set x; set $never x; }
        location ~ ^/kept/(.*)$ { if ($other) { } return 200 $1; }
        location /other { set $other x; }",
    );
    let running = site.start();
    assert_eq!(site.get("/kept/groups"), "groups");
    running.signal(Signal::SIGQUIT);
    assert!(running.ended().0.success());
    let told: Vec<_> = records(&site)
        .into_iter()
        .map(|line| (line.message, line.ctx))
        .collect();
    let of = |text: &str| -> Vec<_> {
        told.iter()
            .filter(|(message, _)| message.contains(text))
            .collect()
    };
    assert_eq!(of("\"other\"")[0].1.as_deref(), Some("k-e  "));
    assert!(
        !of("\"never_set\"").is_empty() && !of("cycle").is_empty(),
        "{told:?}"
    );
    for (message, ctx) in [of("\"never_set\""), of("cycle")].concat() {
        assert_eq!(*ctx, None, "{message}");
    }
}
