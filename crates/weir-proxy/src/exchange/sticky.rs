//! Requests that stay with a server: by a cookie, a route, or a session that was learned.

use std::time::Duration;

use md5::{Digest, Md5};
use weir_conf::{Level, Sticky, StickyCookie, StickyExpires, StickyKind, StickyLearn, Variable};
use weir_io::clock;
use weir_upstream::PeerId;
use weir_wire::{KnownField, date};
use weir_zone::{Learned, Memory, SessionKey};

use super::tries::Exchange;
use crate::facts::{Session, Stay, View};
use crate::report::variables::{self, Value};

/// What a request says of the server or session that it belongs to (`ngx_http_upstream_sticky_init_peer`).
pub(super) fn begin(session: &Session, sticky: &Sticky) -> Box<Stay> {
    Box::new(Stay {
        id: first_value(session.view(), &sticky.lookup).unwrap_or_default(),
        has_cookie: false,
    })
}

/// The first of the variables that is not empty (`ngx_http_upstream_sticky_get_id`).
fn first_value(view: View<'_>, variables: &[Variable]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    variables
        .iter()
        .any(|variable| {
            text.clear();
            variables::write(view, variable, &mut text) == Value::Found && !text.is_empty()
        })
        .then_some(text)
}

impl Exchange<'_> {
    /// Chooses a peer: the one that the request belongs to, if it may have it
    /// (`ngx_http_upstream_sticky_get_peer`).
    pub(super) fn pick(&mut self, now: Duration) -> Option<PeerId> {
        let Some(sticky) = &self.pool.sticky else {
            return self.view.peers.pick(&mut self.tries, now);
        };
        let session = &*self.session;
        let id = session.req.upstream.stay.as_ref().map(|stay| &*stay.id);
        let id = id.filter(|id| !id.is_empty());
        let known = match (&sticky.kind, id) {
            (StickyKind::Learn(learn), Some(id)) => {
                let zone = session.client.link().plan.zones().sessions(learn.zone);
                let server = zone.find(&session_key(id), memory(session, learn, now));
                tracing::debug!(target: "weir", is_known = server.is_some(), "sticky: session");
                server
            }
            (StickyKind::Learn(_), None) | (StickyKind::Cookie(_) | StickyKind::Route, _) => None,
        };
        let wanted = match &sticky.kind {
            StickyKind::Learn(_) => known.as_deref(),
            StickyKind::Cookie(_) | StickyKind::Route => id,
        };
        let peers = &self.view.peers;
        let peer = peers.pick_wanted(&mut self.tries, wanted, now)?;
        if let StickyKind::Cookie(cookie) = &sticky.kind
            && let Some(server) = peers.server_id(peer)
        {
            set_cookie(self.session, cookie, server);
        }
        Some(peer)
    }

    /// The answer's head is there, and is passed on.
    pub(super) fn learn_from_head(&self) {
        if let Some(peer) = self.picked {
            self.learn(peer, true);
        }
    }

    /// The exchange is over, and not because the peer failed.
    pub(super) fn learn_at_end(&self, peer: PeerId) {
        self.learn(peer, false);
    }

    /// Notes which peer has served the session (`ngx_http_upstream_sticky_learn_peer`).
    fn learn(&self, peer: PeerId, after_header: bool) {
        let Some(Sticky {
            kind: StickyKind::Learn(learn),
            ..
        }) = &self.pool.sticky
        else {
            return;
        };
        let session = &*self.session;
        let (Some(stay), Some(server)) =
            (&session.req.upstream.stay, self.view.peers.server_id(peer))
        else {
            return;
        };
        if learn.after_header != after_header {
            return;
        }
        let created = first_value(session.view(), &learn.create);
        let name = created.as_deref().unwrap_or(&stay.id);
        if name.is_empty() {
            return;
        }
        let now = clock::monotonic(clock::now());
        let zone = session.client.link().plan.zones().sessions(learn.zone);
        let memory = memory(session, learn, now);
        let learned = zone.learn(&session_key(name), server, created.is_some(), memory);
        tell(session, learn, learned);
    }
}

fn session_key(name: &[u8]) -> SessionKey {
    Md5::digest(name).into()
}

fn memory(session: &Session, learn: &StickyLearn, now: Duration) -> Memory {
    let timeout = session.client.link().plan.http().session_zones[learn.zone].timeout;
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Memory {
        timeout: milliseconds(timeout),
        now: milliseconds(now),
    }
}

/// A line about a zone, which is no single request's (`ngx_http_upstream_sticky_sess_create`).
fn tell(session: &Session, learn: &StickyLearn, learned: Learned) {
    let (level, what) = match learned {
        Learned::Yes | Learned::Unknown => return,
        Learned::InPlaceOfAnother => (Level::Warn, ", expiring least recently used session"),
        Learned::NoRoom => (Level::Alert, ""),
    };
    let plan = &session.client.link().plan;
    let name = &plan.http().session_zones[learn.zone].name;
    let text = format!("could not allocate node in sticky session zone \"{name}\"{what}");
    weir_log::emit(plan.main_sinks(), level, None, text.as_bytes());
}

/// Tells the client which server is its own. A later try replaces what an earlier one said, unless the answer's
/// head was begun anew meanwhile (`ngx_http_upstream_sticky_cookie_insert`).
fn set_cookie(session: &mut Session, cookie: &StickyCookie, server: &[u8]) {
    let text = cookie_text(session.view(), cookie, server);
    let Some(stay) = &mut session.req.upstream.stay else {
        return;
    };
    let fields = &mut session.req.response.fields;
    if !std::mem::replace(&mut stay.has_cookie, true) {
        fields.push(KnownField::SetCookie, b"Set-Cookie", &text);
    } else if fields.has(KnownField::SetCookie) {
        fields.set_value(KnownField::SetCookie, b"Set-Cookie", &text);
    }
}

fn cookie_text(view: View<'_>, cookie: &StickyCookie, server: &[u8]) -> Vec<u8> {
    let mut text = [&cookie.name, b"=".as_slice(), server].concat();
    match cookie.expires {
        None => {}
        Some(StickyExpires::Max) => {
            text.extend_from_slice(b"; expires=Thu, 31-Dec-37 23:55:55 GMT; max-age=315360000");
        }
        Some(StickyExpires::After(seconds)) => {
            text.extend_from_slice(b"; expires=");
            let ahead = i64::try_from(seconds).unwrap_or(i64::MAX);
            date::write_for_cookie(clock::unix_seconds().saturating_add(ahead), &mut text);
            text.extend_from_slice(b"; max-age=");
            text.extend_from_slice(itoa::Buffer::new().format(seconds).as_bytes());
        }
    }
    let domain = cookie.domain.as_ref();
    let domain = domain.map(|domain| variables::text(view, domain));
    attribute(&mut text, b"; domain=", &domain.unwrap_or_default());
    if cookie.http_only {
        text.extend_from_slice(b"; httponly");
    }
    if cookie.secure {
        text.extend_from_slice(b"; secure");
    }
    attribute(&mut text, b"; samesite=", &same_site(view, cookie));
    text.extend_from_slice(&cookie.path);
    text
}

fn attribute(text: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    if !value.is_empty() {
        text.extend_from_slice(name);
        text.extend_from_slice(value);
    }
}

fn same_site(view: View<'_>, cookie: &StickyCookie) -> Vec<u8> {
    let Some(template) = &cookie.same_site else {
        return Vec::new();
    };
    let word = variables::text(view, template);
    match word.is_empty() || weir_conf::is_same_site(&word) {
        true => word,
        false => b"strict".to_vec(),
    }
}
