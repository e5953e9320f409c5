//! Addresses as configurations write them.

use std::net::{IpAddr, SocketAddr};

/// A literal `ADDRESS[:PORT]`, IPv6 in brackets or bare.
pub(crate) fn parse_literal(text: &str, default_port: u16) -> Option<SocketAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
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
    text.parse().ok()
}
