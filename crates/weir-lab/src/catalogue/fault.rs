//! One entry of the catalogue.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Body, Phase, Verdict};
use crate::bed::{Conf, Field};
use crate::scenario::{BASE, Expect, Fields, Scenario};
use crate::script::{BackendScript, ClientStep};
use crate::version::Version;

/// A fault: who misbehaves and how, and nginx's verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fault {
    /// In kebab-case; stable, and unique in the catalogue.
    pub name: String,
    /// Where in an exchange it strikes; the data file says so.
    #[serde(skip, default = "first_phase")]
    pub phase: Phase,
    /// What it is.
    pub summary: String,
    /// What nginx answers and does, in words.
    pub answer: String,
    /// Which cause in the wild looks like this.
    pub wild: String,
    /// What the configuration needs for it to show, and to show soon.
    #[serde(default, skip_serializing_if = "is_default")]
    pub config: Conf,
    /// Scripts by the address that the configuration writes; `app:1` is the usual one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub backend: BTreeMap<String, BackendScript>,
    /// What the client does.
    #[serde(default = "one_get", skip_serializing_if = "is_one_get")]
    pub client: Vec<ClientStep>,
    /// What nginx makes of it.
    pub verdict: Verdict,
}

fn first_phase() -> Phase {
    Phase::Connect
}

fn is_default(conf: &Conf) -> bool {
    *conf == Conf::default()
}

fn one_get() -> Vec<ClientStep> {
    vec![ClientStep::Get("/".to_owned())]
}

fn is_one_get(steps: &[ClientStep]) -> bool {
    steps == one_get()
}

impl Fault {
    /// The fault as a scenario that expects the verdict, of every version.
    pub fn scenario(&self) -> Scenario {
        let mut expect = Expect {
            fields: self.fields(BASE),
            ..Expect::default()
        };
        for &version in self.verdict.at.keys() {
            expect.at.insert(version, self.fields(version));
        }
        let mut config = self.config.clone();
        if config.level.is_none() && !self.is_about_info() {
            // Without the lines about clients that close their idle connections.
            config.level = Some("notice".to_owned());
        }
        Scenario {
            name: self.name.clone(),
            summary: self.summary.clone(),
            phase: self.phase.as_str().to_owned(),
            since: None,
            compat: None,
            client: self.client.clone(),
            config,
            files: BTreeMap::new(),
            backend: self.backend.clone(),
            dns: BTreeMap::new(),
            expect,
        }
    }

    fn is_about_info(&self) -> bool {
        let mut logs = vec![&self.verdict.log];
        logs.extend(self.verdict.at.values().filter_map(|own| own.log.as_ref()));
        logs.into_iter()
            .flatten()
            .any(|line| line.starts_with("[info]"))
    }

    fn fields(&self, version: Version) -> Fields {
        let verdict = self.verdict.at(version);
        let responses = verdict.status.as_slice().iter();
        let responses: Vec<Value> = responses
            .map(|status| match status.code() {
                Some(code) => json!({"status": code}),
                None if verdict.body == Body::None => json!({"head": []}),
                // What comes without a status line may look like anything.
                None => json!({}),
            })
            .collect();
        let upstream = verdict.upstream_status.as_slice();
        let logged = verdict.logged();
        let access: Vec<Value> = upstream
            .iter()
            .zip(&logged)
            .map(|(upstream, status)| json!({"status": status, "upstream_status": upstream}))
            .collect();
        let error_log: Vec<Value> = verdict
            .log
            .iter()
            .map(|line| line_of(line).into())
            .collect();
        Fields::from([
            (Field::Responses, responses.into()),
            (Field::Access, access.into()),
            (Field::ErrorLog, error_log.into()),
        ])
    }
}

/// A line of the log as a run shows it: with its connection, and with any end.
fn line_of(written: &str) -> String {
    let text = written.strip_suffix("...");
    let end = if text.is_some() {
        "..."
    } else {
        ", client: ..."
    };
    let text = text.unwrap_or(written);
    match text.split_once("] ") {
        Some((level, message)) if !message.starts_with('*') => {
            format!("{level}] *1 {message}{end}")
        }
        _ => format!("{text}{end}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, expected: &str) {
        assert_eq!(line_of(written), expected);
    }

    #[test]
    fn lines_get_a_connection_and_any_end() {
        check("[error] no", "[error] *1 no, client: ...");
        check("[error] *2 no", "[error] *2 no, client: ...");
        check("[warn] file /...", "[warn] *1 file /...");
    }
}
