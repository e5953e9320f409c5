//! What nginx makes of a fault, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::version::Version;

/// nginx's verdict: what the client sees, what the logs say, and what follows for the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Verdict {
    /// Status of each response that the client read.
    pub status: List<Status>,
    /// `$status` of each access line, where it is not what the client saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logged: Option<List<String>>,
    /// `$upstream_status` of each access line.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub upstream_status: List<String>,
    /// Lines of the error log at level info: `[level] message`, up to `, client:`. A connection other
    /// than the first has its number (`[error] *2 message`); a text that ends in `...` is a beginning.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    /// The word of `proxy_next_upstream` that sends the request to the next server.
    #[serde(default, skip_serializing_if = "Class::is_none")]
    pub class: Class,
    /// Whether it counts against the server, towards `max_fails`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counts: bool,
    /// The body of the last response.
    pub body: Body,
    /// weir's `$upstream_failure` of each access line; absent when no try failed.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub reason: List<String>,
    /// What other versions than 1.28 do.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub at: BTreeMap<Version, Difference>,
}

/// The parts of a verdict that a version has of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[expect(missing_docs, reason = "they are those of Verdict")]
pub struct Difference {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<List<Status>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logged: Option<List<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_status: Option<List<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<List<String>>,
}

/// One value is written alone, several or none as a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum List<T> {
    /// Alone.
    One(T),
    /// As a list.
    Many(Vec<T>),
}

/// The status of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Status {
    /// The three-digit code.
    Code(u16),
    /// No status line came.
    Nothing(Nothing),
}

/// Written `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Nothing {
    /// The only one.
    #[serde(rename = "none")]
    None,
}

/// A word of `proxy_next_upstream`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words are nginx's")]
pub enum Class {
    /// No word does: the failure comes too late, or is none.
    #[default]
    None,
    Error,
    Timeout,
    InvalidHeader,
    /// Beside `error` or `timeout`: what was sent is a POST, LOCK or PATCH.
    NonIdempotent,
    #[serde(rename = "http_403")]
    Http403,
    #[serde(rename = "http_404")]
    Http404,
    #[serde(rename = "http_429")]
    Http429,
    #[serde(rename = "http_500")]
    Http500,
    #[serde(rename = "http_502")]
    Http502,
    #[serde(rename = "http_503")]
    Http503,
    #[serde(rename = "http_504")]
    Http504,
}

/// What the client has of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// As its framing demands.
    Whole,
    /// It breaks off, and the client can tell.
    Cut,
    /// Nothing arrived, or a head that goes without.
    None,
}

impl Verdict {
    /// What `version` does.
    pub fn at(&self, version: Version) -> Self {
        let own = self.at.get(&version).cloned().unwrap_or_default();
        Self {
            status: own.status.unwrap_or_else(|| self.status.clone()),
            logged: own.logged.or_else(|| self.logged.clone()),
            upstream_status: own
                .upstream_status
                .unwrap_or_else(|| self.upstream_status.clone()),
            log: own.log.unwrap_or_else(|| self.log.clone()),
            class: own.class.unwrap_or(self.class),
            counts: own.counts.unwrap_or(self.counts),
            body: own.body.unwrap_or(self.body),
            reason: own.reason.unwrap_or_else(|| self.reason.clone()),
            at: BTreeMap::new(),
        }
    }

    /// `$status` of each access line.
    pub fn logged(&self) -> Vec<String> {
        match &self.logged {
            Some(logged) => logged.as_slice().to_vec(),
            None => self
                .status
                .as_slice()
                .iter()
                .map(Status::to_string)
                .collect(),
        }
    }
}

impl<T> List<T> {
    /// Its values.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Status {
    /// The code, if there is one.
    pub fn code(self) -> Option<u16> {
        match self {
            Self::Code(code) => Some(code),
            Self::Nothing(Nothing::None) => None,
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "{code:03}"),
            Self::Nothing(Nothing::None) => f.write_str("none"),
        }
    }
}

impl Class {
    /// The word, or `none`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::InvalidHeader => "invalid_header",
            Self::NonIdempotent => "non_idempotent",
            Self::Http403 => "http_403",
            Self::Http404 => "http_404",
            Self::Http429 => "http_429",
            Self::Http500 => "http_500",
            Self::Http502 => "http_502",
            Self::Http503 => "http_503",
            Self::Http504 => "http_504",
        }
    }

    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl Body {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Cut => "cut",
            Self::None => "none",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_what_it_does_not_override_from_the_base() {
        let verdict: Verdict = toml::from_str(
            "status = 200\nbody = 'whole'\nupstream-status = '200'\n\
             [at.'1.31']\nstatus = 502\nclass = 'invalid_header'",
        )
        .unwrap();
        let newer = verdict.at(Version::V1_31);
        assert_eq!(newer.logged(), ["502"]);
        assert_eq!(newer.class, Class::InvalidHeader);
        assert_eq!(newer.upstream_status, verdict.upstream_status);
        assert_eq!(verdict.at(Version::V1_28).logged(), ["200"]);
    }

    #[test]
    fn no_status_is_written_none() {
        let verdict: Verdict = toml::from_str("status = ['none', 99]\nbody = 'none'").unwrap();
        assert_eq!(verdict.logged(), ["none", "099"]);
        let again = toml::to_string(&verdict).unwrap();
        assert_eq!(toml::from_str::<Verdict>(&again).unwrap(), verdict);
    }
}
