//! The URL of a `proxy_pass`.

use std::net::Ipv6Addr;

use crate::value::Scheme;

/// A `proxy_pass` URL in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamUrl {
    /// Plain or TLS.
    pub scheme: Scheme,
    /// Host name or literal address, IPv6 in brackets; the path of a Unix socket.
    pub host: String,
    /// Whether it is a Unix socket.
    pub unix: bool,
    /// The port, if written.
    pub port: Option<u16>,
    /// What follows host and port, starting with `/` or `?`; `None` when absent.
    pub uri: Option<String>,
}

impl UpstreamUrl {
    /// `$proxy_host` and the default `Host` header (`ngx_http_proxy_set_vars`).
    pub fn host_header(&self) -> String {
        match self.port {
            _ if self.unix => "localhost".to_owned(),
            Some(port) if port != self.scheme.default_port() => format!("{}:{port}", self.host),
            _ => self.host.clone(),
        }
    }

    /// `$proxy_port`: digits; empty for a Unix socket.
    pub fn port_text(&self) -> String {
        if self.unix {
            String::new()
        } else {
            self.effective_port().to_string()
        }
    }

    /// The port written, else the scheme's.
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or_else(|| self.scheme.default_port())
    }
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
    /// What stands in brackets is no address.
    #[error("invalid IPv6 address")]
    Ipv6,
    /// The port is no number from 1 to 65535.
    #[error("invalid port")]
    Port,
    /// A Unix socket without a path.
    #[error("no path in the unix domain socket")]
    NoPath,
    /// A Unix socket whose path no socket address can hold.
    #[error("too long path in the unix domain socket")]
    LongPath,
}

impl UrlFault {
    /// The line that nginx logs when `url`, evaluated at run time, has this fault
    /// (`ngx_http_proxy_eval`).
    pub fn in_url(self, url: &str) -> String {
        match self {
            Self::Prefix => format!("{self} in \"{url}\""),
            _ => {
                let rest = split_scheme(url).map_or(url, |(_, rest)| rest);
                format!("{self} in upstream \"{rest}\"")
            }
        }
    }
}

/// Splits a `proxy_pass` URL (`ngx_parse_url` with a URI part).
///
/// # Errors
///
/// What nginx says about a URL that it refuses, see [`UrlFault::in_url`].
pub fn parse_upstream_url(url: &str) -> Result<UpstreamUrl, UrlFault> {
    let (scheme, rest) = split_scheme(url).ok_or(UrlFault::Prefix)?;
    let HostPort {
        host,
        unix,
        port,
        uri,
    } = split_host(rest, true)?;
    Ok(UpstreamUrl {
        scheme,
        host,
        unix,
        port,
        uri,
    })
}

pub(crate) fn split_scheme(url: &str) -> Option<(Scheme, &str)> {
    [Scheme::Http, Scheme::Https]
        .into_iter()
        .find_map(|scheme| {
            let length = scheme.name().len() + "://".len();
            let head = url.get(..length)?;
            let fits = head.len() == length
                && head[..scheme.name().len()].eq_ignore_ascii_case(scheme.name())
                && head.ends_with("://");
            fits.then(|| (scheme, &url[length..]))
        })
}

/// `HOST[:PORT][URI]` in parts.
#[derive(Debug)]
pub(crate) struct HostPort {
    pub(crate) host: String,
    pub(crate) unix: bool,
    pub(crate) port: Option<u16>,
    pub(crate) uri: Option<String>,
}

/// Splits `text`; a URI part is refused unless `uri_part`.
pub(crate) fn split_host(text: &str, uri_part: bool) -> Result<HostPort, UrlFault> {
    if text
        .get(..5)
        .is_some_and(|head| head.eq_ignore_ascii_case("unix:"))
    {
        return split_unix(&text[5..], uri_part);
    }
    let (host, port, uri) = match text.strip_prefix('[') {
        Some(inner) => split_ipv6(text, inner)?,
        None => split_plain(text),
    };
    if !uri.is_empty() && !uri_part {
        return Err(UrlFault::Host);
    }
    let port = port.map(parse_port).transpose()?;
    if host.is_empty() {
        return Err(UrlFault::NoHost);
    }
    if let Some(address) = host.strip_prefix('[') {
        let address = address.trim_end_matches(']');
        if address.is_empty() {
            return Err(UrlFault::NoHost);
        }
        address.parse::<Ipv6Addr>().map_err(|_| UrlFault::Ipv6)?;
    }
    let uri = (!uri.is_empty()).then(|| uri.to_owned());
    Ok(HostPort {
        host: host.to_owned(),
        unix: false,
        port,
        uri,
    })
}

fn split_unix(text: &str, uri_part: bool) -> Result<HostPort, UrlFault> {
    const LONGEST: usize = 107;
    let (path, uri) = match text.split_once(':') {
        Some((path, uri)) if uri_part => (path, Some(uri)),
        _ => (text, None),
    };
    if path.is_empty() {
        return Err(UrlFault::NoPath);
    }
    if path.len() > LONGEST {
        return Err(UrlFault::LongPath);
    }
    let uri = uri.filter(|uri| !uri.is_empty()).map(str::to_owned);
    Ok(HostPort {
        host: path.to_owned(),
        unix: true,
        port: None,
        uri,
    })
}

type Parts<'a> = (&'a str, Option<&'a str>, &'a str);

fn split_plain(text: &str) -> Parts<'_> {
    let end = text.find(['/', '?']).unwrap_or(text.len());
    let (authority, uri) = text.split_at(end);
    match authority.split_once(':') {
        Some((host, port)) => (host, Some(port), uri),
        None => (authority, None, uri),
    }
}

fn split_ipv6<'a>(text: &'a str, inner: &'a str) -> Result<Parts<'a>, UrlFault> {
    let close = inner.find(']').ok_or(UrlFault::Host)? + 1;
    let (host, rest) = text.split_at(close + 1);
    // In front of an IPv6 address's URI nginx does not look for a question mark.
    let end = rest.find('/').unwrap_or(rest.len());
    let (port, uri) = rest.split_at(end);
    match port.strip_prefix(':') {
        Some(port) => Ok((host, Some(port), uri)),
        None if port.is_empty() => Ok((host, None, uri)),
        None => Err(UrlFault::Host),
    }
}

pub(crate) fn parse_port(text: &str) -> Result<u16, UrlFault> {
    match crate::value::number::parse_number(text.as_bytes()) {
        Some(port @ 1..=65535) => Ok(port as u16),
        _ => Err(UrlFault::Port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: &str) {
        let shown = match parse_upstream_url(url) {
            Ok(u) => format!(
                "{} {}{} {} {} {}",
                u.scheme.name(),
                if u.unix { "unix:" } else { "" },
                u.host,
                u.host_header(),
                u.port_text(),
                u.uri.as_deref().unwrap_or("-")
            ),
            Err(fault) => fault.in_url(url),
        };
        assert_eq!(shown, expected, "{url}");
    }

    #[test]
    fn splits() {
        check("http://a", "http a a 80 -");
        check("HTTP://a/", "http a a 80 /");
        check("https://a:443/b?c", "https a a 443 /b?c");
        check("http://a:8080?x", "http a a:8080 8080 ?x");
        check("http://a?x:1", "http a a 80 ?x:1");
        check("http://[::1]:81/x", "http [::1] [::1]:81 81 /x");
        check("http://unix:/s.sock:/x", "http unix:/s.sock localhost  /x");
        check("http://unix:/s.sock", "http unix:/s.sock localhost  -");
        check("foo://a", "invalid URL prefix in \"foo://a\"");
        check("", "invalid URL prefix in \"\"");
        check("http://", "no host in upstream \"\"");
        check("http://:80", "no host in upstream \":80\"");
        check("http://a:", "invalid port in upstream \"a:\"");
        check("http://a:0", "invalid port in upstream \"a:0\"");
        check("http://a:65536", "invalid port in upstream \"a:65536\"");
        check("http://a:x/y", "invalid port in upstream \"a:x/y\"");
        check("http://[::1", "invalid host in upstream \"[::1\"");
        check("http://[]", "no host in upstream \"[]\"");
        check("http://[x]", "invalid IPv6 address in upstream \"[x]\"");
        check("http://[::1]x", "invalid host in upstream \"[::1]x\"");
        check(
            "http://unix:",
            "no path in the unix domain socket in upstream \"unix:\"",
        );
    }
}
