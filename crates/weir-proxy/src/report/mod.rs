//! What is told about a request: error lines, access lines, the values of variables.

pub(crate) mod access_log;
pub(crate) mod credentials;
pub(crate) mod error_log;
pub(crate) mod forwarded;
pub(crate) mod looked_up;
pub(crate) mod peer_text;
pub(crate) mod variables;
