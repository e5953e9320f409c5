//! HTTP/1 from clients.

pub(crate) mod body;
pub(crate) mod head;
mod idle;
pub(crate) mod linger;
pub(crate) mod output;
pub(crate) mod watch;
