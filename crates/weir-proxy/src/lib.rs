//! Takes a request its whole way, and alone turns failures into log lines.
//!
//! The folders have an order, and none uses one that stands below it here:
//!
//! - `names`: names that are looked up while running;
//! - `pool`: places of `worker_connections`, connections to upstreams, and what a worker keeps of a pool;
//! - [`plan`]: a configuration made ready;
//! - `facts`: what is known of a connection and of the request on it;
//! - `report`: error lines, access lines, the values of variables;
//! - `client`: heads and bodies from the client, bytes to it;
//! - `answer`: what the header filters decide, heads, nginx's own pages;
//! - `exchange`: the upstream: tries, clocks, relay;
//! - `content`: what a location produces itself;
//! - `phases`: rewrite, access, `try_files`, `error_page`: what comes when;
//! - [`serve`]: workers, and the proxy inside another server.
//!
//! # Invariants
//!
//! - One task per client connection; the exchange is polled inside it. Over HTTP/2 each stream has one more. No lock,
//!   channel or spawned task per request of HTTP/1, but one for each `mirror` of it, which ends no later than the
//!   request.
//! - Each clock has one owner, and one timer serves all of a connection, or of a stream of HTTP/2.
//! - Every request that was begun gets exactly one access line, however it ended.
//! - A response that was cut upstream reaches the client visibly cut.
//! - Every pick of a peer is followed by exactly one release.

mod answer;
mod client;
mod content;
mod exchange;
mod facts;
mod names;
mod phases;
pub mod plan;
mod pool;
mod report;
pub mod serve;

pub use facts::{Action, ClientAddress};
pub use pool::Statistics;
