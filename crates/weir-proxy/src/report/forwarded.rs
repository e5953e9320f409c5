//! The client that trusted proxies ask for (`ngx_http_get_forwarded_addr`).

use std::net::{IpAddr, SocketAddr};

use weir_conf::parse_ip;

/// How lists of addresses are read.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    /// A trusted proxy's word about another trusted one is followed by that one's.
    pub(crate) recursive: bool,
    /// An address may stand in brackets without a port.
    pub(crate) brackets_without_port: bool,
}

/// The last address of `lines`, as `X-Forwarded-For` has them, if `client` is trusted; where it is
/// `recursive`, the last one that is not. `None` if there is no word to take.
pub(crate) fn address(
    client: Option<IpAddr>,
    lines: &[&[u8]],
    rules: Rules,
    trusts: impl Fn(Option<IpAddr>) -> bool,
) -> Option<SocketAddr> {
    let mut found: Option<SocketAddr> = None;
    for line in lines.iter().rev() {
        let mut left = *line;
        loop {
            let asks = found.map_or(client, |found| Some(found.ip()));
            if !trusts(asks) {
                return found;
            }
            let (rest, last) = split_last(left);
            let Some(address) = parse_address(last, rules) else {
                return found;
            };
            found = Some(address);
            let Some(rest) = rest else {
                break;
            };
            if !rules.recursive {
                return found;
            }
            left = rest;
        }
        if !rules.recursive {
            return found;
        }
    }
    found
}

/// The last element of a list, without blanks and commas, and what stands before it, if anything does.
fn split_last(list: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let is_between = |byte: &u8| matches!(byte, b' ' | b',');
    // The first byte belongs to the element, whatever it is.
    let end = list.iter().rposition(|byte| !is_between(byte)).unwrap_or(0);
    let list = &list[..(end + 1).min(list.len())];
    let inside = list.get(1..).unwrap_or_default();
    match inside.iter().rposition(is_between) {
        Some(at) => (Some(&list[..=at]), &list[at + 2..]),
        None => (None, list),
    }
}

/// `ADDRESS[:PORT]`, IPv6 with a port in brackets (`ngx_parse_addr_port`).
fn parse_address(text: &[u8], rules: Rules) -> Option<SocketAddr> {
    if let Some(address) = parse_ip(text) {
        return Some(SocketAddr::new(address, 0));
    }
    let (address, port) = match text.strip_prefix(b"[") {
        Some(inside) => {
            let end = memchr::memchr(b']', inside)?;
            match &inside[end + 1..] {
                [] if rules.brackets_without_port => {
                    return Some(SocketAddr::new(parse_ip(&inside[..end])?, 0));
                }
                [b':', port @ ..] => (&inside[..end], port),
                _ => return None,
            }
        }
        None => {
            let colon = memchr::memchr(b':', text)?;
            (&text[..colon], &text[colon + 1..])
        }
    };
    let port = std::str::from_utf8(port).ok()?;
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = digits.then(|| port.parse().ok()).flatten()?;
    Some(SocketAddr::new(parse_ip(address)?, port)).filter(|_| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_of_trusted_proxies_counts() {
        let check = |lines: &[&str], recursive: bool, expected: Option<&str>| {
            let bytes: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
            let trusts =
                |ip: Option<IpAddr>| ip.is_some_and(|ip| ip.to_string().starts_with("10."));
            let client = Some("10.0.0.1".parse().unwrap());
            let rules = Rules {
                recursive,
                brackets_without_port: true,
            };
            let found = address(client, &bytes, rules, trusts);
            let shown = found.map(|found| found.ip().to_string());
            assert_eq!(shown.as_deref(), expected, "{lines:?}");
        };
        check(&[], true, None);
        check(&[""], true, None);
        check(&["1.1.1.1"], false, Some("1.1.1.1"));
        check(&["1.1.1.1, 10.2.2.2"], false, Some("10.2.2.2"));
        check(&["1.1.1.1, 10.2.2.2 ,"], true, Some("1.1.1.1"));
        check(&["1.1.1.1, x, 10.2.2.2"], true, Some("10.2.2.2"));
        check(&["1.1.1.1", "2.2.2.2,10.3.3.3"], true, Some("2.2.2.2"));
        check(&["1.1.1.1", "10.2.2.2"], true, Some("1.1.1.1"));
        check(&["1.1.1.1", "10.2.2.2"], false, Some("10.2.2.2"));
        check(&["1.1.1.1:80"], false, Some("1.1.1.1"));
        check(&["[::1]:80"], false, Some("::1"));
        check(&["[::1]"], false, Some("::1"));
        check(&["::1"], false, Some("::1"));
        check(&["1.1.1.1:0"], false, None);
    }
}
