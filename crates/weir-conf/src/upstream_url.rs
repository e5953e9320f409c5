//! The URL of a `proxy_pass`.

use crate::value::Scheme;

/// A `proxy_pass` URL in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamUrl {
    /// Plain or TLS.
    pub scheme: Scheme,
    /// Host name, literal address without brackets, or `unix:/path`.
    pub host: String,
    /// The port, if written.
    pub port: Option<u16>,
    /// What follows host and port, starting with `/` or `?`; `None` when absent.
    pub uri: Option<String>,
}

/// Why a text is no upstream URL; displayed in nginx's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// Neither `http://` nor `https://`.
    #[error("invalid URL prefix")]
    Prefix,
    /// Nothing where the host should be.
    #[error("no host")]
    NoHost,
    /// The host cannot be one.
    #[error("invalid host")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("invalid port")]
    Port,
    /// A Unix socket without a path.
    #[error("no path in the unix domain socket")]
    NoPath,
}

/// Splits a `proxy_pass` URL (`ngx_parse_url`).
pub fn parse_upstream_url(url: &str) -> Result<UpstreamUrl, UrlFault> {
    let _ = url;
    Err(UrlFault::Prefix)
}
