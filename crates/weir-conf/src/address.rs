//! Addresses as configurations write them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A literal `ADDRESS[:PORT]`, IPv6 in brackets or bare.
pub(crate) fn parse_literal(text: &str, default_port: u16) -> Option<SocketAddr> {
    if let Some(address) = parse_ip(text) {
        return Some(SocketAddr::new(address, default_port));
    }
    if let Some(inner) = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
    {
        return inner
            .parse()
            .ok()
            .map(|address| SocketAddr::new(address, default_port));
    }
    if let Some((host, port)) = text.split_once(':')
        && let Some(address) = parse_ipv4(host)
    {
        let port = crate::upstream_url::parse_port(port).ok()?;
        return Some(SocketAddr::new(address.into(), port));
    }
    text.parse().ok()
}

/// An address of either kind, without brackets.
pub(crate) fn parse_ip(text: &str) -> Option<IpAddr> {
    parse_ipv4(text)
        .map(IpAddr::V4)
        .or_else(|| text.parse().ok())
}

/// Four decimal numbers up to 255 between three dots. As in nginx, leading zeros do not mean
/// octal, and a missing number is 0 (`ngx_inet_addr`).
pub(crate) fn parse_ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut numbers = [0_u8; 4];
    let mut parts = text.split('.');
    for number in &mut numbers {
        for byte in parts.next()?.bytes() {
            let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
            *number = number.checked_mul(10)?.checked_add(digit)?;
        }
    }
    parts.next().is_none().then(|| numbers.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        let check = |text: &str, expected: Option<&str>| {
            let shown = parse_literal(text, 80).map(|address| address.to_string());
            assert_eq!(shown.as_deref(), expected, "{text}");
        };
        check("127.0.0.1", Some("127.0.0.1:80"));
        check("127.0.0.1:81", Some("127.0.0.1:81"));
        check("010.0..1", Some("10.0.0.1:80"));
        check("1.2.3", None);
        check("1.2.3.4.5", None);
        check("1.2.3.256", None);
        check("1.2.3.4:0", None);
        check("::1", Some("[::1]:80"));
        check("[::1]", Some("[::1]:80"));
        check("[::1]:81", Some("[::1]:81"));
        check("name", None);
        check("name:80", None);
    }
}
