//! Requests that come too soon are delayed, or refused (`ngx_http_limit_req_handler`).

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use smallvec::SmallVec;
use weir_conf::{Level, RequestLimit};
use weir_io::clock;
use weir_zone::{Arrival, Held, Limit, Pace};

use super::keyed::{self, Key};
use crate::facts::{Outcome, RateStatus, Session, View};
use crate::report::error_log::{self, Message};

/// What the limits want of a request.
pub(super) enum Pause {
    /// Nothing.
    None,
    /// It waits.
    For(Duration),
    /// It is refused.
    Refused(Outcome),
}

/// The longest keys that nginx counts.
const LONGEST_KEY: usize = 65_535;

/// A limit that a request has met, and what it found there.
#[derive(Clone, Copy)]
struct Met {
    limit: RequestLimit,
    /// Requests beyond the rate, thousandths.
    excess: u64,
}

/// What all limits together say.
enum Verdict {
    /// No limit has a key for the request.
    Unlimited,
    /// It goes on, after so many milliseconds by the limit that lets it wait longest.
    Goes(u64, Met),
    Beyond(Met),
    NoRoom(RequestLimit),
}

/// Counts a request in the zones of its location.
pub(super) fn check(session: &mut Session) -> Pause {
    if session.req.state.limits.rate.is_some() {
        return Pause::None;
    }
    let mut room = std::mem::take(&mut session.req.script_room);
    let verdict = ask(session.view(), &mut room);
    session.req.script_room = room;
    let (status, pause) = conclude(session.view(), &verdict);
    session.req.state.limits.rate = status;
    pause
}

/// Asks the limits in order until one refuses. Only if the last one lets the request go, it counts in the
/// earlier ones (`ngx_http_limit_req_account`).
fn ask(view: View<'_>, room: &mut Vec<u8>) -> Verdict {
    let limits = &*view.settings().limit_req;
    let now = clock::monotonic(clock::now()).as_millis() as u64;
    let mut held = SmallVec::<[(RequestLimit, Held<'_>); 2]>::new();
    let mut longest = None;
    for (index, limit) in limits.iter().enumerate() {
        let spec = &view.link.plan.http().request_zones[limit.zone];
        let Key::Of(key) = keyed::key(view, &spec.zone, LONGEST_KEY, room) else {
            continue;
        };
        let zone = view.link.plan.zones().requests(limit.zone);
        let pace = pace(view, limit, now);
        let refusal = if index + 1 == limits.len() {
            match zone.count(key, amounts(limit), pace) {
                Arrival::Within(excess) => {
                    longest = Some(longer(view, longest, limit, excess));
                    continue;
                }
                Arrival::Beyond(excess) => Ok(excess),
                Arrival::NoRoom => Err(()),
            }
        } else {
            match zone.hold(key, amounts(limit), pace) {
                Arrival::Within(hold) => {
                    held.push((*limit, hold));
                    continue;
                }
                Arrival::Beyond(excess) => Ok(excess),
                Arrival::NoRoom => Err(()),
            }
        };
        let limit = *limit;
        return match refusal {
            Ok(excess) => Verdict::Beyond(Met { limit, excess }),
            Err(()) => Verdict::NoRoom(limit),
        };
    }
    // nginx begins with the last of them.
    for (limit, hold) in held.into_iter().rev() {
        let excess = hold.count(pace(view, &limit, now));
        longest = Some(longer(view, longest, &limit, excess));
    }
    match longest {
        Some((wait, met)) => Verdict::Goes(wait, met),
        None => Verdict::Unlimited,
    }
}

/// The limit that lets a request wait longer, and for how many milliseconds.
fn longer(
    view: View<'_>,
    longest: Option<(u64, Met)>,
    limit: &RequestLimit,
    excess: u64,
) -> (u64, Met) {
    let wait = amounts(limit).wait(excess, pace(view, limit, 0).rate);
    match longest {
        Some(longest) if longest.0 >= wait => longest,
        _ => (
            wait,
            Met {
                limit: *limit,
                excess,
            },
        ),
    }
}

fn amounts(limit: &RequestLimit) -> Limit {
    Limit {
        burst: limit.burst,
        delay: limit.delay,
    }
}

fn pace(view: View<'_>, limit: &RequestLimit, now: u64) -> Pace {
    let rate = view.link.plan.http().request_zones[limit.zone].rate;
    Pace { rate, now }
}

/// Tells of the verdict, and says what follows from it.
fn conclude(view: View<'_>, verdict: &Verdict) -> (Option<RateStatus>, Pause) {
    let settings = view.settings();
    let dry = settings.limit_req_dry_run;
    match verdict {
        Verdict::Unlimited => return (None, Pause::None),
        Verdict::Goes(0, _) => return (Some(RateStatus::Passed), Pause::None),
        Verdict::Goes(wait, met) => {
            let level = settings.limit_req_log_level.level_of_delays();
            tell(view, level, "delaying request", ",", met);
            return match dry {
                true => (Some(RateStatus::DelayedDryRun), Pause::None),
                false => (
                    Some(RateStatus::Delayed),
                    Pause::For(Duration::from_millis(*wait)),
                ),
            };
        }
        Verdict::Beyond(met) => {
            let level = settings.limit_req_log_level.level();
            tell(view, level, "limiting requests", "", met);
        }
        Verdict::NoRoom(limit) => {
            let name = &view.link.plan.http().request_zones[limit.zone].zone.name;
            let text = format!("could not allocate node in limit_req zone \"{name}\"");
            keyed::tell_all(view, Level::Alert, &text);
        }
    }
    match dry {
        true => (Some(RateStatus::RejectedDryRun), Pause::None),
        false => (
            Some(RateStatus::Rejected),
            Pause::Refused(Outcome::Status(settings.limit_req_status)),
        ),
    }
}

fn tell(view: View<'_>, level: Level, what: &str, comma: &str, met: &Met) {
    if !error_log::is_enabled(view, level) {
        return;
    }
    let dry = match view.settings().limit_req_dry_run {
        true => ", dry run",
        false => "",
    };
    let zone = &view.link.plan.http().request_zones[met.limit.zone]
        .zone
        .name;
    let text = format!(
        "{what}{dry}, excess: {}.{:03}{comma} by zone \"{zone}\"",
        met.excess / 1000,
        met.excess % 1000
    );
    error_log::log(view, level, Message::text(&text));
}

/// Waits, unless the client leaves before (`ngx_http_test_reading`).
pub(super) async fn wait(session: &mut Session, time: Duration) -> Result<&mut Session, Outcome> {
    let client = &mut session.client;
    client.link_mut().deadline.set(time);
    let gone = poll_fn(|cx| match client.poll_gone(cx) {
        Poll::Ready(error) => Poll::Ready(Some(error)),
        Poll::Pending => client.link_mut().deadline.poll_expired(cx).map(|()| None),
    })
    .await;
    client.link_mut().deadline.clear();
    if let Some(error) = gone {
        session.client_left(error.as_ref());
        return Err(Outcome::Answered);
    }
    Ok(session)
}
