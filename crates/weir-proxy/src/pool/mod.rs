//! Places for connections, connections to upstreams, and the pools a worker keeps them in: below the plan, which builds them.

mod connection;
mod kept;
mod label;
mod peer_tls;
mod queue;
mod slots;
mod statistics;
mod worker_pool;

pub(crate) use connection::UpstreamConnection;
pub(crate) use kept::KeptPools;
pub(crate) use label::PeerLabel;
pub(crate) use peer_tls::PeerTls;
pub(crate) use queue::{Place, Queue, Waiter};
pub(crate) use slots::{Slot, Slots};
pub use statistics::Statistics;
pub(crate) use statistics::{Counts, Member};
pub(crate) use worker_pool::{IdleConnections, KeySource, PoolView, Reuse, WorkerPool};
