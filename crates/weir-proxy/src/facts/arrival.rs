//! What was said on a connection before its first request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use weir_io::clock;
use weir_io::stream::TlsStream;
use weir_tls::rustls::{HandshakeKind, ProtocolVersion, ServerConfig};
use weir_tls::{ClientCertificate, Offers, Said, TlsServer};
use weir_wire::proxy_protocol::ProxyHeader;

/// What was said before the first request. Few plain connections have any, and all would pay for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrival {
    /// What a balancer in front said of its client.
    pub(crate) balanced: Option<ProxyHeader>,
    /// The server that the handshake led to, by the name that the client asked for: an index into
    /// `Http::servers`.
    pub(crate) server: Option<usize>,
    /// What the handshake has settled.
    pub(crate) tls: Option<TlsFacts>,
}

/// What a handshake has settled, in OpenSSL's words.
#[derive(Clone, Debug)]
pub(crate) struct TlsFacts {
    pub(crate) version: &'static str,
    pub(crate) cipher: &'static str,
    pub(crate) group: Option<&'static str>,
    /// The name that the client asked for.
    pub(crate) name: Option<Box<str>>,
    pub(crate) protocol: Option<Box<[u8]>>,
    /// The client has come back to an earlier session.
    pub(crate) reused: bool,
    /// The session's number, if it has one.
    pub(crate) session: Box<[u8]>,
    /// The client's certificate.
    pub(crate) client: Option<Box<ClientCertificate>>,
    /// What the client has offered.
    pub(crate) offers: Offers,
    /// Whether the handshake still goes on, if early data came before its end.
    early: Option<Arc<AtomicBool>>,
}

impl TlsFacts {
    /// What is known before a certificate is shown, by `config`.
    pub(crate) fn heard(said: &Said, name: Option<&str>, config: &ServerConfig) -> Self {
        let version = match said.speaks_newest() {
            true => ProtocolVersion::TLSv1_3,
            false => ProtocolVersion::TLSv1_2,
        };
        Self {
            version: weir_tls::version(version),
            cipher: "(NONE)",
            group: None,
            name: name.map(Into::into),
            protocol: said.protocol(config).map(Into::into),
            reused: false,
            session: Box::default(),
            client: None,
            offers: said.offers.clone(),
            early: Some(Arc::new(AtomicBool::new(true))),
        }
    }

    /// What a handshake has settled that began with what was `said`.
    pub(crate) fn of(
        stream: &TlsStream,
        said: Said,
        name: Option<&str>,
        server: &TlsServer,
    ) -> Self {
        let facts = stream.facts();
        let reused = facts.handshake_kind() == Some(HandshakeKind::Resumed);
        let newest = facts.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        let suite = facts.negotiated_cipher_suite();
        let sent = facts.peer_certificates().unwrap_or_default();
        let client = server.client(sent, clock::unix_seconds());
        let group = facts.negotiated_key_exchange_group();
        Self {
            version: facts
                .protocol_version()
                .map_or("unknown", weir_tls::version),
            cipher: suite.map_or("unknown", |suite| weir_tls::cipher(suite.suite())),
            group: group.map(|group| weir_tls::group(group.name())),
            name: name.map(Into::into),
            protocol: facts.alpn_protocol().map(Into::into),
            reused,
            session: stream.session().into(),
            client: client.map(Box::new),
            offers: match reused {
                true => said.offers.of_resumed(newest),
                false => said.offers,
            },
            early: stream.early().cloned(),
        }
    }

    /// Whether the handshake still goes on.
    pub(crate) fn is_early(&self) -> bool {
        let early = self.early.as_ref();
        early.is_some_and(|early| early.load(Ordering::Relaxed))
    }
}
