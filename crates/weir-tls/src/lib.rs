//! TLS as nginx's directives set it up, for rustls: certificates, protocol versions, suites, sessions.
//!
//! Modules in reading order: `server` and `offer` (a server's settings made ready), `backend`
//! (whose arithmetic), `compression`, `certificate`, `pem` and `encrypted`
//! (files into certificates and keys), `kept` (those that handshakes read), `choice` (which of them a client is shown), `sessions`, `ticket_keys` and `keeping` (clients that come back),
//! `ocsp` and `staple` (answers of OCSP responders that are shown with certificates), [`hello`] and `said` (what a client's first message says), `names` and `numbers` (what OpenSSL calls things) and `words` (what it
//! says when they fail). Certificates of peers: `der`, `name`, `x509` and `crl` (what stands in them),
//! `authorities` (whom files say to trust), [`verify`] (whether they are trusted, for either role),
//! `verify_fault` (OpenSSL's words for why not), `client` (a location's settings for its upstreams made ready, and
//! what their certificates must be), `clients` (clients are asked) and `shown` (what variables show).
//!
//! # Invariants
//!
//! - No sockets: bytes in, bytes out. Files are read when a configuration is loaded; later only those whose names
//!   depend on connections.
//! - Messages are nginx's; where OpenSSL's reason cannot be had, rustls's stands in its place.

mod authorities;
mod backend;
mod certificate;
mod choice;
mod client;
mod clients;
mod compression;
mod crl;
mod der;
mod encrypted;
pub mod fuzz;
pub mod hello;
mod keeping;
mod kept;
mod name;
mod names;
mod numbers;
mod ocsp;
mod offer;
mod pem;
mod said;
mod server;
mod sessions;
mod shown;
mod staple;
mod ticket_keys;
pub mod verify;
mod verify_fault;
mod words;
mod x509;

pub use authorities::{load_authorities, load_revoked};
pub use certificate::CertificateFault;
pub use client::{TlsClient, Untrusted, has_name, server_name};
pub use clients::ClientCertificate;
pub use crl::RevocationList;
pub use keeping::EarlySessions;
pub use kept::CertificateCaches;
pub use names::{cipher, group, version};
pub use rustls;
pub use said::{Offers, Said};
pub use server::{Shared, TlsFault, TlsServer};
pub use sessions::SessionZone;
pub use staple::{Source, Staple};
pub use verify_fault::VerifyFault;
pub use words::{Reason, certificate_missing, interrupted, reason};
pub use x509::Certificate;
