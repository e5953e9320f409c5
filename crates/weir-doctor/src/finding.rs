//! What the doctor has found.

use serde::Serialize;

use crate::cause::{Cause, Severity};
use crate::configuration::Place;

/// Something that is wrong, why that is thought, and what would cure it.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The cause's stable name.
    pub code: &'static str,
    /// What has happened, in half a sentence.
    pub title: String,
    /// How much it matters.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// Requests, or lines, that are concerned; 0: it is not about requests.
    pub count: u64,
    /// The time of the last line about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// What speaks for it.
    pub evidence: Vec<Evidence>,
    /// How long the head of an answer is that the doctor was given: bytes.
    #[serde(skip)]
    pub head: Option<usize>,
    /// What would show that it is something else.
    pub disproof: &'static str,
    /// What to do, the safest first.
    pub cures: Vec<Cure>,
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// It may be something else.
    Low,
    /// The usual reason for what was seen.
    Medium,
    /// Seen as it is.
    High,
}

/// What speaks for a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Where it was seen.
    pub from: Source,
    /// What was seen.
    pub text: String,
    /// Where in the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// Where something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// In an error log.
    Log,
    /// In an access log.
    Access,
    /// In the configuration.
    Config,
    /// On this machine.
    Host,
    /// By asking the upstream, or a name server.
    Probe,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cure {
    /// In a sentence, or as a command.
    pub text: String,
    /// A change of the configuration, as `diff -u` writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

impl Finding {
    /// What a cause says of itself; nothing speaks for it yet.
    pub fn of(cause: &'static Cause) -> Self {
        let cures = cause.checks.iter().map(|text| Cure {
            text: (*text).to_owned(),
            diff: None,
        });
        Self {
            code: cause.code,
            title: cause.title.to_owned(),
            severity: cause.severity,
            confidence: Confidence::Medium,
            count: 0,
            last: None,
            evidence: Vec::new(),
            head: None,
            disproof: cause.disproof,
            cures: cures.collect(),
        }
    }

    /// Adds what was seen.
    pub fn saw(&mut self, from: Source, text: impl Into<String>) {
        self.evidence.push(Evidence {
            from,
            text: text.into(),
            place: None,
        });
    }

    /// Adds what stands in the configuration.
    pub fn read(&mut self, text: impl Into<String>, place: &Place) {
        self.evidence.push(Evidence {
            from: Source::Config,
            text: text.into(),
            place: Some(place.clone()),
        });
    }

    /// Puts a cure in front of the others.
    pub fn cure_first(&mut self, text: impl Into<String>, diff: Option<String>) {
        let mut text = text.into();
        if diff.is_none() && text.ends_with(':') {
            text.pop();
            text.push('.');
        }
        let cure = Cure { text, diff };
        self.cures.insert(0, cure);
    }
}
