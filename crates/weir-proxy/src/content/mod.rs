//! Answers: their heads, the built-in pages, what a location produces.

pub(crate) mod access;
mod conditions;
pub(crate) mod dispatch;
pub(crate) mod error_page;
pub(crate) mod find;
pub(crate) mod page;
pub(crate) mod redirect;
pub(crate) mod response;
pub(crate) mod returned;
pub(crate) mod static_file;
pub(crate) mod status_line;
pub(crate) mod try_files;
