//! Answers: what the header filters decide, heads, nginx's own pages.

pub(crate) mod conditions;
pub(crate) mod headers;
pub(crate) mod media_type;
pub(crate) mod page;
pub(crate) mod redirect;
pub(crate) mod send;
pub(crate) mod status_line;
