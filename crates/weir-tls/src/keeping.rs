//! Where a server's sessions are kept (`ngx_ssl_session_cache`): in a zone, in memory of the server's own, or by its
//! clients.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::SecureRandom;
use rustls::server::NoServerSessionStorage;
use weir_conf::ServerTls;

use crate::offer::Offer;
use crate::server::TlsFault;
use crate::sessions::{self, SessionZone};
use crate::ticket_keys::TicketKeys;

/// Most bytes of early data (`ngx_ssl_early_data`).
const EARLY_DATA: u32 = 16384;

/// Sessions that are kept in place of tickets where early data is taken: some 400 bytes each.
const IN_PLACE_OF_TICKETS: usize = 20480;

/// What a server's directives say of sessions.
pub(crate) struct Keeping<'a> {
    tls: &'a ServerTls,
    /// Whether sessions may be kept by clients.
    has_tickets: bool,
    /// Good for servers of the same only.
    context: [u8; 8],
    zones: &'a HashMap<String, Arc<SessionZone>>,
    /// `ssl_session_ticket_key`.
    keys: Option<Arc<TicketKeys>>,
}

/// Sessions that servers keep in place of tickets, for clients that may send early data with the next hello. Early
/// data is good once, and only who keeps a session knows whether somebody has come back to it.
#[derive(Debug)]
pub struct EarlySessions {
    zone: Arc<SessionZone>,
    /// Servers that keep theirs here.
    servers: u64,
}

impl EarlySessions {
    /// None yet.
    ///
    /// # Errors
    ///
    /// There are no random bytes.
    pub fn new() -> Result<Self, TlsFault> {
        let zone = SessionZone::of_count(IN_PLACE_OF_TICKETS)?;
        Ok(Self {
            zone: Arc::new(zone),
            servers: 0,
        })
    }

    /// Another server's, and no other's: clients come back to it alone.
    fn place(&mut self, context: [u8; 8]) -> (Arc<SessionZone>, [u8; 8]) {
        self.servers += 1;
        let own = u64::from_be_bytes(context).wrapping_add(self.servers);
        (self.zone.clone(), own.to_be_bytes())
    }
}

impl<'a> Keeping<'a> {
    /// Reads the keys of tickets.
    pub(crate) fn of(
        (tls, offer): (&'a ServerTls, &Offer),
        context: [u8; 8],
        zones: &'a HashMap<String, Arc<SessionZone>>,
        random: &'static dyn SecureRandom,
    ) -> Result<Self, TlsFault> {
        let files = &tls.ssl_session_ticket_key;
        let keys = TicketKeys::load(files, random).map_err(TlsFault::Tickets)?;
        Ok(Self {
            tls,
            has_tickets: offer.has_tickets,
            context,
            zones,
            keys: (!files.is_empty()).then(|| Arc::new(keys)),
        })
    }

    /// Sessions and tickets as the directives say.
    pub(crate) fn apply(&self, config: &mut ServerConfig) -> Result<(), TlsFault> {
        let zone = match self.zone() {
            Some(zone) => zone,
            None => self.own()?,
        };
        let keeps = self.keep_in(config, &zone, self.context);
        let lifetime = self.tls.ssl_session_timeout;
        if self.has_tickets {
            config.ticketer = match &self.keys {
                Some(keys) => sessions::dated(keys.clone(), lifetime, self.context),
                None => zone.tickets(lifetime, self.context),
            };
        } else if !keeps {
            config.send_tls13_tickets = 0;
        }
        Ok(())
    }

    /// The same for clients of TLS 1.3 whose early data is taken, and answered before the handshake is over.
    pub(crate) fn apply_early(
        &self,
        config: &mut ServerConfig,
        early: &mut EarlySessions,
    ) -> Result<(), TlsFault> {
        config.max_early_data_size = EARLY_DATA;
        config.send_half_rtt_data = true;
        let (zone, context) = match self.zone() {
            Some(zone) => (zone, self.context),
            None if self.has_tickets => early.place(self.context),
            None => (self.own()?, self.context),
        };
        if !self.keep_in(config, &zone, context) {
            config.send_tls13_tickets = 0;
        }
        Ok(())
    }

    /// The zone, if there is one and it is not switched off.
    fn zone(&self) -> Option<Arc<SessionZone>> {
        let cache = &self.tls.ssl_session_cache;
        let shared = cache.shared.as_ref().filter(|_| cache.builtin != Some(0))?;
        self.zones.get(&shared.name).cloned()
    }

    /// Memory of its own, for as many as are wanted there.
    fn own(&self) -> Result<Arc<SessionZone>, TlsFault> {
        let count = self.tls.ssl_session_cache.builtin.unwrap_or(0);
        let zone = SessionZone::of_count(usize::try_from(count).unwrap_or(usize::MAX))?;
        Ok(Arc::new(zone))
    }

    /// Whether anything is kept.
    fn keep_in(&self, config: &mut ServerConfig, zone: &SessionZone, context: [u8; 8]) -> bool {
        let store = zone.store(self.tls.ssl_session_timeout, context);
        let keeps = store.can_cache();
        config.session_storage = match keeps {
            true => store,
            false => Arc::new(NoServerSessionStorage {}),
        };
        keeps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_do_not_share_what_is_kept_in_place_of_tickets() {
        let mut early = EarlySessions::new().expect("random bytes");
        let [first, second] = [7, 7].map(|byte| early.place([byte; 8]));
        assert!(Arc::ptr_eq(&first.0, &second.0));
        assert_ne!(first.1, second.1);
    }
}
