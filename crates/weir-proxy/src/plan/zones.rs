//! What the workers share by key, and what a reload takes over of it.

use std::sync::Arc;

use weir_conf::{Http, KeyedZone};
use weir_zone::{ConnectionZone, RequestZone, SessionZone};

use super::PlanFault;

/// The zones of a plan, by their index in `Http`.
#[derive(Default)]
pub(crate) struct Zones {
    requests: Vec<Shared<RequestZone>>,
    connections: Vec<Shared<ConnectionZone>>,
    sessions: Vec<Shared<SessionZone>>,
}

/// A zone, and what another of its name must agree with to go on with it.
struct Shared<T> {
    name: String,
    size: usize,
    key: Box<[u8]>,
    zone: Arc<T>,
}

impl Zones {
    /// Makes the zones of `http`; one that `previous` has with the same size goes on (`ngx_init_cycle`).
    pub(super) fn new(http: &Http, previous: Option<&Self>) -> Result<Self, PlanFault> {
        let specs = http.request_zones.iter().map(|spec| &spec.zone);
        let requests = specs.map(|spec| {
            let known = previous.map(|zones| &zones.requests);
            shared("limit_req", spec, known, RequestZone::new)
        });
        let connections = http.connection_zones.iter().map(|spec| {
            let known = previous.map(|zones| &zones.connections);
            shared("limit_conn_zone", spec, known, ConnectionZone::new)
        });
        let sessions = http.session_zones.iter().map(|spec| {
            let known = previous.map(|zones| &zones.sessions);
            sessions(spec, known)
        });
        Ok(Self {
            requests: requests.collect::<Result<_, _>>()?,
            connections: connections.collect::<Result<_, _>>()?,
            sessions: sessions.collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn requests(&self, index: usize) -> &RequestZone {
        &self.requests[index].zone
    }

    pub(crate) fn connections(&self, index: usize) -> &Arc<ConnectionZone> {
        &self.connections[index].zone
    }

    pub(crate) fn sessions(&self, index: usize) -> &SessionZone {
        &self.sessions[index].zone
    }
}

/// `ngx_http_limit_req_init_zone`, `ngx_http_limit_conn_init_zone`.
fn shared<T>(
    what: &'static str,
    spec: &KeyedZone,
    known: Option<&Vec<Shared<T>>>,
    begin: fn(usize, usize) -> T,
) -> Result<Shared<T>, PlanFault> {
    let (name, size, key) = (&spec.name, spec.size, &spec.key_text);
    go_on(name, size, key, known, begin).map_err(|previous| PlanFault::ZoneKey {
        what,
        zone: spec.name.clone(),
        key: String::from_utf8_lossy(&spec.key_text).into_owned(),
        previous,
    })
}

/// `ngx_http_upstream_sticky_sess_init_zone`.
fn sessions(
    spec: &weir_conf::SessionZone,
    known: Option<&Vec<Shared<SessionZone>>>,
) -> Result<Shared<SessionZone>, PlanFault> {
    let (name, size, upstream) = (&spec.name, spec.size, spec.upstream.as_bytes());
    let zone = go_on(name, size, upstream, known, SessionZone::new);
    zone.map_err(|previous| PlanFault::SessionZone {
        zone: spec.name.clone(),
        upstream: spec.upstream.clone(),
        previous,
    })
}

/// The known zone of this name and size, or a new one. An error is what the known one is used by instead of
/// `key`.
fn go_on<T>(
    name: &str,
    size: usize,
    key: &[u8],
    known: Option<&Vec<Shared<T>>>,
    begin: fn(usize, usize) -> T,
) -> Result<Shared<T>, String> {
    let same = |zone: &&Shared<T>| zone.name == name && zone.size == size;
    let zone = match known.and_then(|zones| zones.iter().find(same)) {
        Some(zone) if *zone.key != *key => {
            return Err(String::from_utf8_lossy(&zone.key).into_owned());
        }
        Some(zone) => zone.zone.clone(),
        None => Arc::new(begin(size, name.len())),
    };
    Ok(Shared {
        name: name.to_owned(),
        size,
        key: key.into(),
        zone,
    })
}
