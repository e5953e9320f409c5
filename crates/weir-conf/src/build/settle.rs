//! A location's settings from what it and the blocks around it wrote.

use std::collections::VecDeque;
use std::sync::Arc;

use super::level::Level;
use super::{charset, upstream_settings};
use crate::model::{AccessLog, Active};
use crate::table::settings::{Settings, Written};
use crate::table::upstream::Family;
use crate::value::read::Reading;
use crate::value::{Redirect, UserId, UserIdExpires, UserIdFlags, WrittenUserId};
use crate::{Fault, Place};

/// Settles a location; `redirect` is what its `proxy_pass` makes of `proxy_redirect default`.
/// `None` after a fault, which is then noted.
pub(super) fn settle(
    level: &Level,
    redirect: Option<&Redirect>,
    cx: &mut Reading,
    at: &Place,
) -> Option<Arc<Settings>> {
    let written = &level.settings;
    let mut settings = match written.settle(cx) {
        Ok(settings) => settings,
        Err(reject) => {
            cx.faults.extend(reject.into_fault("default", at));
            return None;
        }
    };
    settings.upstream =
        upstream_settings::settle(Family::Proxy, &level.upstream, redirect, cx, at)?;
    if written.secure_link_secret.value.is_some()
        && (written.secure_link.value.is_some() || written.secure_link_md5.value.is_some())
    {
        let text =
            "\"secure_link_secret\" cannot be mixed with \"secure_link\" and \"secure_link_md5\"";
        cx.faults.push(Fault::emerg(text, Some(at.clone())));
        return None;
    }
    settings.alias_len = level.alias_len;
    settings.access = level.access.settle();
    settings.userid = user_id(written, cx, at);
    settings.referers = level.referers.clone();
    settings.types = level
        .types
        .value
        .clone()
        .map_or_else(|| Arc::clone(&cx.types), Arc::new);
    if settings
        .access_log
        .iter()
        .any(|log| matches!(log, AccessLog::Off))
    {
        settings.access_log = Arc::new([AccessLog::Off]);
    }
    charset::note(&settings, cx);
    settings.active = Active::of(&settings);
    Some(share(settings, &mut cx.recent_settings))
}

/// `userid` and its kin; `None` where cookies are neither looked at nor set
/// (`ngx_http_userid_merge_conf`).
fn user_id(written: &Written, cx: &mut Reading, at: &Place) -> Option<Arc<UserId>> {
    let WrittenUserId::On(mode) = written.userid.value? else {
        return None;
    };
    let text =
        |value: &Option<Box<[u8]>>, default: &[u8]| value.clone().unwrap_or_else(|| default.into());
    Some(Arc::new(UserId {
        mode,
        service: written.userid_service.value,
        name: text(&written.userid_name.value, b"uid"),
        domain: text(&written.userid_domain.value, b""),
        path: text(&written.userid_path.value, b"; path=/"),
        expires: written
            .userid_expires
            .value
            .unwrap_or(UserIdExpires::WithBrowser),
        p3p: text(&written.userid_p3p.value, b""),
        mark: written.userid_mark.value.flatten(),
        flags: written.userid_flags.value.unwrap_or(UserIdFlags::OFF),
        reset: cx.variable("uid_reset", at),
    }))
}

/// Locations that are looked at for the same settings.
const RECENT: usize = 16;

/// One of `recent` if it says the same, which then stays among them. A thousand servers that differ in
/// their names only have the settings of one, which a worker finds in its caches.
fn share(settings: Settings, recent: &mut VecDeque<Arc<Settings>>) -> Arc<Settings> {
    let known = recent.iter().position(|known| **known == settings);
    let settings = known
        .and_then(|place| recent.remove(place))
        .unwrap_or_else(|| Arc::new(settings));
    recent.truncate(RECENT - 1);
    recent.push_front(settings.clone());
    settings
}
