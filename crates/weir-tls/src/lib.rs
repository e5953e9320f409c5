//! TLS as nginx's directives set it up, for rustls: certificates, protocol versions, suites, sessions.
//!
//! Modules in reading order: `server` and `offer` (a server's settings made ready), `backend`
//! (whose arithmetic), `compression`, `certificate`, `pem`, `encrypted` and `cipher`
//! (files into certificates and keys), `kept` (those that handshakes read), `choice` (which of them a client is shown), `keeping`, `sessions` and `ticket_keys` (clients that come back),
//! `ocsp` and `staple` (answers of OCSP responders that are shown with certificates), [`hello`] and `said` (what a client's first
//! message says), `names` and `numbers` (what OpenSSL calls things) and `words` (what it says when they fail). Certificates of
//! peers: `der`, `name`, `general_name`, `x509`, `extensions`, `list_scope` and `crl` (what stands in them), `algorithm` (kinds of
//! keys and signatures), `authorities` (whom files say to trust), `signatures` (whether peers have the keys of what
//! they show), [`verify`] (whether they are trusted, for either role), `host` (whose certificates are),
//! `verify_fault` (OpenSSL's words for why not), `upstream` (a location's settings for its upstreams made ready),
//! `client_certificates` (clients are asked) and `shown` (what variables show).
//!
//! # Invariants
//!
//! - No sockets: bytes in, bytes out. Files are read when a configuration is loaded; later only those whose names
//!   depend on connections.
//! - Messages are nginx's; where OpenSSL's reason cannot be had, rustls's stands in its place.

mod algorithm;
mod authorities;
mod backend;
mod certificate;
mod choice;
mod cipher;
mod client_certificates;
mod compression;
mod crl;
mod der;
mod encrypted;
mod extensions;
pub mod fuzz;
mod general_name;
pub mod hello;
mod host;
mod keeping;
mod kept;
mod list_scope;
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
mod signatures;
mod staple;
mod ticket_keys;
mod upstream;
pub mod verify;
mod verify_fault;
mod words;
mod x509;

pub use authorities::{load_authorities, load_revoked};
pub use certificate::CertificateFault;
pub use client_certificates::ClientCertificate;
pub use crl::RevocationList;
pub use host::has_name;
pub use keeping::EarlySessions;
pub use kept::CertificateCaches;
pub use names::{cipher, group, version};
pub use rustls;
pub use said::{Offers, Said};
pub use server::{Shared, TlsFault, TlsServer};
pub use sessions::SessionZone;
pub use staple::{Source, Staple};
pub use upstream::{TlsClient, server_name};
pub use verify_fault::VerifyFault;
pub use words::{Reason, certificate_missing, interrupted, reason};
pub use x509::Certificate;
