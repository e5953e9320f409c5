//! What the command line itself answers.

use crate::site::{Site, weir};

#[test]
fn texts_and_exit_codes_are_nginx_s() {
    let check = |args: &[&str], code: i32, start: &str| {
        let output = weir().args(args).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
        assert!(stderr.starts_with(start), "{args:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{args:?}");
    };
    check(&["-v"], 0, "nginx version: nginx/1.31.5\n");
    check(
        &["-h"],
        0,
        "nginx version: nginx/1.31.5\nUsage: weir [-?hvVtTq] [-s signal]",
    );
    check(&["-?"], 0, "nginx version: nginx/1.31.5\nUsage: ");
    check(
        &["-V"],
        0,
        concat!(
            "nginx version: nginx/1.31.5 (weir/",
            env!("CARGO_PKG_VERSION"),
            ")\n"
        ),
    );
    check(
        &["-x"],
        1,
        "nginx: invalid option: \"x\"\nweir: \"weir --help\" shows",
    );
    check(
        &["reload"],
        1,
        "nginx: invalid option: \"reload\"\nweir: did you mean \"weir -s reload\"?",
    );
    check(
        &["-s", "hup"],
        1,
        "nginx: invalid option: \"-s hup\"\nweir: did you mean \"weir -s reload\"?",
    );
    check(&["-c"], 1, "nginx: option \"-c\" requires file name\n");
}

#[test]
fn what_weir_cannot_do_it_does_not_claim() {
    let output = weir().arg("-V").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("\nTLS SNI support enabled\nconfigure arguments: --prefix="),
        "{said}"
    );
    assert!(said.contains("--with-http_ssl_module"), "{said}");
    assert!(said.contains("--with-http_v2_module"), "{said}");
    assert!(!said.contains("--with-http_v3"), "{said}");
}

#[test]
fn help_is_an_answer_not_a_fault() {
    for word in ["help", "--help"] {
        let output = weir().arg(word).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{word}"
        );
        for part in ["weir demo", "weir -t -c FILE", "weir lab", "-p prefix"] {
            assert!(said.contains(part), "{word}: {said}");
        }
    }
    let output = weir().arg("--version").output().unwrap();
    assert!(output.status.success() && output.stdout.starts_with(b"weir "));
}

#[test]
fn a_command_line_without_a_configuration_is_told_how_to_name_one() {
    let check = |args: &[&str], hint: &str| {
        let output = weir().args(args).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(
            said.contains(&format!("\nhint: {hint}")),
            "{args:?}: {said}"
        );
        assert_eq!(said.matches("[emerg]").count(), 1, "{args:?}: {said}");
    };
    check(&["-e", "stderr"], "\"weir -c FILE\" runs a configuration");
    check(
        &["-e", "stderr", "-c", "weir-has-none.conf"],
        "a relative -c is looked for in /usr/local/nginx/",
    );
    check(
        &["-p", "/none", "-c", "x.conf"],
        "a relative -c is looked for in /none",
    );
}

#[test]
fn a_signal_needs_a_pid_file_with_a_number() {
    let site = Site::new();
    site.conf("pid logs/x.pid; events {}");
    let check = |pid: Option<&str>, expected: &str| {
        if let Some(pid) = pid {
            std::fs::write(site.path("logs/x.pid"), pid).unwrap();
        }
        let output = site.run(&["-s", "reload"]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&output.stderr), site.fill(expected));
    };
    check(
        None,
        "nginx: [error] open() \"PREFIX/logs/x.pid\" failed (2: No such file or directory)\n",
    );
    check(
        Some(""),
        "nginx: [error] invalid PID number \"\" in \"PREFIX/logs/x.pid\"\n",
    );
    check(
        Some("x1\n"),
        "nginx: [error] invalid PID number \"x1\" in \"PREFIX/logs/x.pid\"\n",
    );
    // No process has the greatest number.
    check(
        Some("2147483647\n"),
        "nginx: [alert] kill(2147483647, 1) failed (3: No such process)\n",
    );
    assert!(
        site.read("logs/error.log").contains("[notice]"),
        "\"signal process started\" is logged"
    );
}

#[test]
fn an_error_log_that_cannot_be_opened_is_told_and_replaced_by_stderr() {
    let site = Site::new();
    site.conf("foo;");
    let output = site.run(&["-t", "-e", "none/e.log"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let expected = "nginx: [alert] could not open error log file: open() \"PREFIX/none/e.log\" failed \
                    (2: No such file or directory)\n";
    assert!(stderr.starts_with(&site.fill(expected)), "{stderr}");
    let line = site.fill(": unknown directive \"foo\" in PREFIX/conf/nginx.conf:1\n");
    assert!(
        stderr.contains("[emerg]") && stderr.contains(&line),
        "{stderr}"
    );
}
