//! Takes a request its whole way, and alone turns failures into statuses and log lines.
//!
//! Modules in reading order: `session` (what is known of a connection and its request), `client`
//! (heads and bodies from the client, bytes to it), `content` (phases: location, `return`, files,
//! pages), `exchange` (the upstream: tries, clocks, relay, and the pure `verdict`), `report` (error
//! lines, access lines, variables), `io` (streams, clocks, buffers), `plan` (a configuration made
//! ready), `worker` (what the connections of one thread share), `service` (the proxy inside another
//! server), `parts` (single steps, for a benchmark).
//!
//! # Invariants
//!
//! - One task per client connection; the exchange is polled inside it. No lock, channel or spawned
//!   task per request.
//! - Each clock has one owner, and one timer per connection serves them all.
//! - Every request that was begun gets exactly one access line, however it ended.
//! - A response that was cut upstream reaches the client visibly cut.
//! - Every pick of a peer is followed by exactly one release.

mod client;
mod content;
pub mod exchange;
#[doc(hidden)]
pub mod parts;
pub mod plan;
mod report;
pub mod service;
pub mod session;
pub mod worker;
