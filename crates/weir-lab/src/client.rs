//! A client that plays steps and records each response.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::backend::Backend;
use crate::response::{self, End, Progress, Response};
use crate::script::{ClientStep, Http2Step};
use crate::socket::{Address, Connector, Options, Socket};
use crate::text::Text;

mod http2;

use http2::Conversation;

/// How long a client watches the connection after a response, unless the step says otherwise.
pub const WATCH: Duration = Duration::from_millis(200);

/// How long a client waits for the next byte of a response.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The name of the connection that is used until a step names another.
pub const FIRST_CONNECTION: &str = "a";

/// A response, and the connection it came over when that is not the first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Received {
    /// What was read.
    #[serde(flatten)]
    pub response: Response,
    /// The connection's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conn: Option<String>,
}

/// The Host of a [`ClientStep::Get`].
pub const HOST: &str = "weir.test";

/// How a response is read.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// As it comes.
    Any,
    /// So many bytes, then a pause.
    Slow { bytes: usize, every: Duration },
}

/// A client with named connections to one proxy.
#[derive(Debug)]
pub struct Client {
    proxy: Proxy,
    patience: Duration,
    prefix: PathBuf,
    options: Options,
    current: String,
    connections: BTreeMap<String, Connection>,
    received: Vec<Received>,
    conversations: Vec<Conversation>,
}

/// How the proxy is reached.
#[derive(Debug)]
enum Proxy {
    At(Address),
    InProcess(Connector),
}

/// The test bed could not do what a step says.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The proxy does not accept connections.
    #[error("cannot connect to the proxy")]
    Connect(#[source] io::Error),
    /// A directory's permissions could not be taken.
    #[error("cannot lock {}", directory.display())]
    Lock {
        /// The directory.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A step that names no backend of this run.
    #[error("no backend {0:?}")]
    NoBackend(String),
    /// TLS steps are not played.
    #[error("the client speaks no TLS")]
    Tls,
}

#[derive(Debug)]
struct Connection {
    socket: Socket,
    patience: Duration,
    buffer: Vec<u8>,
    ended: Option<End>,
    /// Whether the last request was a HEAD.
    to_head: bool,
    /// Which of the conversations over HTTP/2 goes over it.
    conversation: Option<usize>,
}

impl Client {
    /// A client without connections. `prefix` is where directories to lock are.
    pub fn new(proxy: Address, prefix: PathBuf) -> Self {
        Self::to(Proxy::At(proxy), prefix)
    }

    /// The same, to a proxy in this process.
    pub fn in_process(proxy: Connector, prefix: PathBuf) -> Self {
        Self::to(Proxy::InProcess(proxy), prefix)
    }

    /// Waits so long for the next byte of a response, instead of [`PATIENCE`].
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    fn to(proxy: Proxy, prefix: PathBuf) -> Self {
        Self {
            proxy,
            patience: PATIENCE,
            prefix,
            options: Options::default(),
            current: FIRST_CONNECTION.to_owned(),
            connections: BTreeMap::new(),
            received: Vec::new(),
            conversations: Vec::new(),
        }
    }

    /// Plays `steps` in order; connections stay open afterwards.
    ///
    /// # Errors
    /// A fault of the test bed. What the proxy does wrong is in [`Client::received`].
    pub async fn play(
        &mut self,
        steps: &[ClientStep],
        backends: &BTreeMap<String, Backend>,
    ) -> Result<(), ClientError> {
        for step in steps {
            self.step(step, backends).await?;
        }
        Ok(())
    }

    /// Responses in the order in which they were read.
    pub fn received(&self) -> &[Received] {
        &self.received
    }

    /// The responses, then what came over HTTP/2: an object for each stream, and one for its connection.
    pub fn told(&self) -> Value {
        let responses = self.received.iter().map(|received| json!(received));
        let http2 = self.conversations.iter().flat_map(Conversation::told);
        responses.chain(http2).collect()
    }

    async fn step(
        &mut self,
        step: &ClientStep,
        backends: &BTreeMap<String, Backend>,
    ) -> Result<(), ClientError> {
        match step {
            ClientStep::Send(payload) => {
                let bytes = payload.to_bytes();
                self.connection().await?.send(&bytes).await;
            }
            ClientStep::Get(target) => {
                let request = format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
                self.connection().await?.send(request.as_bytes()).await;
                self.receive(WATCH, Pace::Any).await?;
            }
            ClientStep::H2(steps) => self.http2(steps).await?,
            ClientStep::Dribble {
                payload,
                bytes,
                every,
            } => {
                let payload = payload.to_bytes();
                let connection = self.connection().await?;
                connection.dribble(&payload, *bytes, *every).await;
            }
            ClientStep::SendWithin { payload, within } => {
                let bytes = payload.to_bytes();
                // A proxy that stopped reading has said so by its silence.
                let _elapsed = timeout(*within, self.connection().await?.send(&bytes)).await;
            }
            ClientStep::Receive => self.receive(WATCH, Pace::Any).await?,
            ClientStep::ReceiveThenWatch(watch) => self.receive(*watch, Pace::Any).await?,
            ClientStep::ReceiveSlowly { bytes, every } => {
                let (bytes, every) = (*bytes, *every);
                self.receive(WATCH, Pace::Slow { bytes, every }).await?;
            }
            ClientStep::ReceiveSome(n) => {
                let patience = self.patience;
                self.connection().await?.more(*n, patience).await;
            }
            ClientStep::Sleep(time) => sleep(*time).await,
            ClientStep::Use(connection) => self.current.clone_from(connection),
            ClientStep::New => {
                self.connections.remove(&self.current);
                self.connection().await?;
            }
            ClientStep::Finish => {
                // A connection that is gone shows in what is read next.
                let _gone = self.connection().await?.socket.finish();
            }
            ClientStep::Close => drop(self.connections.remove(&self.current)),
            ClientStep::Reset => {
                let connection = self.connections.remove(&self.current);
                // A connection that is gone already needs no reset.
                let _gone = connection.map(|connection| connection.socket.reset());
            }
            ClientStep::ReceiveBuffer(size) => self.options.rcvbuf = Some(*size),
            ClientStep::LockDirectory(directory) => self.lock(directory)?,
            ClientStep::StopBackend(name) => {
                let backend = backends.get(name);
                let backend = backend.ok_or_else(|| ClientError::NoBackend(name.clone()))?;
                backend.stop_listening().await;
            }
            ClientStep::Tls { .. } => return Err(ClientError::Tls),
        }
        Ok(())
    }

    async fn receive(&mut self, watch: Duration, pace: Pace) -> Result<(), ClientError> {
        let response = self.connection().await?.receive(watch, pace).await;
        let conn = (self.current != FIRST_CONNECTION).then(|| self.current.clone());
        self.received.push(Received { response, conn });
        Ok(())
    }

    async fn http2(&mut self, steps: &[Http2Step]) -> Result<(), ClientError> {
        let conversation = match self.connection().await?.conversation {
            Some(conversation) => conversation,
            None => {
                let name = (self.current != FIRST_CONNECTION).then(|| self.current.clone());
                self.conversations.push(Conversation::new(name));
                self.conversations.len() - 1
            }
        };
        let Some(connection) = self.connections.get_mut(&self.current) else {
            return Ok(());
        };
        connection.conversation = Some(conversation);
        let conversation = &mut self.conversations[conversation];
        for step in steps {
            connection.http2(step, conversation).await;
        }
        connection
            .http2(&Http2Step::Watch(WATCH), conversation)
            .await;
        conversation.ends(connection.ended.unwrap_or_default(), &connection.buffer);
        Ok(())
    }

    fn lock(&self, directory: &str) -> Result<(), ClientError> {
        let directory = self.prefix.join(directory);
        let lock = || {
            std::os::unix::fs::chown(&directory, Some(0), Some(0))?;
            std::fs::set_permissions(&directory, Permissions::from_mode(0o700))
        };
        lock().map_err(|source| ClientError::Lock {
            directory: directory.clone(),
            source,
        })
    }

    /// The current connection, opened when there is none.
    async fn connection(&mut self) -> Result<&mut Connection, ClientError> {
        use std::collections::btree_map::Entry;
        match self.connections.entry(self.current.clone()) {
            Entry::Occupied(open) => Ok(open.into_mut()),
            Entry::Vacant(vacant) => {
                let socket = match &self.proxy {
                    Proxy::At(address) => Socket::connect(address, self.options).await,
                    Proxy::InProcess(connector) => connector.connect().map(Socket::from),
                };
                Ok(vacant.insert(Connection {
                    socket: socket.map_err(ClientError::Connect)?,
                    patience: self.patience,
                    buffer: Vec::new(),
                    ended: None,
                    to_head: false,
                    conversation: None,
                }))
            }
        }
    }
}

impl Connection {
    async fn send(&mut self, bytes: &[u8]) {
        self.to_head = bytes.starts_with(b"HEAD ");
        // A proxy that closed early shows in what is read next.
        let _closed = self.socket.write_all(bytes).await;
    }

    /// Reads once, at most `limit` bytes; silence for `patience` is an end of its own.
    async fn more(&mut self, limit: usize, patience: Duration) {
        let mut buffer = vec![0; limit];
        self.ended = match timeout(patience, self.socket.read(&mut buffer)).await {
            Err(_elapsed) => Some(End::Timeout),
            Ok(Err(_)) => Some(End::Rst),
            Ok(Ok(0)) => Some(End::Fin),
            Ok(Ok(n)) => {
                self.buffer.extend_from_slice(&buffer[..n]);
                None
            }
        };
    }

    /// Sends what `step` says, or reads until what it waits for is there.
    async fn http2(&mut self, step: &Http2Step, conversation: &mut Conversation) {
        let bytes = conversation.bytes(step);
        if !bytes.is_empty() {
            // A proxy that closed or stopped reading shows in what is read next.
            let _closed = timeout(self.patience, self.socket.write_all(&bytes)).await;
        }
        let watch = match step {
            Http2Step::Watch(time) => Some(*time),
            _ => None,
        };
        let until = Instant::now() + watch.unwrap_or(self.patience);
        while self.ended.is_none() && !conversation.is_there(step) {
            let left = until.saturating_duration_since(Instant::now());
            self.more(64 * 1024, left).await;
            conversation.hear(&mut self.buffer);
        }
        if self.ended == Some(End::Timeout) {
            self.ended = None;
            if watch.is_none() {
                conversation.waited_in_vain();
            }
        }
    }

    async fn dribble(&mut self, bytes: &[u8], size: usize, every: Duration) {
        self.to_head = bytes.starts_with(b"HEAD ");
        for (n, piece) in bytes.chunks(size.max(1)).enumerate() {
            if n > 0 {
                sleep(every).await;
            }
            if self.socket.write_all(piece).await.is_err() {
                // It shows in what is read next.
                return;
            }
        }
    }

    async fn receive(&mut self, watch: Duration, pace: Pace) -> Response {
        // A request sent after a time-out deserves a fresh look.
        self.ended = self.ended.filter(|&end| end != End::Timeout);
        let (mut response, length) = loop {
            match response::read(&self.buffer, self.to_head, self.ended) {
                Progress::Whole(response, length) => break (*response, length),
                Progress::Partial => self.piece(pace).await,
            }
        };
        self.buffer.drain(..length);
        if self.ended.is_none() {
            self.watch(watch, &mut response).await;
        }
        response
    }

    async fn piece(&mut self, pace: Pace) {
        const READ_SIZE: usize = 256 * 1024;
        match pace {
            Pace::Any => self.more(READ_SIZE, self.patience).await,
            Pace::Slow { bytes, every } => {
                self.more(bytes.max(1), self.patience).await;
                sleep(every).await;
            }
        }
    }

    /// How the connection goes on after a whole response.
    async fn watch(&mut self, watch: Duration, response: &mut Response) {
        let upgraded = response.framing == Some(response::Framing::Upgrade);
        let until = Instant::now() + watch;
        while self.ended.is_none() && (upgraded || self.buffer.is_empty()) {
            self.more(64 * 1024, until.saturating_duration_since(Instant::now()))
                .await;
        }
        if self.ended == Some(End::Timeout) {
            self.ended = None;
        }
        response.end = self.ended.unwrap_or_default();
        if upgraded && !self.buffer.is_empty() {
            response.extra = Some(Text(std::mem::take(&mut self.buffer)));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::script::BackendScript;

    /// Plays `steps` against a proxy that is itself a script; what was received, as JSON.
    async fn check(proxy: Value, steps: Value, expected: Value) {
        let any = Address::Inet("127.0.0.1:0".parse().unwrap());
        let script = BackendScript::sequence(serde_json::from_value(proxy).unwrap());
        let proxy = Backend::start(any, script).await.unwrap();
        let steps: Vec<ClientStep> = serde_json::from_value(steps).unwrap();
        let mut client = Client::new(proxy.address().clone(), PathBuf::new());
        client.play(&steps, &BTreeMap::new()).await.unwrap();
        let got = client.received().iter();
        let got: Vec<Value> = got
            .map(|got| {
                json!([
                    got.response.status,
                    got.response.body,
                    got.response.end,
                    got.conn
                ])
            })
            .collect();
        assert_eq!(Value::from(got), expected);
    }

    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    const GET: &str = "GET / HTTP/1.1\r\n\r\n";

    #[tokio::test]
    async fn a_kept_connection_is_open_and_a_closed_one_is_not() {
        let proxy = json!({"each": ["head", {"send": OK}, "head", {"send": OK}, "fin"]});
        let steps =
            json!([{"send": GET}, {"receive-then-watch": "10ms"}, {"send": GET}, "receive"]);
        check(
            proxy,
            steps,
            json!([[200, "ok", "open", null], [200, "ok", "fin", null]]),
        )
        .await;
    }

    #[tokio::test]
    async fn pipelined_answers_are_told_apart() {
        let proxy = json!({"each": ["head", {"send": OK}, {"send": OK}, {"hold": "5s"}]});
        let steps =
            json!([{"send": GET}, {"receive-then-watch": "10ms"}, {"receive-then-watch": "10ms"}]);
        check(
            proxy,
            steps,
            json!([[200, "ok", "open", null], [200, "ok", "open", null]]),
        )
        .await;
    }

    #[tokio::test]
    async fn connections_have_names() {
        let proxy = json!({"in-turn": [["head", "reset"], ["head", {"send": OK}, {"hold": "5s"}]]});
        let steps = json!([
            {"send": GET},
            "receive",
            {"use": "b"},
            {"send": GET},
            {"receive-then-watch": "10ms"}
        ]);
        check(
            proxy,
            steps,
            json!([[null, "", "rst", null], [200, "ok", "open", "b"]]),
        )
        .await;
    }
}
