//! What a line may be shown with: the faults of the catalogue, and for what they do not have (names, TLS, limits, access,
//! files) scenarios of the project's own, which are played beside a real nginx in its tests.

use std::path::Path;

use crate::bed::Field;
use crate::catalogue::{self, Fault};
use crate::scenario::{BASE, Scenario};
use crate::script::ClientStep;

/// Something that brings lines of an error log.
#[derive(Clone, Debug)]
pub(super) struct Specimen {
    /// What it is called where it comes from.
    pub(super) source: String,
    /// What is played.
    pub(super) scenario: Scenario,
    /// The lines that it brings.
    pub(super) lines: Vec<String>,
    /// Whether it asks for `/`, which may as well be another path.
    pub(super) asks_for_anything: bool,
}

macro_rules! scenarios {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../../tests/scenarios/", $name, ".toml")))),*]
    };
}

/// Scenarios whose lines no fault brings, the plainest of each kind first.
const SCENARIOS: &[(&str, &str)] = scenarios![
    "names/missing",
    "names/silence",
    "names/server-failure",
    "names/refused",
    "names/format-error",
    "names/not-implemented",
    "names/query-as-answer",
    "names/dead-server",
    "names/answered-twice",
    "names/wrong-identifier",
    "names/truncated-for-ever",
    "names/alias-loops",
    "tls/plain",
    "tls/closed",
    "tls/reset",
    "tls/stalled",
    "tls/expired",
    "tls/self-signed",
    "tls/unknown-authority",
    "tls/other-name-goes-on",
    "tls/other-versions",
    "tls/wants-a-certificate",
    "tls/no-such-certificate",
    "tls/noise-for-a-head",
    "tls/certificate-by-the-name-asked-for",
    "limits/rate-delayed",
    "limits/rate-refused",
    "limits/rate-zone-full",
    "limits/connections",
    "access/auth-basic",
    "access/auth-request-fails",
    "core/denied",
    "core/directory-index",
    "core/index-corners",
    "core/worker-connections-scarce",
    "content/disable-symlinks",
    "filters/gunzip",
    "scripts/rewrite-faults",
    "regex/step-limit",
    "doors/broken",
    "http2/bad-path",
    "http2/bad-block",
    "logs/named-by-the-request",
    "logs/syslog-unreachable",
];

impl Specimen {
    /// All, those of the catalogue first.
    pub(super) fn all() -> Vec<Self> {
        let faults = catalogue::all().iter().map(Self::of_fault);
        let scenarios = SCENARIOS.iter().filter_map(|(name, text)| {
            // They are read in tests; one that is none is missed there.
            let scenario = Scenario::parse(text, Path::new(name)).ok()?;
            Some(Self::of_scenario(name, scenario))
        });
        faults.chain(scenarios).collect()
    }

    fn of_fault(fault: &Fault) -> Self {
        Self {
            source: format!("the fault {} of the catalogue", fault.name),
            scenario: fault.scenario(),
            lines: fault.verdict.log.clone(),
            asks_for_anything: fault.client == [ClientStep::Get("/".to_owned())],
        }
    }

    fn of_scenario(name: &str, mut scenario: Scenario) -> Self {
        let lines = scenario.expected(Field::ErrorLog, BASE).cloned();
        let lines = lines.as_ref().and_then(|lines| lines.as_array());
        let lines = lines.into_iter().flatten();
        let lines = lines
            .filter_map(|line| line.as_str().map(str::to_owned))
            .collect();
        // What else they show is nobody's question here.
        scenario
            .expect
            .fields
            .retain(|field, _| *field == Field::ErrorLog);
        scenario.expect.at.clear();
        Self {
            source: format!("tests/scenarios/{name}.toml"),
            scenario,
            lines,
            asks_for_anything: false,
        }
    }

    /// How much there is of it: of two that show the same the smaller one is the clearer.
    pub(super) fn size(&self) -> usize {
        let scenario = &self.scenario;
        self.lines.len() + scenario.client.len() + scenario.backend.len() + scenario.dns.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_read_and_brings_lines() {
        let all = Specimen::all();
        assert_eq!(all.len(), catalogue::all().len() + SCENARIOS.len());
        for specimen in &all[catalogue::all().len()..] {
            assert!(!specimen.lines.is_empty(), "{}", specimen.source);
        }
    }
}
