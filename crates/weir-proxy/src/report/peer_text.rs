//! Addresses and errors as nginx prints them.

use std::io;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};

use crate::session::ClientAddress;

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
    for (index, octet) in ip.octets().into_iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        out.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
    }
}

/// The system's words for an error number, without a number.
pub(crate) fn errno_text(errno: i32) -> &'static str {
    nix::errno::Errno::from_raw(errno).desc_c()
}

/// C library's wording where it differs from the crate's.
trait Desc {
    fn desc_c(self) -> &'static str;
}

impl Desc for nix::errno::Errno {
    fn desc_c(self) -> &'static str {
        match self {
            Self::EAGAIN => "Resource temporarily unavailable",
            Self::ETIMEDOUT => "Connection timed out",
            other => other.desc(),
        }
    }
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
