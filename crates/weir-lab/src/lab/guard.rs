//! A scripted fault that no request met makes a test that proves nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use super::attempts::of_request;
use super::{Home, Lab};

/// A backend whose fault must be met.
#[derive(Clone, Debug)]
pub(super) struct Guarded {
    /// Its name in the configuration.
    pub(super) name: String,
    /// What it does, if that has a name.
    pub(super) fault: Option<String>,
    /// No step of a script shows that the fault was met; weir's attempts do.
    pub(super) by_attempt: bool,
}

/// How long a backend may take to play what weir has sent already.
const LATE: Duration = Duration::from_millis(500);

impl<H: Home> Drop for Lab<H> {
    fn drop(&mut self) {
        // Ends weir, so that its logs are whole.
        drop(self.home.take());
        if !std::thread::panicking()
            && let Some(complaint) = self.unmet()
        {
            panic!("{complaint}");
        }
    }
}

impl<H: Home> Lab<H> {
    /// What is wrong, if a fault was not met.
    fn unmet(&self) -> Option<String> {
        if self.guarded.is_empty() {
            return None;
        }
        let lines = self.written_access_lines();
        let attempts = lines.iter().flat_map(|line| &line.attempts);
        let asked: BTreeSet<&str> = attempts.map(|attempt| attempt.backend.as_str()).collect();
        let is_met = |guarded: &&Guarded| match guarded.by_attempt {
            true => asked.contains(guarded.name.as_str()),
            false => self
                .backends
                .get(&guarded.name)
                .is_some_and(|backend| backend.strikes_within(LATE)),
        };
        let unmet = self.guarded.iter().find(|guarded| !is_met(guarded))?;
        let fault = unmet
            .fault
            .as_ref()
            .map_or(String::new(), |fault| format!(" ({fault})"));
        let requests: String = lines
            .iter()
            .map(|line| format!("\nseen      {}", of_request(line)))
            .collect();
        Some(format!(
            "no request met the fault of {name}{fault}; if that is meant: .allow_unused({name:?}){requests}",
            name = unmet.name,
        ))
    }
}
