//! Since when lines count.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Lines before this moment do not count; error logs tell local time, to the second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Since {
    /// `2026/11/21 08:41:49`.
    first: Option<[u8; 19]>,
    /// The same in seconds of the epoch.
    second: Option<i64>,
}

impl Since {
    /// The last so and so long before `now`, seconds of the epoch.
    pub fn last(time: Duration, now: Duration) -> Self {
        let second = i64::try_from(now.saturating_sub(time).as_secs()).unwrap_or(0);
        let stamp = Timestamp::from_second(second).ok();
        let written = stamp.map(|stamp| {
            stamp
                .to_zoned(TimeZone::system())
                .strftime("%Y/%m/%d %H:%M:%S")
                .to_string()
        });
        Self {
            first: written.and_then(|text| text.as_bytes().try_into().ok()),
            second: Some(second),
        }
    }

    /// Whether a line of an error log with this time counts.
    pub fn counts(&self, time: &[u8]) -> bool {
        // Written so that earlier ones are smaller.
        self.first.is_none_or(|first| time >= &first[..])
    }

    /// The moment in seconds of the epoch.
    pub fn second(&self) -> Option<i64> {
        self.second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_lines_do_not_count() {
        let since = Since::last(
            Duration::from_secs(3600),
            Duration::from_secs(1_700_000_000),
        );
        assert!(!since.counts(b"2001/01/01 00:00:00"));
        assert!(since.counts(b"2999/01/01 00:00:00"));
        assert!(Since::default().counts(b"2001/01/01 00:00:00"));
    }
}
