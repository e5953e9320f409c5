//! Answers: what the header filters decide, heads, nginx's own pages.

pub(crate) mod additions;
pub(crate) mod body;
mod charset;
mod expires;
mod framing;
mod gunzip;
pub(crate) mod gzip;
pub(crate) mod headers;
pub(crate) mod media_type;
mod not_modified;
pub(crate) mod page;
mod ranges;
pub(crate) mod redirect;
pub(crate) mod send;
mod settle;
mod slice;
pub(crate) mod status_line;
mod sub;
mod user_id;
