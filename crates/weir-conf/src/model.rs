//! The configuration as the rest of weir sees it: typed, inherited, checked.

mod active;
mod cascades;
mod charset;
mod geo;
mod health;
mod http;
mod location;
mod locations;
mod log;
mod map;
mod names;
mod referers;
mod script;
mod server;
mod split_clients;
mod sticky;
mod upstream;
mod variables;
mod zone;

use std::path::PathBuf;
use std::sync::Arc;

pub use crate::table::main::Main;
use crate::{Compat, Fault, Place};

pub use active::Active;
pub use cascades::{Cascades, QueueRules, RetryShare};
pub use charset::{Charsets, Decoded, FromUtf8, Recoding, ToUtf8};
pub use geo::Geo;
pub(crate) use geo::{Asked, Spans};
pub(crate) use health::Wanted;
pub use health::{BodyTest, HeaderTest, HealthCheck, ResponseMatch, StatusTest};
pub(crate) use http::checking_locations;
pub use http::{Http, Listen, ListenAddress, ListenOptions, SocketKeepalive};
pub use location::{
    Handler, LimitExcept, Location, LocationKind, ProxyPass, ProxyTarget, StatusForm,
};
pub(crate) use locations::LocationsBuilder;
pub use locations::{Captures, Found, Locations};
pub use log::{
    AccessLog, ErrorLogTarget, Escape, LogBuffer, LogDestination, LogFileCache, LogFormat, Syslog,
    SyslogServer,
};
pub use map::{FoundInMap, Map};
pub(crate) use names::ServerNamesBuilder;
pub use names::{ServerMatch, ServerNames};
pub use referers::Referers;
pub use script::{Assigned, FileKind, If, Rewrite, RewriteEnd, Script, Step, Test};
pub use server::Server;
pub(crate) use split_clients::Part as SplitPart;
pub use split_clients::SplitClients;
pub use sticky::{
    LONGEST_SERVER_ID, SessionZone, Sticky, StickyCookie, StickyExpires, StickyKind, StickyLearn,
    is_same_site,
};
pub use upstream::{
    BalanceMethod, Keepalive, LookUp, ServerParameters, TimedUntil, Upstream, UpstreamAddress,
    UpstreamServer,
};
pub use variables::{DefinedVariable, VariableSource};
pub use zone::{KeyedZone, RequestZone};

/// A whole configuration.
#[derive(Debug)]
pub struct Config {
    /// The directives outside all blocks, and those of `events`.
    pub main: Main,
    /// The `http` block, if there is one.
    pub http: Option<Http>,
    /// Every file read, once each, in order of first reading; `-T` prints them.
    pub files: Vec<SourceFile>,
    /// The file of each log that a directive names, in order, whether anything is logged there or not:
    /// nginx opens them all. Some may come twice; those of defaults are not among them.
    pub log_files: Vec<PathBuf>,
    /// What nginx prints at `[warn]`, in order.
    pub warnings: Vec<Fault>,
    /// Directives that were accepted but change nothing in weir, in order; `-t` lists them.
    pub without_effect: Vec<WithoutEffect>,
    /// The nginx generation to behave like.
    pub compat: Compat,
    /// `compat` was written: nothing that nginx does not do is done unasked.
    pub compat_is_written: bool,
    /// Base of relative paths that are known with a request; ends without a slash.
    pub prefix: PathBuf,
}

/// A directive that was accepted but changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithoutEffect {
    /// Its name.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
    /// Why it changes nothing, as half a sentence.
    pub because: &'static str,
}

/// A configuration file as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The name nginx shows for it.
    pub path: PathBuf,
    /// Its bytes.
    pub text: Arc<[u8]>,
}
