//! What workers share by name: how often each key has come, how many requests with it are under
//! way, and which server serves each session, in as much room as nginx's zone of shared memory would have.
//!
//! Modules in reading order: `room` (how much fits into a zone), `nodes` (keys and what is known of
//! each, found by key and ordered by last use), `shards` (nodes behind locks), `requests`
//! (`limit_req`), `connections` (`limit_conn`), `sessions` (`sticky learn`).
//!
//! # Invariants
//!
//! - No I/O, no clock, no log: `now` is an argument, in milliseconds of a clock that never goes back,
//!   and what nginx would log is a return value.
//! - A zone never holds more than its size allows, whatever keys come: a look-up is O(1), and hashes are
//!   keyed, so that nobody can choose keys that collide.
//! - A place that was taken, and a key that is held, is given back exactly once: by `Drop`.
//! - No lock is held longer than one look-up, and none while another is taken.

mod connections;
mod nodes;
mod requests;
mod room;
mod sessions;
mod shards;

pub use connections::{ConnectionZone, NoPlace, Place};
pub use requests::{Arrival, Held, Limit, Pace, RequestZone};
pub use sessions::{Learned, Memory, ServerId, SessionKey, SessionZone};
