//! Workers and the connections they serve.

mod connection;
mod idle;
#[doc(hidden)]
pub mod parts;
mod runner;
pub mod service;
mod tasks;
pub mod worker;
