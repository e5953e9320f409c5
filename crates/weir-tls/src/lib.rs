//! TLS as nginx's directives set it up, for rustls: certificates, protocol versions, suites, sessions.
//!
//! Modules in reading order: `server` (a server's settings made ready), `certificate` and `pem` (files into
//! certificates and keys), `choice` (which of them a client is shown), `sessions` (clients that come back),
//! [`hello`] (what a client's first message says), `names` (what OpenSSL calls things) and `words` (what it
//! says when they fail).
//!
//! # Invariants
//!
//! - No sockets: bytes in, bytes out. Files are read when a configuration is loaded, never later.
//! - Messages are nginx's; where OpenSSL's reason cannot be had, rustls's stands in its place.

mod certificate;
mod choice;
pub mod hello;
mod names;
mod pem;
mod server;
mod sessions;
mod words;

pub use certificate::CertificateFault;
pub use names::{cipher, group, version};
pub use rustls;
pub use server::{TlsFault, TlsServer};
pub use sessions::SessionZone;
pub use words::{Reason, interrupted, reason};
