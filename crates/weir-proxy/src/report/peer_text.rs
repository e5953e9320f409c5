//! Addresses and errors as nginx prints them.

use std::io;

use weir_wire::address::write_ip;

use crate::facts::ClientAddress;

/// `127.0.0.1`, `::1`, `unix:`.
pub(crate) fn write_client(client: &ClientAddress, out: &mut Vec<u8>) {
    match client {
        ClientAddress::Inet(address) => write_ip(address.ip(), out),
        ClientAddress::Unix => out.extend_from_slice(b"unix:"),
        ClientAddress::None => {}
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
