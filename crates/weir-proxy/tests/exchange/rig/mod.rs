//! A worker in this process: scripted clients and peers at its pipes, its logs in a folder of its
//! own, the clock paused.

mod client;
mod peer;
mod wire;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;
use weir_io::dial::Dialer;
use weir_io::stream::Stream;
use weir_log::Logs;
use weir_proxy::ClientAddress;
use weir_proxy::plan::{Plan, create_temp_folders};
use weir_proxy::serve::host::{Host, Surroundings};
use weir_proxy::serve::worker::Worker;

pub(crate) use client::{Answer, Client};
pub(crate) use peer::{Act, Peer, ok};

use peer::Peers;

/// Room of a pipe, each way, unless a test wants another.
const PIPE: usize = 64 * 1024;

/// A test that is not over by then waits for something that never comes.
const STUCK: Duration = Duration::from_secs(100_000);

/// The plainest request.
pub(crate) const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// Runs `test` on a worker's kind of runtime with the clock paused: time passes only when every
/// task waits for it.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build_local(tokio::runtime::LocalOptions::default())
        .expect("a runtime without drivers of the system cannot fail");
    runtime.block_on(async {
        tokio::time::timeout(STUCK, test)
            .await
            .expect("the test waits for something that never comes")
    })
}

/// Lets time pass on the paused clock: all that is due until then happens first, and no real time
/// goes by.
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// As [`pass`], in whole seconds.
pub(crate) async fn seconds(count: u64) {
    pass(Duration::from_secs(count)).await;
}

/// Places of `worker_connections` that the one listening socket and the master's channel take.
pub(crate) const TAKEN_SLOTS: usize = 2;

/// What a test writes into the configuration, by place. `upstream` is the block `u` that
/// `location /` passes to; `format` is the access log's, `server` may hold locations of its own.
pub(crate) struct Conf<'a> {
    pub(crate) main: &'a str,
    pub(crate) http: &'a str,
    pub(crate) upstream: &'a str,
    pub(crate) server: &'a str,
    pub(crate) location: &'a str,
    pub(crate) format: &'a str,
    /// Places of `worker_connections` that are left for connections.
    pub(crate) slots: usize,
}

impl Default for Conf<'_> {
    fn default() -> Self {
        Self {
            main: "",
            http: "",
            upstream: "server 127.0.0.1:9001;",
            server: "",
            location: "",
            format: "'$status $body_bytes_sent $upstream_addr $upstream_status'",
            slots: 64,
        }
    }
}

impl Conf<'_> {
    fn text(&self) -> String {
        let Self {
            main,
            http,
            upstream,
            server,
            location,
            format,
            slots,
        } = self;
        let connections = slots + TAKEN_SLOTS;
        format!(
            "error_log error.log info;\n{main}\nevents {{ worker_connections {connections}; }}\n\
             http {{\nlog_format t {format};\naccess_log access.log t;\n{http}\n\
             upstream u {{ {upstream} }}\n\
             server {{ listen 127.0.0.1:8080; server_name localhost;\n{server}\n\
             location / {{ proxy_pass http://u;\n{location}\n}} }} }}\n"
        )
    }
}

/// The worker and what surrounds it.
pub(crate) struct Rig {
    plan: Arc<Plan>,
    host: Host,
    peers: Rc<Peers>,
    folder: TempDir,
}

impl Rig {
    /// A worker whose `location /` has these directives, before the one peer 127.0.0.1:9001.
    pub(crate) fn location(directives: &str) -> Self {
        Self::new(&Conf {
            location: directives,
            ..Conf::default()
        })
    }

    /// A worker that serves `conf`.
    pub(crate) fn new(conf: &Conf<'_>) -> Self {
        let folder = TempDir::new().expect("a folder for logs");
        let plan = plan(conf, folder.path(), None);
        let peers = Rc::new(Peers::new(PIPE));
        let dial = peers.clone();
        let dialer = Dialer::Memory(Rc::new(move |address| dial.dial(address)));
        let host = Host::new(plan.clone(), Surroundings::alone(dialer));
        Self {
            plan,
            host,
            peers,
            folder,
        }
    }

    /// Goes over to `conf` (HUP).
    pub(crate) fn reload(&mut self, conf: &Conf<'_>) {
        self.plan = plan(conf, self.folder.path(), Some(&self.plan));
        self.host.adopt(self.plan.clone());
    }

    /// A new client connection.
    pub(crate) fn connect(&self) -> Client {
        self.connect_through(PIPE)
    }

    /// A client connection that holds `room` bytes each way.
    pub(crate) fn connect_through(&self, room: usize) -> Client {
        let (ours, theirs) = tokio::io::duplex(room);
        let client = ClientAddress::Inet(SocketAddr::from(([127, 0, 0, 1], 40_000)));
        let local = SocketAddr::from(([127, 0, 0, 1], 8080));
        self.host
            .serve(Stream::Memory(theirs), 0, client, Some(local));
        Client::new(ours)
    }

    /// Sends one request on a connection of its own and reads the answer.
    pub(crate) async fn ask(&self, request: &str) -> Answer {
        let mut client = self.connect();
        client.send(request).await;
        if request.starts_with("HEAD ") {
            client.head_answer().await
        } else {
            client.answer().await
        }
    }

    /// As [`Self::ask`], for [`GET`].
    pub(crate) async fn get(&self) -> Answer {
        self.ask(GET).await
    }

    /// The next upstream connection that no script answers.
    pub(crate) async fn accept(&self) -> Peer {
        self.peers.accept().await
    }

    /// Lets 127.0.0.1:`port` do `acts`, one for each request; the last goes on for ever.
    pub(crate) fn script(&self, port: u16, acts: &[Act]) {
        self.peers.script(port, acts);
    }

    /// Gives upstream connections that are opened from now on `room` bytes each way.
    pub(crate) fn set_upstream_room(&self, room: usize) {
        self.peers.set_room(room);
    }

    /// Port and text of each request that scripts have read.
    pub(crate) fn seen(&self) -> Vec<(u16, String)> {
        self.peers.seen()
    }

    /// Method, URI and body of each request that scripts have read.
    pub(crate) fn reached(&self) -> Vec<String> {
        let short = |(_, text): &(u16, String)| {
            let (head, body) = text.split_once("\r\n\r\n").expect("a whole head");
            let line = head.split(" HTTP/").next().expect("a line");
            format!("{line} {body}").trim_end().to_owned()
        };
        self.seen().iter().map(short).collect()
    }

    /// A worker as [`Self::location`] makes it, whose peer answers `a` to everything.
    pub(crate) fn serving(directives: &str) -> Self {
        let rig = Self::location(directives);
        rig.script(9001, &[Act::Send(ok("a"))]);
        rig
    }

    /// Ports that were dialed, refused ones too.
    pub(crate) fn dialed(&self) -> Vec<u16> {
        self.peers.dialed()
    }

    pub(crate) fn worker(&self) -> &Rc<Worker> {
        self.host.worker()
    }

    /// Requests that hold a peer now, as `max_conns` and `least_conn` count them.
    pub(crate) fn held_peers(&self) -> u32 {
        let pools = self.plan.pools().iter();
        let held = pools.map(|pool| {
            let list = pool.list();
            let peers = list.peers().iter();
            peers
                .map(|peer| peer.status(Duration::ZERO).active)
                .sum::<u32>()
        });
        held.sum()
    }

    /// Client connections that the worker has not finished with.
    pub(crate) fn open_connections(&self) -> usize {
        self.host.worker().open_connections()
    }

    /// The folder of the configuration.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until every task waits for something else than this.
    pub(crate) async fn settle(&self) {
        pass(Duration::from_millis(1)).await;
    }

    /// The access lines so far, buffered ones too.
    pub(crate) async fn access(&self) -> Vec<String> {
        self.settle().await;
        self.host.worker().flush_lines();
        self.written_access()
    }

    /// The access lines in the file.
    pub(crate) fn written_access(&self) -> Vec<String> {
        lines_of(&self.folder.path().join("access.log")).expect("an access log")
    }

    /// The error lines so far, as `[level] message`, without the context from `, client:` on, and
    /// without what says only that the test's client left.
    pub(crate) async fn errors(&self) -> Vec<String> {
        let lines = self.error_lines().await;
        let short = |line: String| match line.split_once(", client: ") {
            Some((message, _)) => message.to_owned(),
            None => line,
        };
        lines
            .into_iter()
            .filter(|line| !line.ends_with("closed keepalive connection"))
            .map(short)
            .collect()
    }

    /// The error lines so far, as `[level] message, context`.
    pub(crate) async fn error_lines(&self) -> Vec<String> {
        self.settle().await;
        let lines = lines_of(&self.folder.path().join("error.log")).expect("an error log");
        lines.iter().map(|line| without_stamp(line)).collect()
    }
}

fn plan(conf: &Conf<'_>, folder: &Path, previous: Option<&Plan>) -> Arc<Plan> {
    let text = conf.text();
    let config = weir_conf::load_str(&text, folder)
        .unwrap_or_else(|faults| panic!("{}\n{text}", faults.explain()));
    create_temp_folders(&config, None).expect("folders for bodies");
    Arc::new(Plan::new(Arc::new(config), &Logs::default(), previous).expect("a plan"))
}

/// `[level] message` of `TIME [level] PID#TID: *CONN message`.
fn without_stamp(line: &str) -> String {
    let (_, rest) = line.split_once(" [").expect("a level");
    let (level, rest) = rest.split_once("] ").expect("the level's end");
    let (_, message) = rest.split_once(": ").expect("a process number");
    let message = match message.strip_prefix('*') {
        Some(numbered) => numbered.split_once(' ').map_or(numbered, |(_, rest)| rest),
        None => message,
    };
    format!("[{level}] {message}")
}

fn lines_of(path: &Path) -> io::Result<Vec<String>> {
    let text = std::fs::read(path)?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().map(str::to_owned).collect())
}

/// Runs `future` and tells how long it took on the paused clock.
pub(crate) async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    let value = future.await;
    (value, start.elapsed())
}

/// Fails unless `took` is `seconds`, timers being exact to a millisecond or two.
#[track_caller]
pub(crate) fn assert_seconds(took: Duration, seconds: u64) {
    let late = took.checked_sub(Duration::from_secs(seconds));
    assert!(
        late.is_some_and(|late| late < Duration::from_millis(5)),
        "{took:?} instead of {seconds} s"
    );
}
