//! Faults of the `-g` option and of the main file itself.

use std::fs;

use weir_conf::{LoadOptions, load};

/// The first fault of `globals` before a file that says `text`, which is called `F`.
fn check(globals: &str, text: &str, expected: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let conf_path = dir.path().join("nginx.conf");
    fs::write(&conf_path, text).expect("a file");
    let shown = conf_path.display().to_string();
    let options = LoadOptions {
        prefix: dir.path().to_owned(),
        conf_path,
        globals: Some(globals.to_owned()),
    };
    let found = load(&options).map_or_else(|faults| faults.to_string(), |_| String::new());
    assert_eq!(found.replace(&shown, "F"), expected, "{globals}");
}

#[test]
fn globals_are_checked_as_nginx_does() {
    check("daemon off;", "events {}", "");
    check("", "events {}", "");
    check(
        "foo;",
        "events {}",
        "[emerg] unknown directive \"foo\" in command line",
    );
    check(
        "daemon off",
        "events {}",
        "[emerg] unexpected end of parameter, expecting \";\" in command line",
    );
    check(
        "events {}",
        "",
        "[emerg] block directives are not supported in -g option in command line",
    );
    check("}", "", "[emerg] unexpected \"}\" in command line");
    check(
        "daemon off;",
        "\ndaemon off;",
        "[emerg] \"daemon\" directive is duplicate in F:2",
    );
}

#[test]
fn a_main_file_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let check = |name: &str, expected: &str| {
        let conf_path = dir.path().join(name);
        let shown = conf_path.display().to_string();
        let options = LoadOptions {
            prefix: dir.path().to_owned(),
            conf_path,
            globals: None,
        };
        let faults = load(&options).expect_err("no file");
        assert_eq!(faults.to_string().replace(&shown, "F"), expected);
    };
    check(
        "none",
        "[emerg] open() \"F\" failed (2: No such file or directory)",
    );
    check("", "[crit] pread() \"F\" failed (21: Is a directory)");
}
