//! `expires`: the fields that say until when an answer is fresh.

use weir_conf::{Expires, Expiry};
use weir_io::clock;
use weir_log::local_offset;
use weir_wire::{KnownField, date};

use crate::facts::Session;
use crate::report::variables;

const EPOCH: &[u8] = b"Thu, 01 Jan 1970 00:00:01 GMT";
const MAX: &[u8] = b"Thu, 31 Dec 2037 23:55:55 GMT";

const NO_CACHE: &[u8] = b"no-cache";
const DAY: i64 = 24 * 60 * 60;

/// Sets `Expires` and the first `Cache-Control`, and removes others of that name
/// (`ngx_http_set_expires`).
pub(super) fn set(session: &mut Session) {
    let Some(expiry) = expiry(session) else {
        return;
    };
    // A time before the change, when the configuration itself says so, is never fresh.
    let stale = session.settings().expires == Expires::Fixed(expiry)
        && matches!(expiry, Expiry::AfterModified(..0));
    let now = clock::unix_seconds();
    let response = &mut session.req.response;
    let (mut until, mut control) = (Vec::new(), Vec::new());
    let sent = response.fields.value(KnownField::LastModified);
    let modified = response.modified.or_else(|| sent.and_then(date::parse));
    match expires_at(expiry, modified, now) {
        Until::Nothing => return,
        Until::Text(date, text) => {
            until.extend_from_slice(date);
            control.extend_from_slice(text);
        }
        Until::At { time, age } => {
            date::write(time, &mut until);
            if stale || age < 0 {
                control.extend_from_slice(NO_CACHE);
            } else {
                control.extend_from_slice(b"max-age=");
                control.extend_from_slice(itoa::Buffer::new().format(age).as_bytes());
            }
        }
    }
    let fields = &mut response.fields;
    fields.set_value(KnownField::Expires, b"Expires", &until);
    fields.set_only(KnownField::CacheControl, b"Cache-Control", &control);
}

/// What the location says, evaluated.
fn expiry(session: &Session) -> Option<Expiry> {
    match &session.settings().expires {
        Expires::Fixed(expiry) => Some(*expiry),
        Expires::Variable { text, modified } => {
            let text = variables::text(session.view(), text);
            Expiry::parse(&text, *modified).ok()
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Until {
    Nothing,
    /// `Expires` and `Cache-Control`.
    Text(&'static [u8], &'static [u8]),
    /// In seconds since 1970, and from now.
    At {
        time: i64,
        age: i64,
    },
}

fn expires_at(expiry: Expiry, modified: Option<i64>, now: i64) -> Until {
    let after = |seconds| Until::At {
        time: now.saturating_add(seconds),
        age: seconds,
    };
    let at = |time: i64| Until::At {
        time,
        age: time.saturating_sub(now),
    };
    match (expiry, modified) {
        (Expiry::Off, _) => Until::Nothing,
        (Expiry::Epoch, _) => Until::Text(EPOCH, NO_CACHE),
        (Expiry::Max, _) => Until::Text(MAX, b"max-age=315360000"),
        (Expiry::Daily(second), _) => at(next_time(second, now, local_offset(now))),
        // Whatever it counts from.
        (Expiry::AfterModified(0), _) => after(0),
        (Expiry::AfterModified(seconds), Some(modified)) => at(modified.saturating_add(seconds)),
        (Expiry::After(seconds) | Expiry::AfterModified(seconds), _) => after(seconds),
    }
}

/// When this second of a day comes next, by the offset from UTC that holds now: nginx keeps `tm_isdst`
/// (`ngx_next_time`).
fn next_time(second: i64, now: i64, offset: i64) -> i64 {
    let midnight = now - (now + offset).rem_euclid(DAY);
    let today = midnight + second;
    if today > now { today } else { today + DAY }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    #[test]
    fn times_count_from_now_or_from_the_change() {
        let check = |expiry, modified, time: i64| {
            let age = time - NOW;
            assert_eq!(
                expires_at(expiry, modified, NOW),
                Until::At { time, age },
                "{expiry:?}"
            );
        };
        check(Expiry::After(60), Some(5), NOW + 60);
        check(Expiry::After(-60), None, NOW - 60);
        check(Expiry::AfterModified(60), Some(5), 65);
        check(Expiry::AfterModified(60), None, NOW + 60);
        check(Expiry::AfterModified(0), Some(5), NOW);
        check(Expiry::AfterModified(-60), Some(NOW + 90), NOW + 30);
    }

    #[test]
    fn absurd_times_are_clamped() {
        let far = Expiry::AfterModified(i64::MAX);
        let Until::At { time, age } = expires_at(far, Some(NOW), NOW) else {
            panic!("no time");
        };
        assert_eq!((time, age), (i64::MAX, i64::MAX - NOW));
    }

    #[test]
    fn a_time_of_day_is_today_or_tomorrow() {
        // 22:13:20 in UTC.
        let check = |second, offset, after| {
            assert_eq!(next_time(second, NOW, offset), NOW + after, "{second}");
        };
        check(22 * 3600 + 13 * 60 + 21, 0, 1);
        check(22 * 3600 + 13 * 60 + 20, 0, DAY);
        check(0, 0, 6400);
        check(DAY, 0, 6400);
        check(0, 2 * 3600, DAY - 800);
        check(15 * 60, 2 * 3600, 100);
        check(0, -23 * 3600, 2800);
    }
}
