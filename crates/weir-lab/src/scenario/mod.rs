//! A scenario: a configuration, backends and a client on script, and what is expected of a proxy
//! between them. One TOML file each:
//!
//! ```toml
//! summary = "a crash before the head is retried"
//! phase = "retries"
//! client = [{ get = "/" }]
//!
//! [config]
//! http = "upstream app { server crashing:1; server healthy:1; }"
//! pass = "http://app"
//!
//! [backend."crashing:1"]
//! connections.each = ["head", "close"]
//!
//! [backend."healthy:1"]
//! connections.each = ["head", { send = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" }]
//!
//! [expect]
//! responses = [{ status = 200, body = "ok" }]
//! access = [{ upstream_addr = "crashing:1, healthy:1", upstream_status = "502, 200" }]
//! ```
//!
//! `[files]` lays files below the directory of the run, all of the first second of 2020; a name that ends with a slash is a
//! folder:
//!
//! ```toml
//! [files]
//! "html/list/a.txt" = "text"
//! "html/list/empty/" = ""
//! "html/list/again" = { link = "a.txt" }
//! ```
//!
//! `[dns]` lays out what the name server knows that the configuration calls `dns:53`. `@app:1@` is the port alone of
//! the backend `app:1`, for names that lead there:
//!
//! ```toml
//! [config]
//! http = "resolver dns:53 ipv6=off;"
//! pass = "http://$arg_to:@app:1@"
//!
//! [dns."app.test"]
//! a.each = [{ records = [{ a = "127.0.0.1" }] }]
//! ```
//!
//! A backend's name is the address that the configuration writes. Whoever runs the scenario puts
//! the real address in its place, and the name back into everything that was seen. A whole
//! configuration (`file`) writes `listen proxy;`; `@PREFIX@` is the directory that it runs in.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::bed::{Conf, Field, LaidOut};
use crate::script::{BackendScript, ClientStep, NameScript};
use crate::version::Version;

mod batch;
mod expect;
mod load;
mod play;
mod write;

pub use batch::{Job, play_all};
pub use expect::{Expect, Fields};
pub use load::{LoadError, load};
pub use write::{fields, rewrite};

/// One scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: String,
    /// What it shows, in one line.
    pub summary: String,
    /// The part of an exchange that it is about.
    pub phase: String,
    /// The version that weir reproduces; the oracle's base when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compat: Option<Version>,
    /// The oldest version that knows its directives and variables; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Version>,
    /// What the client does; one GET of `/` when absent.
    #[serde(default = "one_get")]
    pub client: Vec<ClientStep>,
    /// Pieces of nginx.conf.
    #[serde(default)]
    pub config: Conf,
    /// Files by their names below the directory of the run.
    #[serde(default)]
    pub files: BTreeMap<String, LaidOut>,
    /// Scripts by the address that the configuration writes: `app:1` or `unix:app.sock`.
    #[serde(default)]
    pub backend: BTreeMap<String, BackendScript>,
    /// What the name server at `dns:53` knows, by name; there is none when absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dns: BTreeMap<String, NameScript>,
    /// What is expected; nothing when absent.
    #[serde(default, skip_serializing_if = "Expect::is_empty")]
    pub expect: Expect,
}

/// The version that a plain `[expect]` is about.
pub const BASE: Version = Version::V1_28;

fn one_get() -> Vec<ClientStep> {
    vec![ClientStep::Get("/".to_owned())]
}

impl Scenario {
    /// The version that weir is to reproduce.
    pub fn version(&self) -> Version {
        self.compat.unwrap_or(BASE)
    }

    /// Reads a scenario; `path` is for its name and for messages.
    ///
    /// # Errors
    /// The text is no TOML, has a key that is not allowed, or contradicts itself.
    pub fn parse(text: &str, path: &Path) -> Result<Self, LoadError> {
        load::parse(text, path)
    }

    /// What `version` is to show in `field`; None when nothing is expected of it.
    pub fn expected(&self, field: Field, version: Version) -> Option<&serde_json::Value> {
        self.expect.of(field, version)
    }

    /// Whether `version` has expectations of its own, or is the first with anything to expect.
    pub fn is_own_at(&self, version: Version) -> bool {
        self.expect.at.contains_key(&version) || self.since == Some(version)
    }

    /// Whether anything is expected of `version`.
    pub fn expects_of(&self, version: Version) -> bool {
        let mut fields = Field::ALL.iter();
        fields.any(|&field| self.expected(field, version).is_some())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What the reader says of `text`: the scenario, or the complaint.
    fn read(text: &str) -> Result<Scenario, String> {
        Scenario::parse(text, Path::new("dir/name.toml")).map_err(|fault| fault.to_string())
    }

    fn check_fault(text: &str, expected: &str) {
        let fault = read(text).unwrap_err();
        assert!(fault.starts_with(expected), "{fault}");
    }

    const HEAD: &str = "summary = 's'\nphase = 'p'\n";
    const APP: &str = "[backend.'app:1']\nconnect = 'refuse'\n";

    #[test]
    fn the_shortest_scenario() {
        let scenario = read(&format!("{HEAD}{APP}")).unwrap();
        assert_eq!(scenario.name, "name");
        assert_eq!(scenario.client, one_get());
        assert_eq!(scenario.version(), Version::V1_28);
        assert_eq!(scenario.backend["app:1"], BackendScript::refuse());
        assert_eq!(scenario.expected(Field::Access, BASE), None);
    }

    #[test]
    fn a_version_overrides_whole_fields() {
        let expect = "[expect]\nerror_log = ['a']\naccess = []\n\
                      [expect.at.'1.22']\nerror_log = []\n";
        let scenario = read(&format!("{HEAD}{APP}{expect}")).unwrap();
        let of = |field, version| scenario.expected(field, version).cloned();
        assert_eq!(of(Field::ErrorLog, BASE), Some(json!(["a"])));
        assert_eq!(of(Field::ErrorLog, Version::V1_22), Some(json!([])));
        assert_eq!(of(Field::Access, Version::V1_22), Some(json!([])));
        assert_eq!(of(Field::Responses, Version::V1_22), None);
    }

    #[test]
    fn every_scenario_of_the_project_expects_something() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/scenarios");
        let files = load(Path::new(directory)).unwrap_or_else(|fault| panic!("{fault}"));
        for (path, scenario) in &files {
            let folder = path.parent().and_then(Path::file_name);
            let folder = folder.map(|name| name.to_string_lossy().into_owned());
            assert_eq!(folder, Some(scenario.phase.clone()), "{}", path.display());
            let version = scenario.since.map_or(BASE, |since| since.max(BASE));
            for field in [Field::Responses, Field::ErrorLog, Field::Access] {
                let expected = scenario.expected(field, version);
                assert!(expected.is_some(), "{} {field:?}", path.display());
            }
        }
        assert!(files.len() > 200, "{}", files.len());
    }

    #[test]
    fn what_is_written_of_their_number_is_true() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let files = load(&root.join("tests/scenarios")).unwrap_or_else(|fault| panic!("{fault}"));
        let mut phases = BTreeMap::new();
        for (_, scenario) in &files {
            *phases.entry(scenario.phase.as_str()).or_insert(0) += 1;
        }
        let guide = std::fs::read_to_string(root.join("tests/scenarios/README.md")).unwrap();
        for (phase, count) in phases {
            let row = format!("| `{phase}` | {count} |");
            assert!(guide.contains(&row), "tests/scenarios/README.md: no {row}");
        }
        let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
        let plays = format!("plays {} scenarios", files.len());
        assert!(readme.contains(&plays), "README.md: not \"{plays}\"");
    }

    #[test]
    fn faults_have_a_place_and_say_what_is_allowed() {
        check_fault("phase = 'p'", "dir/name.toml:1: missing field `summary`");
        check_fault(
            &format!("{HEAD}wrong = 1\n{APP}"),
            "dir/name.toml:3: unknown field `wrong`, expected one of `summary`, `phase`,",
        );
        check_fault(
            &format!("{HEAD}{APP}[config]\nlocaton = ''"),
            "dir/name.toml:6: unknown field `locaton`, expected one of `file`, `main`",
        );
        check_fault(
            &format!("{HEAD}{APP}[expect]\nresponse = []"),
            "dir/name.toml:5: unknown variant `response`, expected one of `responses`,",
        );
        check_fault(
            &format!("{HEAD}{APP}[backend.app]\nconnect = 'refuse'"),
            "dir/name.toml:5: a backend's name is an address: NAME:NUMBER or unix:FILE, not \"app\"",
        );
        check_fault(
            HEAD,
            "dir/name.toml:1: nothing plays app:1, which the configuration names",
        );
        check_fault(
            &format!("{HEAD}{APP}[backend.'b:1']\nconnect = 'refuse'"),
            "dir/name.toml:5: the configuration does not name \"b:1\"",
        );
    }
}
