//! Files, and texts that the configuration holds.

use std::process::Command;

use crate::rig::{Act, Answer, Conf, Rig, assert_seconds, run, timed};

/// A worker whose `/s/` are files: `f.txt`, a folder `dir`, a named pipe `fifo`.
fn site(server: &str) -> Rig {
    let rig = Rig::new(&Conf {
        server: &format!("location /s/ {{ root www; }} {server}"),
        ..Conf::default()
    });
    let folder = rig.folder().join("www/s");
    std::fs::create_dir_all(folder.join("dir")).expect("folders");
    std::fs::write(folder.join("f.txt"), "hello-file\n").expect("a file");
    let made = Command::new("mkfifo").arg(folder.join("fifo")).status();
    assert!(made.expect("mkfifo runs").success());
    rig
}

fn request(method: &str, path: &str, fields: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: h\r\n{fields}\r\n")
}

async fn get(rig: &Rig, path: &str) -> Answer {
    rig.ask(&request("GET", path, "")).await
}

#[test]
fn methods_decide_what_a_path_is_worth() {
    for (method, path, status) in [
        ("GET", "/s/f.txt", 200),
        ("GET", "/s/none", 404),
        ("GET", "/s/dir", 301),
        ("GET", "/s/dir/", 403),
        ("GET", "/s/fifo", 404),
        ("HEAD", "/s/f.txt", 200),
        ("POST", "/s/f.txt", 405),
        ("POST", "/s/none", 404),
        ("POST", "/s/dir", 301),
        ("POST", "/s/dir/", 403),
        ("POST", "/s/fifo", 404),
        ("PUT", "/s/f.txt", 405),
        ("PUT", "/s/none", 405),
        ("PUT", "/s/dir", 405),
        ("PUT", "/s/dir/", 405),
    ] {
        run(async {
            let rig = site("");
            let answer = rig.ask(&request(method, path, "")).await;
            assert_eq!(answer.status, status, "{method} {path}");
        });
    }
}

#[test]
fn a_named_pipe_is_no_file() {
    run(async {
        let rig = site("");
        assert_eq!(get(&rig, "/s/fifo").await.status, 404);
        let path = rig.folder().join("www/s/fifo");
        let line = format!("[crit] \"{}\" is not a regular file", path.display());
        assert_eq!(rig.errors().await, [line]);
    });
}

#[test]
fn an_alias_under_a_regular_expression_is_the_whole_path() {
    run(async {
        let rig = site("location ~ ^/r/(.*)$ { alias www/s/$1; }");
        assert_eq!(get(&rig, "/r/f.txt").await.text(), "hello-file\n");
    });
}

#[test]
fn an_error_page_has_no_arguments_but_its_own() {
    for (page, shown) in [("/t", "[]"), ("/t?b=2", "[b=2]")] {
        run(async {
            let rig = site(&format!(
                "location /e {{ error_page 403 =200 {page}; return 403; }}
                 location /t {{ return 200 [$args]; }}"
            ));
            assert_eq!(get(&rig, "/e?a=1").await.text(), shown);
        });
    }
}

#[test]
fn an_empty_text_leaves_an_error_its_own_page() {
    run(async {
        let rig = site("location /e { return 503 \"\"; } location /v { return 503 \"$arg_x\"; }");
        let page = get(&rig, "/e").await;
        assert!(page.text().contains("503 Service Temporarily Unavailable"));
        assert_eq!(get(&rig, "/v").await.text(), "");
    });
}

#[test]
fn connections_are_kept_where_no_location_has_its_say() {
    for (server, path) in [
        ("return 200 x;", "/"),
        ("location /in { internal; }", "/in"),
    ] {
        run(async {
            let rig = site(server);
            let mut client = rig.connect();
            for _ in 0..2 {
                client.send(request("GET", path, "")).await;
                let answer = client.answer().await;
                assert_eq!(answer.field("connection"), Some("keep-alive"));
                rig.settle().await;
            }
        });
    }
}

#[test]
fn an_internal_redirect_keeps_what_the_upstream_said_of_the_content() {
    for (target, media, length) in [
        ("/s/f.txt", "text/up", "11"),
        ("/t", "text/up", "1"),
        ("/s/none", "text/html", "153"),
    ] {
        run(async {
            let rig = site("location /t { return 200 t; }");
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Type: text/up\r\nX-Other: o\r\n\
                 Set-Cookie: a=b\r\nCache-Control: private\r\nX-Accel-Redirect: {target}\r\n\r\n"
            );
            rig.script(9001, &[Act::Send(head)]);
            let answer = rig.get().await;
            assert_eq!(answer.fields("content-type"), [media], "{target}");
            assert_eq!(answer.field("content-length"), Some(length));
            assert_eq!(answer.fields("set-cookie"), ["a=b"]);
            assert_eq!(answer.fields("cache-control"), ["private"]);
            assert_eq!(answer.field("x-other"), None);
        });
    }
}

#[test]
fn conditions_and_ranges_of_a_file() {
    for (fields, status, body, range) in [
        ("Range: bytes=1-3\r\n", 206, "ell", Some("bytes 1-3/11")),
        ("Range: bytes=50-\r\n", 416, "", Some("bytes */11")),
        ("Range: bytes=0-9,3-4\r\n", 200, "hello-file\n", None),
        (
            "Range: bytes=1-3\r\nIf-Range: \"x\"\r\n",
            200,
            "hello-file\n",
            None,
        ),
        ("If-Match: \"x\"\r\n", 412, "", None),
        ("If-Match: *\r\n", 200, "hello-file\n", None),
        (
            "If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT\r\n",
            412,
            "",
            None,
        ),
    ] {
        run(async {
            let rig = site("");
            let answer = rig.ask(&request("GET", "/s/f.txt", fields)).await;
            assert_eq!(answer.status, status, "{fields}");
            assert_eq!(answer.field("content-range"), range, "{fields}");
            if status < 300 {
                assert_eq!(answer.text(), body, "{fields}");
            }
        });
    }
}

#[test]
fn limit_rate_holds_for_files() {
    for (directive, seconds) in [
        ("", 0),
        ("limit_rate 20k;", 2),
        ("limit_rate 20k; limit_rate_after 20k;", 1),
    ] {
        run(async {
            let rig = site(directive);
            let body = "x".repeat(60_000);
            std::fs::write(rig.folder().join("www/s/large.txt"), &body).expect("a file");
            let (answer, took) = timed(get(&rig, "/s/large.txt")).await;
            assert_eq!(answer.text(), body);
            assert_seconds(took, seconds);
        });
    }
}
