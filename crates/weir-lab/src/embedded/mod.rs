//! A weir in this process: one worker on a thread of its own, or on the caller's clock.
//!
//! What it serves, logs and retries is what the command does with the same configuration; only the
//! sockets are the caller's. Error lines go through a subscriber of the worker's own, so that the
//! one of the test, or of the program, sees and loses nothing.

mod site;
mod thread;

pub use thread::{Embedded, Stuck};
pub use weir_proxy::serve::service::StartError;

pub(crate) use site::Site;
