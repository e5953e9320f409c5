//! TLS with a peer (`ngx_http_upstream_ssl_init_connection`), under the clock that connecting has begun.

use std::future::poll_fn;
use std::io;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use weir_conf::{Settings, TlsFile};
use weir_io::stream::HandshakeEnd;
use weir_tls::rustls::sign::CertifiedKey;
use weir_tls::rustls::{AlertDescription, Error, HandshakeKind};
use weir_tls::{CertificateFault, Reason, TlsClient, rustls};
use weir_verdict::{Cause, Failure, Phase, TlsFailure};

use super::tries::{Exchange, Held, TryEnd};
use crate::facts::{Action, Session};
use crate::pool::{PeerTls, Reuse};
use crate::report::variables;

/// nginx's names of the calls that TLS fails in.
const HANDSHAKE: &str = "SSL_do_handshake() failed";
const READ: &str = "SSL_read() failed";
const WRITE: &str = "SSL_write() failed";

/// What ended the wait for a handshake.
enum Shaking {
    Done(Result<(), HandshakeEnd>),
    TimedOut,
    ClientGone(Option<io::Error>),
}

impl Exchange<'_> {
    /// Shakes hands with the peer, and looks at its certificate where that is wanted.
    pub(super) async fn shake_hands(&mut self, mut held: Held) -> Result<Held, TryEnd> {
        let reused = held.connection.reused;
        let failed = |phase, cause| TryEnd::Failed {
            failure: Failure::new(phase, cause),
            reused,
        };
        if held.connection.has_spoken() {
            return Err(failed(Phase::ReadingHead, TlsFailure::Unasked.into()));
        }
        let name = self.peer_name();
        let begun = match self.peer_tls(&held) {
            Ok(tls) => self.begin(&mut held, &name, tls),
            Err(cause) => return Err(failed(Phase::Connecting, cause)),
        };
        self.session.client.link_mut().action = Action::Exchange(Phase::Handshaking);
        let shaken = match begun {
            Ok(tls) => self.wait_shaken(&mut held).await?.and(Ok(tls)),
            Err(cause) => Err(cause),
        };
        self.session.client.link_mut().deadline.clear();
        held.connection.secured();
        let trusted = shaken.and_then(|tls| self.look_at(&mut held, &name, &tls));
        match trusted {
            Ok(()) => Ok(held),
            Err(cause) => Err(failed(Phase::Handshaking, cause)),
        }
    }

    /// Looks at the peer's certificate, if that is wanted (`ngx_http_upstream_ssl_handshake`).
    fn look_at(&self, held: &mut Held, name: &[u8], tls: &PeerTls) -> Result<(), Cause> {
        let plan = &self.session.client.link().plan;
        let client = plan.tls().client(self.session.location().index);
        let Some(client) = client.filter(|client| client.verifies()) else {
            return Ok(());
        };
        let facts = held.connection.out().tls().map(|tls| tls.facts());
        let shown = facts.and_then(|facts| facts.peer_certificates());
        let shown = shown.unwrap_or_default();
        let resumed = facts.and_then(|facts| facts.handshake_kind());
        let resumed = resumed == Some(HandshakeKind::Resumed);
        if !resumed || !tls.trusts(shown) {
            client.verify(shown).map_err(|fault| {
                Cause::from(TlsFailure::Untrusted(fault.number(), fault.words()))
            })?;
            tls.trust(shown);
        }
        match shown.first() {
            Some(own) if weir_tls::has_name(own, name) => Ok(()),
            Some(_) | None => Err(Cause::from(TlsFailure::OtherName(name.into()))),
        }
    }

    /// What this location's TLS keeps of the peer.
    fn peer_tls(&self, held: &Held) -> Result<Result<Rc<PeerTls>, Reason>, Cause> {
        let plan = &self.session.client.link().plan;
        let Some(client) = plan.tls().client(self.session.location().index) else {
            return Ok(Err(Reason::unprepared()));
        };
        if let Some(certificate) = certificate(self.session, self.settings, client)? {
            let config = client.config(Some(certificate), false);
            return Ok(config.map(PeerTls::of));
        }
        let keeps = self.settings.upstream.ssl_session_reuse && self.pool.reuse != Reuse::Nothing;
        let key: *const TlsClient = Arc::as_ptr(client);
        let address = self.view.peers.peer(held.peer).address_id();
        Ok(self.pool.peer_tls(key.addr(), address, || {
            client.config(None, keeps).map(PeerTls::of)
        }))
    }

    fn begin(
        &self,
        held: &mut Held,
        name: &[u8],
        tls: Result<Rc<PeerTls>, Reason>,
    ) -> Result<Rc<PeerTls>, Cause> {
        let settings = self.settings;
        let tls = tls.map_err(|reason| Cause::from(TlsFailure::Local(HANDSHAKE, reason.words)))?;
        let told = settings.upstream.ssl_server_name && !is_ipv4(name);
        let told = weir_tls::server_name(told.then_some(name));
        let stream = held.connection.out();
        if settings.upstream.ssl_session_reuse && settings.tcp_nodelay {
            stream.set_nodelay();
        }
        match stream.begin_tls_to(tls.config.clone(), told) {
            Ok(()) => Ok(tls),
            Err(error) => Err(Cause::from(failure(HANDSHAKE, &error, None))),
        }
    }

    async fn wait_shaken(&mut self, held: &mut Held) -> Result<Result<(), Cause>, TryEnd> {
        let watch = !self.settings.upstream.ignore_client_abort;
        let session = &mut *self.session;
        let deadline = &mut session.client.link_mut().deadline;
        if deadline.at().is_none() {
            deadline.set(self.settings.upstream.connect_timeout);
        }
        let shaken = poll_fn(|cx| {
            if let Some(tls) = held.connection.out().tls_mut()
                && let Poll::Ready(end) = tls.poll_handshake(cx)
            {
                return Poll::Ready(Shaking::Done(end));
            }
            if watch && let Poll::Ready(gone) = session.client.poll_gone(cx) {
                return Poll::Ready(Shaking::ClientGone(gone));
            }
            let deadline = &mut session.client.link_mut().deadline;
            deadline.poll_expired(cx).map(|()| Shaking::TimedOut)
        })
        .await;
        match shaken {
            Shaking::Done(end) => {
                let version = held.connection.out().tls();
                let version = version.and_then(|tls| tls.facts().protocol_version());
                Ok(end.map_err(|end| match end {
                    HandshakeEnd::Closed
                    | HandshakeEnd::Tls(Error::AlertReceived(AlertDescription::CloseNotify)) => {
                        Cause::from(TlsFailure::Closed(None))
                    }
                    HandshakeEnd::Socket(error) => Cause::from(TlsFailure::Closed(Some(error))),
                    HandshakeEnd::Tls(error) => Cause::from(failure(HANDSHAKE, &error, version)),
                }))
            }
            Shaking::TimedOut => Ok(Err(Cause::TimedOut)),
            Shaking::ClientGone(error) => {
                session.client.link_mut().deadline.clear();
                Err(self.client_gone(error))
            }
        }
    }

    /// The name that the peer's certificate is to have (`ngx_http_upstream_ssl_name`).
    fn peer_name(&self) -> Vec<u8> {
        let name = match &self.settings.upstream.ssl_name {
            Some(template) => variables::text(self.session.view(), template),
            None => self.pool.pool.name().as_bytes().to_vec(),
        };
        without_port(name)
    }
}

/// `name` without a port, which `$proxy_host` may have; colons in brackets are an address's.
fn without_port(mut name: Vec<u8>) -> Vec<u8> {
    let address = match name.first() {
        Some(b'[') => memchr::memchr(b']', &name).unwrap_or(0),
        Some(_) | None => 0,
    };
    if let Some(colon) = memchr::memchr(b':', &name[address..]) {
        name.truncate(address + colon);
    }
    name
}

fn is_ipv4(name: &[u8]) -> bool {
    let text = std::str::from_utf8(name).ok();
    text.is_some_and(|text| text.parse::<Ipv4Addr>().is_ok())
}

/// A certificate that depends on the request (`ngx_http_upstream_ssl_certificate`).
fn certificate(
    session: &Session,
    settings: &Settings,
    client: &TlsClient,
) -> Result<Option<Arc<CertifiedKey>>, Cause> {
    let pair = (
        &settings.upstream.ssl_certificate,
        &settings.upstream.ssl_certificate_key,
    );
    let (Some(certificate), Some(key)) = pair else {
        return Ok(None);
    };
    if !certificate.is_variable() && !key.is_variable() {
        return Ok(None);
    }
    let file_of = |credential| {
        let file = variables::tls::file_of(session.view(), credential);
        file.filter(|file: &TlsFile| !file.written.is_empty())
    };
    let Some((certificate, key)) = file_of(certificate).zip(file_of(key)) else {
        return Ok(None);
    };
    let loaded = client.certificate(&certificate, &key);
    let fault = |fault: CertificateFault| Cause::Certificate(fault.to_string());
    loaded.map(Some).map_err(fault)
}

fn failure(
    call: &'static str,
    error: &Error,
    version: Option<rustls::ProtocolVersion>,
) -> TlsFailure {
    let reason = weir_tls::reason(error, version);
    match error {
        Error::AlertReceived(alert) => TlsFailure::Alert(call, u8::from(*alert), reason.words),
        _ if reason.remote => TlsFailure::Protocol(call, reason.words),
        _ => TlsFailure::Local(call, reason.words),
    }
}

/// What is to be said of a read that failed in this call, or in TLS above it.
pub(super) fn read_cause(call: &'static str, error: io::Error) -> Cause {
    match tls_error(&error) {
        Some(tls) => Cause::from(failure(READ, tls, None)),
        None => Cause::Receive(call, error),
    }
}

/// The same of a write.
pub(super) fn write_cause(is_tls: bool, call: &'static str, error: io::Error) -> Cause {
    match tls_error(&error) {
        Some(tls) => Cause::from(failure(WRITE, tls, None)),
        None if is_tls => Cause::Send(WRITE, error),
        None => Cause::Send(call, error),
    }
}

fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_ports() {
        for (name, expected) in [
            ("a.test", "a.test"),
            ("a.test:443", "a.test"),
            ("[::1]:443", "[::1]"),
            ("[::1]", "[::1]"),
            ("[::1", "["),
            ("", ""),
        ] {
            assert_eq!(without_port(name.into()), expected.as_bytes(), "{name}");
        }
    }
}
