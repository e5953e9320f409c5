//! What a location says of TLS to upstreams made ready for handshakes (`ngx_http_proxy_set_ssl`).

use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::client::{ClientConfig, ResolvesClientCert, Resumption, Tls12Resumption};
use rustls::pki_types::{CertificateDer, DnsName, IpAddr, Ipv4Addr, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use weir_conf::{Credential, Settings, TlsFile};

use crate::authorities::{load_authorities, load_revoked};
use crate::backend::default_provider;
use crate::certificate::{self, CertificateFault};
use crate::kept::{CertificateCaches, Reader};
use crate::offer::Offer;
use crate::server::TlsFault;
use crate::sessions;
use crate::signatures::Signatures;
use crate::verify::{Peer, Trust};
use crate::verify_fault::VerifyFault;
use crate::words::Reason;

/// Names whose sessions are kept for each peer: more than one only where `proxy_ssl_name` has variables.
const NAMES: usize = 8;

/// TLS to upstreams as a location wants it.
#[derive(Debug)]
pub struct TlsClient {
    /// Without sessions. `Err`: there is nothing to offer.
    config: Result<Arc<ClientConfig>, Reason>,
    /// Whether upstreams may let weir keep sessions for them.
    has_tickets: bool,
    /// Reads certificates that depend on requests.
    reader: Reader,
    /// Whom servers must be vouched for by, if their certificates are looked at.
    trust: Option<Trust>,
}

impl TlsClient {
    /// Reads what `settings` name: a certificate that does not depend on requests, and its key.
    ///
    /// # Errors
    ///
    /// nginx's words for what does not load.
    pub fn new(settings: &Settings, caches: &mut CertificateCaches) -> Result<Self, TlsFault> {
        let offer = Offer::to_upstreams(settings);
        let cache = settings.upstream.ssl_certificate_cache.as_ref();
        let passwords = settings.upstream.ssl_password_file.clone();
        Ok(Self {
            has_tickets: offer.has_tickets,
            config: match offer.is_nothing() {
                Some(words) => Err(Reason {
                    words: words.into(),
                    remote: false,
                }),
                None => Ok(Arc::new(config(settings, &offer)?)),
            },
            reader: caches.reader(cache.and_then(Option::as_ref), passwords),
            trust: trust(settings)?,
        })
    }

    /// A certificate and its key, whose names were found for a connection.
    ///
    /// # Errors
    ///
    /// nginx's words for what does not load.
    pub fn certificate(
        &self,
        certificate: &TlsFile,
        key: &TlsFile,
    ) -> Result<Arc<CertifiedKey>, CertificateFault> {
        let now = UnixTime::now().as_secs();
        self.reader.pair(certificate, key, now)
    }

    /// Whether certificates are looked at.
    pub fn verifies(&self) -> bool {
        self.trust.is_some()
    }

    /// Looks at what a server has shown, if that is wanted.
    ///
    /// # Errors
    ///
    /// What OpenSSL says of it.
    pub fn verify(&self, shown: &[CertificateDer<'_>]) -> Result<(), VerifyFault> {
        let trust = self.trust.as_ref();
        trust.map_or(Ok(()), |trust| trust.verify(shown, sessions::now_signed()))
    }

    /// A configuration for handshakes, which shows `certificate`, or else the one that all are shown, and keeps
    /// sessions for later ones if `keeps`.
    ///
    /// # Errors
    ///
    /// What is said of a handshake that cannot begin.
    pub fn config(
        &self,
        certificate: Option<Arc<CertifiedKey>>,
        keeps: bool,
    ) -> Result<Arc<ClientConfig>, Reason> {
        let config = self.config.as_ref().map_err(Clone::clone)?;
        if certificate.is_none() && !keeps {
            return Ok(config.clone());
        }
        let mut config = ClientConfig::clone(config);
        if keeps {
            let sessions = Resumption::in_memory_sessions(NAMES);
            config.resumption = match self.has_tickets {
                true => sessions,
                false => sessions.tls12_resumption(Tls12Resumption::SessionIdOnly),
            };
        }
        if let Some(certificate) = certificate {
            config.client_auth_cert_resolver = Arc::new(Shown(certificate));
        }
        Ok(Arc::new(config))
    }
}

/// Whom a handshake is told that it is wanted from: a name that may be told, or nobody in particular.
pub fn server_name(name: Option<&[u8]>) -> ServerName<'static> {
    let name = name.and_then(|name| DnsName::try_from(name).ok());
    match name {
        Some(name) => ServerName::DnsName(name.to_owned()),
        // Addresses are never told.
        None => ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([0; 4]))),
    }
}

fn config(settings: &Settings, offer: &Offer) -> Result<ClientConfig, TlsFault> {
    let provider = offer.provider();
    if let Some(group) = provider.kx_groups.first() {
        // The first exchange of keys in a process takes its time, which no request is to wait for.
        let _made = group.start()?;
    }
    let signatures = Signatures::of_servers(provider.signature_verification_algorithms);
    let builder = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&offer.versions())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(signatures));
    let shown = certificate(settings)?;
    let mut config = match shown {
        Some(shown) => builder.with_client_cert_resolver(Arc::new(Shown(shown))),
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// `proxy_ssl_verify` and what goes with it.
fn trust(settings: &Settings) -> Result<Option<Trust>, TlsFault> {
    let trusted = settings.upstream.ssl_trusted_certificate.as_ref();
    let Some(trusted) = trusted
        .and_then(Option::as_ref)
        .filter(|_| settings.upstream.ssl_verify)
    else {
        return Ok(None);
    };
    let revoked = settings.upstream.ssl_crl.as_ref().and_then(Option::as_ref);
    let revoked = revoked.map(|path| load_revoked(path)).transpose()?;
    Ok(Some(Trust {
        trusted: load_authorities(trusted)?,
        revoked,
        depth: usize::try_from(settings.upstream.ssl_verify_depth).unwrap_or(usize::MAX),
        peer: Peer::Server,
        algorithms: default_provider().signature_verification_algorithms,
    }))
}

/// The certificate that all upstreams are shown.
fn certificate(settings: &Settings) -> Result<Option<Arc<CertifiedKey>>, TlsFault> {
    use Credential::Fixed;
    let pair = (
        &settings.upstream.ssl_certificate,
        &settings.upstream.ssl_certificate_key,
    );
    let (Some(Fixed(certificate)), Some(Fixed(key))) = pair else {
        return Ok(None);
    };
    let passwords = settings.upstream.ssl_password_file.as_ref();
    let passwords = passwords.map(|file| file.passwords.as_slice());
    let loaded = certificate::load(certificate, key, passwords)?;
    Ok(Some(Arc::new(loaded)))
}

/// A certificate that is shown to whoever asks for one.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesClientCert for Shown {
    /// Whatever authorities the server has named: it may know more (`SSL_CTX_use_certificate`).
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let fits = self.0.key.choose_scheme(schemes).is_some();
        fits.then(|| self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
