//! Causes of failures: what each means, where it comes from, what to look at, which directives decide.

mod answering;
mod body;
mod client;
mod configured;
mod connecting;
mod here;
mod limits;
mod names;
mod starting;
mod tls;

pub use answering::*;
pub use body::*;
pub use client::*;
pub use configured::*;
pub use connecting::*;
pub use here::*;
pub use limits::*;
pub use names::*;
pub use starting::*;
pub use tls::*;

/// A cause of failures, as an error log tells of it, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Cause {
    /// Its stable name: `WEIR-502-REFUSED`.
    pub code: &'static str,
    /// What has happened, in half a sentence.
    pub title: &'static str,
    /// How much it matters where nothing else is known.
    pub severity: Severity,
    /// What clients see of it.
    pub client_sees: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What it comes from, the likeliest first.
    pub reasons: &'static [&'static str],
    /// What to look at, and how.
    pub checks: &'static [&'static str],
    /// The directives that decide, the first one most.
    pub directives: &'static [&'static str],
    /// What would show that it is something else.
    pub disproof: &'static str,
}

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// All is well.
    Note,
    /// Nothing fails yet, or only what clients do themselves.
    Warning,
    /// Requests fail.
    Error,
    /// Nothing works.
    Critical,
}

impl Severity {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

impl Cause {
    /// What it is where it keeps the proxy from starting: trouble with a file is one thing then.
    pub fn at_start(&'static self) -> &'static Self {
        match [&FILE_MISSING, &FILE_FORBIDDEN, &FILE_FAILED, &DISK].contains(&self) {
            true => &START_FILE,
            false => self,
        }
    }
}

/// Every cause, in the order of a request's way.
pub const ALL: &[&[&Cause]] = &[
    starting::ALL,
    connecting::ALL,
    names::ALL,
    tls::ALL,
    answering::ALL,
    body::ALL,
    here::ALL,
    limits::ALL,
    client::ALL,
    configured::ALL,
];

/// Every cause, in the order of a request's way.
pub fn all() -> impl Iterator<Item = &'static Cause> {
    ALL.iter().flat_map(|causes| causes.iter().copied())
}

/// The cause of this code; the case of its letters is no matter.
pub fn named(code: &str) -> Option<&'static Cause> {
    all().find(|cause| cause.code.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_stable_names_and_everything_is_said() {
        let mut codes = HashSet::new();
        for cause in all() {
            assert!(codes.insert(cause.code), "{} twice", cause.code);
            assert!(cause.code.starts_with("WEIR-"), "{}", cause.code);
            let is_plain =
                |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
            assert!(cause.code.bytes().all(is_plain), "{}", cause.code);
            let texts = [
                cause.title,
                cause.client_sees,
                cause.meaning,
                cause.disproof,
            ];
            assert!(texts.iter().all(|text| !text.is_empty()), "{}", cause.code);
            if cause.severity >= Severity::Error {
                assert!(
                    !cause.reasons.is_empty() && !cause.checks.is_empty(),
                    "{}",
                    cause.code
                );
            }
        }
    }

    #[test]
    fn no_cure_that_opens_a_door_comes_first() {
        for cause in all() {
            for text in cause.reasons.iter().chain(cause.checks) {
                for wrong in ["chmod 666", "chmod 777", "setenforce 0", "ssl_verify off"] {
                    assert!(!text.contains(wrong), "{}: {wrong}", cause.code);
                }
            }
        }
    }
}
