//! Requests that are one too many under way are refused (`ngx_http_limit_conn_handler`).

use weir_conf::Level;
use weir_zone::NoPlace;

use super::keyed::{self, Key};
use crate::facts::{Outcome, PlacesStatus, Session, View};
use crate::report::error_log::{self, Message};

/// The longest keys that nginx counts.
const LONGEST_KEY: usize = 255;

/// Takes the request's places in the zones of its location.
pub(super) fn check(session: &mut Session) -> Option<Outcome> {
    if session.req.state.limits.places.is_some() {
        return None;
    }
    let mut room = std::mem::take(&mut session.req.script_room);
    let refusal = take_places(session, &mut room);
    session.req.script_room = room;
    let status = refusal?;
    session.req.state.limits.taken.clear();
    let settings = session.settings();
    let (places, outcome) = match settings.limit_conn_dry_run {
        true => (PlacesStatus::RejectedDryRun, None),
        false => (PlacesStatus::Rejected, Some(Outcome::Status(status))),
    };
    session.req.state.limits.places = Some(places);
    outcome
}

/// The status to refuse the request with, if a zone has no place for it.
fn take_places(session: &mut Session, room: &mut Vec<u8>) -> Option<u16> {
    for index in 0..session.settings().limit_conn.len() {
        let view = session.view();
        let limit = view.settings().limit_conn[index];
        let spec = &view.link.plan.http().connection_zones[limit.zone];
        let Key::Of(key) = keyed::key(view, spec, LONGEST_KEY, room) else {
            continue;
        };
        let zone = view.link.plan.zones().connections(limit.zone);
        match zone.enter(key, limit.most) {
            Ok(place) => {
                let limits = &mut session.req.state.limits;
                limits.places = Some(PlacesStatus::Passed);
                limits.taken.push(place);
            }
            Err(reason) => {
                tell(view, reason, &spec.name);
                return Some(view.settings().limit_conn_status);
            }
        }
    }
    None
}

fn tell(view: View<'_>, reason: NoPlace, zone: &str) {
    let settings = view.settings();
    match reason {
        NoPlace::NoRoom => {
            let text = format!("ngx_slab_alloc() failed: no memory in limit_conn_zone \"{zone}\"");
            keyed::tell_all(view, Level::Crit, &text);
        }
        NoPlace::Taken => {
            let level = settings.limit_conn_log_level.level();
            if !error_log::is_enabled(view, level) {
                return;
            }
            let dry = match settings.limit_conn_dry_run {
                true => ", dry run,",
                false => "",
            };
            let text = format!("limiting connections{dry} by zone \"{zone}\"");
            error_log::log(view, level, Message::text(&text));
        }
    }
}
