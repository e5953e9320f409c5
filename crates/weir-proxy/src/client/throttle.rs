//! `limit_rate` and `proxy_limit_rate`: so many bytes a second, counted as nginx counts them.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use weir_conf::{RateLimit, Settings};

use super::output::ClientGone;
use crate::facts::Session;
use crate::report::variables;
use weir_io::clock::{self, Moment};

/// A rate limit on one direction.
///
/// nginx allows the rate of every second begun, and pauses for what was sent beyond it
/// (`ngx_http_write_filter`, `ngx_event_pipe_read_upstream`).
pub(crate) struct Throttle {
    /// Bytes a second; 0 = no limit.
    rate: u64,
    /// Bytes that are not counted.
    free: u64,
    spent: u64,
    started: Moment,
    blocked_until: Option<Moment>,
}

/// Whether anything limits how fast this answer may come or go.
pub(crate) fn limits(session: &Session, settings: &Settings) -> bool {
    session.req.response.limit_rate.is_some_and(|rate| rate > 0)
        || settings.limit_rate != RateLimit::Fixed(0)
        || settings.upstream.limit_rate != RateLimit::Fixed(0)
}

impl Throttle {
    /// `limit_rate`, or what `X-Accel-Limit-Rate` said; nginx limits buffered answers only
    /// (`ngx_http_upstream_send_response`).
    ///
    /// A part of an answer has no limit of its own: its main request writes it. That one's bodies share one.
    pub(crate) fn client(session: &mut Session, buffering: bool) -> Self {
        if !buffering || session.client.outlet().is_some() {
            session.req.response.limit_rate = Some(0);
            return Self::new(0, 0);
        }
        let settings = session.settings();
        let rate = match session.req.response.limit_rate {
            None => value(session, &settings.limit_rate),
            Some(rate) => rate,
        };
        let free = value(session, &settings.limit_rate_after);
        session.req.response.limit_rate = Some(rate);
        let mut throttle = Self::new(rate, free);
        if let Some(additions) = &session.req.response.additions {
            throttle.started = additions.started;
            throttle.spent = session.req.state.sent;
            throttle.pause_if_spent();
        }
        throttle
    }

    /// `proxy_limit_rate`, which holds only while buffering.
    pub(crate) fn upstream(session: &Session, settings: &Settings, buffering: bool) -> Self {
        let rate = match buffering {
            true => value(session, &settings.upstream.limit_rate),
            false => 0,
        };
        Self::new(rate, 0)
    }

    fn new(rate: u64, free: u64) -> Self {
        Self {
            rate,
            free,
            spent: 0,
            started: clock::now(),
            blocked_until: None,
        }
    }

    /// Bytes that may pass now; `None` = any number.
    pub(crate) fn budget(&self) -> Option<u64> {
        (self.rate > 0).then(|| {
            let seconds = clock::now()
                .saturating_duration_since(self.started)
                .as_secs()
                + 1;
            let allowed = self.rate.saturating_mul(seconds).saturating_add(self.free);
            allowed.saturating_sub(self.spent)
        })
    }

    /// `bytes` cut to the budget, but at least one so that a read cannot be mistaken for an end.
    pub(crate) fn within(&self, bytes: usize) -> usize {
        match self.budget() {
            Some(budget) => bytes
                .min(usize::try_from(budget).unwrap_or(usize::MAX))
                .max(1),
            None => bytes,
        }
    }

    /// Counts bytes that passed, and begins the pause they call for.
    pub(crate) fn spend(&mut self, bytes: u64) {
        if self.rate == 0 || bytes == 0 {
            return;
        }
        self.spent += bytes;
        self.pause_if_spent();
    }

    /// Begins the pause that what was spent calls for.
    fn pause_if_spent(&mut self) {
        if self.budget() == Some(0) {
            let counted = self.spent.saturating_sub(self.free);
            let due = Duration::from_millis(counted.saturating_mul(1000) / self.rate);
            self.blocked_until = Some(self.started + due);
        }
    }

    pub(crate) fn blocked_until(&self) -> Option<Moment> {
        self.blocked_until
    }

    /// Waits until bytes may pass, or the client leaves.
    async fn pause(&mut self, session: &mut Session) -> Result<(), ClientGone> {
        while let Some(until) = self.blocked_until {
            session.wait_until(until).await?;
            self.resume();
        }
        Ok(())
    }

    /// Writes the pending head and `body`, at most so many bytes a second, the head's among them; `false` if
    /// the client does not take all (`ngx_http_write_filter`).
    pub(crate) async fn write(&mut self, session: &mut Session, body: &[u8]) -> bool {
        let mut left = std::mem::take(&mut session.req.response.pending);
        left.extend_from_slice(body);
        while !left.is_empty() {
            if self.pause(session).await.is_err() {
                return false;
            }
            let piece = self.within(left.len());
            session.req.response.pending.extend(left.drain(..piece));
            if session.write_all(&[]).await.is_err() {
                return false;
            }
            self.spend(piece as u64);
        }
        true
    }

    /// Whether there is a limit.
    pub(crate) fn is_on(&self) -> bool {
        self.rate > 0
    }

    /// Ends a pause that is over.
    pub(crate) fn resume(&mut self) {
        if self
            .blocked_until
            .is_some_and(|until| clock::now() >= until)
        {
            self.blocked_until = None;
        }
    }
}

impl Session {
    /// Waits until then, or until the client leaves (`ngx_http_test_reading`).
    pub(crate) async fn wait_until(&mut self, until: Moment) -> Result<(), ClientGone> {
        let client = &mut self.client;
        client.link_mut().deadline.set_at(until);
        let gone = poll_fn(|cx| match client.poll_gone(cx) {
            Poll::Ready(error) => Poll::Ready(Some(error)),
            Poll::Pending => client.link_mut().deadline.poll_expired(cx).map(|()| None),
        })
        .await;
        client.link_mut().deadline.clear();
        match gone {
            Some(error) => Err(self.client_left(error.as_ref())),
            None => Ok(()),
        }
    }
}

fn value(session: &Session, limit: &RateLimit) -> u64 {
    match limit {
        RateLimit::Fixed(bytes) => *bytes,
        RateLimit::Variable(template) => {
            let text = variables::text(session.view(), template);
            weir_conf::parse_offset(&text).unwrap_or(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spends what the budget allows until `total` has passed; the seconds it took.
    async fn pass(mut throttle: Throttle, total: u64) -> u64 {
        let start = tokio::time::Instant::now();
        let mut left = total;
        while left > 0 {
            let now = throttle.budget().map_or(left, |budget| budget.min(left));
            assert!(now > 0, "nothing may pass, and nothing says until when");
            throttle.spend(now);
            left -= now;
            if let Some(until) = throttle.blocked_until() {
                tokio::time::sleep_until(until.instant()).await;
                throttle.resume();
                assert_eq!(throttle.blocked_until(), None);
            }
        }
        start.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn every_second_begun_has_its_share() {
        for (rate, free, total, seconds) in [
            (0, 0, 1_000_000, 0),
            (1000, 0, 999, 0),
            (1000, 0, 1000, 1),
            (1000, 0, 10_000, 10),
            (1000, 4000, 10_000, 6),
            (3, 0, 10, 3),
            (1000, 20_000, 10_000, 0),
        ] {
            let took = pass(Throttle::new(rate, free), total).await;
            assert_eq!(took, seconds, "{total} bytes at {rate} after {free}");
        }
    }
}
