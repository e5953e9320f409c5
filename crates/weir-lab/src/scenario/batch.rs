//! Many scenarios side by side: they mostly wait.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Scenario;
use crate::bed::{Fault, Seen, Target};
use crate::version::Version;

/// One scenario to be played against one proxy.
#[derive(Clone, Debug)]
pub struct Job {
    /// What is played.
    pub scenario: Arc<Scenario>,
    /// Against whom.
    pub target: Arc<Target>,
    /// As which version.
    pub version: Version,
    /// The directory's name below that of all runs.
    pub folder: String,
}

/// No scenario takes longer, even on a slow machine.
const LIMIT: Duration = Duration::from_secs(120);

/// Plays `jobs`, so many at once, below `directory`; the results are in the order of the jobs.
pub async fn play_all(
    jobs: Vec<Job>,
    directory: &Path,
    at_once: usize,
) -> Vec<Result<Seen, Fault>> {
    let turns = Arc::new(Semaphore::new(at_once.max(1)));
    let mut running = JoinSet::new();
    for (index, job) in jobs.into_iter().enumerate() {
        let turns = Arc::clone(&turns);
        let directory = directory.join(&job.folder);
        running.spawn(async move {
            // The semaphore is never closed.
            let _turn = turns.acquire().await;
            let play = job.scenario.play(&job.target, job.version, &directory);
            let done = timeout(LIMIT, play).await;
            let late = |_| Err(Fault::bed("run")(std::io::ErrorKind::TimedOut.into()));
            (index, done.unwrap_or_else(late))
        });
    }
    let mut results = running.join_all().await;
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
