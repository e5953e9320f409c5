//! Addresses and errors as nginx prints them.

use std::io;
use std::io::Write;

use crate::session::ClientAddress;

/// `127.0.0.1`, `::1`, `unix:`.
pub(crate) fn write_client(client: &ClientAddress, out: &mut Vec<u8>) {
    match client {
        // Writing to a Vec cannot fail.
        ClientAddress::Inet(address) => {
            let _ = write!(out, "{}", address.ip());
        }
        ClientAddress::Unix => out.extend_from_slice(b"unix:"),
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
