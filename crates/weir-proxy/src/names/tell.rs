//! Lines about name servers, which go to the main error log (`ngx_resolver_log_error`).

use std::io;

use weir_log::{ErrorNumber, ErrorSinks, Level};

/// Writes that a call failed that has to do with the server called `server`.
pub(super) fn call_failed(
    sinks: &ErrorSinks,
    level: Level,
    call: &[u8],
    error: &io::Error,
    server: &[u8],
) {
    let words = format!(" ({})", ErrorNumber::from(error));
    let line = [call, words.as_bytes(), PLACE, server].concat();
    weir_log::emit(sinks, level, None, &*line);
}

/// Writes what failed that has to do with the server called `server`.
pub(super) fn failed(sinks: &ErrorSinks, level: Level, what: &[u8], server: &[u8]) {
    let line = [what, PLACE, server].concat();
    weir_log::emit(sinks, level, None, &*line);
}

const PLACE: &[u8] = b" while resolving, resolver: ";

/// How grave it is that a message could not be sent or received: what the network does is an error, the rest is this
/// machine's doing (`ngx_connection_error`).
pub(super) fn level_of(error: &io::Error) -> Level {
    match ErrorNumber::from(error).is_remote() {
        true => Level::Error,
        false => Level::Alert,
    }
}
