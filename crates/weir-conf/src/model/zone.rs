//! What the workers share by name.

use crate::Template;

/// A `limit_req_zone`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RequestZone {
    /// Its name and its key.
    pub zone: KeyedZone,
    /// Requests per second, thousandths.
    pub rate: u64,
}

/// A `limit_conn_zone`, and what a `limit_req_zone` has beside its rate.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct KeyedZone {
    /// The zone's name.
    pub name: String,
    /// Bytes.
    pub size: usize,
    /// Requests whose key is empty are not limited.
    pub key: Template,
    /// The key as written.
    pub key_text: Box<[u8]>,
}
