//! Workers and the connections they serve.

mod connection;
mod doors;
mod duties;
mod handshake;
mod health;
pub mod host;
mod http2;
mod names;
#[doc(hidden)]
pub mod parts;
mod runner;
pub mod service;
mod stapling;
pub mod worker;
