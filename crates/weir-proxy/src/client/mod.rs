//! The client's side: its connection, the heads and bodies it sends, what is written to it.

pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod head;
pub(crate) mod linger;
pub(crate) mod output;
pub(crate) mod runner;
