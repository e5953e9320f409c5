//! Faulty configurations and what nginx printed about each, up to its first error.
//!
//! In the files, a case is `=== NAME`, the configuration, `---`, and nginx's lines. `@LONG@` stands
//! for 5000 letters, `@CR@` for a carriage return, `@NOEOL@` for no newline at the end, and `@` for
//! the directory of the configuration.

use std::fs;
use std::path::Path;

use weir_conf::{Fault, Level, LoadOptions, load};

/// What nginx 1.22.1 printed. Left out are names that do not resolve, which are the binary's.
const NGINX_1_22: [&str; 12] = [
    include_str!("faults/syntax.txt"),
    include_str!("faults/values.txt"),
    include_str!("faults/server.txt"),
    include_str!("faults/location.txt"),
    include_str!("faults/proxy.txt"),
    include_str!("faults/upstream.txt"),
    include_str!("faults/logs.txt"),
    include_str!("faults/regex.txt"),
    include_str!("faults/listen.txt"),
    include_str!("faults/checked.txt"),
    include_str!("faults/recorded-1.22.txt"),
    include_str!("faults/versions-1.22.txt"),
];

/// What nginx 1.28.3 printed.
const NGINX_1_28: [&str; 1] = [include_str!("faults/versions-1.28.txt")];

/// What nginx 1.31.5 printed.
const NGINX_1_31: [&str; 7] = [
    include_str!("faults/regex.txt"),
    include_str!("faults/listen.txt"),
    include_str!("faults/checked.txt"),
    include_str!("faults/recorded-1.31.txt"),
    include_str!("faults/sticky.txt"),
    include_str!("faults/tls.txt"),
    include_str!("faults/versions-1.31.txt"),
];

/// What nginx says where it has QUIC and the modules, but for the lines about what weir lacks.
const LACKING: [&str; 1] = [include_str!("faults/quic-and-modules.txt")];

/// What weir prints about `text` under `compat`, in the words of the case files.
fn printed(compat: &str, text: &str) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a directory");
    let conf_path = dir.path().join("nginx.conf");
    // On the first line, so that all lines keep their numbers.
    fs::write(&conf_path, format!("compat {compat}; {text}")).expect("a file");
    let options = LoadOptions {
        prefix: dir.path().to_owned(),
        conf_path,
        globals: None,
    };
    let faults: Vec<Fault> = match load(&options) {
        Ok(config) => config.warnings,
        Err(faults) => faults.all().to_vec(),
    };
    let end = faults.iter().position(|fault| fault.level < Level::Warn);
    let count = end.map_or(faults.len(), |index| index + 1);
    faults[..count]
        .iter()
        .map(|fault| shortened(fault, dir.path()))
        .collect()
}

fn shortened(fault: &Fault, dir: &Path) -> String {
    let dir = format!("{}/", dir.display());
    fault
        .to_string()
        .replace(&format!("{dir}nginx.conf"), "nginx.conf")
        .replace(&dir, "@/")
}

fn check(compat: &str, name: &str, text: &str, expected: &[&str]) -> Option<String> {
    let text = text
        .replace("@LONG@", &"x".repeat(5000))
        .replace("@CR@", "\r")
        .replace("@NOEOL@\n", "");
    let found = printed(compat, &text);
    (found != expected).then(|| format!("{name}\n  nginx: {expected:#?}\n  weir: {found:#?}\n"))
}

fn check_all(compat: &str, files: &[&str], least: usize) {
    let mut wrong = Vec::new();
    let mut count = 0;
    for file in files {
        for case in file.split("=== ").skip(1) {
            let (name, rest) = case.split_once('\n').expect("a name");
            let (text, lines) = rest.split_once("---\n").expect("a line of dashes");
            let lines: Vec<&str> = lines.lines().collect();
            count += 1;
            wrong.extend(check(compat, name, text, &lines));
        }
    }
    assert!(count >= least, "cases are missing: {count}");
    assert!(
        wrong.is_empty(),
        "{} of {count} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn first_faults_are_those_of_1_22() {
    check_all("1.22", &NGINX_1_22, 340);
}

#[test]
fn what_is_lacking_is_said_where_nginx_finds_fault() {
    check_all("1.31", &LACKING, 6);
}

#[test]
fn first_faults_are_those_of_1_28() {
    check_all("1.28", &NGINX_1_28, 60);
}

#[test]
fn first_faults_are_those_of_1_31() {
    check_all("1.31", &NGINX_1_31, 170);
}
