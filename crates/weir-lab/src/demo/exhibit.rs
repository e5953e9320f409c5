//! Faults that a plain curl shows.

use crate::catalogue::{self, Fault};
use crate::script::ClientStep;

/// A fault with a location of its own.
#[derive(Debug)]
pub(super) struct Exhibit {
    pub(super) fault: &'static Fault,
    /// How often it has to be asked for over one connection until it shows.
    pub(super) requests: usize,
}

impl Exhibit {
    /// What its configuration says for a directive of one argument.
    pub(super) fn setting(&self, directive: &str) -> Option<&'static str> {
        let conf = &self.fault.config;
        let texts = [&conf.location, &conf.server, &conf.http];
        let mut statements = texts
            .into_iter()
            .flatten()
            .flat_map(|text| text.split(['{', '}', ';']));
        statements.find_map(|statement| {
            let (name, value) = statement.trim().split_once(char::is_whitespace)?;
            (name == directive).then_some(value.trim())
        })
    }
}

/// All of them, in the order of the catalogue.
pub(super) fn all() -> Vec<Exhibit> {
    let exhibit = |fault: &'static Fault| {
        let conf = &fault.config;
        let whole_file = conf.file.is_some() || conf.locations.is_some();
        let elsewhere = conf.main.is_some() || conf.listen.is_some() || conf.user.is_some();
        let logs = conf.logs.is_some() || conf.connections.is_some();
        if whole_file || elsewhere || logs || fault.phase.is_client() {
            return None;
        }
        // Where such an answer leads depends on what else the proxy serves.
        let redirects = format!("{:?}", fault.backend).contains("X-Accel-Redirect");
        let plain = |step: &ClientStep| matches!(step, ClientStep::Get(target) if target == "/");
        let curl = !redirects && !fault.client.is_empty() && fault.client.iter().all(plain);
        curl.then_some(Exhibit {
            fault,
            requests: fault.client.len(),
        })
    };
    catalogue::all().iter().filter_map(exhibit).collect()
}
