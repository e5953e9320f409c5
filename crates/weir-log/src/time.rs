//! Time stamps, formatted once per second (`ngx_time_update`).

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The zone of local times. Finding it walks through the system's database, which is nothing for a
/// worker to do between two requests.
static ZONE: Mutex<Option<TimeZone>> = Mutex::new(None);

/// Reads anew which zone `TZ` or `/etc/localtime` name, as nginx does when it reads its configuration
/// (`ngx_timezone_update`).
pub fn update_time_zone() {
    jiff::tz::reset_system_time_zone_cache();
    let zone = TimeZone::system();
    *ZONE.lock().unwrap_or_else(PoisonError::into_inner) = Some(zone);
}

/// Seconds that local time is ahead of UTC at a second since 1970, in the zone of [`update_time_zone`].
pub fn local_offset(unix_seconds: i64) -> i64 {
    let mut zone = ZONE.lock().unwrap_or_else(PoisonError::into_inner);
    let zone = zone.get_or_insert_with(TimeZone::system);
    let at = Timestamp::from_second(unix_seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    i64::from(zone.to_offset(at).seconds())
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// All texts of one second. Local times follow `TZ` and `/etc/localtime`, as [`update_time_zone`]
/// found them, or the first use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogTime {
    unix: i64,
    local: [u8; 26],
    iso8601: [u8; 25],
    error_log: [u8; 19],
    http_date: [u8; 29],
    syslog: [u8; 15],
}

impl LogTime {
    /// The texts of a second since 1970; the years 1970 to 9999 are exact, others are clamped.
    pub fn new(unix_seconds: i64) -> Self {
        let mut zone = ZONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self::in_zone(unix_seconds, zone.get_or_insert_with(TimeZone::system))
    }

    fn in_zone(unix: i64, zone: &TimeZone) -> Self {
        // The last day of 9999 is left out: a zone east of Greenwich would need a fifth digit.
        let clamped = unix.clamp(0, 253_402_214_400);
        let utc = Timestamp::from_second(clamped).unwrap_or(Timestamp::UNIX_EPOCH);
        let gmt = utc.to_zoned(TimeZone::UTC);
        let t = utc.to_zoned(zone.clone());
        let minutes = t.offset().seconds() / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        let (off_h, off_m) = (minutes.abs() / 60, minutes.abs() % 60);
        let (y, mo, d) = (t.year(), t.month(), t.day());
        let (h, mi, s) = (t.hour(), t.minute(), t.second());
        let month = name(&MONTHS, mo);
        let weekday = name(&WEEKDAYS, gmt.weekday().to_monday_one_offset());
        let gmt_month = name(&MONTHS, gmt.month());
        let (gd, gy, gh, gm, gs) = (
            gmt.day(),
            gmt.year(),
            gmt.hour(),
            gmt.minute(),
            gmt.second(),
        );
        Self {
            unix,
            local: fixed(format_args!(
                "{d:02}/{month}/{y:04}:{h:02}:{mi:02}:{s:02} {sign}{off_h:02}{off_m:02}"
            )),
            iso8601: fixed(format_args!(
                "{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}{sign}{off_h:02}:{off_m:02}"
            )),
            error_log: fixed(format_args!("{y:04}/{mo:02}/{d:02} {h:02}:{mi:02}:{s:02}")),
            http_date: fixed(format_args!(
                "{weekday}, {gd:02} {gmt_month} {gy:04} {gh:02}:{gm:02}:{gs:02} GMT"
            )),
            syslog: fixed(format_args!("{month} {d:>2} {h:02}:{mi:02}:{s:02}")),
        }
    }

    /// Seconds since 1970.
    pub fn unix(&self) -> i64 {
        self.unix
    }

    /// `$time_local`: `21/Nov/2026:08:42:04 +0000`.
    pub fn local(&self) -> &[u8] {
        &self.local
    }

    /// `$time_iso8601`: `2026-11-21T08:42:04+00:00`.
    pub fn iso8601(&self) -> &[u8] {
        &self.iso8601
    }

    /// Of the error log, local: `2026/11/21 08:42:04`.
    pub fn error_log(&self) -> &[u8] {
        &self.error_log
    }

    /// Of the `Date` header: `Sat, 21 Nov 2026 08:42:04 GMT`.
    pub fn http_date(&self) -> &[u8] {
        &self.http_date
    }

    /// Of a syslog header, local: `Nov 21 08:42:04`, the day padded with a space.
    pub fn syslog(&self) -> &[u8] {
        &self.syslog
    }
}

/// Keeps the texts of the current second.
#[derive(Debug, Default)]
pub struct TimeCache {
    current: Option<LogTime>,
}

impl TimeCache {
    /// The texts of `unix_seconds`, formatted anew only when it differs from the last call's.
    pub fn at(&mut self, unix_seconds: i64) -> &LogTime {
        let stale = self.current.is_none_or(|time| time.unix != unix_seconds);
        if stale {
            self.current = None;
        }
        self.current
            .get_or_insert_with(|| LogTime::new(unix_seconds))
    }
}

/// Appends `$msec`: seconds since 1970 with three decimals, cut, not rounded.
pub fn write_msec(out: &mut Vec<u8>, since_1970: Duration) {
    out.extend_from_slice(itoa::Buffer::new().format(since_1970.as_secs()).as_bytes());
    let millis = since_1970.subsec_millis();
    let digit = |n: u32| b'0' + (n % 10) as u8;
    out.extend_from_slice(&[b'.', digit(millis / 100), digit(millis / 10), digit(millis)]);
}

fn name(names: &'static [&'static str], one_based: i8) -> &'static str {
    usize::try_from(one_based - 1)
        .ok()
        .and_then(|i| names.get(i))
        .copied()
        .unwrap_or("---")
}

/// Formats text of a known length; a longer one would be cut, a shorter one padded with spaces.
fn fixed<const N: usize>(text: fmt::Arguments<'_>) -> [u8; N] {
    let mut bytes = [b' '; N];
    let written = bytes.as_mut_slice().write_fmt(text);
    debug_assert!(written.is_ok(), "{text} is longer than {N}");
    bytes
}

#[cfg(test)]
mod tests {
    use jiff::tz::{TimeZone, offset};

    use super::*;

    fn check(unix: i64, zone: &TimeZone, expected: [&str; 5]) {
        let time = LogTime::in_zone(unix, zone);
        let texts = [
            time.local(),
            time.iso8601(),
            time.error_log(),
            time.http_date(),
            time.syslog(),
        ];
        assert_eq!(
            texts.map(|t| String::from_utf8_lossy(t).into_owned()),
            expected
        );
    }

    #[test]
    fn a_second_has_all_its_texts() {
        check(
            1_795_250_524,
            &TimeZone::UTC,
            [
                "21/Nov/2026:08:42:04 +0000",
                "2026-11-21T08:42:04+00:00",
                "2026/11/21 08:42:04",
                "Sat, 21 Nov 2026 08:42:04 GMT",
                "Nov 21 08:42:04",
            ],
        );
    }

    #[test]
    fn local_texts_follow_the_zone_and_the_date_header_does_not() {
        let newfoundland =
            TimeZone::fixed(offset(-3).saturating_sub(jiff::Span::new().minutes(30)));
        check(
            1_772_332_200,
            &newfoundland,
            [
                "28/Feb/2026:23:00:00 -0330",
                "2026-02-28T23:00:00-03:30",
                "2026/02/28 23:00:00",
                "Sun, 01 Mar 2026 02:30:00 GMT",
                "Feb 28 23:00:00",
            ],
        );
        let line_islands = TimeZone::fixed(offset(14));
        check(
            0,
            &line_islands,
            [
                "01/Jan/1970:14:00:00 +1400",
                "1970-01-01T14:00:00+14:00",
                "1970/01/01 14:00:00",
                "Thu, 01 Jan 1970 00:00:00 GMT",
                "Jan  1 14:00:00",
            ],
        );
    }

    #[test]
    fn absurd_seconds_are_clamped() {
        for unix in [i64::MIN, -1, i64::MAX] {
            for zone in [
                TimeZone::UTC,
                TimeZone::fixed(offset(14)),
                TimeZone::fixed(offset(-12)),
            ] {
                let time = LogTime::in_zone(unix, &zone);
                assert!(time.http_date().ends_with(b"GMT"), "{unix}");
            }
        }
    }

    #[test]
    fn a_cached_second_is_that_second() {
        let mut cache = TimeCache::default();
        for unix in [5, 5, 6, 5, 100] {
            assert_eq!(*cache.at(unix), LogTime::new(unix));
        }
    }

    #[test]
    fn msec_has_three_digits() {
        let check = |nanos, expected: &str| {
            let mut out = Vec::new();
            write_msec(&mut out, Duration::from_nanos(nanos));
            assert_eq!(out, expected.as_bytes());
        };
        check(0, "0.000");
        check(1_007_999_999, "1.007");
        check(1_795_250_524_120_000_000, "1795250524.120");
    }
}
