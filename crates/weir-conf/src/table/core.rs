//! Directives that a server obeys before a location is known.

use std::time::Duration;

use super::arguments::http2::preread_size;
use super::arguments::pool_size;
use super::{Arity, Entry, HTTP, SERVER, Support, directives};
use crate::value::Buffers;
use crate::value::read::{Call, Reading, Reject, buffers, flag, number, size, time};

const BOTH: super::Contexts = super::Contexts(HTTP.0 | SERVER.0);

directives! {
    /// What holds while a request head is read. The default server of the address counts until
    /// the `Host` header is known.
    ServerCore from WrittenCore;

    /// From the first byte of a request to the end of its head.
    client_header_timeout: One<Duration> = time, "60s"; in BOTH;
    /// Bytes for a request head, first try.
    client_header_buffer_size: One<usize> = size, "1k"; in BOTH;
    /// Buffers for longer heads; neither the request line nor a header may exceed one.
    large_client_header_buffers: One<Buffers> = buffers, "4 8k"; in BOTH, Arity::TWO;
    /// Most header lines of a request.
    max_headers: One<u64> = number, "1000"; in BOTH;
    /// Whether headers with odd names are dropped; off lets them through.
    ignore_invalid_headers: One<bool> = flag, "on"; in BOTH;
    /// Whether underscores in header names are fine.
    underscores_in_headers: One<bool> = flag, "off"; in BOTH;
    /// Whether `//` in a path becomes `/`.
    merge_slashes: One<bool> = flag, "on"; in BOTH;
    /// Whether clients may speak HTTP/2.
    http2: One<bool> = flag, "off"; in BOTH;
    /// Most requests of a connection that are served at a time.
    http2_max_concurrent_streams: One<u32> = number, "128"; in BOTH;
    /// Bytes of a body that a client may send before anybody reads it.
    http2_body_preread_size: One<usize> = preread_size, "64k"; in BOTH;
    raw {}
    checked {
        /// Bytes of memory set aside for a connection.
        connection_pool_size: Maybe<usize> = pool_size, "512"; in BOTH;
            because "connections have no pools of memory";
    }
    derived {}
}
