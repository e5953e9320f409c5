//! What servers show their clients in handshakes, and the sessions that they share.

use std::collections::HashMap;
use std::sync::Arc;

use weir_conf::Http;
use weir_tls::{SessionZone, TlsFault, TlsServer};

/// TLS of a plan.
#[derive(Default)]
pub(crate) struct Tls {
    /// By `Server::index`.
    servers: Vec<TlsServer>,
    /// Zones of sessions by name, with their sizes.
    zones: HashMap<String, (usize, Arc<SessionZone>)>,
}

impl Tls {
    /// Reads certificates and keys; a zone that `previous` has with the same size goes on.
    pub(super) fn new(http: &Http, previous: Option<&Self>) -> Result<Self, TlsFault> {
        let mut zones = HashMap::new();
        for server in &http.servers {
            let Some(spec) = &server.tls.ssl_session_cache.shared else {
                continue;
            };
            if zones.contains_key(&spec.name) {
                continue;
            }
            let known = previous.and_then(|tls| tls.zones.get(&spec.name));
            let zone = match known {
                Some((size, zone)) if *size == spec.size => zone.clone(),
                Some(_) | None => Arc::new(SessionZone::of_size(spec.size)?),
            };
            zones.insert(spec.name.clone(), (spec.size, zone));
        }
        let shared = zones
            .iter()
            .map(|(name, (_, zone))| (name.clone(), zone.clone()))
            .collect();
        let servers = http.servers.iter();
        let servers = servers.map(|server| TlsServer::new(&server.tls, &shared));
        Ok(Self {
            servers: servers.collect::<Result<_, _>>()?,
            zones,
        })
    }

    /// What nginx warns of.
    pub(super) fn warnings(&self) -> impl Iterator<Item = &str> {
        let all = self.servers.iter().flat_map(|server| &server.warnings);
        all.map(String::as_str)
    }

    /// The server at `index` of `Http::servers`.
    pub(crate) fn server(&self, index: usize) -> &TlsServer {
        &self.servers[index]
    }
}
