//! The client's side: its connection, the heads and bodies it sends, what is written to it.

pub(crate) mod body;
mod carrier;
pub(crate) mod certificate;
pub(crate) mod choose_server;
pub(crate) mod departure;
pub(crate) mod h1;
pub(crate) mod h2;
pub(crate) mod linger;
pub(crate) mod output;
pub(crate) mod sub;
pub(crate) mod throttle;
