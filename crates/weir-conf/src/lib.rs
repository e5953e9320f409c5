//! Turns nginx.conf text into typed, inherited, checked settings.
//!
//! Modules in reading order: `text` (bytes into words, words into a tree, included files), `table`
//! (every directive, once), `value` (types of settings and their readers), `template` and
//! `variable` (texts with variables), `build` (tree into model), `model` (what others see),
//! `fault`, `error_number`, `log_level` and `explain` (what is wrong, in nginx's words and beyond), `compat` (which nginx),
//! `page` (the tables as documentation), `modules` (what weir has of nginx's), `written` (the tree as other programs
//! read it).
//!
//! Invariants: directives and variables are named nowhere else in weir. Files are read, sockets
//! are never touched, names are resolved for `listen` only, whose addresses say which servers belong
//! together. Nothing panics on outside data, nesting and
//! includes are bounded. A `Config` is complete: no default is left for others to fill in.

mod address;
mod build;
mod compat;
mod error_number;
mod explain;
mod fault;
mod log_level;
mod page;
mod pattern;
mod resolve;
mod table;
mod template;
mod text;
mod upstream_url;
mod value;
mod variable;
mod written;

/// The configuration as the rest of weir sees it.
pub mod model;
pub mod modules;

use std::path::{Path, PathBuf};

use text::Sources;
use value::read::Reading;

pub use address::parse_ip;
pub use compat::{Compat, Differences};
pub use error_number::ErrorNumber;
pub use explain::explain_further;
pub use fault::{Fault, Faults, Place};
pub use log_level::{Level, UnknownLevel};
pub use model::{
    AccessLog, Active, Assigned, BalanceMethod, BodyTest, Captures, Cascades, Charsets, Config,
    Decoded, DefinedVariable, ErrorLogTarget, Escape, FileKind, Found, FromUtf8, Geo, Handler,
    HeaderTest, HealthCheck, Http, If, Keepalive, KeyedZone, LONGEST_SERVER_ID, LimitExcept,
    Listen, ListenAddress, ListenOptions, Location, LocationKind, Locations, LogBuffer,
    LogDestination, LogFileCache, LogFormat, LookUp, Main, Map, ProxyPass, ProxyTarget, QueueRules,
    Recoding, Referers, RequestZone, ResponseMatch, RetryShare, Rewrite, RewriteEnd, Script,
    Server, ServerMatch, ServerNames, ServerParameters, SessionZone, SocketKeepalive, SourceFile,
    SplitClients, StatusForm, StatusTest, Step, Sticky, StickyCookie, StickyExpires, StickyKind,
    StickyLearn, Syslog, SyslogServer, Test, TimedUntil, ToUtf8, Upstream, UpstreamAddress,
    UpstreamServer, VariableSource, WithoutEffect, is_same_site,
};
pub use page::directives_page;
pub use pattern::{MatchFault, Pattern, PatternFault};
pub use resolve::resolve;
pub use table::core::ServerCore;
pub use table::settings::Settings;
pub use table::tls::ServerTls;
pub use table::upstream::{Family, UpstreamSettings};
pub use table::{Arity, Contexts, Entry, Inheritance, Support, entries};
pub use template::{Part, Template, TemplateFault};
pub use upstream_url::{UpstreamUrl, UrlFault, parse_evaluated_url, parse_upstream_url};
pub use value::number::{parse_offset, parse_seconds, parse_size, parse_time};
pub use value::{
    AccessRule, AddHeader, AddInherit, AuthRequestSet, AutoindexFormat, Bind, BodyFile, Buffers,
    CertificateCache, Charset, CipherSuite, Ciphers, ConfCommand, ConfEffect, ConnectionLimit,
    CookieFlags, CookieFlagsRule, CookieMatch, CookieRewrite, Credential, DisableSymlinks, EnvRule,
    ErrorPage, Expires, Expiry, ExpiryFault, GzipDisable, GzipHttpVersion, GzipProxied, GzipStatic,
    HeaderNames, HostHeader, HttpVersion, IfModifiedSince, IgnoreHeaders, KeepaliveDisable,
    KeepaliveTimeout, LimitLogLevel, LingeringClose, MediaTypes, Methods, NameServer, Network,
    NewCipherSuite, NextUpstream, Overwrite, Passwords, RateLimit, RealIpHeader, Redirect,
    RedirectFrom, RequestHeaders, RequestLimit, ResolverRules, ResolverSpec, Return, Satisfy,
    Scheme, ServerTokens, SessionCache, SetHeader, SharedSessions, SubFilter, SymbolicLinks,
    TempPath, TlsFile, TlsGroup, TlsGroups, TlsSource, TlsVersions, TryFallback, TryFile, TryFiles,
    Types, UserId, UserIdExpires, UserIdFlags, UserIdMode, VerifyClient,
};
pub use variable::{UnknownVariable, VARIABLES, Variable};
pub use written::{Payload, PayloadError, Written, WrittenError, WrittenFile, as_written};

/// What to load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Base of relative paths (`-p`).
    pub prefix: PathBuf,
    /// The configuration file, absolute (`-c`).
    pub conf_path: PathBuf,
    /// Directives given on the command line (`-g`).
    pub globals: Option<String>,
}

impl LoadOptions {
    /// Base of the names that `include` gives.
    fn conf_dir(&self) -> PathBuf {
        self.conf_path.parent().unwrap_or(&self.prefix).to_owned()
    }
}

/// Reads a configuration file and everything it includes.
///
/// # Errors
///
/// All faults found, the one nginx stops at first.
pub fn load(options: &LoadOptions) -> Result<Config, Faults> {
    load_changed(options, Vec::new())
}

/// Reads a configuration as if these files had these texts.
///
/// # Errors
///
/// As [`load`].
pub fn load_changed(options: &LoadOptions, changed: Vec<SourceFile>) -> Result<Config, Faults> {
    let cx = Reading::new(&options.prefix, &options.conf_path);
    let mut sources = Sources::new(cx.conf_dir.clone());
    sources.files = changed;
    let mut blocks: Vec<_> = options
        .globals
        .iter()
        .map(|text| text::read_globals(text))
        .collect();
    blocks.push(text::read_file(&options.conf_path, &mut sources));
    build::build(&blocks, cx, sources.files)
}

/// Reads a configuration from a text, which messages call `inline`. Relative names, of included
/// files too, are under `prefix`.
///
/// # Errors
///
/// As [`load`].
pub fn load_str(text: &str, prefix: &Path) -> Result<Config, Faults> {
    let name = Path::new("inline");
    let cx = Reading::new(prefix, &prefix.join(name));
    let mut sources = Sources::new(cx.conf_dir.clone());
    let whole = SourceFile {
        path: name.to_owned(),
        text: text.as_bytes().into(),
    };
    sources.files.push(whole);
    let block = text::read_text(name, text.as_bytes(), &mut sources);
    build::build(&[block], cx, sources.files)
}

/// Loads whatever bytes come; for fuzzing.
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(faults) = load_str(&text, Path::new("/nonexistent")) {
        let _ = faults.explain();
    }
}
