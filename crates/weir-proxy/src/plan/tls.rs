//! What servers show their clients in handshakes, the sessions that they share, and how locations speak TLS to
//! upstreams.

use std::collections::HashMap;
use std::sync::Arc;

use weir_conf::{Handler, Http, Settings};
use weir_tls::{
    CertificateCaches, EarlySessions, SessionZone, Shared, TlsClient, TlsFault, TlsServer,
};

/// TLS of a plan.
#[derive(Default)]
pub(crate) struct Tls {
    /// By `Server::index`.
    servers: Vec<TlsServer>,
    /// By `Location::index`, where TLS may be needed.
    clients: Vec<Option<Arc<TlsClient>>>,
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
        let mut shared = Shared {
            zones: zones
                .iter()
                .map(|(name, (_, zone))| (name.clone(), zone.clone()))
                .collect(),
            caches: CertificateCaches::default(),
            early: match http.servers.iter().any(|server| server.tls.ssl_early_data) {
                true => Some(EarlySessions::new()?),
                false => None,
            },
        };
        let servers = http.servers.iter();
        let servers = servers.map(|server| TlsServer::new(&server.tls, &mut shared));
        Ok(Self {
            servers: servers.collect::<Result<_, _>>()?,
            clients: clients(http, &mut shared.caches)?,
            zones,
        })
    }

    /// What nginx warns of.
    pub(super) fn warnings(&self) -> impl Iterator<Item = &str> {
        let all = self.servers.iter().flat_map(|server| &server.warnings);
        all.map(String::as_str)
    }

    /// How the location of this index speaks TLS to upstreams, if it may have to.
    pub(crate) fn client(&self, location: usize) -> Option<&Arc<TlsClient>> {
        self.clients.get(location)?.as_ref()
    }

    /// The server at `index` of `Http::servers`.
    pub(crate) fn server(&self, index: usize) -> &TlsServer {
        &self.servers[index]
    }
}

/// One for all locations that obey the same settings (`ngx_http_proxy_merge_ssl`).
fn clients(
    http: &Http,
    caches: &mut CertificateCaches,
) -> Result<Vec<Option<Arc<TlsClient>>>, TlsFault> {
    let mut clients = vec![None; http.location_count];
    let mut known: HashMap<*const Settings, Arc<TlsClient>> = HashMap::new();
    for location in http.all_locations() {
        let Handler::Proxy(pass) = &location.handler else {
            continue;
        };
        if !pass.target.may_need_tls() {
            continue;
        }
        let settings = &location.settings;
        let client = match known.get(&Arc::as_ptr(settings)) {
            Some(client) => client.clone(),
            None => {
                let client = Arc::new(TlsClient::new(settings, caches)?);
                known.insert(Arc::as_ptr(settings), client.clone());
                client
            }
        };
        clients[location.index] = Some(client);
    }
    Ok(clients)
}
