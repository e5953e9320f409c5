//! HTTP/2 from clients: heads that become spans, bodies by their windows, answers in frames.

pub(crate) mod body;
pub(crate) mod encode;
pub(crate) mod head;
pub(crate) mod output;
