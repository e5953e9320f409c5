//! A server's settings made ready for handshakes (`ngx_http_ssl_merge_srv_conf`).

use std::collections::HashMap;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use rustls::sign::CertifiedKey;
use weir_conf::ServerTls;

use crate::certificate::{self, CertificateFault};
use crate::choice::Choice;
use crate::client_certificates::{ClientCertificate, Clients};
use crate::compression::Zlib;
use crate::offer::Offer;
use crate::sessions::{self, SessionZone};
use crate::staple::Staple;
use crate::ticket_keys::TicketKeys;
use crate::verify::Trust;

/// What clients may say that they will speak inside (`NGX_HTTP_ALPN_PROTOS`).
const PROTOCOLS: [&[u8]; 3] = [b"http/1.1", b"http/1.0", b"http/0.9"];

/// And what before these, where HTTP/2 is spoken (`NGX_HTTP_V2_ALPN_PROTO`).
const HTTP_2: &[u8] = b"h2";

/// Bytes of a record besides its text.
const RECORD_HEADER: usize = 5;
/// Least and most bytes of text in a record that rustls makes.
const RECORD: std::ops::RangeInclusive<usize> = 32..=16384;

/// A server as handshakes see it.
#[derive(Clone, Debug)]
pub struct TlsServer {
    /// `None`: it has no certificate, and handshakes for it take the default server's.
    config: Option<Arc<ServerConfig>>,
    /// The same, with HTTP/2 offered.
    with_http2: Option<Arc<ServerConfig>>,
    /// `ssl_reject_handshake`.
    pub rejects: bool,
    /// Whose certificates are asked for.
    clients: Option<Arc<Clients>>,
    /// What its certificates are shown with.
    pub staples: Vec<Arc<Staple>>,
    /// What nginx warns of.
    pub warnings: Vec<String>,
}

/// Why a server cannot shake hands, in nginx's words where nginx has them.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// A certificate or a key is of no use.
    #[error(transparent)]
    Certificate(#[from] CertificateFault),
    /// An OCSP response does not load.
    #[error("{0}")]
    Staple(String),
    /// A file of keys for tickets is of no use.
    #[error("{0}")]
    Tickets(String),
    /// rustls finds fault with something that it has been given.
    #[error("SSL_CTX_new() failed (SSL: {0})")]
    Config(#[from] rustls::Error),
}

impl TlsServer {
    /// Reads the certificates and keys of a server; `zones` are the sessions that servers share.
    ///
    /// # Errors
    ///
    /// nginx's words for what does not load.
    pub fn new(
        tls: &ServerTls,
        zones: &HashMap<String, Arc<SessionZone>>,
    ) -> Result<Self, TlsFault> {
        let passwords = tls.ssl_password_file.as_ref();
        let passwords = passwords.map(|file| file.passwords.as_slice());
        let pairs = tls
            .ssl_certificate
            .iter()
            .zip(tls.ssl_certificate_key.iter());
        let certificates = pairs
            .map(|(certificate, key)| certificate::load(certificate, key, passwords).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        let rejects = tls.ssl_reject_handshake;
        if certificates.is_empty() && !rejects {
            return Ok(Self {
                config: None,
                with_http2: None,
                rejects,
                clients: None,
                staples: Vec::new(),
                warnings: Vec::new(),
            });
        }
        let offer = Offer::of_server(tls);
        let provider = offer.provider();
        let clients = Clients::load(tls, provider.signature_verification_algorithms)?;
        let mut warnings = Vec::new();
        let staples = match tls.ssl_stapling {
            true => staples(tls, &certificates, &clients.trust, &mut warnings)?,
            false => Vec::new(),
        };
        let config = match certificates.is_empty() {
            true => None,
            false => {
                let certificates = (certificates, staples.clone());
                Some(Arc::new(config(
                    (tls, &offer),
                    certificates,
                    provider,
                    &clients,
                    zones,
                )?))
            }
        };
        let with_http2 = config.as_ref().map(|config| {
            let mut config = ServerConfig::clone(config);
            config.alpn_protocols.insert(0, HTTP_2.to_vec());
            Arc::new(config)
        });
        Ok(Self {
            config,
            with_http2,
            rejects,
            clients: Some(Arc::new(clients)),
            staples,
            warnings,
        })
    }

    /// Whether it has something to show.
    pub fn has_certificate(&self) -> bool {
        self.config.is_some()
    }

    /// What it shows, with HTTP/2 offered or not.
    pub fn config(&self, http2: bool) -> Option<&Arc<ServerConfig>> {
        match http2 {
            true => self.with_http2.as_ref(),
            false => self.config.as_ref(),
        }
    }

    /// What a client has shown, verified; `now` is in seconds since 1970.
    pub fn client(
        &self,
        sent: &[rustls::pki_types::CertificateDer<'_>],
        now: i64,
    ) -> Option<ClientCertificate> {
        let clients = self.clients.as_ref()?;
        ClientCertificate::verified(&clients.trust, sent, now)
    }
}

fn staples(
    tls: &ServerTls,
    certificates: &[Arc<CertifiedKey>],
    trust: &Trust,
    warnings: &mut Vec<String>,
) -> Result<Vec<Arc<Staple>>, TlsFault> {
    let mut staples = Vec::new();
    for (key, file) in certificates.iter().zip(tls.ssl_certificate.iter()) {
        let name = certificate::shown(file);
        let staple = Staple::load(tls, key, &name, trust, warnings)?;
        staples.extend(staple.map(Arc::new));
    }
    Ok(staples)
}

fn config(
    (tls, offer): (&ServerTls, &Offer),
    (certificates, staples): (Vec<Arc<CertifiedKey>>, Vec<Arc<Staple>>),
    provider: CryptoProvider,
    clients: &Clients,
    zones: &HashMap<String, Arc<SessionZone>>,
) -> Result<ServerConfig, TlsFault> {
    let tickets = TicketKeys::load(&tls.ssl_session_ticket_key, provider.secure_random);
    let tickets = tickets.map_err(TlsFault::Tickets)?;
    let choice = Choice {
        certificates,
        staples,
        suites: provider.cipher_suites.clone(),
        prefers_own: offer.prefers_own,
        newest: offer.has_newest(),
    };
    let builder = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&offer.versions())?;
    let builder = match clients.verifier() {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(choice));
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    config.ignore_client_order = offer.prefers_own;
    let size = tls.ssl_buffer_size.clamp(*RECORD.start(), *RECORD.end());
    config.max_fragment_size = Some(size + RECORD_HEADER);
    if tls.ssl_certificate_compression {
        config.cert_compressors = vec![&Zlib];
    }
    if let Some(count) = offer.tickets {
        config.send_tls13_tickets = count;
    }
    keep_sessions(&mut config, (tls, offer), clients.context(), zones)?;
    if offer.has_tickets && !tls.ssl_session_ticket_key.is_empty() {
        let lifetime = tls.ssl_session_timeout;
        config.ticketer = sessions::dated(Arc::new(tickets), lifetime, clients.context());
    }
    Ok(config)
}

/// Where sessions are kept (`ngx_ssl_session_cache`): in a zone, in memory of the server's own, or with the
/// clients only.
fn keep_sessions(
    config: &mut ServerConfig,
    (tls, offer): (&ServerTls, &Offer),
    context: [u8; 8],
    zones: &HashMap<String, Arc<SessionZone>>,
) -> Result<(), TlsFault> {
    let lifetime = tls.ssl_session_timeout;
    let cache = &tls.ssl_session_cache;
    let shared = cache.shared.as_ref();
    let shared = shared.and_then(|shared| zones.get(&shared.name)).cloned();
    let off = cache.builtin == Some(0);
    let own = cache
        .builtin
        .map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    let zone = match shared {
        Some(zone) if !off => zone,
        Some(_) | None => Arc::new(SessionZone::of_count(own.unwrap_or(0))?),
    };
    let store = zone.store(lifetime, context);
    let keeps = store.can_cache();
    config.session_storage = match keeps {
        true => store,
        false => Arc::new(NoServerSessionStorage {}),
    };
    if offer.has_tickets {
        config.ticketer = zone.tickets(lifetime, context);
    } else if !keeps {
        config.send_tls13_tickets = 0;
    }
    Ok(())
}
