//! Addresses and errors as nginx prints them.

use std::io;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};

use crate::facts::ClientAddress;

/// `127.0.0.1`, `::1`, `unix:`.
pub(crate) fn write_client(client: &ClientAddress, out: &mut Vec<u8>) {
    match client {
        ClientAddress::Inet(address) => match address.ip() {
            // Every access line has one: the standard formatter would cost more than the rest.
            IpAddr::V4(ip) => write_ipv4(ip, out),
            // Writing to a Vec cannot fail.
            IpAddr::V6(ip) => {
                let _ = write!(out, "{ip}");
            }
        },
        ClientAddress::Unix => out.extend_from_slice(b"unix:"),
    }
}

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

/// The number behind an I/O error; 0 if the system gave none.
pub(crate) fn errno_of(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or_else(|| match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::WriteZero => libc::EPIPE,
        io::ErrorKind::ConnectionReset => libc::ECONNRESET,
        io::ErrorKind::ConnectionRefused => libc::ECONNREFUSED,
        io::ErrorKind::NotFound => libc::ENOENT,
        io::ErrorKind::TimedOut => libc::ETIMEDOUT,
        _ => 0,
    })
}

/// Bytes shown as text, for debug lines only.
pub(crate) struct Lossy<'a>(pub(crate) &'a [u8]);

impl std::fmt::Display for Lossy<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn addresses_are_written_as_the_standard_library_does(octets: [u8; 4]) {
            let ip = Ipv4Addr::from(octets);
            let mut out = Vec::new();
            write_ipv4(ip, &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), ip.to_string());
        }
    }
}
