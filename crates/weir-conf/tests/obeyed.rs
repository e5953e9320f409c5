//! What the table of directives calls obeyed is read by somebody: a setting that nothing outside
//! this crate looks at is accepted and ignored, the worst that can happen to a line of a
//! configuration.
//!
//! The search is for words: `.name` as a field, in code that is no test. It cannot tell that a
//! setting is obeyed rightly, only that it is not forgotten.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use weir_conf::{Inheritance, Support, entries};

/// Settings that are accepted and not obeyed yet. Whoever obeys one takes it off this list; the test
/// fails if it stays.
const NOT_YET: [&str; 0] = [];

/// What those look at that obey a directive which is no field of its own name.
const READ_AS: &[(&str, &str)] = &[
    ("limit_req_zone", ".request_zones"),
    ("limit_conn_zone", ".connection_zones"),
    ("stub_status", "Handler::StubStatus"),
    ("weir_status", "Handler::Status"),
    ("empty_gif", "Handler::EmptyGif"),
    ("flv", "Handler::Flv"),
    ("mp4", "Handler::Mp4"),
    ("geo", "VariableSource::Geo"),
    ("map", "VariableSource::Map"),
    ("charset_map", ".recoding"),
    ("split_clients", "VariableSource::SplitClients"),
    ("set", "Step::Set"),
    ("if", "Step::If"),
    ("rewrite", "Step::Rewrite"),
    ("return", "Step::Return"),
    ("break", "Step::Break"),
    ("limit_except", ".limit_except"),
    ("proxy_hide_header", ".upstream.hidden"),
    ("proxy_pass_header", ".upstream.hidden"),
    ("compat", ".compat"),
    ("events", ".worker_connections"),
    ("http", ".http"),
    ("server", ".servers"),
    ("location", ".locations"),
    ("upstream", ".upstreams"),
    ("types", ".types"),
    ("listen", ".listens"),
    ("server_name", ".names"),
    ("log_format", ".format"),
    ("allow", ".access"),
    ("deny", ".access"),
    ("gunzip", "Active::GUNZIP"),
    ("gzip", "Active::GZIP"),
    ("valid_referers", ".referers"),
    ("proxy_pass", "Handler::Proxy"),
    ("health_check", ".health_check"),
    ("match", ".matches"),
    ("hash", "BalanceMethod::Hash"),
    ("ip_hash", "BalanceMethod::IpHash"),
    ("least_conn", "BalanceMethod::LeastConn"),
    ("random", "BalanceMethod::Random"),
    ("retry_budget", ".retry_share"),
    ("panic_threshold", ".panic_threshold"),
    ("queue", ".queue"),
    ("keepalive", ".keepalive"),
    ("keepalive_requests", ".requests"),
    ("keepalive_time", ".time"),
    ("keepalive_timeout", ".timeout"),
    ("proxy_http_version", ".upstream.http_version"),
    ("userid_service", ".service"),
    ("userid_name", ".name"),
    ("userid_domain", ".domain"),
    ("userid_path", ".path"),
    ("userid_expires", ".expires"),
    ("userid_p3p", ".p3p"),
    ("userid_mark", ".mark"),
    ("userid_flags", ".flags"),
    ("proxy_set_header", ".upstream.set_header"),
    ("resolver", ".resolver"),
    ("resolver_timeout", ".resolver_timeout"),
    ("upstream_start", ".starts_unresolved"),
    ("least_time", "BalanceMethod::LeastTime"),
    ("sticky", "StickyKind::Learn"),
];

/// Obeyed by weir-conf itself.
const READ_INSIDE: [&str; 4] = [
    "include",
    "pcre_jit",
    "add_header_inherit",
    "add_trailer_inherit",
];

/// Fields of the configuration that only tests, or only weir-conf, look at, and that stand for no
/// parameter of a directive.
const FOR_OTHERS: [&str; 4] = ["kind", "log_formats", "nested", "spans"];

#[test]
fn every_obeyed_directive_has_a_reader() {
    let code = code_that_serves();
    let mut unread = BTreeSet::new();
    for entry in entries() {
        if entry.support != Support::Obeyed || READ_INSIDE.contains(&entry.name) {
            continue;
        }
        let mut needles: Vec<_> = READ_AS
            .iter()
            .filter(|(name, _)| *name == entry.name)
            .map(|(_, needle)| (*needle).to_owned())
            .collect();
        if entry.inheritance != Inheritance::None && needles.is_empty() {
            needles.push(match entry.name.strip_prefix("proxy_") {
                Some(name) if name != "status" => format!("upstream.{name}"),
                _ => format!(".{}", entry.name),
            });
        }
        assert!(!needles.is_empty(), "who reads {}?", entry.name);
        if !needles.iter().all(|needle| mentions(&code, needle)) {
            unread.insert(entry.name.to_owned());
        }
    }
    for field in fields_of_the_model() {
        if !mentions(&code, &format!(".{field}")) && !FOR_OTHERS.contains(&field.as_str()) {
            unread.insert(field);
        }
    }
    assert_eq!(unread, NOT_YET.map(str::to_owned).into());
}

/// The code of all crates that take part in serving, without comments and tests.
fn code_that_serves() -> String {
    let without = ["weir-conf", "weir-lab", "weir-oracle"];
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut code = String::new();
    for folder in entries_of(&crates) {
        let name = folder.file_name().expect("a name").to_string_lossy();
        if !without.contains(&&*name) {
            files_under(&folder.join("src"), &mut |text| {
                code.push_str(&code_of(text))
            });
        }
    }
    code
}

/// The public fields of what weir-conf hands out, apart from the settings that the table has.
fn fields_of_the_model() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut fields = BTreeSet::new();
    for folder in ["model", "value"] {
        files_under(&source.join(folder), &mut |text| {
            let lines = code_of(text);
            let names = lines.lines().filter_map(|line| {
                let (name, _) = line.strip_prefix("    pub ")?.split_once(": ")?;
                name.chars()
                    .all(|c| c.is_ascii_lowercase() || c == '_')
                    .then(|| name.to_owned())
            });
            fields.extend(names);
        });
    }
    assert!(fields.len() > 50, "{fields:?}");
    fields
}

/// `text` up to its tests, without lines that are comments.
fn code_of(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..end].lines();
    let code = lines.filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| [line, "\n"]).collect()
}

/// Whether `code` has `needle` as a whole word, and a field uncalled.
fn mentions(code: &str, needle: &str) -> bool {
    let field = needle.starts_with('.');
    code.match_indices(needle).any(|(at, _)| {
        let next = code[at + needle.len()..].chars().next();
        !next.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == '(' && field)
    })
}

fn files_under(folder: &Path, take: &mut impl FnMut(&str)) {
    for path in entries_of(folder) {
        if path.is_dir() {
            files_under(&path, take);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            take(&fs::read_to_string(&path).expect("a source file"));
        }
    }
}

fn entries_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of the workspace");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

#[test]
fn a_word_is_found_whole_and_uncalled() {
    let check =
        |code: &str, expected: bool| assert_eq!(mentions(code, ".name"), expected, "{code}");
    check("settings.name", true);
    check("settings.name.len()", true);
    check("settings.name() settings.names settings.name_2", false);
    check("", false);
    let text = "a.b\n    // c.d\n#[cfg(test)]\nmod tests {\n e.f }";
    assert_eq!(code_of(text), "a.b\n");
}
