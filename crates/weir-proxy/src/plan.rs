//! A configuration made ready to serve: names resolved, logs opened, pools built.
//!
//! A [`Plan`] is shared by all workers; each worker adds what it keeps for itself (the turn of the
//! balancers, idle connections, line buffers) in a [`Generation`].

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use weir_conf::{
    AccessLog, BalanceMethod, Compat, Config, Differences, ErrorLogTarget, Handler, Http, Location,
    LogDestination, LogFormat, Place, Server, Template, Upstream, UpstreamAddress, UpstreamServer,
};
use weir_http1::request::{HeadCompat, HeadLimits};
use weir_http1::response::ResponseRules;
use weir_log::escape::Escape;
use weir_log::{Buffering, ErrorSink, ErrorSinks, LineBuffer, LogFile, LogHandle, Logs, Output};
use weir_upstream::{
    IdleCache, KeepaliveSpec, Method, PeerAddress, PeerSpec, Pool, PoolSpec, Rotation,
};

use crate::exchange::attempt::PeerLabel;
use crate::exchange::connection::IdleConnection;

/// A configuration that is ready to serve.
pub struct Plan {
    config: Arc<Config>,
    pools: Vec<Arc<Pool>>,
    main_sinks: Arc<ErrorSinks>,
    /// By `Location::index`.
    places: Vec<PlaceLogs>,
    /// Files that access lines go to, each with its buffering.
    lines: Vec<LineTarget>,
    listen_names: Vec<String>,
    /// By `Server::index`.
    limits: Vec<HeadLimits>,
    response_rules: ResponseRules,
    differences: Differences,
    signature: String,
    hostname: Vec<u8>,
}

/// The logs of one location.
struct PlaceLogs {
    sinks: Arc<ErrorSinks>,
    access: Arc<[AccessTarget]>,
}

/// One `access_log` of a location.
pub(crate) struct AccessTarget {
    pub(crate) format: Arc<LogFormat>,
    pub(crate) escape: Escape,
    pub(crate) condition: Option<Template>,
    /// Index of the line buffer.
    pub(crate) line: usize,
}

struct LineTarget {
    file: Arc<LogFile>,
    buffering: Buffering,
}

/// Why a configuration cannot serve. Displays nginx's words.
#[derive(Debug, thiserror::Error)]
pub enum PlanFault {
    /// A name in an upstream has no address.
    #[error("host not found in upstream \"{name}\" in {}:{}", .place.file.display(), .place.line)]
    HostNotFound {
        /// `HOST:PORT` as written.
        name: String,
        /// The directive.
        place: Place,
    },
    /// A log cannot be opened.
    #[error(transparent)]
    Log(#[from] weir_log::OpenError),
    /// A folder for temporary files cannot be made.
    #[error("mkdir() \"{}\" failed ({}: {})", .path.display(), .errno, crate::report::peer_text::errno_text(*.errno))]
    TempFolder {
        /// The folder.
        path: std::path::PathBuf,
        /// Error number of `mkdir()`.
        errno: i32,
    },
}

impl Plan {
    /// Resolves names, opens logs and builds pools; peers that `previous` knew keep their state.
    pub fn new(
        config: Arc<Config>,
        logs: &Logs,
        previous: Option<&Self>,
    ) -> Result<Self, PlanFault> {
        let main_sinks = ErrorSinks::new(error_sinks(&config.main.error_log, logs)?);
        let mut pools = Vec::new();
        let mut book = LogBook {
            logs,
            lines: Vec::new(),
            known: HashMap::new(),
        };
        let mut places = Vec::new();
        let mut listen_names = Vec::new();
        let mut limits = Vec::new();
        let differences = config.compat.differences();
        if let Some(http) = &config.http {
            for upstream in &http.upstreams {
                let carried = previous.and_then(|plan| plan.pool_named(&upstream.name));
                pools.push(Arc::new(Pool::new(
                    pool_spec(upstream)?,
                    carried.map(|pool| &**pool),
                )));
            }
            places = place_logs(http, &mut book, &main_sinks)?;
            listen_names = http
                .listens
                .iter()
                .map(|listen| listen.address.to_string())
                .collect();
            limits = http
                .servers
                .iter()
                .map(|server| head_limits(server, config.compat))
                .collect();
        }
        Ok(Self {
            pools,
            main_sinks,
            places,
            lines: book.lines,
            listen_names,
            limits,
            response_rules: ResponseRules {
                strict: differences.strict_upstream_lengths,
                early_hints: differences.early_hints,
            },
            differences,
            signature: format!("nginx/{}", config.compat.version()),
            hostname: hostname(),
            config,
        })
    }

    /// The configuration.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The `http` block.
    ///
    /// # Panics
    ///
    /// If there is none; a connection can only have been accepted by a server inside it.
    pub(crate) fn http(&self) -> &Http {
        self.config
            .http
            .as_ref()
            .expect("connections are accepted by servers only")
    }

    /// The error log outside all servers.
    pub fn main_sinks(&self) -> &Arc<ErrorSinks> {
        &self.main_sinks
    }

    /// The pools, by index in `Http::upstreams`.
    pub fn pools(&self) -> &[Arc<Pool>] {
        &self.pools
    }

    fn pool_named(&self, name: &str) -> Option<&Arc<Pool>> {
        self.pools.iter().find(|pool| pool.name() == name)
    }

    pub(crate) fn default_server(&self, listen: usize) -> &Arc<Server> {
        let http = self.http();
        &http.servers[http.listens[listen].default_server]
    }

    pub(crate) fn listen_name(&self, listen: usize) -> &str {
        &self.listen_names[listen]
    }

    pub(crate) fn error_sinks(&self, location: &Location) -> &Arc<ErrorSinks> {
        &self.places[location.index].sinks
    }

    pub(crate) fn access_logs(&self, location: &Location) -> &[AccessTarget] {
        &self.places[location.index].access
    }

    pub(crate) fn head_limits(&self, server: usize) -> &HeadLimits {
        &self.limits[server]
    }

    pub(crate) fn response_rules(&self) -> &ResponseRules {
        &self.response_rules
    }

    pub(crate) fn differences(&self) -> &Differences {
        &self.differences
    }

    pub(crate) fn version(&self) -> &'static str {
        self.config.compat.version()
    }

    pub(crate) fn server_signature(&self) -> String {
        self.signature.clone()
    }

    pub(crate) fn hostname(&self) -> &[u8] {
        &self.hostname
    }
}

/// What one worker keeps for one plan.
pub struct Generation {
    plan: Arc<Plan>,
    pub(crate) pools: Vec<WorkerPool>,
    pub(crate) lines: Vec<RefCell<LineBuffer>>,
    /// `worker_shutdown_timeout` has passed since a newer generation took over.
    expired: Cell<bool>,
}

/// A pool as one worker sees it.
pub(crate) struct WorkerPool {
    pub(crate) pool: Arc<Pool>,
    pub(crate) rotation: Rotation,
    /// The pool's name, for "no live upstreams".
    pub(crate) pool_label: PeerLabel,
    /// The peers' names, by `PeerId::index`.
    pub(crate) labels: Vec<PeerLabel>,
    pub(crate) idle: Option<RefCell<IdleCache<IdleConnection>>>,
}

impl WorkerPool {
    /// A pool at the start of its turns, with nothing idle.
    pub(crate) fn new(pool: &Arc<Pool>) -> Self {
        Self {
            pool: pool.clone(),
            rotation: Rotation::new(pool),
            pool_label: PeerLabel::Name(pool.name().into()),
            labels: pool
                .peers()
                .iter()
                .map(|peer| PeerLabel::Name(peer.name().into()))
                .collect(),
            idle: pool
                .keepalive()
                .map(|spec| RefCell::new(IdleCache::new(*spec))),
        }
    }
}

impl Generation {
    /// Begins to serve `plan` in a worker whose lines `log` writes.
    pub fn new(plan: Arc<Plan>, log: &LogHandle) -> Self {
        let pools = plan.pools.iter().map(WorkerPool::new).collect();
        let lines = plan
            .lines
            .iter()
            .map(|line| {
                RefCell::new(LineBuffer::new(
                    line.file.clone(),
                    log.clone(),
                    line.buffering,
                ))
            })
            .collect();
        Self {
            plan,
            pools,
            lines,
            expired: Cell::new(false),
        }
    }
}

impl Generation {
    /// Ends what is still served under this generation.
    pub(crate) fn expire(&self) {
        self.expired.set(true);
    }

    pub(crate) fn is_expired(&self) -> bool {
        self.expired.get()
    }

    /// Whether the socket that `older` knows as `listen` is the same one here, so that a connection
    /// accepted under `older` may go on under this plan.
    pub(crate) fn listens_like(&self, older: &Self, listen: usize) -> bool {
        !Arc::ptr_eq(&self.plan, &older.plan)
            && self.plan.listen_names.get(listen) == older.plan.listen_names.get(listen)
    }
}

impl Deref for Generation {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.plan
    }
}

/// Opens logs once per path.
struct LogBook<'a> {
    logs: &'a Logs,
    lines: Vec<LineTarget>,
    known: HashMap<(LogDestination, Option<usize>, Option<std::time::Duration>), usize>,
}

impl LogBook<'_> {
    fn access(&mut self, log: &AccessLog) -> Result<Option<AccessTarget>, PlanFault> {
        let AccessLog::To {
            destination,
            format,
            buffer,
            flush,
            condition,
        } = log
        else {
            return Ok(None);
        };
        let key = (destination.clone(), *buffer, *flush);
        let line = match self.known.get(&key) {
            Some(line) => *line,
            None => {
                let buffering = match buffer {
                    Some(size) => Buffering::Full {
                        size: *size,
                        flush: *flush,
                    },
                    None => Buffering::Prompt,
                };
                self.lines.push(LineTarget {
                    file: open(self.logs, destination)?,
                    buffering,
                });
                self.known.insert(key, self.lines.len() - 1);
                self.lines.len() - 1
            }
        };
        let escape = match format.escape {
            weir_conf::Escape::Default => Escape::Default,
            weir_conf::Escape::Json => Escape::Json,
            weir_conf::Escape::None => Escape::None,
        };
        Ok(Some(AccessTarget {
            format: format.clone(),
            escape,
            condition: condition.clone(),
            line,
        }))
    }
}

fn open(logs: &Logs, destination: &LogDestination) -> Result<Arc<LogFile>, PlanFault> {
    match destination {
        LogDestination::File(path) => Ok(logs.open(path)?),
        LogDestination::Stderr => Ok(Arc::new(LogFile::stderr())),
    }
}

fn error_sinks(targets: &[ErrorLogTarget], logs: &Logs) -> Result<Vec<ErrorSink>, PlanFault> {
    targets
        .iter()
        .map(|target| {
            let output = Output::File(open(logs, &target.destination)?);
            Ok(ErrorSink {
                level: log_level(target.level),
                output,
            })
        })
        .collect()
}

/// The same eight levels; weir-conf reads them, weir-log writes them.
pub fn log_level(level: weir_conf::Level) -> weir_log::Level {
    match level {
        weir_conf::Level::Emerg => weir_log::Level::Emerg,
        weir_conf::Level::Alert => weir_log::Level::Alert,
        weir_conf::Level::Crit => weir_log::Level::Crit,
        weir_conf::Level::Error => weir_log::Level::Error,
        weir_conf::Level::Warn => weir_log::Level::Warn,
        weir_conf::Level::Notice => weir_log::Level::Notice,
        weir_conf::Level::Info => weir_log::Level::Info,
        weir_conf::Level::Debug => weir_log::Level::Debug,
    }
}

fn place_logs(
    http: &Http,
    book: &mut LogBook<'_>,
    main: &Arc<ErrorSinks>,
) -> Result<Vec<PlaceLogs>, PlanFault> {
    let mut places: Vec<Option<PlaceLogs>> = Vec::new();
    places.resize_with(http.location_count, || None);
    let mut known: HashMap<Vec<(LogDestination, weir_conf::Level)>, Arc<ErrorSinks>> =
        HashMap::new();
    for location in all_locations(http) {
        let settings = &location.settings;
        let sinks = if settings.error_log.is_empty() {
            main.clone()
        } else {
            let key: Vec<_> = settings
                .error_log
                .iter()
                .map(|log| (log.destination.clone(), log.level))
                .collect();
            match known.get(&key) {
                Some(sinks) => sinks.clone(),
                None => {
                    let sinks = ErrorSinks::new(error_sinks(&settings.error_log, book.logs)?);
                    known.insert(key, sinks.clone());
                    sinks
                }
            }
        };
        let mut access = Vec::new();
        for log in settings.access_log.iter() {
            access.extend(book.access(log)?);
        }
        places[location.index] = Some(PlaceLogs {
            sinks,
            access: access.into(),
        });
    }
    let fill = || PlaceLogs {
        sinks: main.clone(),
        access: Arc::new([]),
    };
    Ok(places
        .into_iter()
        .map(|place| place.unwrap_or_else(fill))
        .collect())
}

/// Every location, the servers' own levels included.
fn all_locations(http: &Http) -> Vec<&Location> {
    let mut found = Vec::new();
    for server in &http.servers {
        found.push(&server.default);
        collect_locations(&server.locations, &mut found);
    }
    found
}

fn collect_locations<'a>(locations: &'a weir_conf::Locations, found: &mut Vec<&'a Location>) {
    for location in locations.iter() {
        found.push(location);
        collect_locations(&location.nested, found);
    }
}

/// Creates the folders of temporary files (`ngx_create_paths`); `owner` is the workers' user.
pub fn create_temp_folders(config: &Config, owner: Option<(u32, u32)>) -> Result<(), PlanFault> {
    let Some(http) = &config.http else {
        return Ok(());
    };
    let mut done = std::collections::HashSet::new();
    for location in all_locations(http) {
        let settings = &location.settings;
        let mut wanted = vec![&settings.client_body_temp_path.path];
        if matches!(location.handler, Handler::Proxy(_)) {
            wanted.push(&settings.proxy_temp_path.path);
        }
        for path in wanted {
            if done.insert(path.clone()) {
                create_temp_folder(path, owner)?;
            }
        }
    }
    Ok(())
}

fn create_temp_folder(path: &Path, owner: Option<(u32, u32)>) -> Result<(), PlanFault> {
    use std::os::unix::fs::DirBuilderExt;
    let fault = |error: std::io::Error| PlanFault::TempFolder {
        path: path.to_owned(),
        errno: error.raw_os_error().unwrap_or(0),
    };
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(fault(error));
        }
        Ok(()) | Err(_) => {}
    }
    if let Some((user, group)) = owner {
        std::os::unix::fs::chown(path, Some(user), Some(group)).map_err(fault)?;
    }
    Ok(())
}

fn head_limits(server: &Server, compat: Compat) -> HeadLimits {
    let core = &server.core;
    HeadLimits {
        first_buffer: core.client_header_buffer_size,
        large_count: core.large_client_header_buffers.count,
        large_size: core.large_client_header_buffers.size,
        max_headers: usize::try_from(core.max_headers).unwrap_or(usize::MAX),
        ignore_invalid: core.ignore_invalid_headers,
        underscores: core.underscores_in_headers,
        merge_slashes: core.merge_slashes,
        compat: match compat {
            Compat::V1_22 => HeadCompat::V1_22,
            Compat::V1_28 => HeadCompat::V1_28,
            Compat::V1_31 => HeadCompat::V1_31,
        },
    }
}

fn pool_spec(upstream: &Upstream) -> Result<PoolSpec, PlanFault> {
    let mut peers = Vec::new();
    for server in &upstream.servers {
        for address in addresses(upstream, server)? {
            peers.push(PeerSpec {
                name: address.to_string(),
                address,
                server: server.written.clone(),
                weight: server.weight,
                max_fails: server.max_fails,
                fail_timeout: server.fail_timeout,
                max_conns: server.max_conns,
                backup: server.backup,
                down: server.down,
            });
        }
    }
    Ok(PoolSpec {
        name: upstream.name.clone(),
        method: match upstream.method {
            BalanceMethod::RoundRobin => Method::RoundRobin,
            BalanceMethod::LeastConn => Method::LeastConn,
            BalanceMethod::IpHash => Method::IpHash,
            BalanceMethod::Hash(_) => Method::Hash,
            BalanceMethod::HashConsistent(_) => Method::HashConsistent,
            BalanceMethod::Random => Method::Random,
            BalanceMethod::RandomTwo => Method::RandomTwo,
            BalanceMethod::RandomTwoLeastConn => Method::RandomTwoLeastConn,
        },
        peers,
        keepalive: upstream.keepalive.map(|keepalive| KeepaliveSpec {
            connections: keepalive.connections,
            requests: keepalive.requests,
            time: keepalive.time,
            timeout: keepalive.timeout,
            local: false,
        }),
    })
}

fn addresses(upstream: &Upstream, server: &UpstreamServer) -> Result<Vec<PeerAddress>, PlanFault> {
    match &server.address {
        UpstreamAddress::Inet(address) => Ok(vec![PeerAddress::Inet(*address)]),
        UpstreamAddress::Unix(path) => Ok(vec![PeerAddress::Unix(path.clone())]),
        UpstreamAddress::Name { host, port } => {
            let found: Vec<SocketAddr> = (host.as_str(), *port)
                .to_socket_addrs()
                .map(Iterator::collect)
                .unwrap_or_default();
            if found.is_empty() {
                let name = if upstream.explicit {
                    server.written.clone()
                } else {
                    host.clone()
                };
                return Err(PlanFault::HostNotFound {
                    name,
                    place: server.place.clone(),
                });
            }
            // One line may stand for an address once only.
            let mut unique: Vec<PeerAddress> = Vec::new();
            for address in found {
                let address = PeerAddress::Inet(address);
                if !unique.contains(&address) {
                    unique.push(address);
                }
            }
            Ok(unique)
        }
    }
}

fn hostname() -> Vec<u8> {
    let name = nix::unistd::gethostname().unwrap_or_default();
    name.to_string_lossy().to_ascii_lowercase().into_bytes()
}
