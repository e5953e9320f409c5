//! Texts that no one would write on purpose.

use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;
use weir_conf::{Level, entries, load_str};

/// Words that configurations are made of, and a few that break them.
fn word() -> impl Strategy<Value = String> {
    let names: Vec<&'static str> = entries().iter().map(|entry| entry.name).collect();
    prop_oneof![
        4 => prop::sample::select(names).prop_map(str::to_owned),
        2 => prop::sample::select(vec!["on", "off", "1", "0", "4k", "60s", "$uri", "$1", "${", "/",
            "=", "~", "~*", "^~", "@x", "http://u", "http://127.0.0.1:1/x", "127.0.0.1:80", "''",
            "*.x", ".x", "404", "=200", "weight=5", "all", "default", "error", "u", "\"", "#",
        ]).prop_map(str::to_owned),
        2 => prop::sample::select(vec![";", "{", "}", "\n", "; }", "{ }"]).prop_map(str::to_owned),
        1 => "[ -~]{0,8}",
    ]
}

fn shape() -> impl Strategy<Value = String> {
    let words = prop::collection::vec(word(), 0..60).prop_map(|words| words.join(" "));
    (0_usize..5, words).prop_map(|(depth, words)| {
        let (open, close) = [
            ("", ""),
            ("events {} http {\n", "}"),
            ("events {} http { server {\n", "} }"),
            ("events {} http { server { location / {\n", "} } }"),
            ("events {} http { upstream u {\n", "} }"),
        ][depth];
        format!("{open}{words}\n{close}")
    })
}

/// What an explanation shows of `\t` and `\r` in a word, which stand for the control characters.
fn shown(text: &str) -> String {
    text.replace('\t', "    ").replace('\r', "\u{240d}")
}

#[test]
fn control_characters_are_shown() {
    let faults = load_str("\\r\\t;", Path::new("/nonexistent")).expect_err("no such directive");
    let first = faults.first().expect("a refusal has a reason");
    assert!(first.message.contains("\r\t"), "{:?}", first.message);
    assert!(
        faults
            .explain()
            .contains("unknown directive \"\u{240d}    \"")
    );
}

proptest! {
    #[test]
    fn every_text_has_an_answer(text in shape()) {
        if let Err(faults) = load_str(&text, Path::new("/nonexistent")) {
            let first = faults.first().expect("a refusal has a reason");
            prop_assert!(first.level < Level::Warn);
            let message = shown(first.message.lines().next().unwrap_or(""));
            prop_assert!(faults.explain().contains(&message), "{message:?} is not explained");
        }
    }

    #[test]
    fn every_byte_string_has_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        weir_conf::fuzz(&bytes);
    }
}

fn first_fault(text: &str) -> String {
    load_str(text, Path::new("/nonexistent"))
        .map_or_else(|faults| faults.to_string(), |_| String::new())
}

#[test]
fn nesting_has_a_limit() {
    let mut text = String::from("events {} http { server {\n");
    for depth in 1..200_000 {
        let _ = write!(text, "location /{} {{", "a".repeat(depth.min(300)));
    }
    assert_eq!(
        first_fault(&text),
        "[emerg] too deep nesting of blocks and files in inline:2"
    );
}

#[test]
fn a_file_cannot_include_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    let main = dir.path().join("main.conf");
    std::fs::write(&main, "include other.conf;\n").expect("a file");
    std::fs::write(dir.path().join("other.conf"), "\ninclude main.conf;\n").expect("a file");
    let options = weir_conf::LoadOptions {
        prefix: dir.path().to_owned(),
        conf_path: main.clone(),
        globals: None,
    };
    let faults = weir_conf::load(&options).expect_err("a cycle");
    let expected = format!(
        "[emerg] file \"{}\" includes itself in {}:2",
        main.display(),
        dir.path().join("other.conf").display()
    );
    assert_eq!(faults.to_string(), expected);
}

#[test]
fn sizes_do_not_overflow() {
    let huge = "9223372036854775807";
    let text = format!(
        "events {{}} http {{ server {{ proxy_buffers {huge} {huge}; proxy_buffer_size {huge}; }} }}"
    );
    assert!(load_str(&text, Path::new("/nonexistent")).is_ok() || !first_fault(&text).is_empty());
}

#[test]
fn all_defaults_read() {
    let config = load_str("events {} http { server {} }", Path::new("/weir"));
    assert!(config.is_ok_and(|config| config.http.is_some_and(|http| http.servers.len() == 1)));
}
