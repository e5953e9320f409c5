//! `-t` and `-T`.

use crate::site::{Site, weir};

/// Runs `-t` with `args` on a configuration; stderr must start with `expected`, and go on only with
/// what weir explains beyond nginx's lines.
fn check(conf: &str, args: &[&str], code: i32, expected: &str) {
    let site = Site::new();
    site.conf(conf);
    let output = site.run(&[&["-t"], args].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{conf}: {stderr}");
    let rest = stderr.strip_prefix(&site.fill(expected));
    let rest = rest.unwrap_or_else(|| panic!("{conf}: {stderr}"));
    assert!(
        rest.lines().all(|line| !line.starts_with("nginx:")),
        "{conf}: {rest}"
    );
}

const OK: &str = "nginx: the configuration file PREFIX/conf/nginx.conf syntax is ok\n";
const SUCCESS: &str = "nginx: configuration file PREFIX/conf/nginx.conf test is successful\n";
const FAILED: &str = "nginx: configuration file PREFIX/conf/nginx.conf test failed\n";

#[test]
fn a_good_file_is_told_in_two_lines_or_in_none() {
    let good = "events {} http { server { listen 127.0.0.1:PORT; } }";
    check(good, &[], 0, &[OK, SUCCESS].concat());
    let site = Site::new();
    site.conf(good);
    let quiet = site.run(&["-tq"]);
    assert!(quiet.status.success() && quiet.stderr.is_empty());
}

#[test]
fn a_directive_without_effect_is_listed_after_nginx_s_lines() {
    let conf = "worker_cpu_affinity auto;
        events { multi_accept on; }
        http { ssi off; tcp_nopush on; server { tcp_nopush on; listen 127.0.0.1:PORT; } }";
    let listed = "weir: accepted without effect:
  worker_cpu_affinity  the system places the threads (PREFIX/conf/nginx.conf:1)
  multi_accept         a worker accepts in turns of 16, between which it serves (PREFIX/conf/nginx.conf:2)
  ssi                  it is off anyway (PREFIX/conf/nginx.conf:3)
  tcp_nopush           head and beginning of a file are one write, so that packets are filled (PREFIX/conf/nginx.conf:3 and 1 more)
";
    check(conf, &[], 0, &[OK, SUCCESS, listed].concat());
    let site = Site::new();
    site.conf(conf);
    let quiet = site.run(&["-t", "-q"]);
    assert!(quiet.status.success() && quiet.stderr.is_empty());
}

#[test]
fn a_bad_file_is_told_in_nginx_s_words_first() {
    let first = |message: &str| format!("nginx: [emerg] {message}\n{FAILED}");
    check(
        "events {}\nfoo bar;",
        &[],
        1,
        &first("unknown directive \"foo\" in PREFIX/conf/nginx.conf:2"),
    );
    check(
        "events {}\nfoo bar;",
        &["-q"],
        1,
        &first("unknown directive \"foo\" in PREFIX/conf/nginx.conf:2"),
    );
    check("", &[], 1, &first("no \"events\" section in configuration"));
    check(
        "events {}",
        &["-g", "bar;"],
        1,
        &first("unknown directive \"bar\" in command line"),
    );
    check(
        "events {}",
        &["-c", "none.conf"],
        1,
        "nginx: [emerg] open() \"PREFIX/none.conf\" failed (2: No such file or directory)\n\
         nginx: configuration file PREFIX/none.conf test failed\n",
    );
}

#[test]
fn what_cannot_be_opened_fails_after_the_syntax_is_ok() {
    let failed = |message: &str| format!("{OK}nginx: [emerg] {message}\n{FAILED}");
    check(
        "pid none/x.pid; events {}",
        &[],
        1,
        &failed("open() \"PREFIX/none/x.pid\" failed (2: No such file or directory)"),
    );
    check(
        "error_log none/e.log; events {}",
        &[],
        1,
        &failed("open() \"PREFIX/none/e.log\" failed (2: No such file or directory)"),
    );
    check(
        "events {} http { server { listen unix:PREFIX/none/x.sock; } }",
        &[],
        1,
        &failed("bind() to unix:PREFIX/none/x.sock failed (2: No such file or directory)"),
    );
}

#[test]
fn a_file_of_the_working_folder_is_found_without_a_prefix() {
    let site = Site::new();
    let run = |conf: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("weir-test.conf"), site.fill(conf)).unwrap();
        let mut command = weir();
        let output = command
            .current_dir(&folder)
            .args(["-t", "-c", "weir-test.conf"])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        assert!(
            said.starts_with(
                "weir: no weir-test.conf in /usr/local/nginx/; all relative paths start in "
            ),
            "{said}"
        );
        folder.path().join("logs").is_dir()
    };
    assert!(run("events {} http { server { listen 127.0.0.1:PORT; } }"));
    let elsewhere = "pid PREFIX/pid; error_log stderr; events {}";
    assert!(!run(elsewhere), "a folder that nothing is written to");
}

#[test]
fn what_was_meant_follows_nginx_s_lines() {
    let explained = |conf: &str, parts: &[&str]| {
        let site = Site::new();
        site.conf(conf);
        let output = site.run(&["-t"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        for part in parts {
            assert!(said.contains(&site.fill(part)), "{said}");
        }
    };
    explained(
        "events {}\nhttp { upstream a {\n  server no-such-host.invalid:80;\n} }",
        &[
            "nginx: [emerg] host not found in upstream \"no-such-host.invalid:80\" in PREFIX/conf/nginx.conf:3\n",
            "error: host not found in upstream \"no-such-host.invalid:80\"\n --> PREFIX/conf/nginx.conf:3:10\n",
            "hint: names are looked up when the configuration is read",
        ],
    );
    explained(
        "error_log none/e.log; events {}",
        &["\nhint: there is no folder PREFIX/none; make it (mkdir -p PREFIX/none)"],
    );
    explained(
        "events {}\nhttp {\n  server {\n    listen PORT\n  }\n}",
        &[
            "nginx: [emerg] unexpected \"}\" in PREFIX/conf/nginx.conf:5\n",
            "= hint: is a `;` missing at the end of line 4?",
        ],
    );
}

#[test]
fn an_address_in_use_is_taken_for_the_running_weir_s() {
    let site = Site::new();
    site.serve("", "return 200;");
    let _taken = std::net::TcpListener::bind(("127.0.0.1", site.port)).unwrap();
    assert!(site.run(&["-t"]).status.success());
}

#[test]
fn a_dump_shows_each_file_once_in_nginx_s_form() {
    let site = Site::new();
    let main = "events {}\nhttp {\n    include more.conf;\n    include more.conf;\n}\n";
    let more = "# more\nproxy_set_header A b;\n";
    site.conf(main);
    std::fs::write(site.path("conf/more.conf"), more).unwrap();
    let output = site.run(&["-T", "-q"]);
    assert!(output.status.success() && output.stderr.is_empty());
    let head = |name: &str| site.fill(&format!("# configuration file PREFIX/conf/{name}:\n"));
    let expected = format!(
        "{}{main}\n{}{more}\n",
        head("nginx.conf"),
        head("more.conf")
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

#[test]
fn a_tree_is_one_line_of_json() {
    let site = Site::new();
    site.conf("events {}\nhttp { include more.conf; }\n");
    std::fs::write(site.path("conf/more.conf"), "if_modified_since off;").unwrap();
    let output = site.run(&["-T", "--json", "-q"]);
    assert!(output.status.success() && output.stderr.is_empty());
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["status"], "ok");
    assert_eq!(
        found["config"][0]["parsed"][1]["block"][0]["includes"][0],
        1
    );
    assert_eq!(
        found["config"][1]["parsed"][0]["directive"],
        "if_modified_since"
    );

    site.conf("events {}\nhttp { nonsense; }\n");
    let output = site.run(&["-T", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["errors"][0]["line"], 2);
}
