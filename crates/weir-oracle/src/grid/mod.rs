//! Grids: every combination of settings with inputs, asked of a real nginx and of weir. Rules with
//! many corners are met so where a scenario shows one of them.
//!
//! A grid is a handful of scenarios with many requests; what they show is compared live and written
//! down nowhere.

use std::collections::BTreeMap;
use std::time::Duration;

use weir_lab::bed::{Conf, DEFAULT_BACKEND};
use weir_lab::scenario::{Expect, Scenario};
use weir_lab::script::{BackendScript, BackendStep, ClientStep};

mod answers;
mod cookies;
mod files;
mod hosts;
mod lookups;
mod names;
mod rings;

/// The phase of every scenario of a grid.
pub(crate) const PHASE: &str = "grid";

/// All grids.
pub(crate) fn all() -> Vec<Scenario> {
    [
        answers::scenarios(),
        cookies::scenarios(),
        files::scenarios(),
        hosts::scenarios(),
        lookups::scenarios(),
        names::scenarios(),
        rings::scenarios(),
    ]
    .concat()
}

/// Reads a response; that the connection stays as it is needs no watching a thousand times.
const RECEIVE: ClientStep = ClientStep::ReceiveThenWatch(Duration::ZERO);

/// Whether a grid is about `field`: not about when something came, nor about how a connection that
/// nobody watches goes on.
pub(crate) fn compares(field: &str) -> bool {
    !field.ends_with("_time") && !field.ends_with(".end")
}

/// A scenario whose backend answers its n-th connection with the n-th of `answers`.
fn scenario(
    name: String,
    summary: &str,
    locations: String,
    client: Vec<ClientStep>,
    answers: Vec<String>,
) -> Scenario {
    let steps = answers.iter().map(|answer| {
        vec![
            BackendStep::Request,
            BackendStep::Send(answer.as_str().into()),
        ]
    });
    let script = BackendScript::in_turn(steps.collect::<Vec<_>>());
    let config = Conf {
        locations: Some(locations),
        ..Conf::default()
    };
    Scenario {
        backend: BTreeMap::from([(DEFAULT_BACKEND.to_owned(), script)]),
        ..without_backends(name, summary, client, config)
    }
}

/// A scenario in which nothing is passed on.
fn without_backends(
    name: String,
    summary: &str,
    client: Vec<ClientStep>,
    config: Conf,
) -> Scenario {
    Scenario {
        since: None,
        name,
        summary: summary.to_owned(),
        phase: PHASE.to_owned(),
        compat: None,
        client,
        config,
        files: BTreeMap::new(),
        backend: BTreeMap::new(),
        dns: BTreeMap::new(),
        expect: Expect::default(),
    }
}

/// Sends each request on a connection of its own.
fn each_alone(requests: impl Iterator<Item = String>) -> Vec<ClientStep> {
    let steps = requests.flat_map(|request| {
        [
            ClientStep::Send(request.as_str().into()),
            RECEIVE,
            ClientStep::New,
        ]
    });
    steps.collect()
}
