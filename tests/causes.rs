//! The pages of causes are what the program says, and every line that is known to come has a cause.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use weir_doctor::explain::Explanation;
use weir_doctor::{cause, line, page};
use weir_lab::catalogue;

/// The code of the cause behind a line.
fn code_of(text: &str) -> Option<&'static str> {
    let cause = Explanation::of(line::read(text)?).cause?;
    Some(cause.code)
}

/// The lab's faults by the causes that their log lines lead to.
fn faults() -> BTreeMap<&'static str, Vec<(String, String)>> {
    let mut faults: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for fault in catalogue::all() {
        let code = fault.verdict.log.iter().find_map(|line| code_of(line));
        if let Some(code) = code {
            let entry = (fault.name.clone(), fault.summary.clone());
            faults.entry(code).or_default().push(entry);
        }
    }
    faults
}

#[test]
fn the_pages_are_what_the_program_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/causes");
    let faults = faults();
    let none = Vec::new();
    let mut pages: BTreeMap<String, String> = cause::all()
        .map(|cause| {
            let faults = faults.get(cause.code).unwrap_or(&none);
            (format!("{}.md", cause.code), page::of(cause, faults))
        })
        .collect();
    pages.insert("README.md".to_owned(), page::index());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let _absent = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, page) in &pages {
            fs::write(folder.join(name), page).unwrap();
        }
    }
    let there = fs::read_dir(&folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    let there: BTreeMap<String, String> = there.collect();
    assert!(
        there == pages,
        "docs/causes is not what the program says: UPDATE_DOCS=1 cargo test --test causes"
    );
}

#[test]
fn every_line_of_the_catalogue_has_a_cause() {
    let mut unknown = Vec::new();
    for fault in catalogue::all() {
        let own = fault.verdict.at.values().filter_map(|at| at.log.as_ref());
        let lines = fault.verdict.log.iter().chain(own.flatten());
        // Lines are cut where they differ from run to run; of some too little is left.
        let lines = lines.map(|line| line.trim_end_matches("..."));
        let lines = lines.filter(|line| !line.ends_with("open() \""));
        unknown.extend(lines.filter(|line| code_of(line).is_none()));
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn every_recorded_line_has_a_cause() {
    let matrix = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fault-matrix.jsonl");
    let matrix = fs::read_to_string(matrix).unwrap();
    let mut lines = 0;
    let mut unknown = BTreeMap::new();
    for record in matrix.lines() {
        let record: serde_json::Value = serde_json::from_str(record).unwrap();
        for_each_text(&record, &mut |text| {
            let starts = [
                "[error] ", "[crit] ", "[alert] ", "[warn] ", "[info] ", "[emerg] ",
            ];
            if !starts.iter().any(|level| text.contains(level)) {
                return;
            }
            lines += 1;
            // A client's line feed has cut this one.
            if text.ends_with("/html/no\"pe\\") {
                return;
            }
            if code_of(text).is_none() {
                *unknown.entry(text.to_owned()).or_insert(0) += 1;
            }
        });
    }
    assert!(lines > 500, "{lines} lines");
    assert!(
        unknown.is_empty(),
        "{} of {lines}: {unknown:#?}",
        unknown.len()
    );
}

/// What a review found unknown or wrongly known, with the heads that journald and Docker put in front.
#[test]
fn lines_as_people_paste_them_have_the_right_cause() {
    for (line, code) in [
        (
            "2026/05/02 08:41:49 [info] 12#13: *7 epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too while sending request to upstream, client: 1.2.3.4, server: s, request: \"GET / HTTP/1.1\", upstream: \"http://10.0.0.1:80/\", host: \"h\"",
            "WEIR-499",
        ),
        (
            "May 02 08:41:49 web1 nginx[1]: nginx: [emerg] bind() to 0.0.0.0:443 failed (98: Address already in use)",
            "WEIR-START-PORT",
        ),
        (
            "nginx-1  | nginx: [emerg] host not found in upstream \"app\" in /etc/nginx/conf.d/default.conf:3",
            "WEIR-START-NAME",
        ),
        (
            "May 02 08:41:49 web1 nginx[1]: nginx: [warn] conflicting server name \"a\" on 0.0.0.0:80, ignored",
            "WEIR-START-CONFIGURATION",
        ),
        (
            "nginx: configuration file /etc/nginx/nginx.conf test failed",
            "WEIR-START-CONFIGURATION",
        ),
        (
            "nginx[99]: nginx: [alert] could not open error log file: open() \"/var/log/nginx/error.log\" failed (13: Permission denied)",
            "WEIR-START-FILE",
        ),
        (
            "2026/05/02 08:41:49 [error] 12#12: open() \"/run/nginx.pid\" failed (2: No such file or directory)",
            "WEIR-START-FILE",
        ),
        (
            "2026/05/02 08:41:49 [alert] 12#12: kill(555, 1) failed (3: No such process)",
            "WEIR-START-FILE",
        ),
        (
            "2026/05/02 08:41:49 [emerg] 12#12: mkdir() \"/var/cache/nginx/client_temp\" failed (13: Permission denied)",
            "WEIR-START-FILE",
        ),
        (
            "2026/05/02 08:41:49 [emerg] 12#12: socket() [::]:80 failed (97: Address family not supported by protocol)",
            "WEIR-START-ADDRESS",
        ),
        (
            "2026/05/02 08:41:49 [error] 12#12: send() failed (111: Connection refused) while logging to syslog, server: unix:/dev/log",
            "WEIR-LOGGING",
        ),
        (
            "2026/05/02 08:41:49 [emerg] 12#12: malloc(65536) failed (12: Cannot allocate memory)",
            "WEIR-500-MEMORY",
        ),
        (
            "2026/05/02 08:41:49 [emerg] 12#12: setgid(33) failed (1: Operation not permitted)",
            "WEIR-START-PERMISSION",
        ),
        (
            "2026/05/02 08:41:49 [error] 12#12: unexpected A record in DNS response",
            "WEIR-DNS-SERVER",
        ),
        (
            "2026/05/02 08:41:49 [error] 12#12: unexpected DNS response for app",
            "WEIR-DNS-SERVER",
        ),
        (
            "2026/05/02 08:41:49 [warn] 12#12: the \"user\" directive makes sense only if the master process runs with super-user privileges, ignored in /etc/nginx/nginx.conf:1",
            "WEIR-START-CONFIGURATION",
        ),
        (
            "2026/05/02 08:41:49 [emerg] 12#12: zone \"x\" is already declared for another use in /etc/nginx/nginx.conf:1",
            "WEIR-START-CONFIGURATION",
        ),
        (
            "2026/05/02 08:41:49 [alert] 12#12: *5 open socket #13 left in connection 7",
            "WEIR-INTERNAL",
        ),
    ] {
        assert_eq!(code_of(line), Some(code), "{line}");
    }
}

fn for_each_text(value: &serde_json::Value, see: &mut impl FnMut(&str)) {
    match value {
        serde_json::Value::String(text) => see(text),
        serde_json::Value::Array(values) => {
            values.iter().for_each(|value| for_each_text(value, see))
        }
        serde_json::Value::Object(values) => {
            values.values().for_each(|value| for_each_text(value, see))
        }
        _ => {}
    }
}
