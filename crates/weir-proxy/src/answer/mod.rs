//! Answers: what the header filters decide, heads, nginx's own pages.

pub(crate) mod body;
mod expires;
mod framing;
pub(crate) mod headers;
pub(crate) mod media_type;
mod not_modified;
pub(crate) mod page;
mod ranges;
pub(crate) mod redirect;
pub(crate) mod send;
mod settle;
pub(crate) mod status_line;
