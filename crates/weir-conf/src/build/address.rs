//! The first argument of `listen`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use crate::address::parse_ipv4;
use crate::model::ListenAddress;
use crate::resolve::resolve;
use crate::upstream_url::UrlFault;

/// One address out of a `listen`; a range of ports gives several.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ListenSpec {
    pub(super) address: ListenAddress,
}

/// Why a text is no address to listen on; displayed in nginx's words.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ListenFault {
    #[error(transparent)]
    Url(#[from] UrlFault),
    #[error("invalid port range")]
    Range,
    /// The system knows no address of that name.
    #[error("host not found")]
    HostNotFound,
}

const DEFAULT_PORT: u16 = 80;

/// Parses `PORT`, `ADDRESS[:PORT]`, `HOST[:PORT]`, `unix:PATH`; a port may be a range
/// (`ngx_parse_url`).
pub(super) fn parse_listen(text: &str) -> Result<Vec<ListenSpec>, ListenFault> {
    if text
        .get(..5)
        .is_some_and(|head| head.eq_ignore_ascii_case("unix:"))
    {
        let path = &text[5..];
        return match path.len() {
            0 => Err(UrlFault::NoPath.into()),
            1..=107 => Ok(vec![ListenSpec {
                address: ListenAddress::Unix(path.into()),
            }]),
            _ => Err(UrlFault::LongPath.into()),
        };
    }
    if let Some(inner) = text.strip_prefix('[') {
        return parse_ipv6(inner);
    }
    if text.contains(['/', '?']) {
        return Err(UrlFault::Host.into());
    }
    let (host, ports) = match text.split_once(':') {
        Some((host, ports)) => (host, parse_ports(ports)?),
        None => match parse_bare_ports(text)? {
            Some(ports) => ("*", ports),
            None => (text, DEFAULT_PORT..=DEFAULT_PORT),
        },
    };
    match host {
        "" => Err(UrlFault::NoHost.into()),
        "*" => Ok(specs(Ipv4Addr::UNSPECIFIED.into(), ports)),
        _ => match parse_ipv4(host.as_bytes()) {
            Some(address) => Ok(specs(address.into(), ports)),
            None => resolved(host, &ports),
        },
    }
}

/// Each address of a host, once.
fn resolved(host: &str, ports: &RangeInclusive<u16>) -> Result<Vec<ListenSpec>, ListenFault> {
    let mut all: Vec<ListenSpec> = Vec::new();
    for address in resolve(host) {
        for spec in specs(address, ports.clone()) {
            if !all.contains(&spec) {
                all.push(spec);
            }
        }
    }
    if all.is_empty() {
        return Err(ListenFault::HostNotFound);
    }
    Ok(all)
}

fn parse_ipv6(inner: &str) -> Result<Vec<ListenSpec>, ListenFault> {
    let (host, rest) = inner.split_once(']').ok_or(UrlFault::Host)?;
    if rest.contains('/') {
        return Err(UrlFault::Host.into());
    }
    let ports = match rest.strip_prefix(':') {
        Some(ports) => parse_ports(ports)?,
        None if rest.is_empty() => DEFAULT_PORT..=DEFAULT_PORT,
        None => return Err(UrlFault::Host.into()),
    };
    if host.is_empty() {
        return Err(UrlFault::NoHost.into());
    }
    let address = crate::address::parse_ipv6(host.as_bytes()).ok_or(UrlFault::Ipv6)?;
    Ok(specs(address.into(), ports))
}

/// A text of digits, or digits with a dash, is ports; anything else a host.
fn parse_bare_ports(text: &str) -> Result<Option<RangeInclusive<u16>>, ListenFault> {
    let number = |text: &str| crate::value::number::parse_number(text.as_bytes()).is_some();
    let (first, last) = text.split_once('-').unwrap_or((text, "1"));
    if number(first) && number(last) {
        parse_ports(text).map(Some)
    } else {
        Ok(None)
    }
}

fn parse_ports(text: &str) -> Result<RangeInclusive<u16>, ListenFault> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let last = crate::upstream_url::parse_port(last.as_bytes())?;
    let first = crate::upstream_url::parse_port(first.as_bytes())?;
    if first > last {
        Err(ListenFault::Range)
    } else {
        Ok(first..=last)
    }
}

fn specs(address: IpAddr, ports: RangeInclusive<u16>) -> Vec<ListenSpec> {
    ports
        .map(|port| ListenSpec {
            address: ListenAddress::Inet(SocketAddr::new(address, port)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match parse_listen(text) {
            Ok(specs) => specs
                .iter()
                .map(|spec| spec.address.to_string())
                .collect::<Vec<_>>()
                .join(" "),
            Err(fault) => format!("! {fault}"),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn addresses() {
        check("80", "0.0.0.0:80");
        check("*:81", "0.0.0.0:81");
        check("127.0.0.1", "127.0.0.1:80");
        check("127.0.0.1:8080", "127.0.0.1:8080");
        check("localhost:82", "127.0.0.1:82");
        check("8000-8002", "0.0.0.0:8000 0.0.0.0:8001 0.0.0.0:8002");
        check("[::]:80", "[::]:80");
        check("[::1]", "[::1]:80");
        check("unix:/a", "unix:/a");
        check("unix:", "! no path in the unix domain socket");
        check("0", "! invalid port");
        check("65536", "! invalid port");
        check("1.2.3.4:0", "! invalid port");
        check("8002-8000", "! invalid port range");
        check(":80", "! no host");
        check("127.0.0.1/x", "! invalid host");
        check("[::1", "! invalid host");
        check("[x]:80", "! invalid IPv6 address");
        check("[::1]:80-82", "[::1]:80 [::1]:81 [::1]:82");
        check("[::1]:82-80", "! invalid port range");
        check("[::1]:80/x", "! invalid host");
        check("localhost:80-81", "127.0.0.1:80 127.0.0.1:81");
        check("127.1:80", "127.0.0.1:80");
        check("no.such.name.invalid:80", "! host not found");
        check("80-x", "! host not found");
    }
}
