//! Workers and the connections they serve.

mod connection;
#[doc(hidden)]
pub mod parts;
mod runner;
pub mod service;
pub mod worker;
