//! The URL of a `proxy_pass`.

use std::net::{IpAddr, Ipv6Addr};

use crate::address::{parse_ipv4, parse_ipv6};
use crate::value::Scheme;

/// A `proxy_pass` URL in parts; bytes of the text it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamUrl<'a> {
    /// Plain or TLS.
    pub scheme: Scheme,
    /// The scheme as written, `://` included: the case of its letters shows in log lines.
    pub prefix: &'a [u8],
    /// Host name or literal address, IPv6 in brackets; the path of a Unix socket.
    pub host: &'a [u8],
    /// Whether it is a Unix socket.
    pub unix: bool,
    /// The port, if written.
    pub port: Option<u16>,
    /// What follows host and port, starting with `/` or `?`; `None` when absent.
    pub uri: Option<&'a [u8]>,
    /// Host and port as written; of a Unix socket `unix:` and the path.
    pub authority: &'a [u8],
}

impl<'a> UpstreamUrl<'a> {
    /// `$proxy_host` and the default `Host` header (`ngx_http_proxy_set_vars`).
    pub fn host_header(&self) -> &'a [u8] {
        match self.port {
            _ if self.unix => b"localhost",
            Some(port) if port != self.scheme.default_port() => self.authority,
            _ => self.host,
        }
    }

    /// `$proxy_port`: digits as written, or the scheme's own; empty for a Unix socket.
    pub fn port_text(&self) -> &'a [u8] {
        match (self.port, self.scheme) {
            _ if self.unix => b"",
            (Some(port), scheme) if port != scheme.default_port() => {
                &self.authority[self.host.len() + 1..]
            }
            (_, Scheme::Http) => b"80",
            (_, Scheme::Https) => b"443",
        }
    }

    /// The port written, else the scheme's.
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or_else(|| self.scheme.default_port())
    }

    /// The host, if it is an address and needs no resolver.
    pub fn address(&self) -> Option<IpAddr> {
        if self.unix {
            return None;
        }
        match bracketed(self.host) {
            Some(inner) => parse_ipv6(inner).map(IpAddr::V6),
            None => parse_ipv4(self.host).map(IpAddr::V4),
        }
    }
}

/// Why a text is no upstream URL; displayed in nginx's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// Neither `http://` nor `https://`, or nothing behind it.
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
    pub fn in_url(self, url: &[u8]) -> Vec<u8> {
        let (place, text) = match (self, split_scheme(url)) {
            (Self::Prefix, _) | (_, None) => ("", url),
            (_, Some((_, prefix))) => ("upstream ", &url[prefix.len()..]),
        };
        let mut line = format!("{self} in {place}\"").into_bytes();
        line.extend_from_slice(text);
        line.push(b'"');
        line
    }
}

/// Splits a `proxy_pass` URL (`ngx_parse_url` with a URI part).
///
/// # Errors
///
/// What nginx says about a URL that it refuses, see [`UrlFault::in_url`].
pub fn parse_upstream_url(url: &[u8]) -> Result<UpstreamUrl<'_>, UrlFault> {
    let (scheme, prefix) = split_scheme(url).ok_or(UrlFault::Prefix)?;
    let HostPort {
        host,
        unix,
        port,
        uri,
        authority,
    } = split_host(&url[prefix.len()..], true)?;
    Ok(UpstreamUrl {
        scheme,
        prefix,
        host,
        unix,
        port,
        uri,
        authority,
    })
}

/// Splits a URL that came out of variables, which must have something behind its scheme
/// (`ngx_http_proxy_eval`).
///
/// # Errors
///
/// As [`parse_upstream_url`].
pub fn parse_evaluated_url(url: &[u8]) -> Result<UpstreamUrl<'_>, UrlFault> {
    match split_scheme(url) {
        Some((_, prefix)) if prefix.len() == url.len() => Err(UrlFault::Prefix),
        _ => parse_upstream_url(url),
    }
}

/// The scheme, and the bytes that name it.
fn split_scheme(url: &[u8]) -> Option<(Scheme, &[u8])> {
    [Scheme::Http, Scheme::Https]
        .into_iter()
        .find_map(|scheme| {
            let name = scheme.name().as_bytes();
            let prefix = url.get(..name.len() + "://".len())?;
            let fits = prefix[..name.len()].eq_ignore_ascii_case(name) && prefix.ends_with(b"://");
            fits.then_some((scheme, prefix))
        })
}

/// `HOST[:PORT][URI]` in parts.
#[derive(Debug)]
pub(crate) struct HostPort<'a> {
    pub(crate) host: &'a [u8],
    pub(crate) unix: bool,
    pub(crate) port: Option<u16>,
    pub(crate) uri: Option<&'a [u8]>,
    authority: &'a [u8],
}

/// Splits `text`; a URI part is refused unless `uri_part`.
pub(crate) fn split_host(text: &[u8], uri_part: bool) -> Result<HostPort<'_>, UrlFault> {
    if let Some(head) = text.get(..UNIX.len())
        && head.eq_ignore_ascii_case(UNIX)
    {
        return split_unix(text, uri_part);
    }
    let (host, port, uri) = if text.starts_with(b"[") {
        split_ipv6(text)?
    } else {
        split_plain(text)
    };
    if !uri.is_empty() && !uri_part {
        return Err(UrlFault::Host);
    }
    let port = port.map(parse_port).transpose()?;
    if host.is_empty() {
        return Err(UrlFault::NoHost);
    }
    if let Some(address) = bracketed(host) {
        check_ipv6(address)?;
    }
    Ok(HostPort {
        host,
        unix: false,
        port,
        uri: (!uri.is_empty()).then_some(uri),
        authority: &text[..text.len() - uri.len()],
    })
}

const UNIX: &[u8] = b"unix:";

fn bracketed(host: &[u8]) -> Option<&[u8]> {
    host.strip_prefix(b"[")?.strip_suffix(b"]")
}

fn check_ipv6(address: &[u8]) -> Result<Ipv6Addr, UrlFault> {
    if address.is_empty() {
        return Err(UrlFault::NoHost);
    }
    parse_ipv6(address).ok_or(UrlFault::Ipv6)
}

fn split_unix(text: &[u8], uri_part: bool) -> Result<HostPort<'_>, UrlFault> {
    const LONGEST: usize = 107;
    let rest = &text[UNIX.len()..];
    let (path, uri) = match memchr::memchr(b':', rest) {
        Some(colon) if uri_part => (&rest[..colon], &rest[colon + 1..]),
        _ => (rest, &[][..]),
    };
    if path.is_empty() {
        return Err(UrlFault::NoPath);
    }
    if path.len() > LONGEST {
        return Err(UrlFault::LongPath);
    }
    Ok(HostPort {
        host: path,
        unix: true,
        port: None,
        uri: (!uri.is_empty()).then_some(uri),
        authority: &text[..UNIX.len() + path.len()],
    })
}

type Parts<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

fn split_plain(text: &[u8]) -> Parts<'_> {
    let end = memchr::memchr2(b'/', b'?', text).unwrap_or(text.len());
    let (authority, uri) = text.split_at(end);
    match memchr::memchr(b':', authority) {
        Some(colon) => (&authority[..colon], Some(&authority[colon + 1..]), uri),
        None => (authority, None, uri),
    }
}

fn split_ipv6(text: &[u8]) -> Result<Parts<'_>, UrlFault> {
    let close = memchr::memchr(b']', text).ok_or(UrlFault::Host)?;
    let (host, rest) = text.split_at(close + 1);
    // In front of an IPv6 address's URI nginx does not look for a question mark.
    let end = memchr::memchr(b'/', rest).unwrap_or(rest.len());
    let (port, uri) = rest.split_at(end);
    match port.strip_prefix(b":") {
        Some(port) => Ok((host, Some(port), uri)),
        None if port.is_empty() => Ok((host, None, uri)),
        None => Err(UrlFault::Host),
    }
}

pub(crate) fn parse_port(text: &[u8]) -> Result<u16, UrlFault> {
    match crate::value::number::parse_number(text) {
        Some(port @ 1..=65535) => Ok(port as u16),
        _ => Err(UrlFault::Port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: &str) {
        let text = String::from_utf8_lossy;
        let shown = match parse_upstream_url(url.as_bytes()) {
            Ok(u) => format!(
                "{} {}{} {} {} {}",
                u.scheme.name(),
                if u.unix { "unix:" } else { "" },
                text(u.host),
                text(u.host_header()),
                text(u.port_text()),
                text(u.uri.unwrap_or(b"-"))
            ),
            Err(fault) => text(&fault.in_url(url.as_bytes())).into_owned(),
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
        check("http://a:080/", "http a a 80 /");
        check("http://a:0081", "http a a:0081 0081 -");
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
