//! The crates depend on each other as drawn in `docs/architecture.md`: arrows point down only.
//!
//! Test-only dependencies are free; what a crate is built from is not.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::{Value, json};

/// Each crate of the workspace and what it may use, from the bottom up.
const MAY_USE: [(&str, &[&str]); 10] = [
    ("weir-conf", &[]),
    ("weir-wire", &[]),
    ("weir-upstream", &[]),
    ("weir-verdict", &["weir-conf", "weir-wire"]),
    ("weir-log", &["weir-conf"]),
    ("weir-io", &["weir-conf", "weir-upstream", "weir-log"]),
    (
        "weir-proxy",
        &[
            "weir-conf",
            "weir-wire",
            "weir-upstream",
            "weir-verdict",
            "weir-log",
            "weir-io",
        ],
    ),
    (
        "weir-lab",
        &["weir-conf", "weir-log", "weir-io", "weir-proxy"],
    ),
    ("weir-oracle", &["weir-lab"]),
    (
        "weir",
        &[
            "weir-conf",
            "weir-wire",
            "weir-upstream",
            "weir-log",
            "weir-io",
            "weir-proxy",
            "weir-lab",
        ],
    ),
];

/// Crates without I/O: no runtime, no system calls of their own.
const PURE: [&str; 3] = ["weir-wire", "weir-upstream", "weir-verdict"];

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
