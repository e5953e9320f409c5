//! The phases of a request, in nginx's order, and where each outcome leads.

mod access;
mod error_page;
pub(crate) mod find_config;
mod keyed;
mod limit_conn;
mod limit_req;
mod mirror;
mod post_action;
mod real_ip;
mod rewrite;
pub(crate) mod run;
mod try_files;
