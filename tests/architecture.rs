//! Crates, and the folders inside weir-proxy, use each other as drawn in `docs/architecture.md`:
//! arrows point down only.
//!
//! Test-only dependencies are free; what a crate is built from is not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// Each crate of the workspace and what it may use, from the bottom up.
const MAY_USE: [(&str, &[&str]); 16] = [
    ("weir-conf", &[]),
    ("weir-wire", &[]),
    ("weir-http2", &[]),
    ("weir-upstream", &["weir-conf"]),
    ("weir-verdict", &["weir-conf", "weir-wire"]),
    ("weir-zone", &[]),
    ("weir-dns", &[]),
    ("weir-filter", &["weir-conf"]),
    ("weir-tls", &["weir-conf"]),
    ("weir-log", &["weir-conf"]),
    ("weir-io", &["weir-conf", "weir-upstream", "weir-log"]),
    (
        "weir-proxy",
        &[
            "weir-conf",
            "weir-wire",
            "weir-http2",
            "weir-upstream",
            "weir-verdict",
            "weir-zone",
            "weir-dns",
            "weir-filter",
            "weir-tls",
            "weir-log",
            "weir-io",
        ],
    ),
    (
        "weir-doctor",
        &["weir-conf", "weir-wire", "weir-dns", "weir-log"],
    ),
    (
        "weir-lab",
        &[
            "weir-conf",
            "weir-doctor",
            "weir-http2",
            "weir-log",
            "weir-io",
            "weir-proxy",
        ],
    ),
    ("weir-oracle", &["weir-lab"]),
    (
        "weir",
        &[
            "weir-conf",
            "weir-doctor",
            "weir-wire",
            "weir-upstream",
            "weir-log",
            "weir-io",
            "weir-proxy",
            "weir-lab",
        ],
    ),
];

/// The folders of weir-proxy, from the bottom up: a file uses its own and those before it.
const FOLDERS: [&str; 11] = [
    "names", "pool", "plan", "facts", "report", "client", "answer", "exchange", "content",
    "phases", "serve",
];

/// Crates without I/O: no runtime, no system calls of their own.
const PURE: [&str; 8] = [
    "weir-wire",
    "weir-http2",
    "weir-upstream",
    "weir-verdict",
    "weir-zone",
    "weir-dns",
    "weir-filter",
    "weir-tls",
];

/// What a crate without I/O may not be built from. (`libc` stays allowed: errno's numbers are in it.)
const IO: [&str; 5] = ["tokio", "socket2", "nix", "hyper", "tracing"];

#[test]
fn arrows_point_down_only() {
    let built_from = dependencies();
    let members: BTreeSet<&str> = built_from.keys().map(String::as_str).collect();
    let drawn: BTreeSet<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
    assert_eq!(members, drawn, "crates of the workspace, and those drawn");
    for (name, allowed) in MAY_USE {
        let inside = built_from[name]
            .iter()
            .filter(|used| members.contains(used.as_str()));
        let upward: Vec<_> = inside
            .filter(|used| !allowed.contains(&used.as_str()))
            .collect();
        assert!(upward.is_empty(), "{name} uses {upward:?}");
    }
}

#[test]
fn a_build_for_serving_only_leaves_the_lab_out() {
    let weir = &packages()["weir"];
    let lab = direct(weir).find(|used| used["name"] == "weir-lab");
    let lab = lab.expect("weir has its lab");
    assert_eq!(lab["optional"], true);
    assert_eq!(weir["features"]["lab"], json!(["dep:weir-lab"]));
}

#[test]
fn rules_do_no_io() {
    let built_from = dependencies();
    for name in PURE {
        let io: Vec<_> = IO
            .iter()
            .filter(|used| built_from[name].contains(**used))
            .collect();
        assert!(io.is_empty(), "{name} uses {io:?}");
    }
}

#[test]
fn no_file_of_the_proxy_uses_a_folder_above_its_own() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/weir-proxy/src");
    let mut found = BTreeSet::new();
    let mut upward = Vec::new();
    for file in files(&source) {
        let inside = file.strip_prefix(&source).expect("below the source");
        let Some(own) = inside.iter().next().filter(|_| inside.iter().count() > 1) else {
            continue;
        };
        let own = own.to_str().expect("a folder's name");
        found.insert(own.to_owned());
        let level = level(own).unwrap_or_else(|| panic!("{own} is not drawn"));
        let text = fs::read_to_string(&file).expect("a source file");
        upward.extend(
            folders_used(&text)
                .filter(|used| self::level(used).is_none_or(|used| used > level))
                .map(|used| format!("{} uses {used}", inside.display())),
        );
    }
    assert_eq!(found, FOLDERS.map(str::to_owned).into());
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn paths_are_found_however_they_are_written() {
    let text = "use crate::serve;\nuse crate::{plan::Own, facts::{Request, Session}, report};\n\
                let x = crate::pool::a(); // crate::prose of a comment counts, too\n";
    let used: Vec<&str> = folders_used(text).collect();
    assert_eq!(used, ["serve", "plan", "facts", "report", "pool", "prose"]);
}

/// The place of a folder in the order.
fn level(folder: &str) -> Option<usize> {
    FOLDERS.iter().position(|known| *known == folder)
}

/// First segments of the paths behind `crate::` in `text`, also of those in braces.
fn folders_used(text: &str) -> impl Iterator<Item = &str> {
    text.split("crate::").skip(1).flat_map(|behind| {
        let group = behind.strip_prefix('{').map(in_braces);
        group.unwrap_or_else(|| vec![first_segment(behind)])
    })
}

/// The first segment of each path in a group, whose opening brace is gone.
fn in_braces(group: &str) -> Vec<&str> {
    let mut depth = 0;
    let mut begins = true;
    let mut found = Vec::new();
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => break,
            b'}' => depth -= 1,
            b',' if depth == 0 => begins = true,
            _ if begins && !byte.is_ascii_whitespace() => {
                found.push(first_segment(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    found
}

fn first_segment(path: &str) -> &str {
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_');
    &path[..end.unwrap_or(path.len())]
}

/// All Rust files below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Each member of the workspace with the packages that it is built from directly.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let names = |package| direct(package).map(|used| text(&used["name"])).collect();
    let packages = packages();
    packages
        .iter()
        .map(|(name, package)| (name.clone(), names(package)))
        .collect()
}

/// The workspace's packages by name, as cargo describes them.
fn packages() -> BTreeMap<String, Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| (text(&package["name"]), package.clone()))
        .collect()
}

/// What a package is built from; test-only dependencies are left out.
fn direct(package: &Value) -> impl Iterator<Item = &Value> {
    let all = package["dependencies"].as_array().expect("dependencies");
    // The kind is "dev", "build", or null for what the crate is built from.
    all.iter().filter(|used| used["kind"].is_null())
}

fn text(value: &Value) -> String {
    value.as_str().expect("a name").to_owned()
}
