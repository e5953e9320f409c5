//! What is kept of the exchange until the access line is written.

use weir_conf::Scheme;
use weir_wire::FieldLines;
use weir_wire::response::ResponseHead;

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
    pub(crate) scheme: Option<Scheme>,
    /// `$proxy_host`, `$proxy_port`.
    pub(crate) host: Vec<u8>,
    pub(crate) port: Vec<u8>,
    /// The bytes `head` points into.
    pub(crate) bytes: Vec<u8>,
    pub(crate) head: ResponseHead,
    /// The head is complete, so `$upstream_http_*` have values.
    pub(crate) head_read: bool,
    /// Length of the body that will be sent, for `Content-Length`; `None` while it is not known.
    pub(crate) body_length: Option<u64>,
    pub(crate) body_chunked: bool,
    /// Bytes of interim heads so far.
    pub(crate) hints_length: usize,
    /// Trailers as received.
    pub(crate) trailers: FieldLines,
    /// An internal redirect followed: the next try opens a new group in the lists.
    pub(crate) redirected: bool,
}

impl UpstreamState {
    pub(crate) fn reset(&mut self) {
        self.peer = PeerLabel::None;
        self.peer_is_held = false;
        self.asked_head = false;
        self.uri.clear();
        self.scheme = None;
        self.host.clear();
        self.port.clear();
        self.head.reset();
        self.head_read = false;
        self.body_length = None;
        self.body_chunked = false;
        self.hints_length = 0;
        self.trailers.clear();
        self.redirected = false;
    }

    /// Appends `scheme://peer/uri`, the `upstream:` field of log lines; nothing before a peer is
    /// known.
    pub(crate) fn write_url(&self, out: &mut Vec<u8>) {
        let name = self.peer.as_str();
        if name.is_empty() {
            return;
        }
        let scheme = self.scheme.map_or("http", Scheme::name);
        out.extend_from_slice(scheme.as_bytes());
        out.extend_from_slice(b"://");
        out.extend_from_slice(name.as_bytes());
        // nginx looks at the peer's address, which it forgets when it gives the peer back.
        if self.peer_is_held && name.starts_with("unix:") {
            out.push(b':');
        }
        out.extend_from_slice(&self.uri);
    }

    /// Gives the head's buffer back.
    pub(crate) fn release_bytes(&mut self) {
        buffers::give_back(std::mem::take(&mut self.bytes));
    }
}
