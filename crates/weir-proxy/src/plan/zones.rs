//! What the workers share by key, and what a reload takes over of it.

use std::sync::Arc;

use weir_conf::{Http, KeyedZone};
use weir_zone::{ConnectionZone, RequestZone};

use super::PlanFault;

/// The zones of a plan, by their index in `Http`.
#[derive(Default)]
pub(crate) struct Zones {
    requests: Vec<Shared<RequestZone>>,
    connections: Vec<Shared<ConnectionZone>>,
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
        Ok(Self {
            requests: requests.collect::<Result<_, _>>()?,
            connections: connections.collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn requests(&self, index: usize) -> &RequestZone {
        &self.requests[index].zone
    }

    pub(crate) fn connections(&self, index: usize) -> &Arc<ConnectionZone> {
        &self.connections[index].zone
    }
}

/// `ngx_http_limit_req_init_zone`, `ngx_http_limit_conn_init_zone`.
fn shared<T>(
    what: &'static str,
    spec: &KeyedZone,
    known: Option<&Vec<Shared<T>>>,
    begin: fn(usize, usize) -> T,
) -> Result<Shared<T>, PlanFault> {
    let same = |zone: &&Shared<T>| zone.name == spec.name && zone.size == spec.size;
    let zone = match known.and_then(|zones| zones.iter().find(same)) {
        Some(zone) if zone.key != spec.key_text => {
            return Err(PlanFault::ZoneKey {
                what,
                zone: spec.name.clone(),
                key: String::from_utf8_lossy(&spec.key_text).into_owned(),
                previous: String::from_utf8_lossy(&zone.key).into_owned(),
            });
        }
        Some(zone) => zone.zone.clone(),
        None => Arc::new(begin(spec.size, spec.name.len())),
    };
    Ok(Shared {
        name: spec.name.clone(),
        size: spec.size,
        key: spec.key_text.clone(),
        zone,
    })
}
