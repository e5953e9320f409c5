//! The `weir` command as operators meet it: flags, texts, exit codes, files, signals.
//!
//! Each test has a folder, a port and a process of its own. Waiting is for events: a line of the
//! error log, which goes to stderr, an answer, the end of a process.

#![allow(
    clippy::unwrap_used,
    reason = "all of it is test code; clippy sees the helpers as none"
)]

mod backend;
mod check;
mod descriptors;
mod flags;
mod logs;
#[cfg(feature = "lab")]
mod own;
mod pieces;
mod reload;
mod sessions;
mod signals;
mod site;
mod slow_clients;
mod start;
mod stop;
#[cfg(not(feature = "lab"))]
mod without_lab;
