//! How long a peer takes, as all workers have seen it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::Now;
use crate::spec::{Measure, Until};

/// How long an exchange took, from its first try to connect on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Took {
    /// Until the response head was there; `None`: it never was.
    pub header: Option<Duration>,
    /// Until it was over.
    pub response: Duration,
}

/// The averages of a peer, in milliseconds; 0 before the first answer.
#[derive(Debug, Default)]
pub(crate) struct Times {
    header: AtomicU64,
    response: AtomicU64,
    under_way: Mutex<UnderWay>,
}

/// Requests that have not been answered yet (`inflight_*` of `ngx_http_upstream_rr_peer_t`).
#[derive(Debug, Default)]
struct UnderWay {
    requests: u64,
    /// Milliseconds that they have taken together, up to `since`.
    spent: u64,
    /// When that was noted last.
    since: u64,
    /// Average of what they had taken, at each choice of a peer.
    average: u64,
}

impl Times {
    /// The time that the peer is measured by.
    pub(crate) fn average(&self, until: Until) -> u64 {
        match until {
            Until::Header => self.header.load(Relaxed),
            Until::LastByte => self.response.load(Relaxed),
        }
    }

    /// Looks at what is under way before a choice; its average, if there is anything.
    pub(crate) fn under_way(&self, now: Now) -> Option<u64> {
        let mut under_way = self.lock();
        let spent = under_way.spent.checked_div(under_way.requests)?;
        let spent = spent + millis(now).saturating_sub(under_way.since);
        under_way.average = averaged(under_way.average, spent);
        Some(under_way.average)
    }

    /// A request goes to the peer.
    pub(crate) fn begin(&self, now: Now) {
        let mut under_way = self.lock();
        under_way.note(now);
        under_way.requests += 1;
    }

    /// What a request to the peer was waiting for is there after that time. `None`: it failed, and as nginx does not
    /// know yet how long that took (its -1 makes it a millisecond more), the others seem to take longer
    /// (`ngx_http_upstream_least_time_inflight_done`).
    pub(crate) fn end(&self, took: Option<Duration>, now: Now) {
        let mut under_way = self.lock();
        under_way.note(now);
        under_way.requests = under_way.requests.saturating_sub(1);
        under_way.spent = match (under_way.requests, took) {
            (0, _) => 0,
            (_, Some(took)) => under_way.spent.saturating_sub(millis(took)),
            (_, None) => under_way.spent + 1,
        };
    }

    /// The peer has answered; what has been counted already is not counted again.
    pub(crate) fn answered(&self, took: Took, measure: Measure) {
        let Some(header) = took.header else {
            return;
        };
        average(&self.response, took.response);
        if !(measure.inflight && measure.until == Until::Header) {
            average(&self.header, header);
        }
    }

    /// The head of an answer is there.
    pub(crate) fn head_came(&self, header: Duration) {
        average(&self.header, header);
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay {
    fn note(&mut self, now: Now) {
        let now = millis(now);
        self.spent += now.saturating_sub(self.since) * self.requests;
        self.since = now;
    }
}

fn average(of: &AtomicU64, time: Duration) {
    let _before = of.fetch_update(Relaxed, Relaxed, |before| {
        Some(averaged(before, millis(time)))
    });
}

/// `ngx_http_upstream_response_time_avg`: a twentieth of the new, the rest of the old, rounded.
fn averaged(before: u64, new: u64) -> u64 {
    match before {
        0 => new,
        _ => (new + before * 19 + 10) / 20,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Now {
        Duration::from_millis(millis)
    }

    #[test]
    fn averages_follow_slowly() {
        let mut value = 0;
        let seen: Vec<u64> = [100, 200, 0, 0]
            .into_iter()
            .map(|time| {
                value = averaged(value, time);
                value
            })
            .collect();
        assert_eq!(seen, [100, 105, 100, 95]);
    }

    #[test]
    fn what_is_under_way_counts_until_it_ends() {
        let times = Times::default();
        assert_eq!(times.under_way(at(0)), None);
        times.begin(at(1000));
        times.begin(at(1100));
        // 100 and 0 at 1100; half a second later 600 and 500.
        assert_eq!(times.under_way(at(1600)), Some(550));
        times.end(Some(at(600)), at(1600));
        assert_eq!(times.under_way(at(1600)), Some(548));
        times.begin(at(1600));
        times.end(None, at(1600));
        assert_eq!(times.under_way(at(1600)), Some(546), "501 of one");
        times.end(Some(at(501)), at(1600));
        assert_eq!(times.under_way(at(9999)), None);
    }
}
