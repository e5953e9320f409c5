//! Decides which upstream peer a request tries next, which peers are out, and which idle
//! connection to reuse: nginx's balancers and keepalive cache without their sockets.
//!
//! A request's way through this crate: [`Pool::begin`] opens its [`Tries`], [`Pool::pick`]
//! names a peer, [`IdleCache::take`] may hold a connection to it, and [`Pool::release`] reports
//! how the exchange ended, however it ended.
//!
//! Modules in reading order: `spec` (a pool as configured), `peer` (what workers share about one
//! peer), `rotation` (what a worker keeps to itself), `tries` (what a request remembers),
//! `pool` (begin, pick, release), one module per balancing method (`round_robin`, `least_conn`,
//! `hash`, `ip_hash`, `consistent`, `random`), `idle` (the keepalive cache).
//!
//! # Invariants
//!
//! - No I/O, no clock, no threads, no log: `now` is an argument, and what nginx would log is a
//!   return value ([`Released::disabled`], `None` from [`Pool::pick`]).
//! - Every peer that [`Pool::pick`] returns is given back by exactly one [`Pool::release`];
//!   `max_conns` and least_conn count on it.
//! - What workers share is atomic and lies in [`Peer`], what each request writes there in a cache line
//!   of the worker's own; weights and idle connections belong to one worker and are never locked.
//! - With one worker, the order of peers is nginx's. With several, weights turn per worker (as in
//!   nginx without `zone`) while failures and `max_conns` are shared (as in nginx with it).
//! - No allocation per request for pools of up to 64 peers.
//! - Absent, as in open-source nginx 1.22: slow start, queues, active health checks, sticky
//!   sessions, and names that are resolved again while running.

mod consistent;
mod hash;
mod idle;
mod ip_hash;
mod least_conn;
mod peer;
mod pool;
mod random;
mod rotation;
mod round_robin;
#[cfg(test)]
mod simulation;
mod spec;
mod tries;

pub use idle::{Idle, IdleCache, IdleMeta};
pub use peer::{AddressId, Peer, PeerId, PeerStatus};
pub use pool::{PeerOutcome, Pool, Released};
pub use rotation::Rotation;
pub use spec::{Method, PeerAddress, PeerSpec, PoolSpec};
pub use tries::{Key, Tries};

/// Time since an arbitrary epoch that is the same for every pool of the process: the workers'
/// monotonic clock. As in nginx, `fail_timeout` is compared in whole seconds of it.
pub type Now = std::time::Duration;
