//! A virtual server.

use super::{Location, Locations};
use crate::Place;
use crate::table::core::ServerCore;
use crate::table::tls::ServerTls;

/// A `server` block.
#[derive(Debug)]
pub struct Server {
    /// All names, lower-case, as written; an empty list is `[""]`.
    pub names: Vec<String>,
    /// The first name: `$server_name` and the `server:` part of log lines.
    pub name: String,
    /// The server's own settings, for requests that reach no location, and its server-level
    /// `return`.
    pub default: Location,
    /// The locations, searched in nginx's order.
    pub locations: Locations,
    /// What matters before a location is known.
    pub core: ServerCore,
    /// TLS, where a `listen` of it has `ssl`.
    pub tls: ServerTls,
    /// Where the block starts.
    pub place: Place,
    /// Position in `Http::servers`.
    pub index: usize,
}
