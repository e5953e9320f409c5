//! How far a long log has been read, for whoever waits at a terminal.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::path::Path;
use std::time::{Duration, Instant};

/// Shorter logs are read before anybody wonders: bytes.
const LONG: u64 = 128 << 20;
/// From one word to the next.
const PAUSE: Duration = Duration::from_millis(200);

/// Says how far it is, in one line that is written over and over and taken away at the end.
#[derive(Debug)]
pub(super) struct Progress {
    name: String,
    size: u64,
    begun: Instant,
    said: Duration,
}

#[expect(
    clippy::disallowed_methods,
    reason = "somebody waits at a terminal: no worker's clock runs here"
)]
impl Progress {
    /// For a file that is long, if standard error is a terminal.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let size = path.metadata().ok()?.len();
        (size >= LONG && stderr().is_terminal()).then(|| Self {
            name: path.display().to_string(),
            size,
            begun: Instant::now(),
            said: Duration::ZERO,
        })
    }

    /// So many bytes have been read.
    pub(super) fn read(&mut self, bytes: u64) {
        let time = self.begun.elapsed();
        if time < self.said + PAUSE {
            return;
        }
        self.said = time;
        // Nobody is told if it cannot be said.
        let _ = write!(stderr(), "\r{}\x1b[K", self.line(bytes, time));
    }

    fn line(&self, bytes: u64, time: Duration) -> String {
        const MEGABYTE: u64 = 1_000_000;
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = bytes / 1000 / millis;
        // Compressed, there is more in it than its size says.
        let part = match bytes <= self.size {
            true => format!("{} %", bytes * 100 / self.size.max(1)),
            false => format!("{} MB", bytes / MEGABYTE),
        };
        format!("reading {}: {part}, {rate} MB/s", self.name)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.said > Duration::ZERO {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment is all that is needed")]
    fn it_says_how_far_and_how_fast() {
        let progress = Progress {
            name: "error.log".to_owned(),
            size: 4_000_000_000,
            begun: Instant::now(),
            said: Duration::ZERO,
        };
        let line = progress.line(1_000_000_000, Duration::from_secs(2));
        assert_eq!(line, "reading error.log: 25 %, 500 MB/s");
        let line = progress.line(9_000_000_000, Duration::from_secs(9));
        assert_eq!(line, "reading error.log: 9000 MB, 1000 MB/s");
    }
}
