//! What the workers share of a `resolver`.

use std::net::SocketAddr;
use std::sync::Arc;

use weir_conf::ResolverRules;
use weir_dns::{Cache, Rules};

/// A `resolver` made ready: its servers have addresses.
#[derive(Debug)]
pub(crate) struct SharedResolver {
    pub(super) servers: Vec<NameServerAddress>,
    pub(super) rules: Rules,
    /// What has been answered, to any worker.
    pub(super) cache: Arc<Cache>,
    /// What the configuration says, to be compared with the next one's.
    written: ResolverRules,
}

/// A name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameServerAddress {
    /// Where it is asked.
    pub(crate) address: SocketAddr,
    /// The same, for log lines.
    pub(crate) text: Box<[u8]>,
}

impl SharedResolver {
    /// A resolver that asks `servers`. What is known by one that said the same goes on to hold.
    pub(crate) fn new(
        written: ResolverRules,
        servers: Vec<NameServerAddress>,
        previous: Option<&Self>,
    ) -> Self {
        let cache = previous.map(|previous| previous.cache.clone());
        Self {
            rules: Rules {
                servers: servers.len(),
                ipv4: written.ipv4,
                ipv6: written.ipv6,
                valid: written.valid,
            },
            servers,
            cache: cache.unwrap_or_default(),
            written,
        }
    }

    /// Whether the directive says the same.
    pub(crate) fn says(&self, written: &ResolverRules) -> bool {
        self.written == *written
    }
}
