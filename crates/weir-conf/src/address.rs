//! Addresses as configurations write them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A literal `ADDRESS[:PORT]`, IPv6 in brackets or bare.
pub(crate) fn parse_literal(text: &str, default_port: u16) -> Option<SocketAddr> {
    if let Some(address) = parse_ip(text.as_bytes()) {
        return Some(SocketAddr::new(address, default_port));
    }
    if let Some(inner) = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
    {
        return parse_ipv6(inner.as_bytes())
            .map(|address| SocketAddr::new(address.into(), default_port));
    }
    if let Some((host, port)) = text.split_once(':')
        && let Some(address) = parse_ipv4(host.as_bytes())
    {
        let port = crate::upstream_url::parse_port(port.as_bytes()).ok()?;
        return Some(SocketAddr::new(address.into(), port));
    }
    text.parse().ok()
}

/// An address of either kind, without brackets.
pub fn parse_ip(text: &[u8]) -> Option<IpAddr> {
    parse_ipv4(text)
        .map(IpAddr::V4)
        .or_else(|| parse_ipv6(text).map(IpAddr::V6))
}

/// Four decimal numbers up to 255 between three dots. As in nginx, leading zeros do not mean
/// octal, a missing number is 0, and 255.255.255.255 is no address (`ngx_inet_addr`).
pub(crate) fn parse_ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut numbers = [0_u8; 4];
    let mut parts = text.split(|&byte| byte == b'.');
    for number in &mut numbers {
        for byte in parts.next()? {
            let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
            *number = number.checked_mul(10)?.checked_add(digit)?;
        }
    }
    let address = Ipv4Addr::from(numbers);
    (parts.next().is_none() && address != Ipv4Addr::BROADCAST).then_some(address)
}

/// Hexadecimal numbers of at most four digits between colons, one `::` for the zeros that are left
/// out, and perhaps an IPv4 address at the end. As in nginx, a lone colon in front counts for
/// nothing, and an empty number behind the `::` is 0 (`ngx_inet6_addr`).
pub(crate) fn parse_ipv6(text: &[u8]) -> Option<Ipv6Addr> {
    let mut words = Vec::with_capacity(8);
    let mut zeros_at = None;
    let text = text.strip_prefix(b":").unwrap_or(text);
    let mut groups = text.split(|&byte| byte == b':').peekable();
    while let Some(group) = groups.next() {
        let is_last = groups.peek().is_none();
        match group {
            [] if is_last => {
                zeros_at?;
                words.push(0);
            }
            [] if zeros_at.is_none() => zeros_at = Some(words.len()),
            [] => return None,
            _ if is_last && group.contains(&b'.') => push_ipv4(group, &mut words)?,
            _ => words.push(hex_word(group)?),
        }
        if words.len() > 8 || (words.len() == 8 && !is_last) {
            return None;
        }
    }
    match zeros_at {
        Some(at) if words.len() < 8 => {
            let zeros = std::iter::repeat_n(0, 8 - words.len());
            words.splice(at..at, zeros);
        }
        None if words.len() == 8 => {}
        _ => return None,
    }
    Some(<[u16; 8]>::try_from(words).ok()?.into())
}

/// An IPv4 address as the last two numbers; something must stand before it.
fn push_ipv4(text: &[u8], words: &mut Vec<u16>) -> Option<()> {
    let first = text.split(|&byte| byte == b'.').next()?;
    hex_word(first)?;
    let [a, b, c, d] = parse_ipv4(text)?.octets();
    words.extend([u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]);
    Some(())
}

/// One to four hexadecimal digits.
fn hex_word(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || digits.len() > 4 {
        return None;
    }
    digits.iter().try_fold(0, |word, &byte| {
        let digit = char::from(byte).to_digit(16)?;
        Some(word * 16 + digit as u16)
    })
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
