//! What was expected of weir's tries at backends.

use std::fmt::Write as _;
use std::future::Future;
use std::panic::Location;
use std::sync::atomic::Ordering;

use weir_log::record::{AccessLine, Attempt, ErrorLine};

use super::{Home, Lab};

impl<H: Home> Lab<H> {
    /// Fails unless the requests since the last expectation made exactly these attempts: backend
    /// and status, 0 for an attempt without one. A failed attempt has the status that its failure
    /// stands for: 502, or 504 for a time-out.
    ///
    /// # Panics
    /// There were others; the message shows them, with the error lines.
    #[track_caller]
    pub fn expect_attempts<'a>(
        &self,
        expected: impl IntoIterator<Item = (&'a str, u16)>,
    ) -> impl Future<Output = ()> {
        let place = Location::caller();
        let expected: Vec<String> = expected
            .into_iter()
            .map(|(name, status)| shown(name, status))
            .collect();
        async move {
            let lines = self.access_lines().await;
            let before = self.expected.swap(lines.len(), Ordering::Relaxed);
            let lines = &lines[before.min(lines.len())..];
            let attempts = lines.iter().flat_map(|line| &line.attempts);
            let seen: Vec<String> = attempts.map(in_short).collect();
            if seen != expected {
                let errors = self.error_lines().await;
                panic!("{}", complaint(place, &expected, lines, &errors));
            }
        }
    }
}

fn in_short(attempt: &Attempt) -> String {
    shown(&attempt.backend, attempt.status.unwrap_or(0))
}

fn shown(backend: &str, status: u16) -> String {
    format!("{backend} {status}")
}

fn complaint(
    place: &Location<'_>,
    expected: &[String],
    lines: &[AccessLine],
    errors: &[ErrorLine],
) -> String {
    let mut text = format!("other attempts than {place} expects\n");
    let expected = match expected {
        [] => "none".to_owned(),
        expected => expected.join(", "),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "expected  {expected}");
    for line in lines {
        let _ = writeln!(text, "seen      {}", of_request(line));
    }
    if lines.is_empty() {
        text.push_str("seen      no request at all\n");
    }
    for error in errors {
        let _ = writeln!(text, "logged    {error}");
    }
    text
}

/// `GET / HTTP/1.1: app:1 502 (http_response_incomplete), other:1 200; answered 200`.
pub(super) fn of_request(line: &AccessLine) -> String {
    let attempts = line.attempts.iter().map(|attempt| match &attempt.failure {
        Some(failure) => format!("{} ({failure})", in_short(attempt)),
        None => in_short(attempt),
    });
    let attempts: Vec<String> = attempts.collect();
    let attempts = match attempts.as_slice() {
        [] => "no attempt".to_owned(),
        attempts => attempts.join(", "),
    };
    format!(
        "{attempts}; {} was answered with {}",
        line.request, line.status
    )
}
