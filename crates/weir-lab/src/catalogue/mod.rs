//! The catalogue: faults by name, with nginx's verdict on each as data.
//!
//! The entries are TOML, a file or two per [`Phase`] in `data/`, in the shape of [`Fault`]. Their scripts
//! are those of a [`Scenario`](crate::scenario::Scenario); an entry is one that expects its verdict.
//!
//! Invariants:
//! - A name is stable, in kebab-case, and unique in the whole catalogue.
//! - A verdict is what nginx 1.28.3 was seen to do, and where it differs, 1.22.1 and 1.31.5.
//! - Time-outs are set so low that every entry shows within seconds.
//! - No TLS, no resolver, no cache and no limits: these have their places elsewhere.

use std::sync::LazyLock;

mod alike;
mod fault;
mod page;
mod phase;
mod verdict;

pub use fault::Fault;
pub use page::page;
pub use phase::Phase;
pub use verdict::{Body, Class, Difference, List, Nothing, Status, Verdict};

/// The data files of each phase.
const FILES: &[(Phase, &str)] = &[
    (Phase::Connect, include_str!("data/connect.toml")),
    (Phase::Unix, include_str!("data/unix.toml")),
    (Phase::Request, include_str!("data/request.toml")),
    (Phase::Waiting, include_str!("data/waiting.toml")),
    (Phase::ResponseHead, include_str!("data/response-head.toml")),
    (
        Phase::ResponseHead,
        include_str!("data/response-fields.toml"),
    ),
    (Phase::Framing, include_str!("data/framing.toml")),
    (Phase::Interim, include_str!("data/interim.toml")),
    (Phase::ResponseBody, include_str!("data/response-body.toml")),
    (Phase::Chunked, include_str!("data/chunked.toml")),
    (Phase::Chunked, include_str!("data/chunk-sizes.toml")),
    (Phase::KeepAlive, include_str!("data/keep-alive.toml")),
    (Phase::Retry, include_str!("data/retry.toml")),
    (Phase::Retry, include_str!("data/retry-classes.toml")),
    (Phase::Retry, include_str!("data/retry-limits.toml")),
    (Phase::Upgrade, include_str!("data/upgrade.toml")),
    (
        Phase::ClientHead,
        include_str!("data/client-request-line.toml"),
    ),
    (Phase::ClientHead, include_str!("data/client-head.toml")),
    (Phase::ClientBody, include_str!("data/client-body.toml")),
    (Phase::ClientEnd, include_str!("data/client-end.toml")),
];

/// A name that no fault has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no fault is called {name:?}{}", alike::suggestion(alike))]
pub struct UnknownFault {
    /// As it was asked for.
    pub name: String,
    /// Names that were meant, perhaps; the likeliest first.
    pub alike: Vec<&'static str>,
}

/// Every fault, by phase, in the order of a data file.
pub fn all() -> &'static [Fault] {
    static ALL: LazyLock<Vec<Fault>> = LazyLock::new(|| {
        FILES
            .iter()
            .flat_map(|(phase, text)| parse(*phase, text))
            .collect()
    });
    &ALL
}

/// The fault of this name.
pub fn find(name: &str) -> Option<&'static Fault> {
    all().iter().find(|fault| fault.name == name)
}

/// The fault of this name.
///
/// # Errors
/// There is none; the error names those that were meant, perhaps.
pub fn named(name: &str) -> Result<&'static Fault, UnknownFault> {
    find(name).ok_or_else(|| UnknownFault {
        name: name.to_owned(),
        alike: alike::names(name, all()),
    })
}

/// The files are part of the program, and a test reads them all.
fn parse(phase: Phase, text: &str) -> Vec<Fault> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        fault: Vec<Fault>,
    }
    let file: File = match toml::from_str(text) {
        Ok(file) => file,
        Err(fault) => unreachable!("the data of {} is no catalogue: {fault}", phase.as_str()),
    };
    let mut faults = file.fault;
    for fault in &mut faults {
        fault.phase = phase;
    }
    faults
}

#[cfg(test)]
mod tests;
