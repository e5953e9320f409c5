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
