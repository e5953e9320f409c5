//! The error mapper: how an exchange with an upstream failed, and what follows from it.
//!
//! [`failure`] names the phase and the cause, [`verdict`] turns the cause into a status and blame and, with
//! what was tried and what the configuration allows, into a retry, or into the reason why there is none ([`no_retry`]). Whoever speaks of failures (the proxy,
//! the lab, the doctor) uses these types.
//!
//! # Invariants
//!
//! - Pure: no I/O, no clock, no log. The whole table of verdicts is a snapshot.
//! - No wildcard arm where a verdict is given: a new cause makes the compiler point here.

pub mod failure;
pub mod no_retry;
pub mod verdict;

pub use failure::{Cause, Failure, Phase, Reason, TlsFailure};
pub use no_retry::NoRetry;
pub use verdict::{Blame, Class, Next, Rules, Tried, retry_on_status};
