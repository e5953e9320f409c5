//! Choosing a peer and getting a connection to it.

use crate::client::departure::log_client_gone;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::task::Poll;
use std::time::Duration;

use weir_conf::Settings;
use weir_upstream::{IdleMeta, PeerId};

use super::tries::{Exchange, Held, TryEnd};
use crate::facts::Fresh;
use crate::facts::Outcome;
use crate::facts::Session;
use crate::pool::{PeerLabel, Reuse, Slot, UpstreamConnection};
use crate::report::error_log::{self, Message};
use crate::report::peer_text::Lossy;
use crate::report::variables;
use weir_io::clock;
use weir_io::dial::{DialError, DialOptions, Dialed};
use weir_verdict::{Cause, Failure, Phase};

impl Exchange<'_> {
    /// Chooses a peer and connects to it, or takes an idle connection
    /// (`ngx_event_connect_peer` with the balancers behind it).
    pub(super) async fn connect(&mut self) -> Result<Held, TryEnd> {
        let at_once = match self.retake() {
            Some(peer) => Some(peer),
            None => self.choose()?,
        };
        let peer = match at_once {
            Some(peer) => peer,
            None => Box::pin(self.wait()).await?,
        };
        self.picked = Some(peer);
        let now = clock::monotonic(clock::now());
        self.session.req.upstream.peer_is_held = true;
        let label = self.label(peer);
        tracing::debug!(target: "weir", "connect to {}", Lossy(label.as_bytes()));
        // For log lines.
        self.session.req.upstream.peer = label;
        if let Some(connection) = self.take_idle(peer, now) {
            self.clear_head();
            self.current().peer = self.label(peer);
            return Ok(Held { peer, connection });
        }
        let Some(slot) = self.session.client.link().shop.clone().acquire_slot().await else {
            let count = self.session.client.link().shop.worker_connections();
            return Err(failed(Cause::NoConnectionSlot(count)));
        };
        let (connection, connected) = self.dial(peer, now, slot)?;
        self.current().peer = self.label(peer);
        let mut held = Held { peer, connection };
        if !connected {
            self.wait_connected(&mut held).await?;
        }
        Ok(held)
    }

    /// The peer whose kept connection has died, unless the pool has other peers by now.
    fn retake(&mut self) -> Option<PeerId> {
        let fresh = &mut self.session.req.upstream.fresh;
        let Fresh::To(peer) = *fresh else {
            return None;
        };
        *fresh = Fresh::Needed;
        let stays = self.view.peers.epoch() == self.pool.pool.epoch();
        (stays && self.view.peers.retake(peer)).then_some(peer)
    }

    /// Whether TLS is wanted and not spoken yet. A kept connection may be of either kind, whoever takes it
    /// (`ngx_http_upstream_connect`).
    pub(super) fn needs_handshake(&self, held: &Held) -> bool {
        self.session.req.upstream.is_https() && !held.connection.is_tls()
    }

    /// What logs and variables call the peer.
    fn label(&self, peer: PeerId) -> PeerLabel {
        self.view.labels[peer.index()].clone()
    }

    /// An idle connection on which nothing has arrived.
    fn take_idle(&self, peer: PeerId, now: Duration) -> Option<Box<UpstreamConnection>> {
        let mut cache = self.pool.idle.as_ref()?.borrow_mut();
        let peer = self.view.peers.peer(peer);
        let location = self.session.location().index;
        if self.pool.reuse == Reuse::WithoutRisk
            && (self.session.req.upstream.fresh != Fresh::NotNeeded
                || !self.survives_a_dead_connection())
        {
            // A server that serves one connection after the other would let the new one wait for this.
            drop(cache.take(peer, location, now));
            return None;
        }
        loop {
            let idle = cache.take(peer, location, now)?;
            let mut connection = idle.conn;
            if connection.is_quiet() {
                connection.reuse(idle.meta.requests + 1);
                tracing::debug!(target: "weir", "reuse a kept connection, request {}", connection.requests);
                return Some(connection);
            }
        }
    }

    /// Opens a connection, and says whether it stands; if not, its handshake still runs.
    fn dial(
        &mut self,
        peer: PeerId,
        now: Duration,
        slot: Slot,
    ) -> Result<(Box<UpstreamConnection>, bool), TryEnd> {
        let shop = self.session.client.link().shop.clone();
        let is_https = self.session.req.upstream.is_https();
        let first = match is_https {
            true => [[].as_slice(); 3],
            false => self.source.first(self.session),
        };
        let first = first.map(IoSlice::new);
        let address = self.view.peers.peer(peer).address();
        let mut dialed = shop.dialer.dial(address, &self.options, &first);
        if let Err(error) = &dialed
            && error.is_exhaustion()
            && shop.close_spare()
        {
            dialed = shop.dialer.dial(address, &self.options, &first);
        }
        let Dialed {
            stream,
            connected,
            written,
        } = match dialed {
            Ok(dialed) => dialed,
            Err(error) => {
                if matches!(error, DialError::Connect(_) | DialError::Handshake(_)) {
                    self.current().peer = self.label(peer);
                    shop.next_number();
                }
                if matches!(error, DialError::Handshake(_)) {
                    self.clear_head();
                }
                return Err(failed(dial_cause(error)));
            }
        };
        // Nothing shows the number, but the next client's is one more: nginx counts connections to both
        // sides from one counter, each as it calls connect().
        shop.next_number();
        self.clear_head();
        self.source.skip(written);
        self.current().bytes_sent = written as u64;
        if written > 0 {
            self.request_sent = true;
        }
        let connection = Box::new(UpstreamConnection::opened(stream, now, slot));
        Ok((connection, connected))
    }

    /// Waits for the handshake under `proxy_connect_timeout`.
    async fn wait_connected(&mut self, held: &mut Held) -> Result<(), TryEnd> {
        let timeout = self.settings.upstream.connect_timeout;
        let watch = !self.settings.upstream.ignore_client_abort;
        let session = &mut *self.session;
        session.client.link_mut().deadline.set(timeout);
        let connected = poll_fn(|cx| {
            if let Poll::Ready(result) = held.connection.poll_connected(cx) {
                return Poll::Ready(Connecting::Done(result));
            }
            if watch && let Poll::Ready(gone) = session.client.poll_gone(cx) {
                return Poll::Ready(Connecting::ClientGone(gone));
            }
            session
                .client
                .link_mut()
                .deadline
                .poll_expired(cx)
                .map(|()| Connecting::TimedOut)
        })
        .await;
        let goes_on = matches!(connected, Connecting::Done(Ok(())));
        // The same clock runs on for a handshake.
        if !goes_on || !self.session.req.upstream.is_https() {
            self.session.client.link_mut().deadline.clear();
        }
        match connected {
            Connecting::Done(Ok(())) => Ok(()),
            Connecting::Done(Err(error)) => Err(failed(Cause::Connect(error))),
            Connecting::TimedOut => Err(failed(Cause::TimedOut)),
            Connecting::ClientGone(error) => Err(self.client_gone(error)),
        }
    }

    /// The client left while the upstream was at work (`ngx_http_upstream_check_broken_connection`).
    pub(super) fn client_gone(&self, error: Option<io::Error>) -> TryEnd {
        log_client_gone(self.session, error.as_ref());
        TryEnd::Client(Outcome::Close(499))
    }

    /// Puts a connection whose answer came whole into the cache, if the next answer on it would be that
    /// to the next request (`ngx_http_upstream_free_keepalive_peer`).
    pub(super) fn keep(&self, held: Held) {
        let Some(cache) = &self.pool.idle else {
            return;
        };
        let req = &self.session.req;
        // What was announced of a spent body has not been sent.
        let sent_whole = self.source.is_done() && !req.body.spent;
        let is_own = self.pool.reuse == Reuse::WithoutRisk
            && (req.upstream.head.status == 401 || self.authenticates_the_connection());
        if is_own || !sent_whole || !held.connection.reusable || req.upstream.head.connection_close
        {
            return;
        }
        let link = self.session.client.link();
        if link.shop.is_draining() || link.is_behind() {
            return;
        }
        let mut connection = held.connection;
        let meta = IdleMeta {
            requests: connection.requests,
            opened_at: connection.opened_at,
        };
        let now = clock::monotonic(clock::now());
        let peer = self.view.peers.peer(held.peer);
        if !self.session.client.link().shop.fall_idle(&mut connection) {
            return;
        }
        let location = self.session.location().index;
        let evicted = cache
            .borrow_mut()
            .put(peer, location, connection, meta, now);
        drop(evicted);
    }
}

/// The socket options of the request's upstream connections (`ngx_http_upstream_set_local`).
pub(super) fn dial_options(session: &Session, settings: &Settings) -> DialOptions {
    let size = |bytes: usize| (bytes > 0).then_some(bytes);
    let mut options = DialOptions {
        bind: None,
        transparent: false,
        keepalive: settings.upstream.socket_keepalive,
        rcvbuf: size(settings.upstream.socket_rcvbuf),
        sndbuf: size(settings.upstream.socket_sndbuf),
    };
    if let Some(Some(bind)) = &settings.upstream.bind {
        let text = variables::text(session.view(), &bind.address);
        let text = String::from_utf8_lossy(&text);
        options.transparent = bind.transparent;
        options.bind = parse_local(&text);
        if options.bind.is_none() && !text.is_empty() {
            let line = format!("invalid local address \"{text}\"");
            error_log::error(session.view(), Message::text(&line));
        }
    }
    options
}

/// What ended the wait for a handshake.
enum Connecting {
    Done(io::Result<()>),
    TimedOut,
    ClientGone(Option<io::Error>),
}

fn failed(cause: Cause) -> TryEnd {
    TryEnd::Failed {
        failure: Failure::new(Phase::Connecting, cause),
        reused: false,
    }
}

fn dial_cause(error: DialError) -> Cause {
    match error {
        DialError::Socket(error) => Cause::Socket(error),
        DialError::Option(name, error) => Cause::Option(name, error),
        DialError::Bind(address, error) => Cause::Bind(address, error),
        DialError::Handshake(error) => Cause::Connect(error),
        DialError::Connect(error) => Cause::ConnectAtOnce(error),
    }
}

/// `proxy_bind`: an address with or without a port.
fn parse_local(text: &str) -> Option<SocketAddr> {
    text.parse::<SocketAddr>().ok().or_else(|| {
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
            .unwrap_or(text);
        bare.parse::<IpAddr>()
            .ok()
            .map(|address| SocketAddr::new(address, 0))
    })
}
