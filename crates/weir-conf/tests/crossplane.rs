//! The trees of configurations beside those that crossplane made of the same files
//! (`crossplane/record.py`).

use std::path::Path;

use serde_json::Value;
use weir_conf::{Faults, LoadOptions, SourceFile, as_written, load};

const RECORDED: &str = include_str!("crossplane/recorded.jsonl");

#[test]
fn trees_are_those_of_crossplane() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().expect("the repository");
    let mut count = 0;
    for line in RECORDED.lines() {
        let line = line
            .replace('@', "\u{1}")
            .replace("\"\u{1}/", &format!("\"{}/", root.display()));
        let expected: Value = serde_json::from_str(&line.replace('\u{1}', "@")).expect("JSON");
        let path = expected["config"][0]["file"].as_str().expect("a path");
        let found = serde_json::to_value(tree(Path::new(path))).expect("JSON");
        assert_eq!(found["config"], expected["config"], "{path}");
        assert_eq!(found["status"], "ok");
        count += 1;
    }
    assert!(count > 25, "{count}");
}

/// The tree alone, whatever else is wrong.
fn tree(path: &Path) -> weir_conf::Payload {
    let options = LoadOptions {
        prefix: path.parent().expect("a folder").to_owned(),
        conf_path: path.to_owned(),
        globals: None,
    };
    as_written(&options, &files(load(&options)), &[])
}

fn files(read: Result<weir_conf::Config, Faults>) -> Vec<SourceFile> {
    match read {
        Ok(config) => config.files,
        Err(faults) => faults.files().to_vec(),
    }
}

#[test]
fn what_is_wrong_is_told_where_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("nginx.conf");
    std::fs::write(&path, "events {}\nhttp {\n  nonsense on;\n}\n").expect("a file");
    let options = LoadOptions {
        prefix: folder.path().to_owned(),
        conf_path: path.clone(),
        globals: None,
    };
    let faults = load(&options).expect_err("a fault");
    let found = as_written(&options, faults.files(), faults.all());
    let found = serde_json::to_value(found).expect("JSON");
    let file = path.display().to_string();
    let error = format!("unknown directive \"nonsense\" in {file}:3");
    assert_eq!(
        found,
        serde_json::json!({
            "status": "failed",
            "errors": [{ "file": file, "error": error, "line": 3 }],
            "config": [{
                "file": file,
                "status": "failed",
                "errors": [{ "error": error, "line": 3 }],
                "parsed": [
                    { "directive": "events", "line": 1, "args": [], "block": [] },
                    { "directive": "http", "line": 2, "args": [], "block": [
                        { "directive": "nonsense", "line": 3, "args": ["on"] },
                    ]},
                ],
            }],
        })
    );
}
