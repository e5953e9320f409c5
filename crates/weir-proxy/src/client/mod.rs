//! The client's side: its connection, the heads and bodies it sends, what is written to it.

mod carrier;
pub(crate) mod h1;
pub(crate) mod sub;
pub(crate) mod throttle;
