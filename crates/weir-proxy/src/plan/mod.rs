//! A configuration made ready to serve: names resolved, logs opened, pools built.
//!
//! A [`Plan`] is shared by all workers; each worker adds what it keeps for itself (the turn of the
//! balancers, idle connections, line buffers) in a [`Generation`].

mod check_numbers;
mod checks;
mod generation;
mod lines;
mod logs;
mod names;
mod pools;
mod temp_folders;
mod tls;
mod zones;

use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use tokio::sync::Mutex;
use weir_conf::{Config, Differences, Http, Location, LogFileCache, Place, Server};
use weir_io::clock;
use weir_log::{ErrorNumber, ErrorSinks, LogFile, Logs};
use weir_upstream::Pool;
use weir_wire::host::HostGrammar;
use weir_wire::request::{HeadCompat, HeadLimits};
use weir_wire::response::ResponseRules;

use crate::pool::Queue;

pub(crate) use checks::{Check, Checks};
pub use generation::Generation;
pub(crate) use generation::Own;
pub(crate) use lines::{Teller, WaitingLines};
pub(crate) use logs::AccessTo;
pub use temp_folders::create_temp_folders;

use logs::{AccessTarget, LineTarget, LocationLogs, LogBook, LogFiles, error_sinks};
use pools::pool_spec;
use tls::Tls;
use zones::Zones;

use crate::names::SharedResolver;

/// A configuration that is ready to serve.
pub struct Plan {
    config: Arc<Config>,
    pools: Vec<Arc<Pool>>,
    /// Of the pools, by the same index: where requests wait for a peer.
    queues: Vec<Option<Arc<Queue>>>,
    zones: Zones,
    /// By `ResolverSpec::index`.
    resolvers: Vec<Arc<SharedResolver>>,
    tls: Tls,
    checks: Checks,
    main_sinks: Arc<ErrorSinks>,
    /// By `Location::index`.
    location_logs: Vec<LocationLogs>,
    /// Files that access lines go to, each with its buffering.
    lines: Vec<LineTarget>,
    /// What each worker keeps of logs whose names the requests decide.
    named_logs: Vec<Option<LogFileCache>>,
    /// Of all logs, each once.
    log_files: Vec<Arc<LogFile>>,
    listen_names: Vec<String>,
    /// By `Server::index`.
    limits: Vec<HeadLimits>,
    response_rules: ResponseRules,
    differences: Differences,
    signature: String,
    hostname: Vec<u8>,
    /// Held by the worker that does what is done once for all.
    duties: Mutex<()>,
    /// Of the pools.
    warnings: Vec<String>,
    /// How many configurations have been loaded with it.
    number: u64,
    /// When it was made, in seconds of the epoch.
    loaded: i64,
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
    /// The name of a name server has no address.
    #[error("host not found in resolver \"{name}\" in {}:{}", .place.file.display(), .place.line)]
    NameServer {
        /// The server as written.
        name: String,
        /// The directive.
        place: Place,
    },
    /// A zone is to be used by another key than before, which a reload cannot change.
    #[error(
        "{what} \"{zone}\" uses the \"{key}\" key while previously it used the \"{previous}\" key"
    )]
    ZoneKey {
        /// What nginx calls it.
        what: &'static str,
        /// The zone's name.
        zone: String,
        /// The key as written.
        key: String,
        /// The key that is in force.
        previous: String,
    },
    /// The sessions of one group are to be those of another, which a reload cannot change.
    #[error(
        "sticky zone \"{zone}\" is used in upstream \"{upstream}\" while previously it was used in upstream \"{previous}\""
    )]
    SessionZone {
        /// The zone's name.
        zone: String,
        /// The group that wants it.
        upstream: String,
        /// The group whose sessions it holds.
        previous: String,
    },
    /// A server cannot shake hands.
    #[error(transparent)]
    Tls(#[from] weir_tls::TlsFault),
    /// A log cannot be opened.
    #[error(transparent)]
    Log(#[from] weir_log::OpenError),
    /// A folder for temporary files cannot be made.
    #[error("mkdir() \"{}\" failed ({})", .path.display(), ErrorNumber(*.errno))]
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
        let hostname = hostname();
        let tls = match &config.http {
            Some(http) => Tls::new(http, previous.map(|plan| &plan.tls))?,
            None => Tls::default(),
        };
        let mut files = LogFiles::open(logs, &config, &hostname)?;
        let main_sinks = error_sinks(&config.main.error_log, &mut files)?;
        let mut pools = Vec::new();
        let mut queues = Vec::new();
        let mut warnings = Vec::new();
        let mut checks = Checks::default();
        let mut zones = Zones::default();
        let mut resolvers = Vec::new();
        let mut book = LogBook::new(files);
        let mut location_logs = Vec::new();
        let mut listen_names = Vec::new();
        let mut limits = Vec::new();
        let differences = config.compat.differences();
        if let Some(http) = &config.http {
            checks = Checks::of(http, previous.map(|plan| &plan.checks));
            for (index, upstream) in http.upstreams.iter().enumerate() {
                let carried = previous.and_then(|plan| plan.pool_named(&upstream.name));
                let before = previous.and_then(|plan| plan.queue_named(&upstream.name));
                let rules = upstream.cascades.queue;
                queues.push(rules.map(|rules| Queue::adopt(rules, before)));
                let awaited = checks.of_pool(index, |check| check.rules().mandatory);
                let (spec, said) = pool_spec(upstream, awaited)?;
                pools.push(Arc::new(Pool::new(spec, carried.map(|pool| &**pool))));
                warnings.extend(said);
            }
            let known = previous.map_or(&[][..], |plan| &plan.resolvers);
            resolvers = names::resolvers(http, known)?;
            zones = Zones::new(http, previous.map(|plan| &plan.zones))?;
            location_logs = logs::location_logs(http, &mut book, &main_sinks)?;
            listen_names = http
                .listens
                .iter()
                .map(|listen| {
                    // The socket's, which may be a wildcard's.
                    let socket = listen.served_by(&http.listens);
                    let socket = socket.map_or(listen, |index| &http.listens[index]);
                    socket.address.to_string()
                })
                .collect();
            limits = http
                .servers
                .iter()
                .map(|server| head_limits(server, differences))
                .collect();
        }
        for server in book.files.servers.values() {
            server.report_to(&main_sinks);
        }
        Ok(Self {
            pools,
            queues,
            zones,
            resolvers,
            tls,
            checks,
            main_sinks,
            location_logs,
            lines: book.lines,
            named_logs: book.named,
            log_files: book.files.open,
            listen_names,
            limits,
            response_rules: ResponseRules {
                strict: differences.strict_upstream_lengths,
                early_hints: differences.early_hints,
            },
            differences,
            signature: format!("nginx/{}", config.compat.version()),
            hostname,
            config,
            duties: Mutex::default(),
            number: previous.map_or(1, |plan| plan.number + 1),
            loaded: clock::unix_seconds(),
            warnings,
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

    /// Connections that a worker may have: of `worker_connections`, each listening socket takes a
    /// place (`ngx_event_process_init`), and so does the channel from the master process
    /// (`ngx_add_channel_event`).
    pub(crate) fn connection_slots(&self) -> usize {
        let main = &self.config.main;
        let http = self.config.http.as_ref();
        let sockets = http.map_or(0, Http::socket_count);
        let taken = sockets + usize::from(main.master_process);
        main.worker_connections.saturating_sub(taken)
    }

    /// What nginx warns of when it makes a configuration ready.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        let pools = self.warnings.iter().map(String::as_str);
        pools.chain(self.tls.warnings())
    }

    /// The error log outside all servers.
    pub fn main_sinks(&self) -> &Arc<ErrorSinks> {
        &self.main_sinks
    }

    /// The files of all logs, also of those that nothing is logged to, each once.
    pub fn log_files(&self) -> &[Arc<LogFile>] {
        &self.log_files
    }

    /// How many configurations have been loaded with it.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// When it was made, in seconds of the epoch.
    pub(crate) fn loaded(&self) -> i64 {
        self.loaded
    }

    /// How many requests wait in the queue of each pool that has one.
    pub(crate) fn queue_lengths(&self) -> impl Iterator<Item = Option<usize>> {
        self.queues
            .iter()
            .map(|queue| queue.as_ref().map(|queue| queue.length()))
    }

    /// The pools, by index in `Http::upstreams`.
    pub fn pools(&self) -> &[Arc<Pool>] {
        &self.pools
    }

    /// What the workers share by key.
    pub(crate) fn zones(&self) -> &Zones {
        &self.zones
    }

    /// What servers show in handshakes.
    pub(crate) fn tls(&self) -> &Tls {
        &self.tls
    }

    /// Held by the worker that does what one of them does for all.
    pub(crate) fn duties(&self) -> &Mutex<()> {
        &self.duties
    }

    /// How peers are asked for their health.
    pub(crate) fn checks(&self) -> &Checks {
        &self.checks
    }

    fn pool_named(&self, name: &str) -> Option<&Arc<Pool>> {
        self.pools.iter().find(|pool| pool.name() == name)
    }

    fn queue_named(&self, name: &str) -> Option<&Arc<Queue>> {
        let index = self.pools.iter().position(|pool| pool.name() == name)?;
        self.queues[index].as_ref()
    }

    pub(crate) fn default_server(&self, listen: usize) -> &Arc<Server> {
        let http = self.http();
        &http.servers[http.listens[listen].default_server]
    }

    pub(crate) fn listen_name(&self, listen: usize) -> &str {
        &self.listen_names[listen]
    }

    pub(crate) fn error_sinks(&self, location: &Location) -> &Arc<ErrorSinks> {
        &self.location_logs[location.index].sinks
    }

    pub(crate) fn access_logs(&self, location: &Location) -> &[AccessTarget] {
        &self.location_logs[location.index].access
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

    /// `path` under the prefix unless it is absolute (`ngx_get_full_name`).
    pub(crate) fn full_name(&self, path: Vec<u8>) -> Vec<u8> {
        if path.first() == Some(&b'/') {
            return path;
        }
        let prefix = self.config.prefix.as_os_str().as_bytes();
        [prefix, b"/", &path].concat()
    }

    pub(crate) fn version(&self) -> &'static str {
        self.config.compat.version()
    }

    pub(crate) fn server_signature(&self) -> &str {
        &self.signature
    }

    pub(crate) fn hostname(&self) -> &[u8] {
        &self.hostname
    }
}

fn head_limits(server: &Server, differences: Differences) -> HeadLimits {
    let core = &server.core;
    HeadLimits {
        first_buffer: core.client_header_buffer_size,
        large_count: core.large_client_header_buffers.count,
        large_size: core.large_client_header_buffers.size,
        max_headers: match differences.header_lines_limited {
            true => usize::try_from(core.max_headers).unwrap_or(usize::MAX),
            false => usize::MAX,
        },
        ignore_invalid: core.ignore_invalid_headers,
        underscores: core.underscores_in_headers,
        merge_slashes: core.merge_slashes,
        compat: HeadCompat {
            authority_apart: differences.http2_authority_apart,
            strict_sections: differences.http2_heads_strict,
            connect_authority: differences.connect_method_parsed,
            host: if differences.host_by_rfc3986 {
                HostGrammar::Rfc3986
            } else {
                HostGrammar::Lax
            },
        },
    }
}

fn hostname() -> Vec<u8> {
    let name = nix::unistd::gethostname().unwrap_or_default();
    name.to_string_lossy().to_ascii_lowercase().into_bytes()
}
