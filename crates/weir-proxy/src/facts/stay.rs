//! A request that stays with a server.

/// What an exchange with a pool that is `sticky` knows of its request.
#[derive(Debug)]
pub(crate) struct Stay {
    /// The server, or the session, that the request says it belongs to; empty = none.
    pub(crate) id: Vec<u8>,
    /// The answer has been given a cookie that names a server.
    pub(crate) has_cookie: bool,
}
