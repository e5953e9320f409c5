//! Names that are looked up while running, as nginx's resolver does it: questions, what is made of answers, and
//! what is kept of them.
//!
//! Modules in reading order: `answer` (what who asked gets), `told` (log lines), `name` and `query` (a question's
//! bytes), `response` and `records` (an answer's bytes), `cache` (what workers share), `questions` (what one worker
//! has asked, and who waits for it), `services` (SRV: the addresses behind a service).
//!
//! # Invariants
//!
//! - No I/O, no clock, no log: `now` is an argument, and who calls lends a [`Wire`] that sends, draws random numbers and
//!   logs.
//! - No bytes from outside panic, loop or are believed beyond what the question was: name, type and identifier of
//!   an answer must be those of a question that is open.
//! - Who waits is told exactly once, or forgotten.
//! - Memory is bounded: the cache by names and records, questions by who waits for them.

mod answer;
mod cache;
mod fuzz;
mod name;
mod query;
mod questions;
mod records;
mod response;
mod services;
mod told;

pub use answer::{Code, Failure, Found, Outcome, Service};
pub use cache::Cache;
#[doc(hidden)]
pub use fuzz::fuzz;
pub use questions::{NotSent, Questions, Rules, Ticket, Wire};
pub use services::{MOST_ADDRESSES, ServiceAddress, ServiceAddresses, gather, service_name};
pub use told::Told;

/// What is asked about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Its addresses: A, AAAA or both.
    Addresses,
    /// The servers of a service: SRV.
    Services,
}

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In a datagram.
    Udp,
    /// On a connection, behind its length.
    Tcp,
}
