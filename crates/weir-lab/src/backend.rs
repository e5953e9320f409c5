//! Backends that play scripts and record what the proxy did.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use crate::script::{BackendScript, BackendStep, Connect, Sequence};
use crate::socket::{Address, Listener, Options, Socket};

mod conversation;
mod secured;

use conversation::Conversation;

/// How the proxy ended a connection, as far as the backend could see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyEnd {
    /// It closed in order.
    Fin,
    /// It reset the connection.
    Rst,
}

/// What one accepted connection brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saw {
    /// Bytes read in all.
    pub bytes: u64,
    /// The first of them, at most [`KEPT_BYTES`].
    pub data: Vec<u8>,
    /// None while open, and when the script itself ended the connection.
    pub end: Option<ProxyEnd>,
}

/// A connection that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// In the order of acceptance, from 0.
    pub connection: usize,
    /// What it brought.
    pub saw: Saw,
    /// The steps that were begun, in words.
    pub steps: Vec<String>,
}

/// How much of what it reads a backend keeps.
pub const KEPT_BYTES: usize = 64 * 1024;

/// How many connections a backend remembers: the latest.
pub const KEPT_CONNECTIONS: usize = 1000;

/// How long a backend accepts nothing after the system could not give it a connection.
const PAUSE: Duration = Duration::from_millis(50);

/// A running backend; dropping it closes the address and every connection.
#[derive(Debug)]
pub struct Backend {
    address: Address,
    listening: Mutex<Listening>,
    shared: Arc<Shared>,
}

/// What keeps the address open.
#[derive(Debug, Default)]
struct Listening {
    acceptor: Option<JoinHandle<()>>,
    _held: Held,
}

/// What keeps a silent address bound, and its queue full.
type Held = (Option<Listener>, Vec<socket2::Socket>);

#[derive(Debug, Default)]
struct Shared {
    /// Of the latest connections; each belongs to its conversation, too.
    saw: Mutex<VecDeque<Arc<Mutex<Saw>>>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// Hears of each connection when it is over.
    watcher: Option<UnboundedSender<Played>>,
    /// A step that is a fault has begun.
    struck: Mutex<bool>,
    /// Tells those who block for it, and those who do not.
    strikes: (Condvar, Notify),
}

impl Backend {
    /// Binds `address` and behaves as `script` says from now on.
    ///
    /// # Errors
    /// The address cannot be bound, or an option cannot be set.
    pub async fn start(address: Address, script: BackendScript) -> io::Result<Self> {
        Self::begin(address, script, None)
    }

    /// The same; `watcher` hears of each connection when it is over.
    ///
    /// # Errors
    /// As [`Backend::start`].
    pub async fn start_watched(
        address: Address,
        script: BackendScript,
        watcher: UnboundedSender<Played>,
    ) -> io::Result<Self> {
        Self::begin(address, script, Some(watcher))
    }

    fn begin(
        address: Address,
        script: BackendScript,
        watcher: Option<UnboundedSender<Played>>,
    ) -> io::Result<Self> {
        if script.any(|step| matches!(step, BackendStep::Tls(_))) {
            // No handshake is to wait for it.
            crate::tls::files();
        }
        match script.connect {
            Connect::Accept => Self::listen(address, script, watcher),
            Connect::Refuse => {
                let bound = address.bind(Options::default())?;
                Ok(Self::silent(named(address, &bound), (None, vec![bound])))
            }
            Connect::Full => {
                let (address, held) = fill(address)?;
                Ok(Self::silent(address, held))
            }
        }
    }

    /// Plays what happens on connections of `listener`, which others know as `address`.
    pub fn serve(address: Address, listener: Listener, script: BackendScript) -> Self {
        Self::play(address, listener, script, None)
    }

    /// Whether any connection has met a step that is a fault
    /// ([`BackendScript::misbehaves`]); never, for a fault of the address itself.
    pub fn has_struck(&self) -> bool {
        *lock(&self.shared.struck)
    }

    /// Returns once that is so.
    pub async fn struck(&self) {
        loop {
            let strike = self.shared.strikes.1.notified();
            if self.has_struck() {
                return;
            }
            strike.await;
        }
    }

    /// Whether it is so within `limit`. Blocks: the backend must run elsewhere.
    pub(crate) fn strikes_within(&self, limit: Duration) -> bool {
        let (strikes, struck) = (&self.shared.strikes.0, lock(&self.shared.struck));
        let waited = strikes.wait_timeout_while(struck, limit, |struck| !*struck);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// What each connection brought so far, in the order of acceptance; of the latest
    /// [`KEPT_CONNECTIONS`], when there were more.
    pub fn saw(&self) -> Vec<Saw> {
        let all = lock(&self.shared.saw);
        all.iter().map(|saw| lock(saw).clone()).collect()
    }

    /// Where it listens; the port is the real one when 0 was asked for.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Closes the listening socket; connections that exist go on.
    pub async fn stop_listening(&self) {
        let listening = std::mem::take(&mut *lock(&self.listening));
        if let Some(acceptor) = listening.acceptor {
            acceptor.abort();
            // Cancelled is what was asked for.
            let _cancelled = acceptor.await;
        }
    }

    fn silent(address: Address, held: Held) -> Self {
        Self {
            address,
            listening: Mutex::new(Listening {
                acceptor: None,
                _held: held,
            }),
            shared: Arc::default(),
        }
    }

    fn listen(
        address: Address,
        script: BackendScript,
        watcher: Option<UnboundedSender<Played>>,
    ) -> io::Result<Self> {
        let listener = Listener::listen(
            &address,
            128,
            Options {
                rcvbuf: script.rcvbuf,
            },
        )?;
        if let (Address::Unix(path), Some(mode)) = (&address, script.mode) {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        }
        let address = listener.local_addr()?.map_or(address, Address::Inet);
        Ok(Self::play(address, listener, script, watcher))
    }

    fn play(
        address: Address,
        listener: Listener,
        script: BackendScript,
        watcher: Option<UnboundedSender<Played>>,
    ) -> Self {
        let shared = Arc::new(Shared {
            watcher,
            ..Shared::default()
        });
        let acceptor = tokio::spawn(accept(listener, script.connections, Arc::clone(&shared)));
        Self {
            address,
            listening: Mutex::new(Listening {
                acceptor: Some(acceptor),
                _held: Held::default(),
            }),
            shared,
        }
    }
}

impl Shared {
    /// Makes room for what a new connection brings.
    fn remember(&self) -> Arc<Mutex<Saw>> {
        let mut all = lock(&self.saw);
        if all.len() == KEPT_CONNECTIONS {
            all.pop_front();
        }
        let saw = Arc::default();
        all.push_back(Arc::clone(&saw));
        saw
    }

    /// Holds a conversation until it is over.
    fn hold(&self, task: JoinHandle<()>) {
        let mut tasks = lock(&self.tasks);
        if tasks.len() == tasks.capacity() {
            tasks.retain(|task| !task.is_finished());
        }
        tasks.push(task);
    }

    /// Notes that a step that is a fault begins.
    fn strike(&self) {
        *lock(&self.struck) = true;
        self.strikes.0.notify_all();
        self.strikes.1.notify_waiters();
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        if let Some(acceptor) = &lock(&self.listening).acceptor {
            acceptor.abort();
        }
        for task in lock(&self.shared.tasks).drain(..) {
            task.abort();
        }
    }
}

/// Plays one script per connection.
async fn accept(listener: Listener, connections: Sequence<Vec<BackendStep>>, shared: Arc<Shared>) {
    for index in 0.. {
        let Some(socket) = next(&listener).await else {
            return;
        };
        let script = connections.at(index).cloned().unwrap_or_default();
        let conversation = Conversation::new(socket, Arc::clone(&shared), index);
        shared.hold(tokio::spawn(conversation.play(script)));
    }
}

/// The next connection; None when no more can come. A client that left before it was accepted and
/// a lack of descriptors pass.
async fn next(listener: &Listener) -> Option<Socket> {
    loop {
        match listener.accept().await {
            Ok(socket) => return Some(socket),
            // The other end of the pipes is gone.
            Err(fault) if fault.kind() == ErrorKind::NotConnected => return None,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Listens with the shortest queue and connects to itself until nothing more fits.
fn fill(address: Address) -> io::Result<(Address, Held)> {
    const BACKLOG: i32 = 0;
    // A queue of length 0 takes one connection; a TCP one may hold some half-open ones besides.
    const ENOUGH: usize = 4;
    let listener = Listener::listen(&address, BACKLOG, Options::default())?;
    let address = listener.local_addr()?.map_or(address, Address::Inet);
    let mut sockets = Vec::new();
    for _ in 0..ENOUGH {
        match address.start_connect(Options::default()) {
            Ok(socket) => sockets.push(socket),
            Err(fault) if fault.kind() == ErrorKind::WouldBlock => break,
            Err(fault) => return Err(fault),
        }
    }
    Ok((address, (Some(listener), sockets)))
}

/// The address with the port that the system chose.
fn named(address: Address, bound: &socket2::Socket) -> Address {
    let port = bound.local_addr().ok().and_then(|bound| bound.as_socket());
    port.map_or(address, Address::Inet)
}

/// A panic elsewhere does not make what was seen less true.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Plays `script`, sends `request`, reads to the end, closes, and returns both views.
    async fn check(connections: Value, request: &[u8], answer: &[u8], expected: Saw) {
        let script = BackendScript::sequence(serde_json::from_value(connections).unwrap());
        let any = Address::Inet("127.0.0.1:0".parse().unwrap());
        let backend = Backend::start(any, script).await.unwrap();
        let socket = Socket::connect(backend.address(), Options::default())
            .await
            .unwrap();
        socket.write_all(request).await.unwrap();
        let mut got = Vec::new();
        let mut buffer = [0; 64];
        while let Ok(n @ 1..) = socket.read(&mut buffer).await {
            got.extend_from_slice(&buffer[..n]);
        }
        drop(socket);
        assert_eq!(got, answer);
        let agrees = async {
            while backend.saw() != [expected.clone()] {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(5), agrees).await;
        assert!(
            waited.is_ok(),
            "{:?} instead of {expected:?}",
            backend.saw()
        );
    }

    fn saw(data: &[u8], end: Option<ProxyEnd>) -> Saw {
        Saw {
            bytes: data.len() as u64,
            data: data.to_vec(),
            end,
        }
    }

    #[tokio::test]
    async fn answers_and_finishes() {
        let script = json!({"each": ["head", {"send": "ok"}, "fin"]});
        let head = b"GET / HTTP/1.0\r\n\r\n";
        check(script, head, b"ok", saw(head, Some(ProxyEnd::Fin))).await;
    }

    #[tokio::test]
    async fn reads_a_request_with_its_body() {
        let head = b"POST / HTTP/1.0\r\ncontent-length: 3\r\n\r\nabc";
        let script = json!({"each": ["request", "close"]});
        check(script.clone(), head, b"", saw(head, None)).await;
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
        check(script, chunked, b"", saw(chunked, None)).await;
    }

    #[tokio::test]
    async fn reads_no_more_than_it_is_told() {
        check(
            json!({"each": [{"read": 2}, "close"]}),
            b"abcdef",
            b"",
            saw(b"ab", None),
        )
        .await;
    }

    #[tokio::test]
    async fn dribbles() {
        let dribble = json!({"dribble": {"payload": "abc", "bytes": 2, "every": "1ms"}});
        let script = json!({"each": ["head", dribble, "close"]});
        let head = b"GET / HTTP/1.0\r\n\r\n";
        check(script, head, b"abc", saw(head, None)).await;
    }

    #[tokio::test]
    async fn each_request_of_a_connection_has_its_turn() {
        let first = json!(["head", {"send": "1"}]);
        let second = json!(["head", {"send": "2"}, "reset"]);
        let script = json!({"each": [{"requests": {"in-turn": [first, second]}}]});
        let heads = b"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n";
        check(script, heads, b"12", saw(heads, None)).await;
    }

    #[tokio::test]
    async fn a_stalled_connection_stays_open_and_unread() {
        let head = b"GET / HTTP/1.0\r\n\r\n";
        let script = BackendScript::each([BackendStep::Head, BackendStep::Stall]);
        let any = Address::Inet("127.0.0.1:0".parse().unwrap());
        let backend = Backend::start(any, script).await.unwrap();
        let socket = Socket::connect(backend.address(), Options::default()).await;
        let socket = socket.unwrap();
        socket.write_all(head).await.unwrap();
        let mut buffer = [0];
        let read = tokio::time::timeout(Duration::from_millis(20), socket.read(&mut buffer));
        assert!(read.await.is_err());
        drop(socket);
        let ended = async {
            while backend.saw() != [saw(head, Some(ProxyEnd::Fin))] {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), ended)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_watcher_hears_how_it_went() {
        let script = BackendScript::each([BackendStep::Head, BackendStep::Reset]);
        let (watcher, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let any = Address::Inet("127.0.0.1:0".parse().unwrap());
        let backend = Backend::start_watched(any, script, watcher).await.unwrap();
        let socket = Socket::connect(backend.address(), Options::default()).await;
        let head = b"GET / HTTP/1.0\r\n\r\n";
        socket.unwrap().write_all(head).await.unwrap();
        let played = heard.recv().await.unwrap();
        assert_eq!(played.saw, saw(head, None));
        assert_eq!(played.steps, ["read the head", "reset"]);
    }

    #[tokio::test]
    async fn many_connections_do_not_pile_up() {
        let directory = tempfile::tempdir().unwrap();
        let address = Address::Unix(directory.path().join("b.sock"));
        let script = BackendScript::each([BackendStep::Read(1), BackendStep::Close]);
        let backend = Backend::start(address.clone(), script).await.unwrap();
        for number in 0..=KEPT_CONNECTIONS {
            let socket = Socket::connect(&address, Options::default()).await;
            let socket = socket.unwrap();
            socket.write_all(&[u8::from(number != 0)]).await.unwrap();
            assert_eq!(socket.read(&mut [0]).await.unwrap(), 0);
        }
        // The first one, which differs, is forgotten.
        assert_eq!(backend.saw(), vec![saw(&[1], None); KEPT_CONNECTIONS]);
        let tasks = lock(&backend.shared.tasks).len();
        assert!(tasks < 100, "{tasks} tasks are held");
    }

    #[tokio::test]
    async fn a_full_queue_refuses_a_unix_connect() {
        let directory = tempfile::tempdir().unwrap();
        let address = Address::Unix(directory.path().join("b.sock"));
        let script = BackendScript::full();
        let _backend = Backend::start(address.clone(), script).await.unwrap();
        let fault = address.start_connect(Options::default()).unwrap_err();
        assert_eq!(fault.kind(), ErrorKind::WouldBlock);
    }
}
