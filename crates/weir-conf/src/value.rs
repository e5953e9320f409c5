//! The types of settings, and how nginx writes them.

pub(crate) mod read;

mod access;
mod body;
mod charset;
mod ciphers;
pub(crate) mod conf_command;
mod cookie;
mod credential;
mod error_page;
mod expires;
mod gzip;
mod headers;
mod keyword;
mod limits;
mod media_types;
mod methods;
pub(crate) mod number;
mod paths;
mod proxy;
mod redirect;
mod resolver;
mod response;
mod sub_filter;
mod tls;
mod types;
mod user_id;

pub use access::{AccessRule, AuthRequestSet, Network, RealIpHeader, Satisfy};
pub use body::{BodyFile, Buffers, KeepaliveDisable, KeepaliveTimeout, LingeringClose};
pub use charset::Charset;
pub use ciphers::{CipherSuite, Ciphers};
pub use conf_command::{ConfCommand, ConfEffect, NewCipherSuite};
pub use cookie::{CookieFlags, CookieFlagsRule, CookieMatch, CookieRewrite};
pub use credential::{CertificateCache, Credential, TlsFile, TlsSource};
pub use error_page::{ErrorPage, Overwrite, Return, TryFallback, TryFile, TryFiles};
pub use expires::{Expires, Expiry, ExpiryFault};
pub use gzip::{GzipDisable, GzipHttpVersion, GzipProxied, GzipStatic};
pub use headers::{AddHeader, HeaderNames, HostHeader, RequestHeaders, SetHeader};
pub(crate) use headers::{LateText, WrittenHeader};
pub use limits::{ConnectionLimit, LimitLogLevel, RequestLimit};
pub use media_types::MediaTypes;
pub use methods::Methods;
pub use paths::{DisableSymlinks, SymbolicLinks, TempPath};
pub use proxy::{Bind, HttpVersion, IgnoreHeaders, NextUpstream, Scheme};
pub use redirect::{Redirect, RedirectFrom};
pub use resolver::{NameServer, ResolverRules, ResolverSpec};
pub use response::{
    AddInherit, AutoindexFormat, EnvRule, IfModifiedSince, RateLimit, ServerTokens,
};
pub use sub_filter::SubFilter;
pub(crate) use tls::DhParameters;
pub use tls::{
    Passwords, SessionCache, SharedSessions, TlsGroup, TlsGroups, TlsVersions, VerifyClient,
};
pub use types::Types;
pub(crate) use user_id::WrittenUserId;
pub use user_id::{UserId, UserIdExpires, UserIdFlags, UserIdMode};

pub(crate) use keyword::{Keyword, bitset, keywords};
