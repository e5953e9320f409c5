//! A server's settings made ready for handshakes (`ngx_http_ssl_merge_srv_conf`).

use std::collections::HashMap;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::UnixTime;
use rustls::sign::CertifiedKey;
use weir_conf::{Credential, ServerTls, TlsFile};

use crate::certificate::{self, CertificateFault};
use crate::choice::Choice;
use crate::client_certificates::{ClientCertificate, Clients};
use crate::compression::Zlib;
use crate::keeping::{EarlySessions, Keeping};
use crate::kept::{CertificateCaches, Reader};
use crate::offer::Offer;
use crate::sessions::SessionZone;
use crate::staple::Staple;
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
    configs: Option<Configs>,
    /// For clients whose early data is taken, if it speaks TLS 1.3.
    early: Option<Configs>,
    /// `ssl_early_data`; that of the default server decides.
    pub takes_early_data: bool,
    /// `ssl_reject_handshake`.
    pub rejects: bool,
    /// Its certificates, if handshakes read them.
    named: Option<Arc<Named>>,
    /// Whose certificates are asked for.
    clients: Option<Arc<Clients>>,
    /// What its certificates are shown with.
    pub staples: Vec<Arc<Staple>>,
    /// What nginx warns of.
    pub warnings: Vec<String>,
}

/// What handshakes go by.
#[derive(Clone, Debug)]
struct Configs {
    http1: Arc<ServerConfig>,
    /// The same, with HTTP/2 offered.
    http2: Arc<ServerConfig>,
}

/// Certificates whose names depend on connections.
#[derive(Debug)]
struct Named {
    /// Each with its key.
    pairs: Vec<(Credential, Credential)>,
    reader: Reader,
    choice: Choice,
}

/// What the servers of a configuration share.
#[derive(Debug, Default)]
pub struct Shared {
    /// Zones of sessions, by name.
    pub zones: HashMap<String, Arc<SessionZone>>,
    /// Caches of certificates, which upstreams' settings share, too.
    pub caches: CertificateCaches,
    /// What they keep if one of them takes early data, as those with the same address do then.
    pub early: Option<EarlySessions>,
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
    /// Reads the certificates and keys of a server, if their names do not depend on connections.
    ///
    /// # Errors
    ///
    /// nginx's words for what does not load.
    pub fn new(tls: &ServerTls, shared: &mut Shared) -> Result<Self, TlsFault> {
        let varies = pairs(tls).any(|(one, key)| one.is_variable() || key.is_variable());
        let certificates = match varies {
            true => Vec::new(),
            false => certificates(tls)?,
        };
        let rejects = tls.ssl_reject_handshake;
        let shows = varies || !certificates.is_empty();
        if !shows && !rejects {
            return Ok(Self {
                configs: None,
                early: None,
                takes_early_data: tls.ssl_early_data,
                rejects,
                named: None,
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
        let choice = Choice {
            certificates,
            staples: staples.clone(),
            suites: provider.cipher_suites.clone(),
            prefers_own: offer.prefers_own,
            newest: offer.has_newest(),
        };
        let random = provider.secure_random;
        let named = varies.then(|| Named::of(tls, choice.clone(), &mut shared.caches));
        let config = match shows {
            true => Some(config((tls, &offer), choice, provider, &clients)?),
            false => None,
        };
        let keeping = Keeping::of((tls, &offer), clients.context(), &shared.zones, random)?;
        let mut early = None;
        if let (Some(config), Some(sessions), true) =
            (&config, &mut shared.early, offer.has_newest())
        {
            let mut config = config.clone();
            keeping.apply_early(&mut config, sessions)?;
            early = Some(Configs::of(config));
        }
        let mut configs = None;
        if let Some(mut config) = config {
            keeping.apply(&mut config)?;
            configs = Some(Configs::of(config));
        }
        Ok(Self {
            configs,
            early,
            takes_early_data: tls.ssl_early_data,
            rejects,
            named: named.map(Arc::new),
            clients: Some(Arc::new(clients)),
            staples,
            warnings,
        })
    }

    /// Whether it has something to show.
    pub fn has_certificate(&self) -> bool {
        self.configs.is_some()
    }

    /// What it shows, with HTTP/2 offered or not; `early`: to a client of TLS 1.3, whose early data is taken.
    pub fn config(&self, http2: bool, early: bool) -> Option<&Arc<ServerConfig>> {
        let taking = self.early.as_ref().filter(|_| early);
        let configs = taking.or(self.configs.as_ref())?;
        Some(match http2 {
            true => &configs.http2,
            false => &configs.http1,
        })
    }

    /// The certificates that handshakes read, each with its key; none where all are read already.
    pub fn named(&self) -> &[(Credential, Credential)] {
        self.named.as_ref().map_or(&[], |named| &named.pairs)
    }

    /// `config` for one handshake, with the certificates of these files, each with its key.
    ///
    /// # Errors
    ///
    /// nginx's words for what does not load (`ngx_http_ssl_certificate`).
    pub fn config_showing(
        &self,
        config: &Arc<ServerConfig>,
        files: &[(TlsFile, TlsFile)],
    ) -> Result<Arc<ServerConfig>, CertificateFault> {
        let Some(named) = &self.named else {
            return Ok(config.clone());
        };
        let now = UnixTime::now().as_secs();
        let files = files.iter();
        let read = files.map(|(certificate, key)| named.reader.pair(certificate, key, now));
        let certificates = read.collect::<Result<Vec<_>, _>>()?;
        let mut config = ServerConfig::clone(config);
        config.cert_resolver = Arc::new(named.choice.between(certificates));
        Ok(Arc::new(config))
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

impl Configs {
    fn of(config: ServerConfig) -> Self {
        let mut http2 = config.clone();
        http2.alpn_protocols.insert(0, HTTP_2.to_vec());
        Self {
            http1: Arc::new(config),
            http2: Arc::new(http2),
        }
    }
}

impl Named {
    fn of(tls: &ServerTls, choice: Choice, caches: &mut CertificateCaches) -> Self {
        let cache = tls.ssl_certificate_cache.as_ref();
        let passwords = tls.ssl_password_file.clone();
        Self {
            pairs: pairs(tls)
                .map(|(one, key)| (one.clone(), key.clone()))
                .collect(),
            reader: caches.reader(cache.and_then(Option::as_ref), passwords),
            choice,
        }
    }
}

fn pairs(tls: &ServerTls) -> impl Iterator<Item = (&Credential, &Credential)> {
    let keys = tls.ssl_certificate_key.iter();
    tls.ssl_certificate.iter().zip(keys)
}

/// Reads those whose names do not depend on connections.
fn certificates(tls: &ServerTls) -> Result<Vec<Arc<CertifiedKey>>, CertificateFault> {
    let passwords = tls.ssl_password_file.as_ref();
    let passwords = passwords.map(|file| file.passwords.as_slice());
    let files = pairs(tls).filter_map(|(one, key)| Some((one.file()?, key.file()?)));
    files
        .map(|(file, key)| certificate::load(file, key, passwords).map(Arc::new))
        .collect()
}

fn staples(
    tls: &ServerTls,
    certificates: &[Arc<CertifiedKey>],
    trust: &Trust,
    warnings: &mut Vec<String>,
) -> Result<Vec<Arc<Staple>>, TlsFault> {
    let mut staples = Vec::new();
    let files = tls.ssl_certificate.iter().filter_map(Credential::file);
    for (key, file) in certificates.iter().zip(files) {
        let name = certificate::shown(file);
        let staple = Staple::load(tls, key, &name, trust, warnings)?;
        staples.extend(staple.map(Arc::new));
    }
    Ok(staples)
}

fn config(
    (tls, offer): (&ServerTls, &Offer),
    choice: Choice,
    provider: CryptoProvider,
    clients: &Clients,
) -> Result<ServerConfig, TlsFault> {
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
    Ok(config)
}
