//! What directives about HTTP/2 take.

use super::Shape;
use crate::value::read::{Call, Reject, number, size};

/// Bytes of the smallest buffer (`NGX_HTTP_V2_STATE_BUFFER_SIZE`), which is too small.
const TOO_SMALL: usize = 16;

/// Most bytes of a frame.
const LARGEST_FRAME: usize = (1 << 24) - 1;

/// Most bytes of a window.
const LARGEST_WINDOW: usize = (1 << 31) - 1;

/// What a directive about pushes takes, while there were any; since then anything, with a warning.
pub(super) fn push(call: &mut Call<'_>, shape: &Shape) -> Result<(), Reject> {
    if call.cx.differences().http2_push_obsolete {
        obsolete(call);
        return Ok(());
    }
    shape.check(call)
}

/// `ngx_http_v2_obsolete`.
pub(super) fn obsolete(call: &mut Call<'_>) {
    let instead = match call.name {
        "http2_recv_timeout" => "client_header_timeout",
        "http2_idle_timeout" => "keepalive_timeout",
        "http2_max_requests" => "keepalive_requests",
        "http2_max_field_size" | "http2_max_header_size" => "large_client_header_buffers",
        name => {
            return call.warn(format!("the \"{name}\" directive is obsolete, ignored"));
        }
    };
    let name = call.name;
    call.warn(format!(
        "the \"{name}\" directive is obsolete, use the \"{instead}\" directive instead"
    ));
}

/// A number that is a power of two (`ngx_http_v2_streams_index_mask`).
pub(super) fn power_of_two(call: &mut Call<'_>) -> Result<(), Reject> {
    if number::<u64>(call)?.is_power_of_two() {
        return Ok(());
    }
    Err(Reject::directive("must be a power of two"))
}

/// Bytes of a frame (`ngx_http_v2_chunk_size`).
pub(crate) fn chunk_size(call: &mut Call<'_>) -> Result<usize, Reject> {
    match size(call)? {
        0 => Err(Reject::message("the http2 chunk size cannot be zero")),
        size => Ok(size.min(LARGEST_FRAME)),
    }
}

/// Bytes of a window (`ngx_http_v2_preread_size`).
pub(crate) fn preread_size(call: &mut Call<'_>) -> Result<usize, Reject> {
    match size(call)? {
        size if size <= LARGEST_WINDOW => Ok(size),
        _ => Err(Reject::message(format!(
            "the maximum body preread buffer size is {LARGEST_WINDOW}"
        ))),
    }
}

/// `ngx_http_v2_recv_buffer_size`.
pub(super) fn receive_size(call: &mut Call<'_>) -> Result<(), Reject> {
    if size(call)? <= TOO_SMALL {
        return Err(Reject::directive("value is too small"));
    }
    Ok(())
}
