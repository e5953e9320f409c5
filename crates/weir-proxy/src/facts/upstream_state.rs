//! What is kept of the exchange until the access line is written.

use weir_upstream::PeerId;
use weir_wire::FieldLines;
use weir_wire::response::ResponseHead;

use super::Stay;
use crate::pool::PeerLabel;
use weir_io::buffers;

/// The last exchange of a request: its head for `$upstream_http_*`, its address for log lines.
#[derive(Debug, Default)]
pub(crate) struct UpstreamState {
    /// The peer in the `upstream:` field of error lines; `None` before one is known.
    pub(crate) peer: PeerLabel,
    /// That peer is held.
    pub(crate) peer_is_held: bool,
    /// The request that was sent is a HEAD, whatever the client's is.
    pub(crate) asked_head: bool,
    /// Room for the request head, kept from one request to the next.
    pub(crate) request_head: Vec<u8>,
    /// The URI sent upstream, arguments included.
    pub(crate) uri: Vec<u8>,
    /// A `proxy_pass` has had its turn, so `$proxy_host` and `$proxy_port` have values.
    pub(crate) proxied: bool,
    /// The scheme as the configuration or a variable writes it, `://` included.
    pub(crate) prefix: Vec<u8>,
    /// `$proxy_host`, `$proxy_port`.
    pub(crate) host: Vec<u8>,
    pub(crate) port: Vec<u8>,
    /// The bytes `head` points into.
    pub(crate) bytes: Vec<u8>,
    pub(crate) head: ResponseHead,
    /// The head is complete.
    pub(crate) head_read: bool,
    /// Length of the body that will be sent, for `Content-Length`; `None` while it is not known.
    pub(crate) body_length: Option<u64>,
    pub(crate) body_chunked: bool,
    /// Bytes of interim heads so far.
    pub(crate) hints_length: usize,
    /// Trailers as received.
    pub(crate) trailers: FieldLines,
    /// The last exchange of several came to no try, so the lists end in ` : `.
    pub(crate) group_is_empty: bool,
    /// Of an exchange with a pool that is `sticky`.
    pub(crate) stay: Option<Box<Stay>>,
    /// Whether a kept connection was dead.
    pub(crate) fresh: Fresh,
}

/// Whether the request wants a fresh connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fresh {
    /// A kept one will do.
    #[default]
    NotNeeded,
    /// To this peer, whose kept one was dead.
    To(PeerId),
    /// To whoever is next.
    Needed,
}

impl UpstreamState {
    /// Forgets the exchange and keeps its rooms; the buffers are given back by [`Self::release_bytes`].
    /// Every field is named, so that none is forgotten.
    pub(crate) fn reset(&mut self) {
        let Self {
            peer,
            peer_is_held,
            asked_head,
            request_head: _,
            uri,
            proxied,
            prefix,
            host,
            port,
            bytes: _,
            head,
            head_read,
            body_length,
            body_chunked,
            hints_length,
            trailers,
            group_is_empty,
            stay,
            fresh,
        } = self;
        *stay = None;
        *fresh = Fresh::NotNeeded;
        *peer = PeerLabel::None;
        for text in [uri, prefix, host, port] {
            text.clear();
        }
        for known in [
            peer_is_held,
            asked_head,
            proxied,
            head_read,
            body_chunked,
            group_is_empty,
        ] {
            *known = false;
        }
        head.reset();
        *body_length = None;
        *hints_length = 0;
        trailers.clear();
    }

    /// An internal redirect takes the module's context away, and `$proxy_host` and its kin with it;
    /// what the upstream did still shows (`ngx_http_internal_redirect`, `ngx_http_named_location`).
    pub(crate) fn forget_context(&mut self) {
        self.proxied = false;
        self.body_length = None;
        self.body_chunked = false;
    }

    /// Whether the upstream is spoken to over TLS, as the scheme says.
    pub(crate) fn is_https(&self) -> bool {
        self.prefix.len() == b"https://".len()
    }

    /// Whether [`Self::write_url`] has anything to write.
    pub(crate) fn has_url(&self) -> bool {
        !self.peer.as_bytes().is_empty()
    }

    /// Appends `scheme://peer/uri`, the `upstream:` field of log lines; nothing before a peer is
    /// known.
    pub(crate) fn write_url(&self, out: &mut Vec<u8>) {
        let name = self.peer.as_bytes();
        if name.is_empty() {
            return;
        }
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(name);
        // nginx looks at the peer's address, which it forgets when it gives the peer back.
        if self.peer_is_held && is_unix(name) {
            out.push(b':');
        }
        out.extend_from_slice(&self.uri);
    }

    /// Gives the head's buffer back.
    pub(crate) fn release_bytes(&mut self) {
        buffers::give_back(std::mem::take(&mut self.bytes));
    }
}

/// Whether `name` is that of a Unix socket's, whose letters nginx shows as written.
fn is_unix(name: &[u8]) -> bool {
    name.get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"unix:"))
}
