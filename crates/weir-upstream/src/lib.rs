//! Decides which upstream peer a request tries next, which peers are out, and which idle
//! connection to reuse: nginx's balancers and keepalive cache without their sockets.
//!
//! A request's way through this crate: [`View::begin`] opens its [`Tries`], [`View::pick`]
//! names a peer, [`IdleCache::take`] may hold a connection to it, and [`View::release`] reports
//! how the exchange ended, however it ended.
//!
//! Modules in reading order: `spec` (a pool as configured), `peer` (what workers share about one
//! peer), `list` (the peers at one moment), `names` (servers whose addresses change), `pool` (the list in
//! force, and its changes), `rotation` (what a worker keeps to itself), `tries` (what a request remembers),
//! `view` (begin, pick, release), `panic_threshold` (when those that are out are used all the same), `turns` and
//! `loads` (round robin and `least_conn` over many), one module per balancing method (`round_robin`, `least_conn`, `least_time` with `times`, `hash`,
//! `ip_hash`, `consistent`, `random`), `sticky` with `server_ids` (requests that want a certain peer), `idle` (the
//! keepalive cache), `health` (active checks), `retry_budget` (how many requests may be retries).
//!
//! # Invariants
//!
//! - No I/O, no clock, no threads, no log: `now` is an argument, and what nginx would log is a
//!   return value ([`Released::disabled`], `None` from [`View::pick`]).
//! - Every peer that [`View::pick`] returns is given back by exactly one [`View::release`] of the same
//!   view; `max_conns` and least_conn count on it.
//! - A [`PeerList`] never changes. A pool whose names change gets another one, with another epoch; a worker
//!   looks at the epoch, one relaxed load, before each choice. Peers that stay keep what is known of them.
//! - What workers share is atomic and lies in [`Peer`], what each request writes there in a cache line
//!   of the worker's own; weights and idle connections belong to one worker and are never locked.
//! - With one worker, the order of peers is nginx's. With several, weights turn per worker (as in
//!   nginx without `zone`) while failures and `max_conns` are shared (as in nginx with it).
//! - No allocation per request for pools of up to 64 peers.

mod consistent;
mod hash;
mod health;
mod idle;
mod ip_hash;
mod latency;
mod least_conn;
mod least_time;
mod list;
mod loads;
mod names;
mod panic_threshold;
mod peer;
mod pool;
mod random;
mod retry_budget;
mod rotation;
mod round_robin;
mod server_ids;
#[cfg(test)]
mod simulation;
mod spec;
mod sticky;
mod times;
mod tries;
mod turns;
mod view;

pub use health::{
    Beginning, CheckId, CheckSet, HealthChange, Patience, PeerHealth, Schedule, Start, Streak,
};
pub use idle::{Idle, IdleCache, IdleMeta};
pub use latency::{BOUNDS, BUCKETS, Latency};
pub use list::PeerList;
pub use names::{Found, FoundService, Name, NameSource, NameSpec};
pub use panic_threshold::{InUse, PanicChange};
pub use peer::{AddressId, Peer, PeerId, PeerStatus};
pub use pool::Pool;
pub use retry_budget::RetryBudget;
pub use spec::{Measure, Method, PeerAddress, PeerSpec, PoolSpec, Until};
pub use times::Took;
pub use tries::{Key, Stand, Tries};
pub use view::{PeerOutcome, Released, View};

/// Time since an arbitrary epoch that is the same for every pool of the process: the workers'
/// monotonic clock. As in nginx, `fail_timeout` is compared in whole seconds of it.
pub type Now = std::time::Duration;
