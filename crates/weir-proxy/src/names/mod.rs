//! Names that are looked up while running: the sockets' side of `weir-dns`, for one worker.

mod lookup;
mod resolver;
mod shared;
mod sockets;
mod tell;
#[cfg(test)]
mod tests;

pub(crate) use lookup::{Addresses, Lookup, ServiceAnswer, addresses, timed_out};
pub(crate) use resolver::Resolver;
pub(crate) use shared::{NameServerAddress, SharedResolver};
