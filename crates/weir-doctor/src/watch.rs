//! Logs followed as they grow: what is new in them is told at once.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::case::Case;
use crate::finding::Finding;
use crate::findings;
use crate::logs::Since;
use crate::logs::errors::ErrorLog;
use crate::logs::follow::Follower;

/// From one look to the next.
const PAUSE: Duration = Duration::from_millis(500);
/// What was silent for so long is new again.
const SILENCE: Duration = Duration::from_secs(300);

/// Error logs that are being followed, and what is known of them.
#[derive(Debug)]
pub struct Watch<'a> {
    case: &'a Case,
    logs: Vec<Follower>,
    /// By cause and whom it is about: when it was last heard of.
    heard: HashMap<(&'static str, String), Duration>,
}

impl<'a> Watch<'a> {
    /// Of the error logs that were read; what is in them already is not new.
    pub fn of(case: &'a Case) -> Self {
        let known = case.errors.iter().flat_map(ErrorLog::incidents);
        Self {
            case,
            logs: case
                .error_paths
                .iter()
                .map(|path| Follower::of(path))
                .collect(),
            heard: known
                .map(|one| ((one.cause.code, one.upstream.clone()), Duration::ZERO))
                .collect(),
        }
    }

    /// Whether there is anything to follow.
    pub fn is_empty(&self) -> bool {
        self.logs.is_empty()
    }

    /// Looks on, until nobody listens any more.
    #[expect(
        clippy::disallowed_methods,
        reason = "a command at a terminal waits; no worker's clock runs here"
    )]
    pub fn run(mut self, mut tell: impl FnMut(&Finding) -> bool) {
        let begun = Instant::now();
        loop {
            for finding in self.look(begun.elapsed()) {
                if !tell(&finding) {
                    return;
                }
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// What is new since the last look.
    fn look(&mut self, now: Duration) -> Vec<Finding> {
        let mut log = ErrorLog::default();
        for follower in &mut self.logs {
            // A log that cannot be read now may be there again at the next look.
            let _unread = follower.more(|line| log.take(line, Since::default()));
        }
        let heard = &mut self.heard;
        log.retain(|incident| {
            let key = (incident.cause.code, incident.upstream.clone());
            let last = heard.insert(key, now);
            last.is_none_or(|last| now.saturating_sub(last) >= SILENCE)
        });
        findings::of_log(self.case, &log)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{self, Write as _};

    use super::*;

    #[test]
    fn what_is_new_is_told_once_and_again_after_silence() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("error.log");
        let line = |port: u16| {
            format!(
                "2026/11/21 08:41:49 [error] 1#1: *7 connect() failed (111: Connection refused) while connecting to upstream, client: ::1, \
                 server: s, request: \"GET / HTTP/1.1\", upstream: \"http://127.0.0.1:{port}/\", host: \"h\"\n"
            )
        };
        fs::write(&path, line(1))?;
        let mut errors = ErrorLog::default();
        errors.take(line(1).trim_end().as_bytes(), Since::default());
        let case = Case {
            errors: Some(errors),
            error_paths: vec![path.clone()],
            ..Case::default()
        };
        let mut watch = Watch::of(&case);
        let mut file = fs::File::options().append(true).open(&path)?;
        let mut told = |port: u16, minutes: u64| -> io::Result<usize> {
            file.write_all(line(port).as_bytes())?;
            Ok(watch.look(Duration::from_secs(60 * minutes)).len())
        };
        assert_eq!(told(1, 1)?, 0);
        assert_eq!(told(2, 2)?, 1);
        assert_eq!(told(2, 3)?, 0);
        assert_eq!(told(2, 9)?, 1);
        Ok(())
    }
}
