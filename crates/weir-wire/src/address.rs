//! IP addresses as nginx prints them (ngx_sock_ntop).

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Appends `127.0.0.1`, `::1`, `::ffff:127.0.0.1`; no brackets.
pub fn write_ip(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => write_ipv4(ip, out),
        IpAddr::V6(ip) => write_ipv6(ip, out),
    }
}

/// Every access line has one: the standard formatter would cost more than the rest.
fn write_ipv4(ip: Ipv4Addr, out: &mut Vec<u8>) {
    let mut text = [b'.'; 15];
    let mut length = 0;
    for octet in ip.octets() {
        if length > 0 {
            length += 1;
        }
        for digit in [octet / 100, octet / 10 % 10] {
            // A leading zero is not written.
            if digit > 0 || (octet >= 100) {
                text[length] = b'0' + digit;
                length += 1;
            }
        }
        text[length] = b'0' + octet % 10;
        length += 1;
    }
    out.extend_from_slice(&text[..length]);
}

/// The longest run of zeros, if of two groups or more, becomes `::`; what is or may be an IPv4 address
/// in disguise ends like one (ngx_inet6_ntop).
fn write_ipv6(ip: Ipv6Addr, out: &mut Vec<u8>) {
    let groups = ip.segments();
    let (start, len) = longest_run(&groups);
    let octets = ip.octets();
    let ends_as_ipv4 = start == 0
        && match len {
            5 => groups[5] == 0xffff,
            6 => true,
            7 => octets[14] != 0 && octets[15] != 1,
            _ => false,
        };
    let end = if ends_as_ipv4 { 6 } else { 8 };
    let mut at = 0;
    while at < end {
        if len > 0 && at == start {
            out.extend_from_slice(if at == 0 { b"::" } else { b":" });
            at += len;
            continue;
        }
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{:x}", groups[at]);
        if at < 7 {
            out.push(b':');
        }
        at += 1;
    }
    if ends_as_ipv4 {
        let [.., a, b, c, d] = octets;
        write_ipv4(Ipv4Addr::new(a, b, c, d), out);
    }
}

/// The first of the longest runs of zero groups: where, and how many; 0 if none has two.
fn longest_run(groups: &[u16; 8]) -> (usize, usize) {
    let (mut best, mut start, mut len) = ((0, 1), 0, 0);
    for (at, &group) in groups.iter().enumerate() {
        if group != 0 {
            len = 0;
            continue;
        }
        if len == 0 {
            start = at;
        }
        len += 1;
        if len > best.1 {
            best = (start, len);
        }
    }
    if best.1 < 2 { (0, 0) } else { best }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(ip: &str, expected: &str) {
        let mut text = Vec::new();
        write_ip(ip.parse().unwrap(), &mut text);
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn ipv4_is_written_as_by_the_standard_library(octets: [u8; 4]) {
            let text = Ipv4Addr::from(octets).to_string();
            check(&text, &text);
        }
    }

    /// Sixteen bytes in hexadecimal, and what nginx 1.22.1 and 1.31.5 print for them.
    const RECORDED: &str = include_str!("address/recorded.tsv");

    #[test]
    fn ipv6() {
        for row in RECORDED.lines() {
            let (bits, expected) = row.split_once('\t').unwrap();
            let ip = Ipv6Addr::from_bits(u128::from_str_radix(bits, 16).unwrap());
            check(&ip.to_string(), expected);
        }
        assert_eq!(RECORDED.lines().count(), 322);
    }
}
