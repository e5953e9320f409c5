//! HTTP/1 from clients: heads, and what a connection does between them.

pub(crate) mod head;
mod idle;
mod watch;
